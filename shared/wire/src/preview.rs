//! Previews of invoices (docs/rules/05-rest-api.md, 2.12).

use chrono::NaiveDate;
use domain::customer::CustomerUpdate;
use domain::problem::{Problems, codes};
use domain::time::Instant;
use serde_json::Value;

use crate::input::{Field, Fields, MissingRoot, root};
use crate::subscription::{self, NewSubscription};
use crate::{customer, invoice};

/// Body of `POST /invoices/preview`.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Whose invoice; none if the subscription tells.
    pub customer: Option<Customer>,
    /// What happens; none for whatever is billed next.
    pub change: Change,
    /// When it happens.
    pub when: When,
    /// What could not be read.
    pub unread: Problems,
}

/// `customer` of a preview.
#[derive(Debug, Clone, PartialEq)]
pub enum Customer {
    /// One that exists: nothing but its external id was sent.
    Known(String),
    /// A new one, or an existing one as it would be with these fields.
    Described(Box<CustomerUpdate>),
}

/// `subscription` of a preview.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Nothing changes: the next invoice of the customer.
    Nothing,
    /// Nothing changes: the next invoice that the subscription is on.
    Next(String),
    /// A request for a plan, as `POST /subscriptions` takes it: a new subscription, an upgrade or a downgrade.
    Requested(Box<NewSubscription>),
    /// The end of a subscription.
    Terminated(String),
}

/// `timestamp` or `date` of a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At once.
    Now,
    /// As soon as this day of the customer begins.
    On(NaiveDate),
    /// At this instant.
    At(Instant),
}

/// Reads a preview's body.
///
/// # Errors
/// There is neither a customer nor a subscription: 400 naming `customer`.
pub fn parse(body: &Value) -> Result<Request, MissingRoot> {
    let mut unread = Problems::default();
    let subscription = root(body, "subscription").ok();
    let customer = match (root(body, "customer"), &subscription) {
        (Ok(fields), _) => Some(parse_customer(fields)),
        (Err(_), Some(_)) => None,
        (Err(missing), None) => return Err(missing),
    };
    let change = subscription.map_or(Change::Nothing, |fields| parse_change(fields, &mut unread));
    let none = serde_json::Map::new();
    let when = parse_when(Fields(body.as_object().unwrap_or(&none)), &mut unread);
    Ok(Request { customer, change, when, unread })
}

fn parse_customer(fields: Fields<'_>) -> Customer {
    let external_id = fields.text("external_id").value().filter(|id| !id.trim().is_empty());
    match external_id {
        Some(external_id) if fields.0.len() == 1 => Customer::Known(external_id),
        external_id => Customer::Described(Box::new(CustomerUpdate { external_id, ..customer::parse(fields) })),
    }
}

fn parse_change(fields: Fields<'_>, unread: &mut Problems) -> Change {
    let text = |name| fields.text(name).value().map(|text| text.trim().to_owned()).unwrap_or_default();
    match text("status").as_str() {
        "terminated" => return Change::Terminated(text("external_id")),
        "" => {}
        _ => unread.add("status", codes::INVALID),
    }
    if fields.has("plan_code") {
        Change::Requested(Box::new(subscription::parse_new(fields)))
    } else {
        Change::Next(text("external_id"))
    }
}

fn parse_when(fields: Fields<'_>, unread: &mut Problems) -> When {
    match (fields.instant("timestamp", unread), fields.date("date", unread)) {
        (Field::Set(at), _) => When::At(at),
        (Field::Absent | Field::Null, Field::Set(date)) => When::On(date),
        (Field::Absent | Field::Null, Field::Absent | Field::Null) => When::Now,
    }
}

/// What a preview shows.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "InvoicePreview")]
pub struct Output {
    /// The first invoice that would be issued; null if none ever would.
    pub invoice: Option<invoice::Output>,
    /// Every invoice that the change would issue, in order: an upgrade or downgrade may issue two.
    pub invoices: Vec<invoice::Output>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Request {
        parse(&body).unwrap()
    }

    #[test]
    fn a_customer_is_known_by_its_external_id_alone() {
        assert_eq!(read(json!({"customer": {"external_id": "a"}})).customer, Some(Customer::Known("a".into())));
        let described = read(json!({"customer": {"external_id": "a", "timezone": "UTC"}})).customer;
        assert!(matches!(described, Some(Customer::Described(update)) if update.external_id.as_deref() == Some("a")));
        let nameless = read(json!({"customer": {"name": "Ada"}})).customer;
        assert!(matches!(nameless, Some(Customer::Described(update)) if update.external_id.is_none()));
        assert_eq!(read(json!({"subscription": {"external_id": "s"}})).customer, None);
        for missing in [json!({}), json!({"customer": {}}), json!({"customer": null, "subscription": {}}), json!([])] {
            assert_eq!(parse(&missing), Err(MissingRoot("customer")), "{missing}");
        }
    }

    #[test]
    fn a_subscription_is_requested_terminated_or_goes_on() {
        let change = |fields: Value| read(json!({ "subscription": fields })).change;
        assert_eq!(change(json!({"external_id": " s "})), Change::Next("s".into()));
        assert_eq!(change(json!({"external_id": "s", "status": "terminated"})), Change::Terminated("s".into()));
        assert!(matches!(change(json!({"plan_code": "pro"})), Change::Requested(_)));
        assert_eq!(read(json!({"customer": {"external_id": "a"}})).change, Change::Nothing);
        let odd = read(json!({"subscription": {"external_id": "s", "status": "paused"}}));
        assert_eq!(odd.unread, Problems::one("status", codes::INVALID));
    }

    #[test]
    fn an_instant_goes_before_a_date() {
        let when = |body: Value| read(body);
        let at = "2024-03-01T10:00:00Z";
        let both = json!({"customer": {"external_id": "a"}, "timestamp": at, "date": "2024-04-01"});
        assert_eq!(when(both).when, When::At(at.parse().unwrap()));
        let date = json!({"customer": {"external_id": "a"}, "date": "2024-04-01"});
        assert_eq!(when(date).when, When::On("2024-04-01".parse().unwrap()));
        let bad = when(json!({"customer": {"external_id": "a"}, "timestamp": "soon", "date": "2024-13-01"}));
        let mut problems = Problems::one("timestamp", codes::INVALID_DATE);
        problems.add("date", codes::INVALID_DATE);
        assert_eq!((bad.when, bad.unread), (When::Now, problems));
    }
}
