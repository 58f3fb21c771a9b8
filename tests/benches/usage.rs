//! How fast usage is read, folded and not, and how fast it is ingested; beside it the same work on PostgreSQL, as systems do
//! it that keep a row per event. `make bench-usage`.
//!
//! Current usage is the whole request over the real router and a durable SQLite file. PostgreSQL gets its query and nothing
//! else: no HTTP, no prices. Both must come to the same units, or the bench stops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
// Rates and list prices that are printed: no figure of a customer.
#![allow(clippy::float_arithmetic)]

#[path = "harness/mod.rs"]
mod harness;

use std::time::Duration;

use app::ports::Queue;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::id::OrganizationId;
use domain::usage::digest::{Code, Digester};
use rust_decimal::Decimal;
use serde_json::json;
use store::usage::fold::{self, Outcome, Request};

use harness::postgres::{Cluster, Connection, Value};
use harness::{Place, Product, grouped, machine, process_time, quantile, repeated, timed};

/// Messages of one call of `ingest`, as the local host gives it; and events of a message, as clients send them.
const MESSAGES: usize = 200;
const BATCH: u64 = 100;
/// How long one read is repeated.
const MEASURED: Duration = Duration::from_secs(2);

/// A metric with its charge, and what PostgreSQL is asked in its place.
struct Kind {
    name: &'static str,
    code: &'static str,
    aggregation: &'static str,
    field: &'static str,
    model: &'static str,
    properties: &'static str,
    sql: &'static str,
}

const WHERE: &str = "FROM events WHERE organization_id = $1::uuid AND external_subscription_id = $2 AND code = 'usage' \
                     AND timestamp >= '2026-11-01T00:00:00Z' AND timestamp < '2026-12-01T00:00:00Z'";
const SUM: &str = "SELECT count(*), coalesce(sum((properties->>'value')::numeric), 0)";

const KINDS: [Kind; 5] = [
    Kind {
        name: "sum",
        code: "sum",
        aggregation: "sum_agg",
        field: "value",
        model: "standard",
        properties: r#"{"amount": "0.001"}"#,
        sql: SUM,
    },
    Kind {
        name: "unique count, 200 values",
        code: "few",
        aggregation: "unique_count_agg",
        field: "few",
        model: "standard",
        properties: r#"{"amount": "0.5"}"#,
        sql: "SELECT count(*), count(DISTINCT properties->>'few')",
    },
    Kind {
        name: "unique count, 20,000 values",
        code: "many",
        aggregation: "unique_count_agg",
        field: "many",
        model: "standard",
        properties: r#"{"amount": "0.5"}"#,
        sql: "SELECT count(*), count(DISTINCT properties->>'many')",
    },
    Kind {
        name: "percentage",
        code: "rate",
        aggregation: "sum_agg",
        field: "value",
        model: "percentage",
        properties: r#"{"rate": "1.5", "fixed_amount": "0.01"}"#,
        sql: SUM,
    },
    Kind {
        name: "percentage with free units",
        code: "free",
        aggregation: "sum_agg",
        field: "value",
        model: "percentage",
        properties: r#"{"rate": "1.5", "free_units_per_events": 10, "free_units_per_total_aggregation": "500"}"#,
        sql: SUM,
    },
];

fn start() -> DateTime<Utc> {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

/// Numbers without a pattern; the same for the same place.
fn mixed(place: u64) -> u64 {
    let mut mixed = place.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def1);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Event number `place` of `count`, spread evenly over the month but for its last hour: reads come after them.
struct One {
    id: String,
    at: DateTime<Utc>,
    properties: String,
}

fn one(place: u64, count: u64) -> One {
    let dice = mixed(place);
    let id = uuid::Builder::from_random_bytes((u128::from(dice) << 64 | u128::from(mixed(dice))).to_be_bytes());
    let micros = (30 * 24 - 1) * 3_600_000_000_u128 * u128::from(place) / u128::from(count);
    let value = dice % 100_000;
    let properties = format!(
        r#"{{"value": "{}.{:02}", "few": "user-{}", "many": "user-{}"}}"#,
        value / 100,
        value % 100,
        (dice >> 20) % 200,
        (dice >> 30) % 20_000
    );
    One {
        id: id.into_uuid().to_string(),
        at: start() + TimeDelta::microseconds(i64::try_from(micros).unwrap()),
        properties,
    }
}

/// Bodies of requests with events of a code, and the instant of the last event of each.
fn requests(subscription: &str, code: &str, count: u64) -> impl Iterator<Item = (String, DateTime<Utc>)> {
    (0..count.div_ceil(BATCH)).map(move |part| {
        let places = part * BATCH..((part + 1) * BATCH).min(count);
        let mut last = start();
        let events: Vec<String> = places
            .map(|place| {
                let One { id, at, properties } = one(place, count);
                last = at;
                format!(
                    r#"{{"transaction_id": "{id}", "external_subscription_id": "{subscription}", "code": "{code}", "timestamp": "{}.{:03}", "properties": {properties}}}"#,
                    at.timestamp(),
                    at.timestamp_subsec_millis()
                )
            })
            .collect();
        (format!(r#"{{"events": [{}]}}"#, events.join(", ")), last)
    })
}

/// What ingesting took: the handler alone.
#[derive(Clone, Copy, Default)]
struct Ingested {
    events: u64,
    wall: Duration,
    processor: Duration,
}

impl Ingested {
    fn per_second(self) -> f64 {
        self.events as f64 / self.wall.as_secs_f64()
    }

    fn per_core(self) -> f64 {
        self.events as f64 / self.processor.as_secs_f64()
    }
}

/// Accepts events over the API and plays the queue's messages to `ingest`, as many at once as the local host does.
fn ingest(product: &Product, subscription: &str, code: &str, count: u64) -> Ingested {
    let mut taken = Ingested { events: count, ..Ingested::default() };
    let mut requests = requests(subscription, code, count).peekable();
    while requests.peek().is_some() {
        for (body, last) in requests.by_ref().take(MESSAGES) {
            product.clock.set(last.max(product.app.clock.now()));
            let (status, answer) = product.ask(http::Method::POST, "/api/v1/events/batch", body.into_bytes());
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        }
        let messages = product.queues.take(Queue::Events, MESSAGES, usize::MAX);
        let processor = process_time("self");
        let (failed, wall) = timed(|| product.call("ingest", fn_ingest::handle(&product.app, messages)));
        assert_eq!(failed, Vec::<String>::new());
        taken.wall += wall;
        taken.processor += process_time("self") - processor;
    }
    taken
}

/// Folds a log as far as it goes. The real function waits for sixteen chunks; a bench of small logs does not.
fn fold_all(product: &Product, organization: OrganizationId, subscription: &str, code: &str) {
    product.clock.pass(Duration::from_secs(600));
    product.runtime.block_on(async {
        let metrics = product.app.store.metrics(organization).await.unwrap();
        let metric = &metrics.iter().find(|metric| metric.value.code == code).unwrap().value;
        let digester = Digester::new(metric, Code::Own);
        loop {
            let request = Request {
                organization,
                external_subscription_id: subscription,
                code,
                digester: Some(&digester),
                now: product.app.clock.now(),
                margin: fold::MARGIN,
                chunks_min: 1,
            };
            match fold::fold(product.app.store.table(), &request).await.unwrap() {
                Outcome::Done { .. } => {}
                Outcome::Nothing => break,
                Outcome::Busy => panic!("nobody else folds"),
            }
        }
    });
}

/// Closes the only due customer's month. Returns how long that takes.
fn close(product: &Product, organization: OrganizationId, subscription: &str) -> Duration {
    let customer = product.get(&format!("/customers/{subscription}"));
    let customer = customer["customer"]["lago_id"].as_str().unwrap().parse().unwrap();
    let until = product.app.clock.now();
    let (closed, wall) =
        timed(|| product.runtime.block_on(app::billing::close_customer(&product.app, organization, customer, until)));
    closed.unwrap();
    wall
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    if millis < 100.0 { format!("{millis:.2} ms") } else { format!("{millis:.0} ms") }
}

fn decimal(text: &str) -> Decimal {
    text.parse::<Decimal>().unwrap().normalize()
}

struct Read {
    kind: usize,
    events: u64,
    unfolded: Vec<Duration>,
    folded: Vec<Duration>,
    closed: Duration,
    closed_unfolded: Duration,
    units: (u64, Decimal),
}

fn units(usage: &serde_json::Value) -> (u64, Decimal) {
    let charge = &usage["charges_usage"][0];
    (charge["events_count"].as_u64().unwrap(), decimal(charge["units"].as_str().unwrap()))
}

fn weir(kind: usize, events: u64) -> Read {
    let Kind { code, aggregation, field, model, properties, .. } = &KINDS[kind];
    let product = Product::new("2026-11-01T00:00:00Z", Place::File, false);
    product.plan(code, aggregation, field, model, &serde_json::from_str(properties).unwrap());
    let organization = product.organization();
    for subscription in ["folded", "unfolded"] {
        product.subscribe(subscription, code);
    }
    while product.relay() {}
    for subscription in ["unfolded", "folded"] {
        ingest(&product, subscription, code, events);
    }
    product.clock.set("2026-11-30T23:30:00Z".parse().unwrap());
    // Both have one plan and the same events: their answers are the same to the last letter.
    let expected = product.current_usage("unfolded");
    let units = units(&expected);
    assert_eq!(units.0, events, "every event counts once");
    let unfolded = repeated(3, MEASURED, || assert_eq!(product.current_usage("unfolded"), expected));
    fold_all(&product, organization, "folded", code);
    let folded = repeated(20, MEASURED, || assert_eq!(product.current_usage("folded"), expected));
    product.clock.set("2026-12-01T00:10:00Z".parse().unwrap());
    let closed = close(&product, organization, "folded");
    let closed_unfolded = close(&product, organization, "unfolded");
    for subscription in ["folded", "unfolded"] {
        let invoices = product.get(&format!("/invoices?external_customer_id={subscription}"));
        assert_eq!(invoices["meta"]["total_count"], json!(1), "the month has ended");
    }
    Read { kind, events, unfolded, folded, closed, closed_unfolded, units }
}

const ORGANIZATION: &str = "1a901a90-1a90-1a90-1a90-1a901a901a90";

/// A row per event, a unique index on the id, an index on subscription, code and timestamp; `rows` rows a transaction.
fn insert(connection: &mut Connection, backend: &str, subscription: &str, count: u64, rows: u64) -> Ingested {
    let mut taken = Ingested { events: count, ..Ingested::default() };
    let mut place = 0;
    while place < count {
        let until = (place + rows).min(count);
        let events: Vec<One> = (place..until).map(|place| one(place, count)).collect();
        let instants: Vec<String> =
            events.iter().map(|event| event.at.to_rfc3339_opts(SecondsFormat::Millis, true)).collect();
        let values = [
            Value::Text(ORGANIZATION),
            Value::Text(subscription),
            Value::Texts(events.iter().map(|event| event.id.as_str()).collect()),
            Value::Texts(instants.iter().map(String::as_str).collect()),
            Value::Texts(events.iter().map(|event| event.properties.as_str()).collect()),
        ];
        let processor = process_time(backend);
        let ((), wall) = timed(|| drop(connection.execute("insert", &values)));
        taken.wall += wall;
        taken.processor += process_time(backend) - processor;
        place = until;
    }
    taken
}

/// PostgreSQL beside it.
struct Peer {
    cluster: Cluster,
    connection: Connection,
    /// The process that serves the connection.
    backend: String,
}

impl Peer {
    /// None if there is no PostgreSQL on this machine.
    fn start() -> Option<Peer> {
        let cluster = Cluster::start()?;
        let mut connection = cluster.connect();
        connection.run(
            "CREATE TABLE events (
                 organization_id uuid NOT NULL, transaction_id text NOT NULL, external_subscription_id text NOT NULL,
                 code text NOT NULL, timestamp timestamptz NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
                 properties jsonb NOT NULL);
             CREATE UNIQUE INDEX ON events (organization_id, external_subscription_id, transaction_id);
             CREATE INDEX ON events (external_subscription_id, code, timestamp);",
        );
        let backend = connection.run("SELECT pg_backend_pid()")[0][0].clone().unwrap();
        connection.prepare(
            "insert",
            "INSERT INTO events (organization_id, external_subscription_id, code, transaction_id, timestamp, properties) \
             SELECT $1::uuid, $2, 'usage', id, at::timestamptz, properties::jsonb \
             FROM unnest($3::text[], $4::text[], $5::text[]) AS new (id, at, properties) ON CONFLICT DO NOTHING",
        );
        for (place, kind) in KINDS.iter().enumerate() {
            connection.prepare(&format!("read{place}"), &format!("{} {WHERE}", kind.sql));
        }
        Some(Peer { cluster, connection, backend })
    }

    /// The same reads: times by size and kind.
    fn reads(&mut self, sizes: &[u64], reads: &[Read]) -> Vec<Vec<Vec<Duration>>> {
        for size in sizes {
            insert(&mut self.connection, &self.backend, &format!("customer-{size}"), *size, 1000);
        }
        self.connection.run("VACUUM ANALYZE events");
        let mut found = Vec::new();
        for size in sizes {
            let subscription = format!("customer-{size}");
            let mut of_size = Vec::new();
            for (place, _) in KINDS.iter().enumerate() {
                let values = || [Value::Text(ORGANIZATION), Value::Text(&subscription)];
                let expected = reads.iter().find(|read| read.kind == place && read.events == *size).unwrap().units;
                of_size.push(repeated(3, MEASURED, || {
                    let rows = self.connection.execute(&format!("read{place}"), &values());
                    let column = |at: usize| rows[0][at].clone().unwrap();
                    assert_eq!((column(0).parse().unwrap(), decimal(&column(1))), expected, "both count the same");
                }));
            }
            found.push(of_size);
        }
        found
    }
}

/// Ingestion into one log, and beside it rows of one to a thousand a transaction.
fn ingestion(peer: Option<&mut Peer>, events: u64) {
    let product = Product::new("2026-11-01T00:00:00Z", Place::File, false);
    let Kind { code, aggregation, field, model, properties, .. } = &KINDS[0];
    product.plan(code, aggregation, field, model, &serde_json::from_str(properties).unwrap());
    product.subscribe("ingested", code);
    while product.relay() {}
    let ours = ingest(&product, "ingested", code, events);
    let rate = |events: f64| grouped(events.round() as u64);
    println!("\n| ingestion | events a second | events per second of processor time |\n| --- | --- | --- |");
    println!(
        "| `ingest`, {MESSAGES} messages of {BATCH} a call | {} | {} |",
        rate(ours.per_second()),
        rate(ours.per_core())
    );
    let Some(Peer { connection, backend, .. }) = peer else { return };
    for (rows, events) in [(1, events / 50), (BATCH, events), (1000, events)] {
        let theirs = insert(connection, backend, &format!("ingested-{rows}"), events, rows);
        println!(
            "| PostgreSQL, {rows} rows a transaction | {} ({:.1} times) | {} ({:.1} times), its backend alone |",
            rate(theirs.per_second()),
            ours.per_second() / theirs.per_second(),
            rate(theirs.per_core()),
            ours.per_core() / theirs.per_core()
        );
    }
}

fn main() {
    // Only `cargo bench` says so: there is nothing to measure in a test run.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let most: u64 = std::env::var("WEIR_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let only = std::env::var("WEIR_ONLY").unwrap_or_default();
    println!("bench-usage: {}", machine());
    let mut peer = Peer::start();
    match &peer {
        Some(peer) => println!("beside it: {}", peer.cluster.version()),
        None => println!("PostgreSQL is not on this machine (initdb, postgres): no comparison"),
    }
    if only != "reads" {
        ingestion(peer.as_mut(), most.min(1_000_000));
    }
    if only != "ingest" {
        let sizes: Vec<u64> =
            [1_000, 10_000, 100_000, 1_000_000, 10_000_000].into_iter().filter(|size| *size <= most).collect();
        reads(peer.as_mut(), &sizes);
    }
}

/// Reads of every size and kind, and closings.
fn reads(peer: Option<&mut Peer>, sizes: &[u64]) {
    let mut reads = Vec::new();
    for size in sizes {
        reads.extend((0..KINDS.len()).map(|kind| weir(kind, *size)));
    }
    let theirs = peer.map(|peer| peer.reads(sizes, &reads));
    println!(
        "\n| events | charge | PostgreSQL / folded | folded p50, p99 | unfolded p50, p99 | PostgreSQL p50, p99 | closing, folded and not |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let both = |times: &[Duration]| format!("{}, {}", millis(quantile(times, 50)), millis(quantile(times, 99)));
    for (place, size) in sizes.iter().enumerate() {
        for read in reads.iter().filter(|read| read.events == *size) {
            let theirs = theirs.as_ref().map(|theirs| &theirs[place][read.kind]);
            let ratio = theirs.map_or("-".to_owned(), |theirs| {
                format!("{:.0}", quantile(theirs, 50).as_secs_f64() / quantile(&read.folded, 50).as_secs_f64())
            });
            println!(
                "| {} | {} | {ratio} | {} | {} | {} | {}, {} |",
                grouped(*size),
                KINDS[read.kind].name,
                both(&read.folded),
                both(&read.unfolded),
                theirs.map_or("-".to_owned(), |theirs| both(theirs)),
                millis(read.closed),
                millis(read.closed_unfolded)
            );
        }
    }
}
