//! What is created over HTTP before the first flight: organization, tax, metrics, plan, customers, subscriptions.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Api, ClientError};
use super::month::Month;
use super::{CARRIERS, subscription_id};

/// The story begins at local midnight of 1 January 2013, and so does every subscription: the first period is whole.
pub fn starts_at() -> DateTime<Utc> {
    Month::FIRST.start()
}

/// Creates everything and returns the client of the new organization, whose test clock stands at [`starts_at`].
///
/// The admin client's key is the deployment's. Every call makes a new organization.
pub async fn create(admin: &Api) -> Result<Api, ClientError> {
    let created = admin.post("/admin/organizations", &organization()).await?;
    let key: CreatedOrganization = field(&created, "organization", "POST /admin/organizations")?;
    let api = admin.with_key(&key.api_key);
    api.post("/api/v1/taxes", &tax()).await?;
    let mut metric_ids = BTreeMap::new();
    for metric in metrics() {
        let created = api.post("/api/v1/billable_metrics", &metric).await?;
        let metric: CreatedMetric = field(&created, "billable_metric", "POST /billable_metrics")?;
        metric_ids.insert(metric.code, metric.lago_id);
    }
    let groups: Groups = api.get("/api/v1/billable_metrics/landings/groups").await?;
    let group_ids = groups.groups.into_iter().map(|group| (group.value, group.lago_id)).collect();
    api.post("/api/v1/plans", &plan(&metric_ids, &group_ids)).await?;
    for (code, name) in CARRIERS {
        api.post("/api/v1/customers", &customer(code, name)).await?;
        api.post("/api/v1/subscriptions", &subscription(code)).await?;
    }
    Ok(api)
}

#[derive(Deserialize)]
struct CreatedOrganization {
    api_key: String,
}

#[derive(Deserialize)]
struct CreatedMetric {
    lago_id: String,
    code: String,
}

#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    lago_id: String,
    value: String,
}

fn field<'a, T: Deserialize<'a>>(answer: &'a Value, root: &str, request: &str) -> Result<T, ClientError> {
    T::deserialize(&answer[root]).map_err(|source| ClientError::Unreadable {
        request: request.to_owned(),
        body: answer.to_string(),
        source,
    })
}

/// A sandbox organization in New York that bills in dollars.
pub fn organization() -> Value {
    json!({"organization": {
        "name": "Port of New York Airspace",
        "timezone": "America/New_York",
        "default_currency": "USD",
        "test_clock": {"frozen_time": instant(starts_at())},
    }})
}

/// On everything that the organization bills.
pub fn tax() -> Value {
    json!({"tax": {"name": "New York", "code": "NY", "rate": "8.875", "applied_to_organization": true}})
}

/// Five metrics; `landings` has the dimension `origin`.
pub fn metrics() -> [Value; 5] {
    let metric = |code: &str, name: &str, aggregation_type: &str, field_name: Option<&str>, group: Value| {
        json!({"billable_metric": {
            "name": name,
            "code": code,
            "aggregation_type": aggregation_type,
            "field_name": field_name,
            "group": group,
        }})
    };
    let origins = json!({"key": "origin", "values": ["EWR", "JFK", "LGA"]});
    [
        metric("landings", "Landings", "count_agg", None, origins),
        metric("miles", "Miles", "sum_agg", Some("distance"), json!({})),
        metric("air_minutes", "Minutes in the air", "sum_agg", Some("air_time"), json!({})),
        metric("aircraft", "Aircraft", "unique_count_agg", Some("tailnum"), json!({})),
        metric("handling", "Handling", "sum_agg", Some("distance"), json!({})),
    ]
}

/// The price list. Ids of metrics by code, and of the groups of `landings` by origin; an id that is missing is sent as
/// null, and refused.
pub fn plan(metric_ids: &BTreeMap<String, String>, group_ids: &BTreeMap<String, String>) -> Value {
    let charge = |metric: &str, model: &str, properties: Value, group_properties: Value| {
        json!({
            "billable_metric_id": metric_ids.get(metric),
            "charge_model": model,
            "properties": properties,
            "group_properties": group_properties,
        })
    };
    let landing = |origin: &str, amount: &str| json!({"group_id": group_ids.get(origin), "values": {"amount": amount}});
    let landings = json!([landing("EWR", "45.10"), landing("JFK", "52.75"), landing("LGA", "48.00")]);
    json!({"plan": {
        "name": "Airspace",
        "code": "airspace",
        "interval": "monthly",
        "amount_cents": 250_000,
        "amount_currency": "USD",
        "pay_in_advance": false,
        "charges": [
            charge("landings", "standard", json!({"amount": "0"}), landings),
            charge("miles", "graduated", json!({"graduated_ranges": [
                {"from_value": 0, "to_value": 10_000, "per_unit_amount": "0.05", "flat_amount": "0"},
                {"from_value": 10_001, "to_value": 250_000, "per_unit_amount": "0.04", "flat_amount": "100.00"},
                {"from_value": 250_001, "to_value": null, "per_unit_amount": "0.032", "flat_amount": "0"},
            ]}), json!([])),
            charge("air_minutes", "package", json!({
                "amount": "12.00", "package_size": 1_000, "free_units": 500,
            }), json!([])),
            charge("aircraft", "volume", json!({"volume_ranges": [
                {"from_value": 0, "to_value": 50, "per_unit_amount": "90.00", "flat_amount": "0"},
                {"from_value": 51, "to_value": 300, "per_unit_amount": "75.00", "flat_amount": "0"},
                {"from_value": 301, "to_value": null, "per_unit_amount": "60.00", "flat_amount": "0"},
            ]}), json!([])),
            charge("handling", "percentage", json!({
                "rate": "1.5", "fixed_amount": "0.30", "free_units_per_events": 100,
            }), json!([])),
        ],
    }})
}

/// One airline.
pub fn customer(carrier: &str, name: &str) -> Value {
    json!({"customer": {"external_id": carrier, "name": name, "currency": "USD"}})
}

/// Calendar months, from [`starts_at`] on.
pub fn subscription(carrier: &str) -> Value {
    json!({"subscription": {
        "external_customer_id": carrier,
        "external_id": subscription_id(carrier),
        "plan_code": "airspace",
        "billing_time": "calendar",
        "subscription_at": instant(starts_at()),
    }})
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
