//! The harness of the scenarios: the whole product in this process, one sandbox organization per world.
//!
//! Owns the words that stories are told in. Does not own any rule: everything goes over HTTP, as a client would.
//!
//! - One host serves all worlds; organizations keep them apart, so stories run side by side.
//! - Time moves only by `travel_to`, which returns when everything due on the way is done and every queue is empty.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use reqwest::{Client, Method, StatusCode};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use weir::{Host, Settings};

use super::conformance;

/// The shared host's admin key.
pub const ADMIN_KEY: &str = "admin-of-the-scenarios";

/// The host that all worlds share.
pub struct Shared {
    pub runtime: Runtime,
    pub host: Host,
    pub http: Client,
}

/// Starts the host at the first call.
pub fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let data_dir = fresh_folder("scenarios");
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            data_dir,
            admin_key: ADMIN_KEY.to_owned(),
            public_url: None,
            // Receivers of webhooks live on the loopback interface.
            allow_private_targets: true,
            rate_limit: None,
            demo: false,
        };
        let host = runtime.block_on(Host::start(settings)).unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        Shared { runtime, host, http }
    })
}

/// A folder below the build's own for temporary files. Statics are never dropped, so folders of hosts that are gone are
/// cleared away by the next run.
pub fn fresh_folder(name: &str) -> std::path::PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&parent).unwrap();
    for entry in fs::read_dir(&parent).unwrap().flatten() {
        let is_free = File::open(entry.path().join("lock")).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_free {
            // Another run may clear it away at the same time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    tempfile::tempdir_in(parent).unwrap().keep()
}

/// What a request brought.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text()))
    }

    /// Status and body on one line.
    pub fn line(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.text())
    }
}

/// Sends a request with a key and a body that may be anything.
pub fn send(key: &str, method: Method, path: &str, body: Option<Vec<u8>>) -> Answer {
    let shared = shared();
    let mut request = shared.http.request(method.clone(), url(path)).bearer_auth(key);
    let sent = body.clone().unwrap_or_default();
    if let Some(body) = body {
        request = request.header("Content-Type", "application/json").body(body);
    }
    let answer = shared.runtime.block_on(async {
        let response = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        let status = response.status();
        let bytes = response.bytes().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        Answer { status, bytes: bytes.to_vec() }
    });
    conformance::check_answer(&method, path, answer.status.as_u16(), &answer.bytes);
    conformance::check_request(&method, path, answer.status.as_u16(), &sent);
    answer
}

/// A path of the shared host, or a URL as it is.
pub fn url(path: &str) -> String {
    if path.starts_with("http://") { path.to_owned() } else { format!("http://{}{path}", shared().host.address()) }
}

/// `2024-01-31`, `2024-01-31T10:00` or `2024-01-31T10:00:01.5`, UTC.
pub fn instant(text: &str) -> DateTime<Utc> {
    let text = text.trim_end_matches('Z');
    if let Ok(date) = text.parse::<NaiveDate>() {
        return date.and_time(chrono::NaiveTime::MIN).and_utc();
    }
    let with_seconds = if text.len() == 16 { format!("{text}:00") } else { text.to_owned() };
    let parsed: NaiveDateTime = with_seconds.parse().unwrap_or_else(|_| panic!("`{text}` is no instant"));
    parsed.and_utc()
}

fn iso(text: &str) -> String {
    instant(text).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Seconds with their fraction, as events carry them.
pub fn timestamp(text: &str) -> Value {
    let at = instant(text);
    match at.timestamp_subsec_millis() {
        0 => json!(at.timestamp()),
        millis => json!(format!("{}.{millis:03}", at.timestamp())),
    }
}

/// A metric from words: `count`, `sum bytes`, `unique_count user`, `max seats`, `latest level`.
pub fn metric(code: &str, words: &str) -> Value {
    let (kind, field) = words.split_once(' ').map_or((words, None), |(kind, field)| (kind, Some(field)));
    json!({"name": code, "code": code, "aggregation_type": format!("{kind}_agg"), "field_name": field})
}

/// A sandbox organization and its API key.
pub struct World {
    pub key: String,
    pub organization: Value,
    events_sent: AtomicU32,
}

impl World {
    /// An organization in UTC that bills in euros; its clock stands at `at`. `ACME-0001` is its documents' prefix.
    pub fn new(at: &str) -> World {
        World::with(at, json!({}))
    }

    /// The same with more settings.
    pub fn with(at: &str, settings: Value) -> World {
        let mut organization = json!({
            "name": "Acme", "email": "billing@acme.example", "default_currency": "EUR",
            "document_number_prefix": "ACME-0001", "test_clock": {"frozen_time": iso(at)},
        });
        merge(&mut organization, settings);
        let created = send(
            ADMIN_KEY,
            Method::POST,
            "/admin/organizations",
            Some(json_bytes(&json!({"organization": organization}))),
        );
        assert_eq!(created.status, 200, "{}", created.text());
        let organization = created.json()["organization"].clone();
        let key = organization["api_key"].as_str().unwrap().to_owned();
        World { key, organization, events_sent: AtomicU32::new(0) }
    }

    /// Any request below `/api/v1`, and whatever it brings.
    pub fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        send(&self.key, method, &format!("/api/v1{path}"), body.map(json_bytes))
    }

    fn succeeds(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let answer = self.ask(method.clone(), path, body);
        assert_eq!(answer.status, 200, "{method} {path} {}: {}", body.cloned().unwrap_or_default(), answer.text());
        if answer.bytes.is_empty() { Value::Null } else { answer.json() }
    }

    pub fn get(&self, path: &str) -> Value {
        self.succeeds(Method::GET, path, None)
    }

    pub fn post(&self, path: &str, body: Value) -> Value {
        self.succeeds(Method::POST, path, Some(&body))
    }

    pub fn put(&self, path: &str, body: Value) -> Value {
        self.succeeds(Method::PUT, path, Some(&body))
    }

    pub fn delete(&self, path: &str) -> Value {
        self.succeeds(Method::DELETE, path, None)
    }

    /// Status and body of a request that is not a success.
    pub fn refused(&self, method: Method, path: &str, body: Value) -> String {
        let answer = self.ask(method.clone(), path, Some(&body));
        assert_ne!(answer.status, 200, "{method} {path} {body}: {}", answer.text());
        answer.line()
    }

    /// A tax; `applied` to the whole organization or not.
    pub fn tax(&self, code: &str, rate: &str, applied: bool) {
        self.post(
            "/taxes",
            json!({"tax": {
                "name": format!("Tax {code}"), "code": code, "rate": rate, "applied_to_organization": applied,
            }}),
        );
    }

    /// A metric without dimensions, from words (see `metric`).
    pub fn metric(&self, code: &str, words: &str) {
        self.post("/billable_metrics", json!({"billable_metric": metric(code, words)}));
    }

    /// A metric with more fields.
    pub fn metric_with(&self, code: &str, words: &str, more: Value) {
        let mut body = metric(code, words);
        merge(&mut body, more);
        self.post("/billable_metrics", json!({ "billable_metric": body }));
    }

    /// A charge on a metric.
    pub fn charge(&self, metric: &str, model: &str, properties: Value) -> Value {
        let metric = self.get(&format!("/billable_metrics/{metric}"));
        json!({
            "billable_metric_id": metric["billable_metric"]["lago_id"], "charge_model": model, "properties": properties,
        })
    }

    /// Ids of a metric's groups, by their value.
    pub fn group_id(&self, metric: &str, value: &str) -> Value {
        let groups = self.get(&format!("/billable_metrics/{metric}/groups"));
        let found = groups["groups"].as_array().unwrap().iter().find(|group| group["value"] == value);
        found.unwrap_or_else(|| panic!("{metric} has no group {value}: {groups}"))["lago_id"].clone()
    }

    /// A plan from words: `100.00 EUR monthly`, `12.50 USD yearly in advance`.
    pub fn plan(&self, code: &str, words: &str, charges: &[Value]) {
        self.plan_with(code, words, json!({ "charges": charges }));
    }

    /// The same with more fields.
    pub fn plan_with(&self, code: &str, words: &str, more: Value) {
        let mut parts = words.split(' ');
        let amount: Decimal = parts.next().unwrap().parse().unwrap();
        let (currency, interval) = (parts.next().unwrap(), parts.next().unwrap());
        let mut plan = json!({
            "name": code, "code": code, "interval": interval, "amount_currency": currency,
            "amount_cents": (amount * Decimal::ONE_HUNDRED).normalize().to_string(),
            "pay_in_advance": words.ends_with("in advance"),
        });
        merge(&mut plan, more);
        self.post("/plans", json!({ "plan": plan }));
    }

    /// A customer with these fields beside its external id.
    pub fn customer(&self, external_id: &str, fields: Value) {
        let mut customer = json!({ "external_id": external_id });
        merge(&mut customer, fields);
        self.post("/customers", json!({ "customer": customer }));
    }

    /// A calendar subscription from now on; its external id is the customer's.
    pub fn subscribe(&self, customer: &str, plan: &str) {
        self.subscribe_with(customer, plan, json!({}));
    }

    /// The same with more fields. Returns the reply.
    pub fn subscribe_with(&self, customer: &str, plan: &str, more: Value) -> Value {
        let mut subscription = json!({"external_customer_id": customer, "external_id": customer, "plan_code": plan});
        merge(&mut subscription, more);
        self.post("/subscriptions", json!({ "subscription": subscription }))["subscription"].clone()
    }

    /// Events of a metric on a subscription, each an instant and its properties. Ids are made.
    pub fn usage(&self, subscription: &str, metric: &str, events: &[(&str, Value)]) {
        for part in events.chunks(100) {
            let events: Vec<Value> = part
                .iter()
                .map(|(at, properties)| {
                    let number = self.events_sent.fetch_add(1, Ordering::Relaxed);
                    event(&format!("event-{number}"), subscription, metric, at, properties.clone())
                })
                .collect();
            self.post("/events/batch", json!({ "events": events }));
        }
    }

    /// Moves the clock and waits until everything due on the way is done.
    pub fn travel_to(&self, at: &str) {
        let to = iso(at);
        loop {
            let clock = self.put("/test_clock", json!({"test_clock": {"frozen_time": to}}));
            // The request waits for the advance itself, but not for ever: the same again goes on waiting.
            if clock["test_clock"]["status"] == "ready" {
                assert_eq!(clock["test_clock"]["frozen_time"], to);
                return;
            }
        }
    }

    /// Does what is queued without moving time.
    pub fn settle(&self) {
        let clock = self.get("/test_clock");
        let frozen_time = clock["test_clock"]["frozen_time"].as_str().unwrap().to_owned();
        self.travel_to(&frozen_time);
    }

    /// A customer's invoices in full, in order of creation.
    pub fn all_invoices(&self, customer: &str) -> Vec<Value> {
        let list = self.get(&format!("/invoices?external_customer_id={customer}&per_page=1000"));
        let mut ids: Vec<&str> =
            list["invoices"].as_array().unwrap().iter().map(|one| one["lago_id"].as_str().unwrap()).collect();
        ids.reverse();
        ids.into_iter().map(|id| self.get(&format!("/invoices/{id}"))["invoice"].clone()).collect()
    }

    /// The same as text.
    pub fn invoices(&self, customer: &str) -> String {
        self.all_invoices(customer).iter().map(invoice_text).collect()
    }

    /// The only invoice of a customer.
    pub fn only_invoice(&self, customer: &str) -> Value {
        let invoices = self.all_invoices(customer);
        assert_eq!(invoices.len(), 1, "{}", self.invoices(customer));
        invoices.into_iter().next().unwrap()
    }

    /// Current usage of a subscription as text: its external id is the customer's.
    pub fn current_usage(&self, customer: &str) -> String {
        self.settle();
        let usage = self.get(&format!("/customers/{customer}/current_usage?external_subscription_id={customer}"));
        usage_text(&usage["customer_usage"])
    }
}

/// Every story ends with the books in order.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let organization = self.organization["lago_id"].as_str().unwrap().parse().unwrap();
        let broken = shared().runtime.block_on(app::ledger::audit(shared().host.app(), organization)).unwrap();
        assert!(broken.is_empty(), "{broken:#?}");
    }
}

/// An event as the API takes it.
pub fn event(id: &str, subscription: &str, metric: &str, at: &str, properties: Value) -> Value {
    json!({
        "transaction_id": id, "external_subscription_id": subscription, "code": metric,
        "timestamp": timestamp(at), "properties": properties,
    })
}

pub fn json_bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// Puts the fields of `more` over those of `base`.
pub fn merge(base: &mut Value, more: Value) {
    let Value::Object(more) = more else { panic!("not an object: {more}") };
    for (name, value) in more {
        base[name] = value;
    }
}

/// An invoice as a few lines: issuing date, due date if it is another one, status, total; then fees and taxes.
pub fn invoice_text(invoice: &Value) -> String {
    let field = |name: &str| invoice[name].as_str().unwrap_or("null");
    let mut text = field("issuing_date").to_owned();
    if invoice["payment_due_date"] != invoice["issuing_date"] {
        write!(text, " due {}", field("payment_due_date")).unwrap();
    }
    let total = amount(&invoice["total_amount_cents"]);
    writeln!(text, " {} {total} {}", field("status"), field("currency")).unwrap();
    for fee in invoice["fees"].as_array().unwrap() {
        writeln!(text, "  {}", fee_text(fee)).unwrap();
    }
    for tax in invoice["applied_taxes"].as_array().unwrap() {
        let (code, rate, base) =
            (tax["tax_code"].as_str().unwrap(), &tax["tax_rate"], amount(&tax["fees_amount_cents"]));
        writeln!(text, "  tax {code} {rate}% of {base}: {}", amount(&tax["amount_cents"])).unwrap();
    }
    text
}

fn fee_text(fee: &Value) -> String {
    let mut text = fee["item"]["code"].as_str().unwrap().to_owned();
    if let Some(group) = fee["item"]["group_invoice_display_name"].as_str() {
        write!(text, " [{group}]").unwrap();
    }
    if !fee["lago_true_up_parent_fee_id"].is_null() {
        text.push_str(" true-up");
    }
    write!(text, " {}", period(&fee["from_date"], &fee["to_date"])).unwrap();
    if fee["item"]["type"] == "charge" && fee["lago_true_up_parent_fee_id"].is_null() {
        write!(text, " {} units, {} events", fee["units"].as_str().unwrap(), fee["events_count"]).unwrap();
    }
    write!(text, ": {}", amount(&fee["amount_cents"])).unwrap();
    text
}

/// `from..to` in UTC; whole days show their dates only.
fn period(from: &Value, to: &Value) -> String {
    let short = |value: &Value, whole: &str| {
        let text = value.as_str().unwrap_or("null");
        let at = text.trim_end_matches("+00:00").trim_end_matches('Z');
        at.strip_suffix(whole).unwrap_or(at).to_owned()
    };
    format!("{}..{}", short(from, "T00:00:00"), short(to, "T23:59:59"))
}

/// Cents with two decimals. Currencies of other decimals do not occur in stories.
pub fn amount(cents: &Value) -> String {
    let cents = cents.as_i64().unwrap_or_else(|| panic!("no amount: {cents}"));
    Decimal::new(cents, 2).to_string()
}

/// Current usage as a few lines.
pub fn usage_text(usage: &Value) -> String {
    let mut text = String::new();
    let window = period(&usage["from_datetime"], &usage["to_datetime"]);
    let issuing = usage["issuing_date"].as_str().unwrap();
    let (net, total) = (amount(&usage["amount_cents"]), amount(&usage["total_amount_cents"]));
    writeln!(text, "{window}, issued {issuing}: {net}, {total} with taxes").unwrap();
    for charge in usage["charges_usage"].as_array().unwrap() {
        let line = |entry: &Value| {
            let units = entry["units"].as_str().unwrap();
            format!("{units} units, {} events: {}", entry["events_count"], amount(&entry["amount_cents"]))
        };
        writeln!(text, "  {} {}", charge["billable_metric"]["code"].as_str().unwrap(), line(charge)).unwrap();
        for group in charge["groups"].as_array().unwrap() {
            let (key, value) = (group["key"].as_str().unwrap(), group["value"].as_str().unwrap());
            writeln!(text, "    {key}/{value} {}", line(group)).unwrap();
        }
    }
    text
}
