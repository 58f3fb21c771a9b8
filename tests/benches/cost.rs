//! What usage costs on AWS: a million events through the real handlers, the billed units, and list prices. `make bench-cost`.
//!
//! Units are counted, prices are looked up in one table ([`PRICES`]). Requests, queue requests and the table's units are
//! exact by AWS's rules. The duration of a function is its processor time here, at the share of a processor that its memory
//! buys, and a fixed time for each answer that it waits for ([`TABLE_ANSWER`], [`QUEUE_ANSWER`]): an estimate.
//!
//! Every play ends with the count that the API gives for it: a bench that lost an event would not report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
// Rates and list prices that are printed: no figure of a customer.
#![allow(clippy::float_arithmetic)]

#[path = "harness/mod.rs"]
mod harness;

use std::collections::BTreeMap;
use std::time::Duration;

use app::ports::Queue;
use documents::renderer::TypstRenderer;
use http::Method;
use serde_json::{Value, json};
use store::table::Consumed;

use harness::{Place, Product, QueueUse, Work, grouped, machine};

/// When the prices below were list prices of us-east-1, arm64, on demand, beyond every free tier. Check before relying on them.
const PRICES_OF: &str = "2026-11-22";
/// Dollars per million, except where it says otherwise.
const PRICES: Prices = Prices {
    http_request: 1.00,
    function_call: 0.20,
    gigabyte_second: 13.3334,
    queue_request: 0.40,
    write_unit: 0.625,
    read_unit: 0.125,
    gigabyte_month: 0.25,
    object_put: 5.00,
    alarm_month: 0.10,
    secret_month: 0.40,
};

struct Prices {
    http_request: f64,
    function_call: f64,
    gigabyte_second: f64,
    queue_request: f64,
    write_unit: f64,
    read_unit: f64,
    /// One.
    gigabyte_month: f64,
    object_put: f64,
    /// One.
    alarm_month: f64,
    /// One.
    secret_month: f64,
}

/// How long a function waits for one answer of the table, and of a queue.
const TABLE_ANSWER: Duration = Duration::from_millis(5);
const QUEUE_ANSWER: Duration = Duration::from_millis(10);
/// Memory that buys a whole processor, MB.
const PROCESSOR_MB: f64 = 1769.0;
/// How long a request for a PDF waits at most while it is made.
const DOWNLOAD_WAIT: Duration = Duration::from_secs(2);

/// As template.yaml has them: most messages of a call of `ingest`, its window, and how many calls gather beside each other.
const INGEST_MESSAGES: usize = 5_000;
const INGEST_WINDOW: Duration = Duration::from_secs(10);
const INGEST_AT_ONCE: usize = 2;
/// Most bytes of a call's messages: 6 MB with some room.
const CALL_BYTES: usize = 5_800_000;
/// Long polls of an idle queue: five connections, twenty seconds each.
const POLLS_A_MINUTE: u64 = 15;
const MINUTES_A_MONTH: u64 = 43_200;

fn template() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
    std::fs::read_to_string(path).expect("template.yaml is there")
}

/// Megabytes of a function's memory, from the template.
fn memory(function: &str) -> f64 {
    let template = template();
    let (_, rest) = template.split_once(&format!("${{AWS::StackName}}-{function}\"")).expect("the function is there");
    let (_, rest) = rest.split_once("MemorySize: ").expect("it says its memory");
    rest.lines().next().and_then(|line| line.trim().parse().ok()).expect("a number")
}

/// What was used.
#[derive(Debug, Clone, Default)]
struct Used {
    work: BTreeMap<&'static str, Work>,
    queues: QueueUse,
    consumed: Consumed,
    stored: usize,
    documents: u64,
}

fn used(product: &Product) -> Used {
    let mut queues = QueueUse::default();
    for one in product.queues.used().values() {
        queues.messages += one.messages;
        queues.sends += one.sends;
        queues.receives += one.receives;
        queues.deletes += one.deletes;
    }
    Used { work: product.work(), queues, consumed: product.consumed(), stored: product.table.stored().0, documents: 0 }
}

impl Used {
    fn since(&self, before: &Used) -> Used {
        let mut work = self.work.clone();
        for (function, done) in &mut work {
            let old = before.work.get(function).copied().unwrap_or_default();
            done.calls -= old.calls;
            done.compute -= old.compute;
            done.table_waits -= old.table_waits;
            done.queue_waits -= old.queue_waits;
        }
        work.retain(|_, done| done.calls > 0);
        Used {
            work,
            queues: QueueUse {
                messages: self.queues.messages - before.queues.messages,
                sends: self.queues.sends - before.queues.sends,
                receives: self.queues.receives - before.queues.receives,
                deletes: self.queues.deletes - before.queues.deletes,
            },
            consumed: Consumed {
                read_half_units: self.consumed.read_half_units - before.consumed.read_half_units,
                write_units: self.consumed.write_units - before.consumed.write_units,
            },
            stored: self.stored.saturating_sub(before.stored),
            documents: self.documents - before.documents,
        }
    }
}

/// Prints the bill, `scale` times. Returns the dollars without storage.
fn bill(title: &str, used: &Used, scale: f64) -> f64 {
    println!("\n{title}");
    println!("| service | units | USD |\n| --- | --- | --- |");
    let mut total = 0.0;
    let mut line = |service: &str, units: String, dollars: f64| {
        total += dollars;
        println!("| {service} | {units} | {dollars:.4} |");
    };
    let count = |units: f64| grouped((units * scale).round() as u64);
    let millions = scale / 1e6;
    let requests = used.work.get("api").map_or(0, |work| work.calls) as f64;
    line("HTTP API", format!("{} requests", count(requests)), requests * millions * PRICES.http_request);
    let mut calls = 0.0;
    let mut seconds = 0.0;
    let mut parts = Vec::new();
    for (function, work) in &used.work {
        let memory = memory(function);
        // Durations are billed by the millisecond begun: half of one too much on average.
        let each = work.compute.as_secs_f64() / (memory / PROCESSOR_MB).min(1.0)
            + TABLE_ANSWER.as_secs_f64() * work.table_waits as f64
            + QUEUE_ANSWER.as_secs_f64() * work.queue_waits as f64
            + 0.0005 * work.calls as f64;
        let waiting = if *function == "api" { DOWNLOAD_WAIT.as_secs_f64() * used.documents as f64 } else { 0.0 };
        let gigabytes = (each + waiting) * memory / 1024.0;
        calls += work.calls as f64;
        seconds += gigabytes;
        parts.push(format!("{function} {} calls, {} GB-s", count(work.calls as f64), count(gigabytes)));
    }
    line("Lambda, requests", count(calls), calls * millions * PRICES.function_call);
    line("Lambda, duration", parts.join("; "), seconds * millions * PRICES.gigabyte_second);
    let requests = used.queues.requests() as f64;
    let units = format!(
        "{} requests: {} to send, {} to receive, {} to delete",
        count(requests),
        count(used.queues.sends as f64),
        count(used.queues.receives as f64),
        count(used.queues.deletes as f64)
    );
    line("SQS", units, requests * millions * PRICES.queue_request);
    let writes = used.consumed.write_units as f64;
    line("DynamoDB, writes", format!("{} units", count(writes)), writes * millions * PRICES.write_unit);
    let reads = used.consumed.read_half_units as f64 / 2.0;
    line("DynamoDB, reads", format!("{} units", count(reads)), reads * millions * PRICES.read_unit);
    if used.documents > 0 {
        let puts = used.documents as f64;
        line("S3", format!("{} puts", count(puts)), puts * millions * PRICES.object_put);
    }
    println!("| **sum** | | **{total:.4}** |");
    if used.stored > 0 {
        let gigabytes = used.stored as f64 * scale / 1e9;
        println!("| storage a month | {:.4} GB | {:.4} |", gigabytes, gigabytes * PRICES.gigabyte_month);
    }
    total
}

/// Numbers without a pattern that a compressor could see; the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// An event as clients send them: a random UUID, a timestamp, two properties.
fn event(dice: &mut Dice, subscription: u64, seconds: i64) -> Value {
    let id = uuid::Builder::from_random_bytes((u128::from(dice.next()) << 64 | u128::from(dice.next())).to_be_bytes());
    let value = dice.next() % 1_000_000;
    json!({
        "transaction_id": id.into_uuid(), "external_subscription_id": format!("customer-{subscription:04}"),
        "code": "usage", "timestamp": format!("{seconds}.{:03}", dice.next() % 1000),
        "properties": {"value": format!("{}.{:02}", value / 100, value % 100), "region": "eu-west-1"},
    })
}

/// How events come.
struct Play {
    title: &'static str,
    subscriptions: u64,
    /// Events of a request; one is sent to the route for one.
    batch: u64,
    /// Events a second.
    rate: u64,
    target: f64,
}

fn product_with(subscriptions: u64) -> Product {
    let product = Product::new("2026-11-02T00:00:00Z", Place::Memory, true);
    product.plan("usage", "sum_agg", "value", "standard", &json!({"amount": "0.001"}));
    for number in 0..subscriptions {
        product.subscribe(&format!("customer-{number:04}"), "usage");
    }
    while product.relay() {}
    product
}

fn ingest(product: &Product, share: usize) -> bool {
    let messages = product.queues.take(Queue::Events, share.min(INGEST_MESSAGES), CALL_BYTES);
    let is_any = !messages.is_empty();
    if is_any {
        let failed = product.call("ingest", fn_ingest::handle(&product.app, messages));
        assert_eq!(failed, Vec::<String>::new());
    }
    is_any
}

fn fold_what_is_due(product: &Product) {
    loop {
        let messages = product.queues.take(Queue::Fold, 1, CALL_BYTES);
        if messages.is_empty() {
            return;
        }
        assert_eq!(product.call("fold", fn_fold::handle(&product.app, messages)), Vec::<String>::new());
    }
}

/// Sends `events` events and does all that follows. Returns the product and what was used.
fn play(play: &Play, events: u64) -> (Product, Used) {
    let product = product_with(play.subscriptions);
    let before = used(&product);
    let mut dice = Dice(7);
    let pause = Duration::from_secs_f64(play.batch as f64 / play.rate as f64);
    let (mut sent, mut since_ingest) = (0, Duration::ZERO);
    while sent < events {
        let seconds = product.app.clock.now().timestamp();
        let events: Vec<Value> =
            (0..play.batch).map(|place| event(&mut dice, (sent + place) % play.subscriptions, seconds)).collect();
        let (path, body) = if play.batch == 1 {
            ("/api/v1/events", json!({ "event": events[0] }))
        } else {
            ("/api/v1/events/batch", json!({ "events": events }))
        };
        let (status, answer) = product.ask(Method::POST, path, body.to_string().into_bytes());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        sent += play.batch;
        product.clock.pass(pause);
        since_ingest += pause;
        if since_ingest >= INGEST_WINDOW {
            since_ingest = Duration::ZERO;
            let share = product.queues.waiting(Queue::Events).div_ceil(INGEST_AT_ONCE);
            while ingest(&product, share) {}
            fold_what_is_due(&product);
        }
    }
    while ingest(&product, INGEST_MESSAGES) {}
    while product.queues.waiting(Queue::Fold) > 0 {
        product.clock.pass(Duration::from_secs(60));
        fold_what_is_due(&product);
    }
    let used = used(&product).since(&before);
    let mut counted = 0;
    for number in 0..play.subscriptions {
        let usage = product.current_usage(&format!("customer-{number:04}"));
        counted += usage["charges_usage"][0]["events_count"].as_u64().unwrap();
    }
    assert_eq!(counted, sent, "every event counts once");
    (product, used)
}

/// Which items the table's units went to.
fn by_kind(product: &Product, scale: f64) {
    println!("\nUnits of the table by kind of item\n| kind | written | removed | read |\n| --- | --- | --- | --- |");
    let count = |units: u64| grouped((units as f64 * scale).round() as u64);
    for (kind, units) in product.table.units() {
        println!("| {kind} | {} | {} | {} |", count(units.written), count(units.removed), count(units.read));
    }
}

/// The functions and services that nobody uses, for a month.
fn idle() {
    let product = product_with(1);
    let before = used(&product);
    let minutes = 1440;
    for _ in 0..minutes {
        product.clock.pass(Duration::from_secs(60));
        product.call("clock", fn_clock::handle(&product.app)).unwrap();
    }
    let used = used(&product).since(&before);
    let total = bill("An idle month: the clock", &used, MINUTES_A_MONTH as f64 / f64::from(minutes));
    let template = template();
    let queues = template.matches("Type: SQS\n").count() as u64;
    let polls = queues * POLLS_A_MINUTE * MINUTES_A_MONTH;
    let polling = polls as f64 / 1e6 * PRICES.queue_request;
    println!("| Lambda's polls of {queues} empty queues | {} requests | {polling:.4} |", grouped(polls));
    let alarms = template.matches("Type: AWS::CloudWatch::Alarm").count();
    let alarms_cost = alarms as f64 * PRICES.alarm_month;
    println!("| alarms | {alarms} | {alarms_cost:.4} |\n| one secret | 1 | {:.4} |", PRICES.secret_month);
    println!("| **sum** | | **{:.4}** |", total + polling + alarms_cost + PRICES.secret_month);
}

fn reads(product: &Product) {
    let before = used(product);
    for _ in 0..1000 {
        product.current_usage("customer-0000");
    }
    bill("1,000 reads of current usage, a million folded events in the period", &used(product).since(&before), 1.0);
}

/// Months end, and every invoice is asked for as a PDF. `count` of them, scaled to ten thousand.
fn closings(count: u64) {
    let product = product_with(count);
    let mut dice = Dice(11);
    for place in 0..10 {
        let seconds = product.app.clock.now().timestamp();
        for part in (0..count).collect::<Vec<_>>().chunks(100) {
            let events: Vec<Value> = part.iter().map(|number| event(&mut dice, *number, seconds + place)).collect();
            product.post("/events/batch", &json!({ "events": events }));
        }
        while ingest(&product, INGEST_MESSAGES) {}
    }
    product.clock.set("2026-12-01T00:06:00Z".parse().unwrap());
    let before = used(&product);
    product.call("clock", fn_clock::handle(&product.app)).unwrap();
    let drain = |queue: Queue| product.queues.take(queue, 1, CALL_BYTES);
    loop {
        let messages = drain(Queue::Billing);
        if messages.is_empty() {
            break;
        }
        assert_eq!(product.call("billing", fn_billing::handle(&product.app, messages)), Vec::<String>::new());
    }
    while product.relay() {}
    let closed = used(&product).since(&before);
    let scale = 10_000.0 / count as f64;
    bill(&format!("10,000 monthly closings (scaled from {count}), PDF apart"), &closed, scale);

    let list = product.get(&format!("/invoices?per_page={count}"));
    let ids: Vec<String> =
        list["invoices"].as_array().unwrap().iter().map(|one| one["lago_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len() as u64, count, "every month has ended");
    let before = used(&product);
    let renderer = TypstRenderer;
    for id in &ids {
        let path = format!("/api/v1/invoices/{id}/download");
        // The request waits while the others work.
        let asked = product.asked_beside(Method::POST, &path);
        while !product.relay() {}
        for messages in std::iter::from_fn(|| Some(drain(Queue::Documents)).filter(|messages| !messages.is_empty())) {
            let done = product.call("documents", fn_documents::handle(&product.app, &renderer, messages));
            assert_eq!(done, Vec::<String>::new());
        }
        let (status, _) = product.call("api", asked).expect("nobody panics");
        assert_eq!(status, 200);
    }
    let mut used = used(&product).since(&before);
    used.documents = count;
    bill(&format!("10,000 PDFs of them (scaled from {count})"), &used, scale);
}

fn main() {
    // `cargo test` runs benches to see that they build: nothing to measure there.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (events, rate) = (number("WEIR_EVENTS", 1_000_000), number("WEIR_RATE", 1_000));
    println!("bench-cost: {} events, {rate} a second; {}; prices of {PRICES_OF}", grouped(events), machine());
    let one = "batches of 100 on one subscription";
    let hundred = "batches of 100 over 100 subscriptions";
    let plays = [
        Play { title: one, subscriptions: 1, batch: 100, rate, target: 0.10 },
        Play { title: hundred, subscriptions: 100, batch: 100, rate, target: 0.20 },
        Play { title: "single events over 1,000 subscriptions", subscriptions: 1000, batch: 1, rate, target: 2.50 },
    ];
    let mut sums = Vec::new();
    let is_asked = |place: usize| number("WEIR_SHAPE", 0) == 0 || number("WEIR_SHAPE", 0) == place as u64 + 1;
    for (place, one) in plays.iter().enumerate().filter(|(place, _)| is_asked(*place)) {
        let (product, used) = play(one, events);
        let total = bill(&format!("A million events: {}", one.title), &used, 1e6 / events as f64);
        by_kind(&product, 1e6 / events as f64);
        sums.push(format!("{}: {total:.3} USD per million events, target {:.2}", one.title, one.target));
        if place == 0 {
            reads(&product);
        }
    }
    if number("WEIR_SHAPE", 0) == 0 {
        closings(number("WEIR_CLOSINGS", 200));
        idle();
    }
    println!("\n{}", sums.join("\n"));
}
