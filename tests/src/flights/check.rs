//! Reads invoices and current usage over HTTP and compares every figure with the oracle.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::client::{Api, ClientError};
use super::oracle::{ExpectedFee, ExpectedInvoice};
use super::{CARRIERS, subscription_id};

const INVOICES_PER_PAGE: usize = 100;

/// One figure that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Carrier and month, or the invoice's number.
    pub document: String,
    /// Which figure, with its fee.
    pub figure: String,
    /// The oracle's.
    pub expected: String,
    /// The server's.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { document, figure, expected, found } = self;
        write!(f, "{document}: {figure} is {found}, expected {expected}")
    }
}

/// The parts of an invoice (chapter 06, 12) that the oracle knows.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "named and documented as on the wire, chapter 06, section 12")]
pub struct Invoice {
    pub lago_id: String,
    pub number: String,
    pub issuing_date: NaiveDate,
    pub invoice_type: String,
    pub status: String,
    pub payment_status: String,
    pub currency: String,
    pub fees_amount_cents: i64,
    pub taxes_amount_cents: i64,
    pub coupons_amount_cents: i64,
    pub credit_notes_amount_cents: i64,
    pub prepaid_credit_amount_cents: i64,
    pub sub_total_excluding_taxes_amount_cents: i64,
    pub sub_total_including_taxes_amount_cents: i64,
    pub total_amount_cents: i64,
    /// Absent in lists.
    #[serde(default)]
    pub fees: Vec<Fee>,
    pub applied_taxes: Vec<AppliedTax>,
}

/// The parts of a fee (chapter 06, 11) that the oracle knows.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "named and documented as on the wire, chapter 06, section 11")]
pub struct Fee {
    pub item: Item,
    pub external_subscription_id: Option<String>,
    pub units: String,
    pub events_count: Option<u64>,
    pub precise_unit_amount: String,
    pub amount_cents: i64,
    pub taxes_amount_cents: i64,
    pub total_amount_cents: i64,
    pub from_date: Option<String>,
    pub to_date: Option<String>,
}

/// What a fee is for.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "named and documented as on the wire, chapter 06, section 11")]
pub struct Item {
    #[serde(rename = "type")]
    pub kind: String,
    pub code: String,
    pub group_invoice_display_name: Option<String>,
}

/// One tax of an invoice.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "named and documented as on the wire, chapter 06, section 12")]
pub struct AppliedTax {
    pub tax_code: String,
    pub amount_cents: i64,
    pub fees_amount_cents: i64,
}

#[derive(Deserialize)]
struct InvoiceRoot {
    invoice: Invoice,
}

#[derive(Deserialize)]
struct InvoicesRoot {
    invoices: Vec<Invoice>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    next_page: Option<usize>,
}

/// A carrier's invoices with their fees, all or those issued on one day; one request per invoice and per hundred.
pub async fn fetch_invoices(
    api: &Api,
    carrier: &str,
    issued_on: Option<NaiveDate>,
) -> Result<Vec<Invoice>, ClientError> {
    let issued = issued_on.map(|date| format!("&issuing_date_from={date}&issuing_date_to={date}")).unwrap_or_default();
    let mut invoices = Vec::new();
    let mut next_page = Some(1);
    while let Some(page) = next_page {
        let path =
            format!("/api/v1/invoices?external_customer_id={carrier}{issued}&page={page}&per_page={INVOICES_PER_PAGE}");
        let list: InvoicesRoot = api.get(&path).await?;
        for invoice in list.invoices {
            let one: InvoiceRoot = api.get(&format!("/api/v1/invoices/{}", invoice.lago_id)).await?;
            invoices.push(one.invoice);
        }
        next_page = list.meta.next_page;
    }
    Ok(invoices)
}

/// Compares all invoices of all carriers. An invoice that is missing, made twice or not expected is a difference.
pub async fn check_all(api: &Api, expected: &[ExpectedInvoice]) -> Result<Vec<Difference>, ClientError> {
    let mut differences = Vec::new();
    for (carrier, _) in CARRIERS {
        let found = fetch_invoices(api, carrier, None).await?;
        let of_carrier: Vec<&ExpectedInvoice> = expected.iter().filter(|one| one.carrier == carrier).collect();
        for expected in &of_carrier {
            let issued: Vec<&Invoice> = found.iter().filter(|one| one.issuing_date == expected.issuing_date).collect();
            differences.extend(compare_issued(expected, &issued));
        }
        for invoice in &found {
            if !of_carrier.iter().any(|expected| expected.issuing_date == invoice.issuing_date) {
                let issued = format!("issued on {}", invoice.issuing_date);
                differences.push(difference(&format!("{carrier} {}", invoice.number), "invoice", "none", &issued));
            }
        }
    }
    Ok(differences)
}

/// Compares what was issued for a carrier and a month: exactly one invoice, with exactly these figures.
pub fn compare_issued(expected: &ExpectedInvoice, issued: &[&Invoice]) -> Vec<Difference> {
    match issued {
        [invoice] => compare(expected, invoice),
        _ => {
            let document = format!("{} {}", expected.carrier, expected.month);
            vec![difference(&document, "invoices", "1", &issued.len().to_string())]
        }
    }
}

/// Compares one invoice, fees in any order.
pub fn compare(expected: &ExpectedInvoice, found: &Invoice) -> Vec<Difference> {
    let document = format!("{} {}", expected.carrier, expected.month);
    let mut all = Comparison::of(document);
    all.same("issuing_date", expected.issuing_date, found.issuing_date);
    all.same("invoice_type", "subscription", &found.invoice_type);
    all.same("status", "finalized", &found.status);
    all.same("payment_status", "pending", &found.payment_status);
    all.same("currency", "USD", &found.currency);
    all.same("fees_amount_cents", expected.fees_amount_cents, found.fees_amount_cents);
    all.same("taxes_amount_cents", expected.taxes_amount_cents, found.taxes_amount_cents);
    all.same("coupons_amount_cents", 0, found.coupons_amount_cents);
    all.same("credit_notes_amount_cents", 0, found.credit_notes_amount_cents);
    all.same("prepaid_credit_amount_cents", 0, found.prepaid_credit_amount_cents);
    all.same("sub_total_excluding_taxes", expected.fees_amount_cents, found.sub_total_excluding_taxes_amount_cents);
    all.same("sub_total_including_taxes", expected.total_amount_cents, found.sub_total_including_taxes_amount_cents);
    all.same("total_amount_cents", expected.total_amount_cents, found.total_amount_cents);
    let taxes: Vec<_> =
        found.applied_taxes.iter().map(|tax| (&*tax.tax_code, tax.amount_cents, tax.fees_amount_cents)).collect();
    let expected_taxes = vec![("NY", expected.taxes_amount_cents, expected.fees_amount_cents)];
    all.same("applied_taxes", format!("{expected_taxes:?}"), format!("{taxes:?}"));

    let mut fees: BTreeMap<(&str, &str), Vec<&Fee>> = BTreeMap::new();
    for fee in &found.fees {
        let group = fee.item.group_invoice_display_name.as_deref().unwrap_or_default();
        fees.entry((&fee.item.code, group)).or_default().push(fee);
    }
    for fee in &expected.fees {
        match fees.remove(&(fee.code, fee.group.unwrap_or_default())).as_deref() {
            Some([one]) => all.fee(expected.carrier, fee, one),
            other => all.same(&format!("{} fees", name_of(fee)), 1, other.map_or(0, <[_]>::len)),
        }
    }
    for ((code, group), unexpected) in fees {
        all.same(&format!("{code} {group} fees"), 0, unexpected.len());
    }
    all.differences
}

/// Compares current usage, asked for when all of a month's events are in and the month is not closed, with the fees
/// that the month's invoice will have.
pub async fn check_current_usage(api: &Api, expected: &ExpectedInvoice) -> Result<Vec<Difference>, ClientError> {
    let usage: UsageRoot = api.get(&current_usage_path(expected.carrier)).await?;
    let usage = usage.customer_usage;
    let mut all = Comparison::of(format!("{} {} current usage", expected.carrier, expected.month));
    let charged = expected.fees.iter().filter(|fee| fee.events_count.is_some());
    let mut by_metric: BTreeMap<&str, (Decimal, i64)> = BTreeMap::new();
    for fee in charged {
        let sums = by_metric.entry(fee.code).or_default();
        *sums = (sums.0 + fee.units, sums.1 + fee.amount_cents);
    }
    all.same("amount_cents", by_metric.values().map(|sums| sums.1).sum::<i64>(), usage.amount_cents);
    for charge in &usage.charges_usage {
        let code = charge.billable_metric.code.as_str();
        let (units, amount_cents) = by_metric.remove(code).unwrap_or_default();
        all.same_decimal(&format!("{code} units"), units, &charge.units);
        all.same(&format!("{code} amount_cents"), amount_cents, charge.amount_cents);
    }
    all.same("metrics without usage", "[]", format!("{:?}", by_metric.keys().collect::<Vec<_>>()));
    Ok(all.differences)
}

/// Path of a carrier's current usage.
pub fn current_usage_path(carrier: &str) -> String {
    format!("/api/v1/customers/{carrier}/current_usage?external_subscription_id={}", subscription_id(carrier))
}

#[derive(Deserialize)]
struct UsageRoot {
    customer_usage: Usage,
}

#[derive(Deserialize)]
struct Usage {
    amount_cents: i64,
    charges_usage: Vec<ChargeUsage>,
}

#[derive(Deserialize)]
struct ChargeUsage {
    units: String,
    amount_cents: i64,
    billable_metric: UsedMetric,
}

#[derive(Deserialize)]
struct UsedMetric {
    code: String,
}

/// Collects the differences of one document.
struct Comparison {
    document: String,
    differences: Vec<Difference>,
}

impl Comparison {
    fn of(document: String) -> Self {
        Self { document, differences: Vec::new() }
    }

    fn same(&mut self, figure: &str, expected: impl fmt::Display, found: impl fmt::Display) {
        let (expected, found) = (expected.to_string(), found.to_string());
        if expected != found {
            self.differences.push(difference(&self.document, figure, &expected, &found));
        }
    }

    /// By value: `1.0` is `1`.
    fn same_decimal(&mut self, figure: &str, expected: Decimal, found: &str) {
        if Decimal::from_str(found).ok() != Some(expected) {
            self.differences.push(difference(&self.document, figure, &expected.normalize().to_string(), found));
        }
    }

    fn fee(&mut self, carrier: &str, expected: &ExpectedFee, found: &Fee) {
        let name = name_of(expected);
        let events_count = |count: Option<u64>| count.map_or_else(|| "null".to_owned(), |count| count.to_string());
        let kind = if expected.events_count.is_none() { "subscription" } else { "charge" };
        self.same(&format!("{name} type"), kind, &found.item.kind);
        let subscription = found.external_subscription_id.as_deref().unwrap_or("null");
        self.same(&format!("{name} external_subscription_id"), subscription_id(carrier), subscription);
        self.same_decimal(&format!("{name} units"), expected.units, &found.units);
        let counts = (events_count(expected.events_count), events_count(found.events_count));
        self.same(&format!("{name} events_count"), counts.0, counts.1);
        let precise_unit_amount = expected.precise_unit_amount;
        self.same_decimal(&format!("{name} precise_unit_amount"), precise_unit_amount, &found.precise_unit_amount);
        self.same(&format!("{name} amount_cents"), expected.amount_cents, found.amount_cents);
        self.same(&format!("{name} taxes_amount_cents"), expected.taxes_amount_cents, found.taxes_amount_cents);
        let total = expected.amount_cents + expected.taxes_amount_cents;
        self.same(&format!("{name} total_amount_cents"), total, found.total_amount_cents);
        self.same(
            &format!("{name} from_date"),
            on_the_wire(expected.from),
            found.from_date.as_deref().unwrap_or("null"),
        );
        self.same(&format!("{name} to_date"), on_the_wire(expected.to), found.to_date.as_deref().unwrap_or("null"));
    }
}

/// Metric code, and the group if there is one.
fn name_of(fee: &ExpectedFee) -> String {
    [Some(fee.code), fee.group].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Dates of fees carry an offset (chapter 05, 1.4).
fn on_the_wire(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

fn difference(document: &str, figure: &str, expected: &str, found: &str) -> Difference {
    Difference {
        document: document.to_owned(),
        figure: figure.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::month::Month;
    use super::super::oracle::expected_invoices;
    use super::super::oracle::tests::flight;
    use super::*;

    fn expected() -> ExpectedInvoice {
        let flights = [flight("UA", "2013-01-01T10:15:00Z", "JFK", 1400)];
        expected_invoices(&flights, &[Month::FIRST]).into_iter().find(|invoice| invoice.carrier == "UA").unwrap()
    }

    /// The invoice of one flight, as chapter 06 shows it; figures worked out by hand.
    fn on_the_wire() -> Value {
        let fee = |kind: &str,
                   code: &str,
                   group: Option<&str>,
                   units: &str,
                   count: Option<u64>,
                   unit: &str,
                   cents: [i64; 2]| {
            json!({
                "item": {"type": kind, "code": code, "group_invoice_display_name": group},
                "external_subscription_id": "sub-UA", "units": units, "events_count": count,
                "precise_unit_amount": unit, "amount_cents": cents[0], "taxes_amount_cents": cents[1],
                "total_amount_cents": cents[0] + cents[1],
                "from_date": "2013-01-01T05:00:00+00:00", "to_date": "2013-02-01T04:59:59+00:00",
            })
        };
        json!({
            "lago_id": "1", "number": "POR-0001-001-001", "issuing_date": "2013-02-01",
            "invoice_type": "subscription", "status": "finalized", "payment_status": "pending", "currency": "USD",
            "fees_amount_cents": 271_275, "taxes_amount_cents": 24_076, "coupons_amount_cents": 0,
            "credit_notes_amount_cents": 0, "prepaid_credit_amount_cents": 0,
            "sub_total_excluding_taxes_amount_cents": 271_275,
            "sub_total_including_taxes_amount_cents": 295_351, "total_amount_cents": 295_351,
            "applied_taxes": [{"tax_code": "NY", "amount_cents": 24_076, "fees_amount_cents": 271_275}],
            "fees": [
                fee("charge", "miles", None, "1400.0", Some(1), "0.05", [7_000, 621]),
                fee("charge", "air_minutes", None, "100.0", Some(1), "0.0", [0, 0]),
                fee("charge", "aircraft", None, "1.0", Some(1), "90.0", [9_000, 799]),
                fee("charge", "handling", None, "1400.0", Some(1), "0.0", [0, 0]),
                fee("charge", "landings", Some("EWR"), "0.0", Some(0), "0.0", [0, 0]),
                fee("charge", "landings", Some("JFK"), "1.0", Some(1), "52.75", [5_275, 468]),
                fee("charge", "landings", Some("LGA"), "0.0", Some(0), "0.0", [0, 0]),
                fee("subscription", "airspace", None, "1.0", None, "2500.0", [250_000, 22_188]),
            ],
        })
    }

    fn differences(wire: Value) -> Vec<String> {
        let invoice: Invoice = serde_json::from_value(wire).unwrap();
        compare(&expected(), &invoice).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_right_invoice_does_not_differ() {
        assert_eq!(differences(on_the_wire()), [""; 0]);
    }

    #[test]
    fn every_wrong_figure_is_named() {
        let mut wire = on_the_wire();
        wire["total_amount_cents"] = json!(295_352);
        wire["fees"][0]["units"] = json!("1400.5");
        wire["fees"][4]["item"]["group_invoice_display_name"] = json!("BOS");
        assert_eq!(
            differences(wire),
            [
                "UA 2013-01: total_amount_cents is 295352, expected 295351",
                "UA 2013-01: landings EWR fees is 0, expected 1",
                "UA 2013-01: miles units is 1400.5, expected 1400",
                "UA 2013-01: landings BOS fees is 1, expected 0",
            ]
        );
    }

    #[test]
    fn a_missing_or_second_invoice_is_a_difference() {
        let invoice: Invoice = serde_json::from_value(on_the_wire()).unwrap();
        assert_eq!(compare_issued(&expected(), &[])[0].to_string(), "UA 2013-01: invoices is 0, expected 1");
        assert_eq!(compare_issued(&expected(), &[&invoice, &invoice])[0].found, "2");
    }
}
