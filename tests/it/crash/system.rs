//! Every function over one temporary database, without a server: time, queues and faults are in the test's hands.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use app::ports::{Answer, Bus, Clock, Http, Incoming, NoAnswer, Notice, PortError, Post, Progress, Queue};
use app::{App, Failure};
use async_trait::async_trait;
use axum::body::Body;
use chrono::{DateTime, Utc};
use domain::id::{CustomerId, OrganizationId};
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use store::Store;
use store::outbox;
use store::sqlite::{Database, SqliteTable};
use tower::ServiceExt;

use super::faults::{Fate, FaultyQueues, FaultyTable};
use crate::scenarios::world::{ADMIN_KEY, instant, invoice_text, shared};

/// Rounds of pumping after which a system that still has work is stuck.
const ROUNDS_MAX: usize = 10_000;
/// The queues whose work is done here. Documents are another story.
pub const ALL: [Queue; 4] = [Queue::Events, Queue::Advance, Queue::Webhooks, Queue::Billing];

struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// A receiver that answers 200 to everything.
#[derive(Default)]
struct Recorder(Mutex<Vec<Post>>);

#[async_trait]
impl Http for Recorder {
    async fn post(&self, request: Post) -> Result<Answer, NoAnswer> {
        self.0.lock().unwrap().push(request);
        Ok(Answer { status: 200, body: String::new() })
    }
}

struct NoBus;

#[async_trait]
impl Bus for NoBus {
    async fn publish(&self, _: &[Notice]) -> Result<(), PortError> {
        Ok(())
    }
}

/// Waiting for work is doing it: there are no other tasks.
#[derive(Default)]
struct Pumping(OnceLock<Weak<System>>);

#[async_trait]
impl Progress for Pumping {
    async fn wait(&self, _: OrganizationId) {
        if let Some(system) = self.0.get().and_then(Weak::upgrade) {
            // Somebody who waits for work finds out by looking again whether it was done.
            let _ = system.pump(&ALL).await;
        }
        tokio::task::yield_now().await;
    }
}

/// What a request brought.
pub struct ApiAnswer {
    pub status: u16,
    pub body: Value,
    /// The body as it came.
    pub text: String,
    /// Whether it says that it was given before.
    pub is_replay: bool,
}

/// The product in the test's hands.
pub struct System {
    pub app: App,
    pub fate: Arc<Fate>,
    table: SqliteTable,
    queues: Arc<FaultyQueues>,
    clock: Arc<ManualClock>,
    receiver: Recorder,
    key: OnceLock<String>,
    organization: OnceLock<OrganizationId>,
    // One relay at a time. Jobs of the billing queue wait for the rest of the work, so that goes on beside them.
    pump: tokio::sync::Mutex<()>,
    billing: tokio::sync::Mutex<()>,
}

impl System {
    /// A system whose real clock stands at `at`, with an organization: a sandbox or not.
    pub async fn new(at: &str, is_sandbox: bool) -> Arc<System> {
        let host = shared().host.app();
        let real = host.clock.clone();
        let database = Database::temporary().unwrap();
        let table = SqliteTable::open(database, Arc::new(move || real.now().timestamp()), &[outbox::KIND]);
        let fate = Arc::new(Fate::default());
        let queues = Arc::new(FaultyQueues::new(fate.clone()));
        let clock = Arc::new(ManualClock(AtomicI64::new(instant(at).timestamp_micros())));
        let progress = Arc::new(Pumping::default());
        let app = App {
            store: Store::new(Arc::new(FaultyTable { inner: table.clone(), fate: fate.clone() })),
            clock: clock.clone(),
            queues: queues.clone(),
            progress: progress.clone(),
            // Ids, keys, settings and blobs are the shared host's.
            ..host.clone()
        };
        let system = Arc::new(System {
            app,
            fate,
            table,
            queues,
            clock,
            receiver: Recorder::default(),
            key: OnceLock::new(),
            organization: OnceLock::new(),
            pump: tokio::sync::Mutex::new(()),
            billing: tokio::sync::Mutex::new(()),
        });
        progress.0.set(Arc::downgrade(&system)).unwrap();
        let mut organization =
            json!({"name": "Acme", "default_currency": "EUR", "document_number_prefix": "ACME-0001"});
        if is_sandbox {
            organization["test_clock"] = json!({"frozen_time": instant(at)});
        }
        let made = system.send(Method::POST, "/admin/organizations", json!({"organization": organization})).await;
        system.key.set(made["organization"]["api_key"].as_str().unwrap().to_owned()).unwrap();
        let id = made["organization"]["lago_id"].as_str().unwrap().parse().unwrap();
        system.organization.set(id).unwrap();
        system
    }

    pub fn organization(&self) -> OrganizationId {
        *self.organization.get().unwrap()
    }

    /// Moves the real clock.
    pub fn set_clock(&self, at: &str) {
        self.clock.0.store(instant(at).timestamp_micros(), Ordering::Relaxed);
    }

    /// A request and its answer's status and body.
    pub async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let answer = self.answer(method, path, None, body).await;
        (answer.status, answer.body)
    }

    /// A request that carries an idempotency key.
    pub async fn ask_once(&self, method: Method, path: &str, idempotency_key: &str, body: Value) -> ApiAnswer {
        self.answer(method, path, Some(idempotency_key), body).await
    }

    async fn answer(&self, method: Method, path: &str, idempotency_key: Option<&str>, body: Value) -> ApiAnswer {
        let key = self.key.get().map_or(ADMIN_KEY, String::as_str);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Authorization", format!("Bearer {key}"))
            .header("Content-Type", "application/json");
        if let Some(idempotency_key) = idempotency_key {
            request = request.header("Idempotency-Key", idempotency_key);
        }
        let request = request.body(Body::from(if body.is_null() { String::new() } else { body.to_string() })).unwrap();
        // A router never fails: refusals are answers.
        let Ok(response) = fn_api::router(self.app.clone()).oneshot(request).await;
        let status = response.status().as_u16();
        let is_replay = response.headers().contains_key("idempotent-replayed");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        ApiAnswer { status, is_replay, body: serde_json::from_slice(&bytes).unwrap_or_default(), text }
    }

    /// A request that must succeed.
    pub async fn send(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method.clone(), path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.send(Method::POST, &format!("/api/v1{path}"), body).await
    }

    pub async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, &format!("/api/v1{path}"), Value::Null).await
    }

    /// Forwards the outbox and does what waits in these queues, once. Whether there was anything.
    pub async fn pump(&self, queues: &[Queue]) -> Result<bool, Failure> {
        let mut was_busy = match self.pump.try_lock() {
            Ok(_turn) => self.relay().await?,
            Err(_) => true,
        };
        for queue in queues {
            let lock = if *queue == Queue::Billing { &self.billing } else { &self.pump };
            let Ok(_turn) = lock.try_lock() else {
                was_busy = true;
                continue;
            };
            for (id, message) in self.queues.waiting(*queue) {
                was_busy = true;
                let incoming = Incoming { id: id.to_string(), body: message.body, sent_at: self.app.clock.now() };
                if self.handle(*queue, incoming).await.is_empty() {
                    self.queues.settle(id);
                }
            }
        }
        Ok(was_busy)
    }

    /// One message to its function. Returns the ids to deliver again.
    async fn handle(&self, queue: Queue, message: Incoming) -> Vec<String> {
        match queue {
            Queue::Events => fn_ingest::handle(&self.app, vec![message]).await,
            Queue::Advance => fn_advance::handle(&self.app, vec![message]).await,
            Queue::Billing => fn_billing::handle(&self.app, vec![message]).await,
            Queue::Webhooks => fn_webhooks::handle(&self.app, &self.receiver, vec![message]).await,
            Queue::Documents => Vec::new(),
            Queue::Fold => fn_fold::handle(&self.app, vec![message]).await,
        }
    }

    /// Forwards what the change feed holds. Whether there was anything.
    pub async fn relay(&self) -> Result<bool, Failure> {
        let changes = self.table.changes(256).await?;
        let Some(last) = changes.last().map(|change| change.sequence) else { return Ok(false) };
        let posted = changes.iter().map(|change| outbox::read(&change.item).unwrap()).collect();
        fn_relay::handle(&self.app, &NoBus, posted).await.map_err(|(_, failure)| failure)?;
        self.table.acknowledge(last).await?;
        Ok(true)
    }

    /// Does whatever is queued, until nothing is.
    pub async fn settle(&self) {
        for _ in 0..ROUNDS_MAX {
            if !self.pump(&ALL).await.unwrap() {
                return;
            }
        }
        panic!("the work of the system does not end");
    }

    /// What waits in a queue.
    pub fn waiting(&self, queue: Queue) -> Vec<Incoming> {
        let incoming = |(id, message): (u64, app::ports::Outgoing)| Incoming {
            id: id.to_string(),
            body: message.body,
            sent_at: self.app.clock.now(),
        };
        self.queues.waiting(queue).into_iter().map(incoming).collect()
    }

    pub fn forget(&self, messages: &[Incoming]) {
        for message in messages {
            self.queues.settle(message.id.parse().unwrap());
        }
    }

    pub async fn customer(&self, external_id: &str) -> CustomerId {
        let customer = self.get(&format!("/customers/{external_id}")).await;
        customer["customer"]["lago_id"].as_str().unwrap().parse().unwrap()
    }

    /// Every invoice as text with its number, in order of creation.
    pub async fn invoices(&self) -> String {
        let list = self.get("/invoices?per_page=1000").await;
        let mut text = String::new();
        for invoice in list["invoices"].as_array().unwrap().iter().rev() {
            let id = invoice["lago_id"].as_str().unwrap();
            let full = self.get(&format!("/invoices/{id}")).await;
            text.push_str(full["invoice"]["number"].as_str().unwrap());
            text.push(' ');
            text.push_str(&invoice_text(&full["invoice"]));
        }
        text
    }

    /// The log of the only endpoint: type, sequence and state of each entry, in order of production.
    pub async fn webhooks(&self) -> Vec<String> {
        let endpoints = self.get("/webhook_endpoints").await;
        let id = endpoints["webhook_endpoints"][0]["lago_id"].as_str().unwrap().to_owned();
        let log = self.get(&format!("/webhook_endpoints/{id}/webhooks?per_page=1000")).await;
        let mut entries: Vec<String> = log["webhooks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                let field = |name: &str| entry[name].as_str().unwrap_or_default();
                let about: Value = serde_json::from_str(field("payload")).unwrap();
                let object = &about[about["object_type"].as_str().unwrap()];
                let about = object["number"].as_str().or(object["external_id"].as_str()).unwrap();
                format!("{} {about} {}", field("webhook_type"), field("status"))
            })
            .collect();
        entries.sort();
        entries
    }

    /// Distinct idempotency keys that the receiver saw, with the sequence of each.
    pub fn delivered(&self) -> Vec<(String, String)> {
        let posts = self.receiver.0.lock().unwrap();
        let header = |post: &Post, name: &str| {
            post.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap()
        };
        let mut seen: Vec<(String, String)> =
            posts.iter().map(|post| (header(post, "X-Lago-Unique-Key"), header(post, "X-Weir-Sequence"))).collect();
        seen.sort();
        seen.dedup();
        seen
    }
}
