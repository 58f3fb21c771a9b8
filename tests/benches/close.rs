//! How many invoices a second a month's end makes on the local host, PDF apart. `make bench-close`.
//!
//! Twice the same ten thousand subscriptions, each with a customer and events of its own. First in a sandbox of the real
//! host: one request turns its clock, and answers when every month has ended and every queue is empty. Then by the real
//! clock's functions: `clock` finds what is due, `billing` closes, as many jobs at once as the host has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
// Rates and list prices that are printed: no figure of a customer.
#![allow(clippy::float_arithmetic)]

#[path = "harness/mod.rs"]
mod harness;

use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use app::ports::Queue;
use futures_util::future::join_all;
use it::flights::client::Api;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use weir::{Host, Settings};

use harness::{Place, Product, grouped, machine, process_time};

const EVENTS_EACH: u64 = 10;
/// Subscriptions whose requests are on their way at the same time, while everything is set up.
const AT_ONCE: usize = 32;
/// Billing jobs at the same time, as on the local host.
const JOBS_AT_ONCE: usize = 512;

fn name(number: u64) -> String {
    format!("customer-{number:05}")
}

fn events(numbers: &[u64], day: u64) -> Value {
    let events: Vec<Value> = numbers
        .iter()
        .map(|number| {
            json!({
                "transaction_id": format!("{number}-{day}"), "external_subscription_id": name(*number), "code": "usage",
                // November 2026, a day after the other.
                "timestamp": 1_793_491_200 + day * 86_400 + number % 86_400, "properties": {"value": number % 100},
            })
        })
        .collect();
    json!({ "events": events })
}

fn report(title: &str, invoices: u64, taken: Duration, processor: Duration) {
    println!(
        "| {title} | {} | {:.1} s | **{:.0}** | {:.1} s |",
        grouped(invoices),
        taken.as_secs_f64(),
        invoices as f64 / taken.as_secs_f64(),
        processor.as_secs_f64()
    );
}

async fn set_up(api: &Api, subscriptions: u64) {
    let metric = json!({"billable_metric": {
        "name": "usage", "code": "usage", "aggregation_type": "sum_agg", "field_name": "value",
    }});
    let metric = api.post("/api/v1/billable_metrics", &metric).await.unwrap()["billable_metric"]["lago_id"].clone();
    let charge = json!({"billable_metric_id": metric, "charge_model": "standard", "properties": {"amount": "0.10"}});
    let plan = json!({"plan": {
        "name": "plan", "code": "plan", "interval": "monthly", "amount_cents": 1000, "amount_currency": "EUR",
        "pay_in_advance": false, "charges": [charge],
    }});
    api.post("/api/v1/plans", &plan).await.unwrap();
    let numbers: Vec<u64> = (0..subscriptions).collect();
    for part in numbers.chunks(AT_ONCE) {
        let both = part.iter().map(|number| async {
            let name = name(*number);
            api.post("/api/v1/customers", &json!({"customer": {"external_id": name}})).await.unwrap();
            let subscription = json!({"external_customer_id": name, "external_id": name, "plan_code": "plan"});
            api.post("/api/v1/subscriptions", &json!({ "subscription": subscription })).await.unwrap();
        });
        join_all(both).await;
    }
    for day in 0..EVENTS_EACH {
        for part in numbers.chunks(100) {
            api.post_events(events(part, day).to_string().into_bytes()).await.unwrap();
        }
    }
}

fn sandbox(subscriptions: u64) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let settings = Settings {
            rate_limit: None,
            listen: "127.0.0.1:0".parse().unwrap(),
            data_dir: folder.path().to_owned(),
            admin_key: "admin-of-the-bench".to_owned(),
            public_url: None,
            allow_private_targets: false,
            demo: false,
        };
        let host = Host::start(settings).await.unwrap();
        let admin = Api::new(&format!("http://{}", host.address()), "admin-of-the-bench").unwrap();
        let organization = json!({"organization": {
            "name": "Acme", "default_currency": "EUR", "test_clock": {"frozen_time": "2026-11-01T00:00:00Z"},
        }});
        let made = admin.post("/admin/organizations", &organization).await.unwrap();
        let api = admin.with_key(made["organization"]["api_key"].as_str().unwrap());
        set_up(&api, subscriptions).await;
        // What was sent has arrived.
        api.travel_to("2026-11-30T00:00:00Z".parse().unwrap()).await.unwrap();
        let (watch, processor) = (Stopwatch::now(), process_time("self"));
        api.travel_to("2026-12-01T01:00:00Z".parse().unwrap()).await.unwrap();
        let (taken, processor) = (watch.elapsed(), process_time("self") - processor);
        let list: Value = api.get("/api/v1/invoices?per_page=1").await.unwrap();
        assert_eq!(list["meta"]["total_count"], json!(subscriptions), "every month has ended");
        report("a sandbox's clock, one request", subscriptions, taken, processor);
        host.stop().await;
    });
}

fn real_clock(subscriptions: u64) {
    let product = Product::new("2026-11-01T00:00:00Z", Place::File, false);
    product.plan("usage", "sum_agg", "value", "standard", &json!({"amount": "0.10"}));
    let numbers: Vec<u64> = (0..subscriptions).collect();
    for number in &numbers {
        product.subscribe(&name(*number), "usage");
    }
    while product.relay() {}
    for day in 0..EVENTS_EACH {
        for part in numbers.chunks(100) {
            product.post("/events/batch", &events(part, day));
        }
        let messages = product.queues.take(Queue::Events, usize::MAX, usize::MAX);
        assert_eq!(product.call("ingest", fn_ingest::handle(&product.app, messages)), Vec::<String>::new());
    }
    product.clock.set("2026-12-01T00:06:00Z".parse().unwrap());
    let (watch, processor) = (Stopwatch::now(), process_time("self"));
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        loop {
            // A tick takes up a bounded number of each shard: the next one finds the rest.
            fn_clock::handle(&product.app).await.unwrap();
            let jobs = product.queues.take(Queue::Billing, usize::MAX, usize::MAX);
            if jobs.is_empty() {
                break;
            }
            let permits = Arc::new(Semaphore::new(JOBS_AT_ONCE));
            let mut running = JoinSet::new();
            for job in jobs {
                let permit = Arc::clone(&permits).acquire_owned().await.unwrap();
                let app = product.app.clone();
                running.spawn(async move {
                    let failed = fn_billing::handle(&app, vec![job]).await;
                    drop(permit);
                    failed
                });
            }
            while let Some(failed) = running.join_next().await {
                assert_eq!(failed.unwrap(), Vec::<String>::new());
            }
        }
    });
    let (taken, processor) = (watch.elapsed(), process_time("self") - processor);
    let list = product.get("/invoices?per_page=1");
    assert_eq!(list["meta"]["total_count"], json!(subscriptions), "every month has ended");
    report("the real clock's functions", subscriptions, taken, processor);
}

fn main() {
    // Only `cargo bench` says so: there is nothing to measure in a test run.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let subscriptions = number("WEIR_SUBSCRIPTIONS", 10_000);
    println!("bench-close: {} subscriptions, {EVENTS_EACH} events each; {}", grouped(subscriptions), machine());
    println!("\n| by | invoices | taken | invoices a second | processor time |\n| --- | --- | --- | --- | --- |");
    let only = std::env::var("WEIR_ONLY").unwrap_or_default();
    if only != "real" {
        sandbox(subscriptions);
    }
    if only != "sandbox" {
        real_clock(subscriptions);
    }
}
