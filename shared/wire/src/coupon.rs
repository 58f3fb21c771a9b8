//! Coupons and applied coupons (chapter 05, 2.7 and 2.8; chapter 06, 6 and 7).

use chrono::{NaiveDate, NaiveDateTime};
use domain::coupon::{
    Application, AppliedCoupon, Coupon, CouponKind, CouponUpdate, Discount, Expiration, Frequency, NewCoupon,
};
use domain::problem::{Problems, codes};
use domain::time::{Instant, Zone};
use serde::Serialize;

use crate::input::{self, Field, Fields};
use crate::{format, invoice};

const KINDS: [(&str, CouponKind); 2] =
    [("fixed_amount", CouponKind::FixedAmount), ("percentage", CouponKind::Percentage)];
const FREQUENCIES: [(&str, Frequency); 3] =
    [("once", Frequency::Once), ("recurring", Frequency::Recurring), ("forever", Frequency::Forever)];
const EXPIRATIONS: [(&str, Expiration); 2] =
    [("no_expiration", Expiration::NoExpiration), ("time_limit", Expiration::TimeLimit)];

/// One of `words`; another one notes `value_is_invalid`.
fn choice<T: Copy>(fields: Fields<'_>, name: &str, words: &[(&str, T)], problems: &mut Problems) -> Field<T> {
    match fields.text(name) {
        Field::Absent => Field::Absent,
        Field::Null => Field::Null,
        Field::Set(text) if text.is_empty() => Field::Null,
        Field::Set(text) => match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Field::Set(*value),
            None => {
                problems.add(name, codes::INVALID);
                Field::Absent
            }
        },
    }
}

fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    // Every value of these enums stands in its list: the tests walk over them.
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

/// By which calendar dates of a coupon are read.
#[derive(Debug, Clone, Copy)]
pub struct Calendar {
    /// The organization's zone: a legacy `expiration_date` ends with its day.
    pub zone: Zone,
    /// Now.
    pub now: Instant,
}

/// Makes a date and an instant of a text.
type Reader<'a> = dyn Fn(&str) -> Option<(NaiveDate, Instant)> + 'a;

/// `expiration_at`, or the end of the legacy `expiration_date` if that is absent (chapter 05, 1.5). Only the date part is
/// compared: it must not lie before today in UTC.
fn expiration_at(fields: Fields<'_>, calendar: Calendar, problems: &mut Problems) -> Field<Instant> {
    let read = |text: &str| -> Option<(NaiveDate, Instant)> {
        let date: NaiveDate = text.get(..10)?.parse().ok()?;
        let naive = || NaiveDateTime::parse_from_str(text.get(..19)?, "%Y-%m-%dT%H:%M:%S").ok();
        let spaced = || NaiveDateTime::parse_from_str(text.get(..19)?, "%Y-%m-%d %H:%M:%S").ok();
        let at = input::instant(text).or_else(|| naive().or_else(spaced).map(|at| at.and_utc()));
        Some((date, at.unwrap_or_else(|| date.and_time(chrono::NaiveTime::MIN).and_utc())))
    };
    let end_of_day = |text: &str| -> Option<(NaiveDate, Instant)> {
        let date: NaiveDate = text.get(..10)?.parse().ok()?;
        let end = calendar.zone.end_of(date);
        Some((date, Instant::from_timestamp(end.timestamp(), 0)?))
    };
    let (sent, read): (_, &Reader<'_>) = match fields.text("expiration_at") {
        Field::Absent => (fields.text("expiration_date"), &end_of_day),
        sent @ (Field::Null | Field::Set(_)) => (sent, &read),
    };
    match sent {
        Field::Absent => Field::Absent,
        Field::Null => Field::Null,
        Field::Set(text) if text.trim().is_empty() => Field::Null,
        Field::Set(text) => match read(text.trim()).filter(|(date, _)| *date >= calendar.now.date_naive()) {
            Some((_, at)) => Field::Set(at),
            None => {
                problems.add("expiration_at", codes::INVALID_DATE);
                Field::Absent
            }
        },
    }
}

/// `applies_to`: the codes, by kind; none is a key that was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetCodes {
    /// `plan_codes`.
    pub plans: Option<Vec<String>>,
    /// `billable_metric_codes`.
    pub metrics: Option<Vec<String>>,
}

fn targets(fields: Fields<'_>) -> TargetCodes {
    let applies_to = fields.object("applies_to").value();
    let list = |name| applies_to.and_then(|targets| targets.texts(name).value());
    TargetCodes { plans: list("plan_codes"), metrics: list("billable_metric_codes") }
}

/// `coupon` of `POST /coupons`.
#[must_use]
pub fn parse_new(fields: Fields<'_>, calendar: Calendar) -> (NewCoupon, TargetCodes) {
    let mut unread = Problems::default();
    let new = NewCoupon {
        name: fields.text("name").value(),
        code: fields.text("code").value(),
        description: fields.text("description").value(),
        kind: choice(fields, "coupon_type", &KINDS, &mut unread).value(),
        amount_cents: fields.integer("amount_cents", &mut unread).value(),
        currency: fields.word("amount_currency", &mut unread).value(),
        percentage_rate: fields.decimal("percentage_rate", &mut unread).value(),
        frequency: choice(fields, "frequency", &FREQUENCIES, &mut unread).value(),
        frequency_duration: fields.integer("frequency_duration", &mut unread).value(),
        reusable: fields.boolean("reusable", &mut unread).value(),
        expiration: choice(fields, "expiration", &EXPIRATIONS, &mut unread).value(),
        expiration_at: expiration_at(fields, calendar, &mut unread).value(),
        unread,
    };
    (new, targets(fields))
}

/// `coupon` of `PUT /coupons/:code`.
#[must_use]
pub fn parse_update(fields: Fields<'_>, calendar: Calendar) -> (CouponUpdate, TargetCodes) {
    let mut unread = Problems::default();
    let update = CouponUpdate {
        name: fields.text("name").sent(),
        code: fields.text("code").sent(),
        description: fields.text("description").sent(),
        kind: choice(fields, "coupon_type", &KINDS, &mut unread).sent(),
        amount_cents: fields.integer("amount_cents", &mut unread).sent(),
        currency: fields.word("amount_currency", &mut unread).sent(),
        percentage_rate: fields.decimal("percentage_rate", &mut unread).sent(),
        frequency: choice(fields, "frequency", &FREQUENCIES, &mut unread).sent(),
        frequency_duration: fields.integer("frequency_duration", &mut unread).sent(),
        reusable: fields.boolean("reusable", &mut unread).sent(),
        expiration: choice(fields, "expiration", &EXPIRATIONS, &mut unread).sent(),
        expiration_at: expiration_at(fields, calendar, &mut unread).sent(),
        unread,
    };
    (update, targets(fields))
}

/// `applied_coupon` of `POST /applied_coupons`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// `external_customer_id`.
    pub external_customer_id: Option<String>,
    /// `coupon_code`.
    pub coupon_code: Option<String>,
    /// The terms that differ from the coupon's.
    pub application: Application,
}

/// Reads `applied_coupon` of `POST /applied_coupons`.
#[must_use]
pub fn parse_request(fields: Fields<'_>) -> Request {
    let mut unread = Problems::default();
    Request {
        external_customer_id: fields.text("external_customer_id").value(),
        coupon_code: fields.text("coupon_code").value(),
        application: Application {
            amount_cents: fields.integer("amount_cents", &mut unread).value(),
            currency: fields.word("amount_currency", &mut unread).value(),
            percentage_rate: fields.decimal("percentage_rate", &mut unread).value(),
            frequency: choice(fields, "frequency", &FREQUENCIES, &mut unread).value(),
            frequency_duration: fields.integer("frequency_duration", &mut unread).value(),
            unread,
        },
    }
}

/// `status` of `GET /applied_coupons`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppliedStatus {
    /// `active`.
    Active,
    /// `terminated`.
    Terminated,
}

impl AppliedStatus {
    /// The status of a word; unknown words filter nothing (chapter 04, 1.3).
    #[must_use]
    pub fn parse(word: &str) -> Option<AppliedStatus> {
        match word {
            "active" => Some(AppliedStatus::Active),
            "terminated" => Some(AppliedStatus::Terminated),
            _ => None,
        }
    }

    /// Whether a coupon has it.
    #[must_use]
    pub fn fits(self, coupon: &AppliedCoupon) -> bool {
        coupon.is_active() == (self == AppliedStatus::Active)
    }
}

/// A coupon.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Coupon")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 6.
pub struct Output {
    pub lago_id: String,
    pub name: String,
    pub code: String,
    pub description: Option<String>,
    pub coupon_type: &'static str,
    pub amount_cents: Option<i64>,
    pub amount_currency: Option<&'static str>,
    pub percentage_rate: Option<String>,
    pub frequency: &'static str,
    pub frequency_duration: Option<i64>,
    pub reusable: bool,
    pub limited_plans: bool,
    pub limited_billable_metrics: bool,
    pub plan_codes: Vec<String>,
    pub billable_metric_codes: Vec<String>,
    pub created_at: String,
    pub expiration: &'static str,
    pub expiration_at: Option<String>,
    pub terminated_at: Option<String>,
    pub expiration_date: Option<String>,
}

struct Worth {
    amount_cents: Option<i64>,
    currency: Option<&'static str>,
    rate: Option<String>,
}

fn worth(discount: Discount) -> Worth {
    match discount {
        Discount::Fixed { amount_cents, currency } => {
            Worth { amount_cents: Some(amount_cents), currency: Some(currency.code()), rate: None }
        }
        Discount::Percentage(rate) => Worth { amount_cents: None, currency: None, rate: Some(format::decimal(rate)) },
    }
}

impl Output {
    /// A coupon as the API shows it, with the codes of what it is limited to.
    #[must_use]
    pub fn new(coupon: &Coupon, plan_codes: Vec<String>, billable_metric_codes: Vec<String>) -> Output {
        let Worth { amount_cents, currency, rate } = worth(coupon.discount);
        Output {
            lago_id: coupon.id.to_string(),
            name: coupon.name.clone(),
            code: coupon.code.clone(),
            description: coupon.description.clone(),
            coupon_type: match coupon.discount {
                Discount::Fixed { .. } => "fixed_amount",
                Discount::Percentage(_) => "percentage",
            },
            amount_cents,
            amount_currency: currency,
            percentage_rate: rate,
            frequency: word(&FREQUENCIES, coupon.frequency),
            frequency_duration: coupon.frequency_duration,
            reusable: coupon.reusable,
            limited_plans: matches!(coupon.limit, domain::coupon::Limit::Plans(_)),
            limited_billable_metrics: matches!(coupon.limit, domain::coupon::Limit::Metrics(_)),
            plan_codes,
            billable_metric_codes,
            created_at: format::timestamp(coupon.created_at),
            expiration: word(&EXPIRATIONS, coupon.expiration),
            expiration_at: coupon.expiration_at.map(format::timestamp),
            expiration_date: coupon.expiration_at.map(|at| format::date(at.date_naive())),
            terminated_at: coupon.terminated_at.map(format::timestamp),
        }
    }
}

/// A coupon applied to a customer.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "AppliedCoupon")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 7.
pub struct AppliedOutput {
    pub lago_id: String,
    pub lago_coupon_id: String,
    pub coupon_code: String,
    pub coupon_name: String,
    pub lago_customer_id: String,
    pub external_customer_id: String,
    pub status: &'static str,
    pub amount_cents: Option<i64>,
    pub amount_cents_remaining: Option<i64>,
    pub amount_currency: Option<&'static str>,
    pub percentage_rate: Option<String>,
    pub frequency: &'static str,
    pub frequency_duration: Option<i64>,
    pub frequency_duration_remaining: Option<i64>,
    pub expiration_at: Option<String>,
    pub created_at: String,
    pub terminated_at: Option<String>,
    pub expiration_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits: Option<Vec<invoice::Credit>>,
}

impl AppliedOutput {
    /// An applied coupon as the API shows it, without its credits.
    #[must_use]
    pub fn new(applied: &AppliedCoupon, coupon: &Coupon, external_customer_id: &str) -> AppliedOutput {
        let Worth { amount_cents, currency, rate } = worth(applied.discount);
        AppliedOutput {
            lago_id: applied.id.to_string(),
            lago_coupon_id: applied.coupon_id.to_string(),
            coupon_code: coupon.code.clone(),
            coupon_name: coupon.name.clone(),
            lago_customer_id: applied.customer_id.to_string(),
            external_customer_id: external_customer_id.to_owned(),
            status: if applied.is_active() { "active" } else { "terminated" },
            amount_cents,
            amount_cents_remaining: applied.remaining_cents(),
            amount_currency: currency,
            percentage_rate: rate,
            frequency: word(&FREQUENCIES, applied.frequency),
            frequency_duration: applied.frequency_duration,
            frequency_duration_remaining: applied.frequency_duration_remaining,
            expiration_at: coupon.expiration_at.map(format::timestamp),
            expiration_date: coupon.expiration_at.map(|at| format::date(at.date_naive())),
            created_at: format::timestamp(applied.created_at),
            terminated_at: applied.terminated_at.map(format::timestamp),
            credits: None,
        }
    }

    /// The same with its credits, for the list.
    #[must_use]
    pub fn with_credits(self, credits: Vec<invoice::Credit>) -> AppliedOutput {
        AppliedOutput { credits: Some(credits), ..self }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &serde_json::Value) -> (NewCoupon, TargetCodes) {
        let calendar =
            Calendar { zone: Zone::parse("Europe/Paris").unwrap(), now: "2024-05-01T23:00:00Z".parse().unwrap() };
        parse_new(Fields(body.as_object().unwrap()), calendar)
    }

    #[test]
    fn expirations_are_compared_by_their_date() {
        let check = |value: &str, expected: Option<&str>| {
            let (new, _) = read(&json!({"expiration_at": value}));
            assert_eq!(new.expiration_at.map(format::timestamp).as_deref(), expected, "{value}");
            assert_eq!(new.unread.has("expiration_at"), expected.is_none(), "{value}");
        };
        check("2024-05-01T00:00:00Z", Some("2024-05-01T00:00:00Z"));
        check("2024-05-01", Some("2024-05-01T00:00:00Z"));
        check("2024-05-02T10:00:00+02:00", Some("2024-05-02T08:00:00Z"));
        check("2024-05-02 10:00:00", Some("2024-05-02T10:00:00Z"));
        check("2024-05-02 whatever", Some("2024-05-02T00:00:00Z"));
        check("2024-04-30T23:59:59Z", None);
        check("tomorrow", None);
        check("2024-02-31", None);
        let (new, _) = read(&json!({"expiration_date": "2024-05-02"}));
        assert_eq!(new.expiration_at.map(format::timestamp).as_deref(), Some("2024-05-02T21:59:59Z"));
        let (new, _) = read(&json!({"expiration_date": "2024-05-02", "expiration_at": null}));
        assert_eq!((new.expiration_at, new.unread.is_empty()), (None, true));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for (text, value) in FREQUENCIES {
            assert_eq!(word(&FREQUENCIES, value), text);
            assert_eq!(read(&json!({"frequency": text})).0.frequency, Some(value));
        }
        for (text, value) in EXPIRATIONS {
            assert_eq!(word(&EXPIRATIONS, value), text);
        }
        let (new, targets) = read(&json!({"coupon_type": "gift", "applies_to": {"plan_codes": ["a"]}}));
        assert_eq!(new.unread, Problems::one("coupon_type", codes::INVALID));
        assert_eq!(targets, TargetCodes { plans: Some(vec!["a".into()]), metrics: None });
    }
}
