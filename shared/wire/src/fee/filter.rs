//! What the fee endpoints are asked for (chapter 03, 6.6; chapter 05, 2.11).

use domain::invoice::{Fee, FeeItem, FeePaymentStatus};
use domain::money::Currency;
use domain::problem::{Problems, codes};
use domain::time::Instant;

use super::payment_status;
use crate::input::{self, Fields};

/// Kinds of fees, as a filter names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeeType {
    /// Usage of a charge.
    Charge,
    /// An add-on.
    AddOn,
    /// A subscription's fee.
    Subscription,
    /// A purchase of prepaid credits.
    Credit,
}

impl FeeType {
    fn of(item: &FeeItem) -> FeeType {
        match item {
            FeeItem::Charge(_) => FeeType::Charge,
            FeeItem::AddOn { .. } => FeeType::AddOn,
            FeeItem::Subscription { .. } => FeeType::Subscription,
            FeeItem::Credit { .. } => FeeType::Credit,
        }
    }

    fn parse(word: &str) -> Option<FeeType> {
        match word {
            "charge" => Some(FeeType::Charge),
            "add_on" => Some(FeeType::AddOn),
            "subscription" => Some(FeeType::Subscription),
            "credit" => Some(FeeType::Credit),
            _ => None,
        }
    }
}

fn parse_payment_status(word: &str) -> Option<FeePaymentStatus> {
    use FeePaymentStatus::{Failed, Pending, Refunded, Succeeded};
    [Pending, Succeeded, Failed, Refunded].into_iter().find(|status| payment_status(*status) == word)
}

/// A span of time, both ends included; an open end bounds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Range {
    from: Option<Instant>,
    to: Option<Instant>,
}

impl Range {
    /// An instant that is not set lies in the open range alone.
    fn holds(self, at: Option<Instant>) -> bool {
        let Some(at) = at else { return self == Range::default() };
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at <= to)
    }
}

/// Which fees a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of subscriptions of this customer, deleted or not.
    pub external_customer_id: Option<String>,
    /// Of subscriptions with this external id.
    pub external_subscription_id: Option<String>,
    /// Of this kind.
    pub fee_type: Option<FeeType>,
    payment_status: Option<FeePaymentStatus>,
    billable_metric_code: Option<String>,
    currency: Option<String>,
    created_at: Range,
    succeeded_at: Range,
    failed_at: Range,
    refunded_at: Range,
}

impl Filter {
    /// From the query's decoded pairs; blank values filter nothing, of several under one name the last counts.
    ///
    /// # Errors
    /// `value_is_invalid` for an unknown kind or payment status, `invalid_date` for what is no instant.
    pub fn parse<'q>(query: impl IntoIterator<Item = (&'q str, &'q str)>) -> Result<Filter, Problems> {
        let mut filter = Filter::default();
        let mut problems = Problems::default();
        for (name, value) in query {
            if value.trim().is_empty() {
                continue;
            }
            let mut word = |is_known: bool| {
                if !is_known {
                    problems.add(name, codes::INVALID);
                }
            };
            match name {
                "external_customer_id" => filter.external_customer_id = Some(value.to_owned()),
                "external_subscription_id" => filter.external_subscription_id = Some(value.to_owned()),
                "billable_metric_code" => filter.billable_metric_code = Some(value.to_owned()),
                "currency" => filter.currency = Some(value.to_ascii_uppercase()),
                "fee_type" => {
                    filter.fee_type = FeeType::parse(value);
                    word(filter.fee_type.is_some());
                }
                "payment_status" => {
                    filter.payment_status = parse_payment_status(value);
                    word(filter.payment_status.is_some());
                }
                _ => {
                    let Some(end) = filter.end(name) else { continue };
                    *end = input::instant(value);
                    if end.is_none() {
                        problems.add(name, codes::INVALID_DATE);
                    }
                }
            }
        }
        problems.or(filter)
    }

    /// The end of a range that a parameter sets.
    fn end(&mut self, name: &str) -> Option<&mut Option<Instant>> {
        Some(match name {
            "created_at_from" => &mut self.created_at.from,
            "created_at_to" => &mut self.created_at.to,
            "succeeded_at_from" => &mut self.succeeded_at.from,
            "succeeded_at_to" => &mut self.succeeded_at.to,
            "failed_at_from" => &mut self.failed_at.from,
            "failed_at_to" => &mut self.failed_at.to,
            "refunded_at_from" => &mut self.refunded_at.from,
            "refunded_at_to" => &mut self.refunded_at.to,
            _ => return None,
        })
    }

    /// Whether a fee is asked for. That its customer is, is another look-up; but a customer's fees are those of its
    /// subscriptions (00-index).
    #[must_use]
    pub fn matches(&self, fee: &Fee, currency: Currency) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted)) //
        };
        let code = fee.charge().map(|charge| charge.metric_code.as_str());
        (self.external_customer_id.is_none() || fee.subscription_id.is_some())
            && is(&self.external_subscription_id, fee.external_subscription_id.as_deref())
            && is(&self.billable_metric_code, code)
            && is(&self.currency, Some(currency.code()))
            && self.fee_type.is_none_or(|wanted| wanted == FeeType::of(&fee.item))
            && self.payment_status.is_none_or(|wanted| wanted == fee.payment.status)
            && self.created_at.holds(Some(fee.created_at))
            && self.succeeded_at.holds(fee.payment.succeeded_at)
            && self.failed_at.holds(fee.payment.failed_at)
            && self.refunded_at.holds(fee.payment.refunded_at)
    }
}

/// Reads the body of `PUT /fees/{id}`: the payment status, or none if none was sent.
///
/// # Errors
/// `payment_status: value_is_invalid`.
pub fn parse_update(fields: Fields<'_>) -> Result<Option<FeePaymentStatus>, Problems> {
    if !fields.has("payment_status") {
        return Ok(None);
    }
    let status = fields.text("payment_status").value().and_then(|word| parse_payment_status(&word));
    status.map(Some).ok_or_else(|| Problems::one("payment_status", codes::INVALID))
}

/// An event whose fees are to be estimated (chapter 03, 8); its id and timestamp do not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// `code`; blank is an unknown one.
    pub code: String,
    /// `external_customer_id`.
    pub external_customer_id: Option<String>,
    /// `external_subscription_id`.
    pub external_subscription_id: Option<String>,
    /// `properties`.
    pub properties: domain::usage::event::Properties,
}

impl Estimate {
    /// Reads the object under `event`.
    #[must_use]
    pub fn parse(fields: Fields<'_>) -> Estimate {
        let text = |name: &str| fields.text(name).value().filter(|text| !text.is_empty());
        Estimate {
            code: text("code").unwrap_or_default(),
            external_customer_id: text("external_customer_id"),
            external_subscription_id: text("external_subscription_id"),
            properties: fields.free("properties").into(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<Filter, Problems> {
        Filter::parse(query.iter().copied())
    }

    #[test]
    fn bad_values_are_told_under_their_names() {
        for (name, value, code) in [
            ("fee_type", "charges", codes::INVALID),
            ("payment_status", "paid", codes::INVALID),
            ("created_at_from", "2024-01-01", codes::INVALID_DATE),
            ("succeeded_at_to", "2024-01-01T00:00:00", codes::INVALID_DATE),
            ("failed_at_from", "yesterday", codes::INVALID_DATE),
            ("refunded_at_to", "2024-02-30T00:00:00Z", codes::INVALID_DATE),
        ] {
            assert_eq!(parse(&[(name, value)]), Err(Problems::one(name, code)), "{name}");
            assert_eq!(parse(&[(name, " ")]), Ok(Filter::default()), "{name}");
        }
        let both = parse(&[("fee_type", "x"), ("created_at_to", "y")]).unwrap_err();
        let mut expected = Problems::one("fee_type", codes::INVALID);
        expected.add("created_at_to", codes::INVALID_DATE);
        assert_eq!(both, expected);
    }

    #[test]
    fn ranges_include_their_ends() {
        let at = |text: &str| input::instant(text);
        let range = Range { from: at("2024-01-01T00:00:00Z"), to: at("2024-01-31T23:59:59+01:00") };
        for (instant, expected) in [
            ("2024-01-01T00:00:00Z", true),
            ("2023-12-31T23:59:59Z", false),
            ("2024-01-31T22:59:59Z", true),
            ("2024-01-31T23:00:00Z", false),
        ] {
            assert_eq!(range.holds(at(instant)), expected, "{instant}");
        }
        assert!(!range.holds(None) && Range::default().holds(None));
    }
}
