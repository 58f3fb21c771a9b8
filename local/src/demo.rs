//! The first organization, and the demo.

use std::fs;

use app::{App, Failure, Outcome, organization};
use axum::Router;
use axum::body::Body;
use domain::id::OrganizationId;
use domain::organization::NewOrganization;
use http::{Method, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::settings::Settings;

/// Names the first organization of a data folder.
const FIRST: &str = "first-organization";

/// The API key of the data folder's first organization, which is made if there is none: the demo's, if that is asked for.
pub(crate) async fn first_organization(app: &App, settings: &Settings) -> Outcome<Option<String>> {
    let path = settings.data_dir.join(FIRST);
    let known = fs::read_to_string(&path).ok().and_then(|id| id.trim().parse::<OrganizationId>().ok());
    if let Some(id) = known {
        return app::api_key::signing_key(app, id).await.map(Some);
    }
    let created = if settings.demo {
        Demo::load(app).await?
    } else {
        let new = NewOrganization { name: Some("My organization".to_owned()), ..NewOrganization::default() };
        let created = organization::create(app, new).await?;
        (created.organization.id, created.api_key)
    };
    let (id, key) = created;
    fs::write(&path, id.to_string())
        .map_err(|error| Failure::Bug(format!("{} cannot be written: {error}", path.display())))?;
    Ok(Some(key))
}

/// Talks to the product through its own door, as any client would.
struct Demo {
    router: Router,
    key: String,
}

impl Demo {
    /// A sandbox organization with a year's start of usage: a map API that sells requests by region, storage and seats.
    async fn load(app: &App) -> Outcome<(OrganizationId, String)> {
        let mut demo = Demo { router: fn_api::router(app.clone()), key: app.settings.admin_key.clone() };
        let created = demo
            .post("/admin/organizations", json!({"organization": {
                "name": "Atlas Maps", "timezone": "Europe/Paris", "default_currency": "EUR", "country": "FR",
                "legal_name": "Atlas Maps SAS", "address_line1": "5 rue de la Paix", "city": "Paris", "zipcode": "75002",
                "email": "billing@atlas.example", "test_clock": {"frozen_time": "2024-01-01T00:00:00+01:00"}
            }}))
            .await?;
        let organization = &created["organization"];
        demo.key = organization["api_key"].as_str().unwrap_or_default().to_owned();
        let id = organization["lago_id"].as_str().unwrap_or_default().parse();
        let id = id.map_err(|_| Failure::Bug("the demo organization has no id".to_owned()))?;
        demo.catalogue().await?;
        demo.customers().await?;
        demo.months().await?;
        Ok((id, demo.key))
    }

    async fn catalogue(&self) -> Outcome<()> {
        self.post(
            "/api/v1/taxes",
            json!({"tax": {"name": "TVA", "code": "fr_tva", "rate": "20", "applied_to_organization": true}}),
        )
        .await?;
        let requests = self
            .post(
                "/api/v1/billable_metrics",
                json!({"billable_metric": {
                    "name": "API requests", "code": "requests", "aggregation_type": "count_agg",
                    "group": {"key": "region", "values": ["europe", "americas", "asia"]}
                }}),
            )
            .await?;
        let storage = self
            .post(
                "/api/v1/billable_metrics",
                json!({"billable_metric": {
                    "name": "Tiles stored", "code": "tiles", "aggregation_type": "sum_agg", "field_name": "gigabytes"
                }}),
            )
            .await?;
        let users = self
            .post("/api/v1/billable_metrics", json!({"billable_metric": {
                "name": "Active users", "code": "users", "aggregation_type": "unique_count_agg", "field_name": "user_id"
            }}))
            .await?;
        let id = |metric: &Value| metric["billable_metric"]["lago_id"].clone();
        self.post("/api/v1/plans", json!({"plan": {
            "name": "Team", "code": "team", "interval": "monthly", "amount_cents": 4900, "amount_currency": "EUR",
            "pay_in_advance": false, "charges": [
                {"billable_metric_id": id(&requests), "charge_model": "graduated", "properties": {"graduated_ranges": [
                    {"from_value": 0, "to_value": 1000, "per_unit_amount": "0", "flat_amount": "0"},
                    {"from_value": 1001, "to_value": null, "per_unit_amount": "0.004", "flat_amount": "0"}]}},
                {"billable_metric_id": id(&storage), "charge_model": "package",
                 "properties": {"amount": "2.50", "package_size": 100, "free_units": 50}},
                {"billable_metric_id": id(&users), "charge_model": "volume", "properties": {"volume_ranges": [
                    {"from_value": 0, "to_value": 10, "per_unit_amount": "3", "flat_amount": "0"},
                    {"from_value": 11, "to_value": null, "per_unit_amount": "2.40", "flat_amount": "0"}]}}
            ]
        }}))
        .await?;
        Ok(())
    }

    async fn customers(&self) -> Outcome<()> {
        for (external_id, name, country, timezone) in [
            ("northwind", "Northwind Logistics", "DE", "Europe/Berlin"),
            ("sakura", "Sakura Travel", "JP", "Asia/Tokyo"),
            ("bluebird", "Bluebird Outdoors", "US", "America/Denver"),
        ] {
            self.post("/api/v1/customers", json!({"customer": {
                "external_id": external_id, "name": name, "country": country, "timezone": timezone, "currency": "EUR"
            }}))
            .await?;
            self.post("/api/v1/subscriptions", json!({"subscription": {
                "external_customer_id": external_id, "plan_code": "team", "external_id": format!("{external_id}-maps"),
                "subscription_at": "2024-01-01T00:00:00Z"
            }}))
            .await?;
        }
        Ok(())
    }

    /// Three months of usage that differs by customer, each month billed.
    async fn months(&self) -> Outcome<()> {
        let months = [("2024-01", 31, "2024-02-02"), ("2024-02", 29, "2024-03-02"), ("2024-03", 31, "2024-04-02")];
        for (number, (month, days, then)) in months.into_iter().enumerate() {
            for (weight, customer) in ["northwind", "sakura", "bluebird"].into_iter().enumerate() {
                let mut events = Vec::new();
                for day in 1..=days {
                    for hour in (0..24).step_by(6 - weight - number.min(1)) {
                        events.push(event(customer, month, day, hour, weight));
                    }
                }
                for part in events.concat().chunks(100) {
                    self.post("/api/v1/events/batch", json!({ "events": part })).await?;
                }
            }
            let body = json!({"test_clock": {"frozen_time": format!("{then}T00:00:00Z")}});
            self.send(Method::PUT, "/api/v1/test_clock", body).await?;
        }
        Ok(())
    }

    async fn post(&self, path: &str, body: Value) -> Outcome<Value> {
        self.send(Method::POST, path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Outcome<Value> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .map_err(|error| Failure::Bug(format!("the demo's request is none: {error}")))?;
        // A router never fails: refusals are answers.
        let Ok(response) = self.router.clone().oneshot(request).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        if !status.is_success() {
            return Err(Failure::Bug(format!(
                "the demo got {status} from {path}: {}",
                String::from_utf8_lossy(&bytes)
            )));
        }
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

/// What a customer does at an hour of a day: requests from a region, a user, and now and then storage.
fn event(customer: &str, month: &str, day: usize, hour: usize, weight: usize) -> Vec<Value> {
    let region = ["europe", "americas", "asia"][(day + hour + weight) % 3];
    let id = |kind: &str| format!("{customer}-{month}-{day}-{hour}-{kind}");
    let day_seconds = i64::try_from(day * 86_400 + hour * 3600).unwrap_or_default();
    let start = format!("{month}-01T00:00:00Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap_or_default();
    let timestamp = start.timestamp() - 86_400 + day_seconds;
    let base = |kind: &str, code: &str, properties: Value| {
        json!({"transaction_id": id(kind), "external_subscription_id": format!("{customer}-maps"), "code": code,
               "timestamp": timestamp, "properties": properties})
    };
    let mut events: Vec<Value> = (0..3 + weight * 2)
        .map(|number| base(&format!("request-{number}"), "requests", json!({"region": region})))
        .collect();
    events.push(base("user", "users", json!({"user_id": format!("user-{}", (day * 7 + hour) % (9 + weight * 4))})));
    if hour == 0 && day.is_multiple_of(3) {
        events.push(base("tiles", "tiles", json!({"gigabytes": 25 + weight * 10 + day})));
    }
    events
}
