//! The real program, killed in the middle of its work: nothing acknowledged is lost, nothing is done twice.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::scenarios::world::{ADMIN_KEY, event, metric};

/// How often a program is killed in a story.
const KILLS: u64 = 6;
const SENDERS: usize = 4;
const EVENTS_PER_BATCH: usize = 20;
const BATCHES: usize = 600;
/// Kills come within this time after the start: late enough for work to be under way, early enough to interrupt it.
const LIFE_MAX_MS: u64 = 400;
/// Requests to a program that dies end at the latest then.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// The program beside this test's executable: `target/<profile>/weir`.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let program = profile.join("weir");
    assert!(program.exists(), "{} is not built: `make test` builds the workspace first", program.display());
    program
}

/// A running program. Dies with the test.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(data: &Path) -> Process {
        let mut child = Command::new(program())
            .env("WEIR_LISTEN", "127.0.0.1:0")
            .env("WEIR_DATA_DIR", data)
            .env("WEIR_ADMIN_KEY", ADMIN_KEY)
            .env_remove("WEIR_PUBLIC_URL")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Weir answers on ").map(str::to_owned))
            .expect("the program says where it answers");
        // It must never wait for somebody to read what it says.
        std::thread::spawn(move || said.for_each(drop));
        Process { child, url }
    }

    /// SIGKILL: no handler runs, no buffer is written.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if it is dead already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key of an organization, and whatever program answers at the moment.
#[derive(Clone)]
struct Api {
    http: Client,
    key: String,
}

impl Api {
    fn new(key: &str) -> Api {
        Api { http: Client::builder().no_proxy().timeout(REQUEST_MAX).build().unwrap(), key: key.to_owned() }
    }

    /// Status and body; none if the connection broke before the answer.
    async fn ask(&self, url: &str, method: Method, path: &str, body: &Value) -> Option<(u16, Value)> {
        let request = self.http.request(method, format!("{url}{path}")).bearer_auth(&self.key);
        let request = if body.is_null() {
            request
        } else {
            request.header("Content-Type", "application/json").body(body.to_string())
        };
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.ok()?;
        Some((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    async fn succeeds(&self, url: &str, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(url, method.clone(), path, &body).await.expect("nobody dies now");
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    async fn post(&self, url: &str, path: &str, body: Value) -> Value {
        self.succeeds(url, Method::POST, &format!("/api/v1{path}"), body).await
    }

    async fn get(&self, url: &str, path: &str) -> Value {
        self.succeeds(url, Method::GET, &format!("/api/v1{path}"), Value::Null).await
    }

    /// Moves the clock and waits until it is there.
    async fn travel(&self, url: &str, to: &str) {
        let body = json!({"test_clock": {"frozen_time": to}});
        loop {
            let clock = self.succeeds(url, Method::PUT, "/api/v1/test_clock", body.clone()).await;
            if clock["test_clock"]["status"] == "ready" {
                return;
            }
        }
    }
}

/// Numbers from a seed: the same kills at every run, as far as machines allow.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        // Knuth's MMIX generator; the high bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn run<F: Future<Output = ()>>(story: F) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(story);
}

/// A sandbox organization of 1 January 2024 whose customers `acme-0` ... have a plan of 10.00 with calls at 0.01.
async fn organization(url: &str, customers: usize) -> Api {
    let sandbox = json!({"organization": {"name": "Acme", "default_currency": "EUR", "test_clock": {"frozen_time": "2024-01-01T00:00:00Z"}}});
    let made = Api::new(ADMIN_KEY).succeeds(url, Method::POST, "/admin/organizations", sandbox).await;
    let api = Api::new(made["organization"]["api_key"].as_str().unwrap());
    let calls = api.post(url, "/billable_metrics", json!({"billable_metric": metric("calls", "count")})).await;
    let charge = json!({
        "billable_metric_id": calls["billable_metric"]["lago_id"], "charge_model": "standard", "properties": {"amount": "0.01"},
    });
    api.post(url, "/plans", json!({"plan": {
        "name": "p", "code": "p", "interval": "monthly", "amount_cents": 1000, "amount_currency": "EUR", "pay_in_advance": false,
        "charges": [charge],
    }})).await;
    for number in 0..customers {
        let id = format!("acme-{number}");
        let subscription = json!({"external_customer_id": id, "external_id": id, "plan_code": "p"});
        api.post(url, "/subscriptions", json!({ "subscription": subscription })).await;
    }
    api
}

fn batch(number: usize) -> Value {
    let events: Vec<Value> = (0..EVENTS_PER_BATCH)
        .map(|place| event(&format!("call-{number}-{place}"), "acme-0", "calls", "2024-01-15T12:00", json!({})))
        .collect();
    json!({ "events": events })
}

/// Sends what was not acknowledged until all is, or the program dies.
async fn send_all(api: &Api, url: &str, todo: &Arc<Mutex<BTreeSet<usize>>>) {
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (api, url, todo) = (api.clone(), url.to_owned(), Arc::clone(todo));
        senders.spawn(async move {
            loop {
                // Taken out while under way; what is not acknowledged goes back.
                let Some(number) = todo.lock().unwrap().pop_first() else { return };
                match api.ask(&url, Method::POST, "/api/v1/events/batch", &batch(number)).await {
                    Some((200, _)) => {}
                    Some((status, answer)) => panic!("{status} {answer}"),
                    None => {
                        todo.lock().unwrap().insert(number);
                        return;
                    }
                }
            }
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
}

#[test]
fn acknowledged_events_survive_a_kill_and_count_once() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Process::start(folder.path());
        let api = organization(&process.url, 1).await;
        let todo = Arc::new(Mutex::new((0..BATCHES).collect::<BTreeSet<usize>>()));
        let mut seeded = Seeded(20_240_101);
        for _ in 0..KILLS {
            let life = Duration::from_millis(seeded.below(LIFE_MAX_MS));
            let url = process.url.clone();
            let sending = send_all(&api, &url, &todo);
            let killing = async {
                tokio::time::sleep(life).await;
                process.kill();
            };
            tokio::join!(sending, killing);
            process = Process::start(folder.path());
        }
        let is_unfinished = !todo.lock().unwrap().is_empty();
        assert!(is_unfinished, "everything was sent before the last kill: nothing was interrupted");
        send_all(&api, &process.url, &todo).await;
        // What was acknowledged, some of it again.
        for number in (0..BATCHES).step_by(50) {
            api.post(&process.url, "/events/batch", batch(number)).await;
        }
        api.travel(&process.url, "2024-01-20T00:00:00Z").await;
        let expected = BATCHES * EVENTS_PER_BATCH;
        let usage = api.get(&process.url, "/customers/acme-0/current_usage?external_subscription_id=acme-0").await;
        assert_eq!(usage["customer_usage"]["charges_usage"][0]["events_count"], expected);
        api.travel(&process.url, "2024-02-01T00:00:00Z").await;
        let invoices = api.get(&process.url, "/invoices").await;
        assert_eq!(invoices["meta"]["total_count"], 1);
        // 10.00 and 12,000 calls at 0.01.
        assert_eq!(invoices["invoices"][0]["total_amount_cents"], 1000 + expected);
    });
}

#[test]
fn a_test_clock_that_is_killed_goes_on_and_bills_each_period_once() {
    const CUSTOMERS: usize = 6;
    const MONTHS: usize = 12;
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Process::start(folder.path());
        let api = organization(&process.url, CUSTOMERS).await;
        let target = json!({"test_clock": {"frozen_time": "2025-01-01T00:00:00Z"}});
        let mut seeded = Seeded(7);
        let mut interrupted = 0;
        for _ in 0..KILLS {
            // Asked for once; after that it goes on by itself.
            let clock = api.get(&process.url, "/test_clock").await;
            let asking = async {
                if clock["test_clock"]["status"] == "ready" {
                    let _ = api.ask(&process.url, Method::PUT, "/api/v1/test_clock", &target).await;
                }
            };
            let life = Duration::from_millis(20 + seeded.below(150));
            let living = async { tokio::time::sleep(life).await };
            tokio::select! { () = living => {} () = async { asking.await; std::future::pending().await } => {} }
            process.kill();
            process = Process::start(folder.path());
            let clock = api.get(&process.url, "/test_clock").await;
            interrupted += usize::from(clock["test_clock"]["frozen_time"] != "2025-01-01T00:00:00Z");
        }
        assert!(interrupted > 0, "the clock arrived before the first kill");
        api.travel(&process.url, "2025-01-01T00:00:00Z").await;
        for number in 0..CUSTOMERS {
            let list =
                api.get(&process.url, &format!("/invoices?external_customer_id=acme-{number}&per_page=100")).await;
            let mut issued: Vec<String> = list["invoices"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| {
                    format!(
                        "{} {} {}",
                        one["issuing_date"].as_str().unwrap(),
                        one["sequential_id"],
                        one["total_amount_cents"]
                    )
                })
                .collect();
            issued.reverse();
            let expected: Vec<String> = (1..=MONTHS)
                .map(|month| {
                    let (year, next) = if month == 12 { (2025, 1) } else { (2024, month + 1) };
                    format!("{year}-{next:02}-01 {month} 1000")
                })
                .collect();
            assert_eq!(issued, expected, "acme-{number}");
        }
    });
}

#[test]
fn a_folder_has_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Process::start(folder.path());
    let second =
        Command::new(program()).env("WEIR_LISTEN", "127.0.0.1:0").env("WEIR_DATA_DIR", folder.path()).output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another process uses the data folder"), "{said}");
}
