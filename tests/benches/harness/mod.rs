//! The product under a bench: every function over one SQLite table in this process, called as a deployment would call it.
//!
//! Owns: the world around the functions (a clock that the bench turns, queues in memory, a table that counts), and a small
//! vocabulary over the real router. Does not own: what is measured.

// Each bench is a program of its own and uses a part of this.
#![allow(dead_code)]

pub mod postgres;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant as Stopwatch};

use app::App;
use app::ports::{Bus, Clock, Ids, Incoming, Notice, Outgoing, PortError, Queue, Queues};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use chrono::{DateTime, Utc};
use domain::id::OrganizationId;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use store::Store;
use store::outbox;
use store::sqlite::{Database, SqliteTable};
use store::table::capacity::{self, Footprint, Sent};
use store::table::{Consumed, Index, IndexPage, Item, Key, Page, Query, Table, TableError, TransactError, Write};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tower::ServiceExt;
use uuid::Uuid;
use weir::{Host, Settings};

const ADMIN_KEY: &str = "admin-of-the-bench";
/// DynamoDB takes so many items in one batch of reads, or of writes, and the store has so many of these under way.
const READS_PER_BATCH: usize = 100;
const WRITES_PER_BATCH: usize = 25;
const BATCHES_AT_ONCE: usize = 8;
/// What DynamoDB adds to an item's size for storage, bytes.
const STORED_OVERHEAD: usize = 100;

/// A real clock that the bench turns.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn set(&self, at: DateTime<Utc>) {
        let before = self.0.swap(at.timestamp_micros(), Ordering::Relaxed);
        assert!(before <= at.timestamp_micros(), "clocks go forward");
    }

    pub fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).expect("a bench is short");
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::Relaxed)).expect("a bench plays in our time")
    }
}

/// Ids whose time is the manual clock's; randomness is the machine's.
struct ManualIds {
    clock: Arc<ManualClock>,
    machine: Arc<dyn Ids>,
    last_sequence: AtomicI64,
}

impl Ids for ManualIds {
    fn uuid(&self) -> Uuid {
        let random = self.machine.secret();
        let mut ten = [0; 10];
        ten.copy_from_slice(&random[..10]);
        let millis = u64::try_from(self.clock.now().timestamp_millis()).expect("a bench plays in our time");
        uuid::Builder::from_unix_timestamp_millis(millis, &ten).into_uuid()
    }

    fn sequence(&self) -> i64 {
        let now = self.clock.now().timestamp_micros();
        let next = |last: i64| Some(now.max(last + 1));
        let last = self.last_sequence.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        now.max(last.expect("there always is a next one") + 1)
    }

    fn below(&self, bound: u32) -> u32 {
        self.machine.below(bound)
    }

    fn secret(&self) -> [u8; 32] {
        self.machine.secret()
    }
}

/// Units of the table that items of one kind used; what transactions cost more is not in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct UnitsOfKind {
    pub written: u64,
    pub removed: u64,
    pub read: u64,
}

/// What stands in a table.
struct Standing {
    kind: String,
    bytes: usize,
    footprint: Footprint,
}

/// What stands in a table and what has been done to it, by kind of item.
#[derive(Default)]
struct Books {
    standing: HashMap<Key, Standing>,
    units: BTreeMap<String, UnitsOfKind>,
}

impl Books {
    fn put(&mut self, item: &Item) {
        let standing =
            Standing { kind: item.kind.clone(), bytes: capacity::item_bytes(item), footprint: Footprint::of(item) };
        let units = self.units.entry(item.kind.clone()).or_default();
        let before = self.standing.get(&item.key).map(|it| &it.footprint);
        units.written += capacity::write_units(before, Some(&standing.footprint), Sent::Plain);
        self.standing.insert(item.key.clone(), standing);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(gone) = self.standing.remove(key) {
            let units = self.units.entry(gone.kind).or_default();
            units.removed += capacity::write_units(Some(&gone.footprint), None, Sent::Plain);
        }
    }

    /// Items of one answer; what a page of them is rounded to is its first item's.
    fn read<'a>(&mut self, items: impl Iterator<Item = &'a Item>) {
        let mut bytes = 0;
        let mut kind = None;
        for item in items {
            bytes += capacity::item_bytes(item);
            kind.get_or_insert(&item.kind);
        }
        if let Some(kind) = kind {
            self.units.entry(kind.clone()).or_default().read += capacity::strong_read(bytes) / 2;
        }
    }
}

/// A table that counts the answers that a function waits for, and what is stored.
pub struct Metered {
    inner: SqliteTable,
    waits: AtomicU64,
    books: Option<Mutex<Books>>,
}

impl Metered {
    fn wait(&self, calls: usize) {
        self.waits.fetch_add(calls as u64, Ordering::Relaxed);
    }

    /// One after the other: so many answers.
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    fn books(&self) -> Option<MutexGuard<'_, Books>> {
        self.books.as_ref().map(|books| books.lock().expect("nobody panics"))
    }

    /// Bytes that DynamoDB bills as stored, and items.
    pub fn stored(&self) -> (usize, usize) {
        let books = self.books().expect("the bench asked for books");
        (books.standing.values().map(|it| it.bytes + STORED_OVERHEAD).sum(), books.standing.len())
    }

    /// Units by kind of item.
    pub fn units(&self) -> BTreeMap<String, UnitsOfKind> {
        self.books().expect("the bench asked for books").units.clone()
    }

    fn note(&self, items: &[Item]) {
        if let Some(mut books) = self.books() {
            items.iter().for_each(|item| books.put(item));
        }
    }

    fn forget<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        if let Some(mut books) = self.books() {
            keys.for_each(|key| books.remove(key));
        }
    }

    fn note_read<'a>(&self, items: impl Iterator<Item = &'a Item>) {
        if let Some(mut books) = self.books() {
            books.read(items);
        }
    }
}

#[async_trait]
impl Table for Metered {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        self.wait(1);
        let item = self.inner.get(key).await?;
        self.note_read(item.iter());
        Ok(item)
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, TableError> {
        self.wait(keys.len().div_ceil(READS_PER_BATCH * BATCHES_AT_ONCE));
        let items = self.inner.get_many(keys).await?;
        for item in items.iter().flatten() {
            self.note_read(std::iter::once(item));
        }
        Ok(items)
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.wait(1);
        let page = self.inner.query(query).await?;
        self.note_read(page.items.iter());
        Ok(page)
    }

    async fn query_index(&self, index: Index, query: &Query) -> Result<IndexPage, TableError> {
        self.wait(1);
        self.inner.query_index(index, query).await
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), TableError> {
        self.wait(items.len().div_ceil(WRITES_PER_BATCH * BATCHES_AT_ONCE));
        self.note(&items);
        self.inner.put_all(items).await
    }

    async fn delete_all(&self, keys: &[Key]) -> Result<(), TableError> {
        self.wait(keys.len().div_ceil(WRITES_PER_BATCH * BATCHES_AT_ONCE));
        self.forget(keys.iter());
        self.inner.delete_all(keys).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        self.wait(1);
        for write in &writes {
            match write {
                Write::Put(item, _) => self.note(std::slice::from_ref(item)),
                Write::Delete(key, _) => self.forget([key].into_iter()),
                Write::Check(..) | Write::Add(..) => {}
            }
        }
        self.inner.transact(writes).await
    }

    async fn add(&self, key: &Key, by: i64) -> Result<i64, TableError> {
        self.wait(1);
        self.inner.add(key, by).await
    }

    fn consumed(&self) -> Consumed {
        self.inner.consumed()
    }
}

/// A message that waits until it is due.
pub struct Waiting {
    pub message: Outgoing,
    pub sent_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
}

/// What the queues were asked, in the units that SQS bills: requests of up to ten messages, one more per 64 KB begun.
#[derive(Debug, Clone, Copy, Default)]
pub struct QueueUse {
    pub messages: u64,
    pub sends: u64,
    pub receives: u64,
    pub deletes: u64,
}

impl QueueUse {
    pub fn requests(&self) -> u64 {
        self.sends + self.receives + self.deletes
    }
}

/// Queues in memory.
pub struct Counted {
    clock: Arc<ManualClock>,
    waiting: Mutex<HashMap<Queue, VecDeque<Waiting>>>,
    used: Mutex<HashMap<Queue, QueueUse>>,
    calls: AtomicU64,
}

/// Most messages and bytes of one request to SQS, and what it bills one of.
const MESSAGES_PER_REQUEST: usize = 10;
const BYTES_PER_REQUEST: usize = 256 * 1024;
const BILLED_BYTES: usize = 64 * 1024;

fn requests(sizes: impl Iterator<Item = usize>) -> u64 {
    let (mut requests, mut messages, mut bytes) = (0_u64, 0, 0);
    let billed = |bytes: usize| bytes.div_ceil(BILLED_BYTES).max(1) as u64;
    for size in sizes {
        if messages == MESSAGES_PER_REQUEST || (messages > 0 && bytes + size > BYTES_PER_REQUEST) {
            requests += billed(bytes);
            (messages, bytes) = (0, 0);
        }
        messages += 1;
        bytes += size;
    }
    if messages > 0 { requests + billed(bytes) } else { requests }
}

#[async_trait]
impl Queues for Counted {
    async fn send(&self, messages: Vec<Outgoing>) -> Result<(), PortError> {
        let now = self.clock.now();
        let mut by_queue: HashMap<Queue, Vec<Outgoing>> = HashMap::new();
        for message in messages {
            by_queue.entry(message.queue).or_default().push(message);
        }
        for (queue, messages) in by_queue {
            let sends = requests(messages.iter().map(|message| message.body.len()));
            self.calls.fetch_add(sends, Ordering::Relaxed);
            let mut used = self.used.lock().expect("nobody panics");
            let used = used.entry(queue).or_default();
            used.messages += messages.len() as u64;
            used.sends += sends;
            let waiting = messages.into_iter().map(|message| {
                let due_at = now + chrono::TimeDelta::seconds(message.delay_seconds.into());
                Waiting { message, sent_at: now, due_at }
            });
            self.waiting.lock().expect("nobody panics").entry(queue).or_default().extend(waiting);
        }
        Ok(())
    }
}

impl Counted {
    /// Takes what is due, as one function call gets it: at most so many messages and bytes. Counts receiving and deleting.
    pub fn take(&self, queue: Queue, messages_max: usize, bytes_max: usize) -> Vec<Incoming> {
        let now = self.clock.now();
        let mut waiting = self.waiting.lock().expect("nobody panics");
        let waiting = waiting.entry(queue).or_default();
        let (mut taken, mut bytes, mut rest) = (Vec::new(), 0, VecDeque::new());
        while let Some(next) = waiting.pop_front() {
            let size = in_call(&next.message);
            if next.due_at > now {
                rest.push_back(next);
            } else if taken.len() == messages_max || (!taken.is_empty() && bytes + size > bytes_max) {
                rest.push_back(next);
                break;
            } else {
                bytes += size;
                taken.push(next);
            }
        }
        rest.append(waiting);
        *waiting = rest;
        let mut used = self.used.lock().expect("nobody panics");
        let used = used.entry(queue).or_default();
        used.receives += requests(taken.iter().map(|taken| taken.message.body.len()));
        used.deletes += taken.len().div_ceil(MESSAGES_PER_REQUEST) as u64;
        taken
            .into_iter()
            .enumerate()
            .map(|(place, taken)| Incoming { id: place.to_string(), body: taken.message.body, sent_at: taken.sent_at })
            .collect()
    }

    pub fn waiting(&self, queue: Queue) -> usize {
        self.waiting.lock().expect("nobody panics").get(&queue).map_or(0, VecDeque::len)
    }

    pub fn used(&self) -> HashMap<Queue, QueueUse> {
        self.used.lock().expect("nobody panics").clone()
    }
}

/// Bytes of a message in the call of a function: its body as a JSON string, among what SQS tells of it.
fn in_call(message: &Outgoing) -> usize {
    message.body.len() * 23 / 20 + 600
}

/// A bus that nobody listens to, counted by its notices.
#[derive(Default)]
pub struct CountedBus(pub AtomicU64);

#[async_trait]
impl Bus for CountedBus {
    async fn publish(&self, notices: &[Notice]) -> Result<(), PortError> {
        self.0.fetch_add(notices.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// What a function did: calls, processor time of its own thread, and answers that it waited for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work {
    pub calls: u64,
    pub compute: Duration,
    pub table_waits: u64,
    pub queue_waits: u64,
}

/// Where the table stands.
pub enum Place {
    /// In memory: for counting.
    Memory,
    /// In a file, durable: for timing.
    File,
}

/// The product.
pub struct Product {
    pub app: App,
    pub table: Arc<Metered>,
    pub sqlite: SqliteTable,
    pub queues: Arc<Counted>,
    pub clock: Arc<ManualClock>,
    pub bus: CountedBus,
    pub runtime: Runtime,
    router: Router,
    key: Mutex<String>,
    organization: OnceLock<OrganizationId>,
    work: Mutex<BTreeMap<&'static str, Work>>,
    // Lends its keys, ids and blobs. Its own loops have nothing to do.
    _host: (Runtime, Host),
    _folder: tempfile::TempDir,
}

impl Product {
    /// A product whose real clock stands at `at`, with an organization that lives by it.
    pub fn new(at: &str, place: Place, keeps_books: bool) -> Product {
        let at: DateTime<Utc> = at.parse().expect("an instant");
        let folder = tempfile::tempdir().expect("a folder for the bench");
        let lender = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        let settings = Settings {
            rate_limit: None,
            listen: "127.0.0.1:0".parse().expect("an address"),
            data_dir: folder.path().join("host"),
            admin_key: ADMIN_KEY.to_owned(),
            public_url: None,
            allow_private_targets: false,
            demo: false,
        };
        let host = lender.block_on(Host::start(settings)).expect("the host starts");
        let database = match place {
            Place::Memory => Database::temporary(),
            Place::File => Database::open(&folder.path().join("bench.sqlite")),
        };
        let clock = Arc::new(ManualClock(AtomicI64::new(at.timestamp_micros())));
        let seconds = {
            Arc::new({
                let clock = clock.clone();
                move || clock.now().timestamp()
            })
        };
        let sqlite = SqliteTable::open(database.expect("a database"), seconds, &[outbox::KIND]);
        let books = keeps_books.then(Mutex::default);
        let table = Arc::new(Metered { inner: sqlite.clone(), waits: AtomicU64::new(0), books });
        let queues = Arc::new(Counted {
            clock: clock.clone(),
            waiting: Mutex::default(),
            used: Mutex::default(),
            calls: AtomicU64::new(0),
        });
        let ids = ManualIds { clock: clock.clone(), machine: host.app().ids.clone(), last_sequence: AtomicI64::new(0) };
        let app = App {
            store: Store::new(table.clone()),
            clock: clock.clone(),
            ids: Arc::new(ids),
            queues: queues.clone(),
            ..host.app().clone()
        };
        let product = Product {
            router: fn_api::router(app.clone()),
            app,
            table,
            sqlite,
            queues,
            clock,
            bus: CountedBus::default(),
            runtime: Builder::new_current_thread().enable_all().build().expect("a thread"),
            key: Mutex::new(ADMIN_KEY.to_owned()),
            organization: OnceLock::new(),
            work: Mutex::default(),
            _host: (lender, host),
            _folder: folder,
        };
        let organization = json!({"name": "Acme", "default_currency": "EUR", "document_number_prefix": "ACME-0001"});
        let made = product.send(Method::POST, "/admin/organizations", &json!({"organization": organization}));
        let key = made["organization"]["api_key"].as_str().expect("a key").to_owned();
        *product.key.lock().expect("nobody panics") = key;
        let id = made["organization"]["lago_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        product.organization.set(id).expect("set once");
        product
    }

    /// The only organization.
    pub fn organization(&self) -> OrganizationId {
        *self.organization.get().expect("made at once")
    }

    /// Runs a call of a function and notes what it took.
    pub fn call<T>(&self, function: &'static str, call: impl Future<Output = T>) -> T {
        let (table, queues) = (self.table.waits(), self.queues.calls.load(Ordering::Relaxed));
        let before = thread_time();
        let outcome = self.runtime.block_on(call);
        let compute = thread_time().saturating_sub(before);
        let mut work = self.work.lock().expect("nobody panics");
        let work = work.entry(function).or_default();
        work.calls += 1;
        work.compute += compute;
        work.table_waits += self.table.waits() - table;
        work.queue_waits += self.queues.calls.load(Ordering::Relaxed) - queues;
        outcome
    }

    pub fn work(&self) -> BTreeMap<&'static str, Work> {
        self.work.lock().expect("nobody panics").clone()
    }

    /// A request; its answer's status and body.
    pub fn ask(&self, method: Method, path: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        self.call("api", self.asking(method, path, body))
    }

    /// A request that goes on while other functions are called.
    pub fn asked_beside(&self, method: Method, path: &str) -> JoinHandle<(u16, Vec<u8>)> {
        self.runtime.spawn(self.asking(method, path, Vec::new()))
    }

    /// The same for who has a runtime.
    pub fn asking(&self, method: Method, path: &str, body: Vec<u8>) -> impl Future<Output = (u16, Vec<u8>)> + use<> {
        let key = self.key.lock().expect("nobody panics").clone();
        let router = self.router.clone();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Authorization", format!("Bearer {key}"))
            .header("Content-Type", "application/json")
            .body(Body::from(body))
            .expect("a request");
        async move {
            // A router never fails: refusals are answers.
            let Ok(response) = router.oneshot(request).await;
            let status = response.status().as_u16();
            (status, response.into_body().collect().await.expect("a body").to_bytes().to_vec())
        }
    }

    fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method.clone(), path, body.to_string().into_bytes());
        assert_eq!(status, 200, "{method} {path}: {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap_or_default()
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.send(Method::POST, &format!("/api/v1{path}"), body)
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, &format!("/api/v1{path}"), Vec::new());
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).expect("JSON")
    }

    /// A metric, and a plan of 10.00 EUR monthly with one charge on it. Both have the code.
    pub fn plan(&self, code: &str, aggregation: &str, field: &str, model: &str, properties: &Value) {
        let metric = json!({"name": code, "code": code, "aggregation_type": aggregation, "field_name": field});
        let metric = self.post("/billable_metrics", &json!({ "billable_metric": metric }));
        let charge = json!({
            "billable_metric_id": metric["billable_metric"]["lago_id"], "charge_model": model, "properties": properties,
        });
        let plan = json!({
            "name": code, "code": code, "interval": "monthly", "amount_cents": 1000, "amount_currency": "EUR",
            "pay_in_advance": false, "charges": [charge],
        });
        self.post("/plans", &json!({ "plan": plan }));
    }

    /// A customer with a subscription of the same external id.
    pub fn subscribe(&self, external_id: &str, plan: &str) {
        self.post("/customers", &json!({"customer": {"external_id": external_id, "name": external_id}}));
        let subscription = json!({"external_customer_id": external_id, "external_id": external_id, "plan_code": plan});
        self.post("/subscriptions", &json!({ "subscription": subscription }));
    }

    pub fn current_usage(&self, external_id: &str) -> Value {
        let path = format!("/customers/{external_id}/current_usage?external_subscription_id={external_id}");
        self.get(&path)["customer_usage"].clone()
    }

    /// Forwards the outbox, in calls of up to a hundred changes. Whether there was anything.
    pub fn relay(&self) -> bool {
        let changes = self.runtime.block_on(self.sqlite.changes(100)).expect("the change feed answers");
        let Some(last) = changes.last().map(|change| change.sequence) else { return false };
        let posted = changes.iter().map(|change| outbox::read(&change.item).expect("an outbox item")).collect();
        let forwarded = self.call("relay", fn_relay::handle(&self.app, &self.bus, posted));
        assert!(forwarded.is_ok(), "{forwarded:?}");
        self.runtime.block_on(self.sqlite.acknowledge(last)).expect("the change feed answers");
        true
    }

    /// Units of everything so far.
    pub fn consumed(&self) -> Consumed {
        self.table.consumed()
    }
}

/// Processor time of this thread (Linux: the first word of `schedstat`, nanoseconds).
pub fn thread_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default())
}

/// Processor time of a process and its threads (Linux, hundredths of a second).
pub fn process_time(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name before it may hold blanks.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The machine in a line.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model =
        cpus.lines().find_map(|line| line.strip_prefix("model name")).map(|rest| rest.trim_matches(['\t', ':', ' ']));
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!("{count} virtual cores ({}), load average {load} at the start", model.unwrap_or("unknown"))
}

/// The time that a piece of work takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let watch = Stopwatch::now();
    let outcome = work();
    (outcome, watch.elapsed())
}

/// Repeats until so much time has passed, at least `least` times. Sorted durations.
pub fn repeated(least: usize, time: Duration, mut work: impl FnMut()) -> Vec<Duration> {
    let begin = Stopwatch::now();
    let mut taken = Vec::new();
    while taken.len() < least || (begin.elapsed() < time && taken.len() < 1000) {
        taken.push(timed(&mut work).1);
    }
    taken.sort();
    taken
}

/// A quantile of sorted durations, in per cent.
pub fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
