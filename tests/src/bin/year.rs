//! `year`: how long a sandbox of a hundred subscriptions takes to pass a year, over HTTP against a running Weir.

use std::error::Error;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use it::flights::client::Api;
use serde_json::{Value, json};

type Failure = Box<dyn Error>;

const SUBSCRIPTIONS: u32 = 100;
const USAGE: &str = "year [--url URL] [--admin-key KEY]";

/// How the hundred subscriptions are spread.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    /// Subscriptions of one customer.
    per_customer: u32,
    /// Interval and timing by number: `monthly`, `yearly in advance` ...
    plans: &'static [&'static str],
    /// Hours between two starts, with anniversary periods; calendar periods and one start if 0.
    spread_hours: i64,
    zones: &'static [&'static str],
    events_each: u32,
}

const SHAPES: [Shape; 4] = [
    Shape {
        name: "100 customers, monthly",
        per_customer: 1,
        plans: &["monthly"],
        spread_hours: 0,
        zones: &["UTC"],
        events_each: 12,
    },
    Shape {
        name: "1 customer, monthly",
        per_customer: SUBSCRIPTIONS,
        plans: &["monthly"],
        spread_hours: 0,
        zones: &["UTC"],
        events_each: 12,
    },
    Shape {
        name: "100 customers, monthly anniversaries, every one at another instant",
        per_customer: 1,
        plans: &["monthly", "monthly in advance"],
        spread_hours: 7,
        zones: &["UTC", "America/Los_Angeles", "Asia/Tokyo", "Europe/Paris"],
        events_each: 12,
    },
    Shape {
        name: "50 customers, every interval and timing",
        per_customer: 2,
        plans: &[
            "monthly",
            "quarterly",
            "yearly",
            "weekly",
            "monthly in advance",
            "quarterly in advance",
            "yearly in advance",
            "weekly in advance",
        ],
        spread_hours: 0,
        zones: &["UTC", "America/Los_Angeles", "Asia/Tokyo", "Europe/Paris"],
        events_each: 12,
    },
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let (mut url, mut admin_key) = ("http://127.0.0.1:3000".to_owned(), "weir-local-admin".to_owned());
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().ok_or(USAGE)?;
        match name.as_str() {
            "--url" => url = value,
            "--admin-key" => admin_key = value,
            _ => return Err(USAGE.into()),
        }
    }
    let admin = Api::new(&url, &admin_key)?;
    for shape in SHAPES {
        let (passed, invoices) = pass_a_year(&admin, shape).await?;
        println!("year: {}: {:.2} s, {invoices} invoices", shape.name, passed.as_secs_f64());
    }
    Ok(())
}

fn start() -> Result<DateTime<Utc>, Failure> {
    Ok("2024-01-01T00:00:00Z".parse()?)
}

fn iso(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Sets the shape up, turns the clock from where all have started to a year later, and times that one request.
async fn pass_a_year(admin: &Api, shape: Shape) -> Result<(Duration, u64), Failure> {
    let mut now = start()?;
    let organization =
        json!({"organization": {"name": "Acme", "default_currency": "EUR", "test_clock": {"frozen_time": iso(now)}}});
    let made = admin.post("/admin/organizations", &organization).await?;
    let api = admin.with_key(made["organization"]["api_key"].as_str().ok_or("no key")?);
    let tax = json!({"tax": {"name": "VAT", "code": "vat", "rate": "20", "applied_to_organization": true}});
    api.post("/api/v1/taxes", &tax).await?;
    let metric = json!({"billable_metric": {"name": "calls", "code": "calls", "aggregation_type": "count_agg"}});
    let metric = api.post("/api/v1/billable_metrics", &metric).await?["billable_metric"]["lago_id"].clone();
    for words in shape.plans {
        let interval = words.split(' ').next().unwrap_or_default();
        let charge =
            json!({"billable_metric_id": metric, "charge_model": "standard", "properties": {"amount": "0.10"}});
        let plan = json!({"plan": {
            "name": words, "code": words.replace(' ', "-"), "interval": interval, "amount_cents": 3100,
            "amount_currency": "EUR", "pay_in_advance": words.ends_with("in advance"), "charges": [charge],
        }});
        api.post("/api/v1/plans", &plan).await?;
    }
    for number in 0..SUBSCRIPTIONS {
        let customer = number / shape.per_customer;
        if number % shape.per_customer == 0 {
            let zone = shape.zones[customer as usize % shape.zones.len()];
            let body = json!({"customer": {"external_id": format!("customer-{customer}"), "timezone": zone}});
            api.post("/api/v1/customers", &body).await?;
        }
        let plan = shape.plans[number as usize % shape.plans.len()].replace(' ', "-");
        let billing_time = if shape.spread_hours > 0 { "anniversary" } else { "calendar" };
        let body = json!({"subscription": {
            "external_customer_id": format!("customer-{customer}"), "external_id": format!("subscription-{number}"),
            "plan_code": plan, "billing_time": billing_time, "subscription_at": iso(now),
        }});
        api.post("/api/v1/subscriptions", &body).await?;
        if shape.spread_hours > 0 {
            now += TimeDelta::hours(shape.spread_hours);
            api.travel_to(now).await?;
        }
    }
    for number in 0..SUBSCRIPTIONS {
        let event = |month: u32| {
            let at = now + TimeDelta::days(i64::from(month) * 30 + 5);
            json!({
                "transaction_id": format!("{number}-{month}"), "external_subscription_id": format!("subscription-{number}"),
                "code": "calls", "timestamp": at.timestamp(), "properties": {},
            })
        };
        let events: Vec<Value> = (0..shape.events_each).map(event).collect();
        api.post_events(serde_json::to_vec(&json!({ "events": events }))?).await?;
    }
    api.travel_to(now).await?;
    let count = async || -> Result<u64, Failure> {
        let list: Value = api.get("/api/v1/invoices?per_page=1").await?;
        Ok(list["meta"]["total_count"].as_u64().ok_or("no count")?)
    };
    let before = count().await?;
    let began = Instant::now();
    api.travel_to(now + TimeDelta::days(366)).await?;
    let passed = began.elapsed();
    Ok((passed, count().await? - before))
}
