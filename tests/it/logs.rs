//! What the program writes into its log: whose request each line is of, what is measured, and no secret, at debug level too.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::kill::program;
use crate::scenarios::receiver::Receiver;
use crate::scenarios::world::{ADMIN_KEY, shared};

/// A program that takes longer to say where it answers, or to end, is broken.
const PATIENCE: Duration = Duration::from_secs(60);

struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(data: &Path, log: &Path) -> Process {
        let mut child = Command::new(program())
            .env("WEIR_LISTEN", "127.0.0.1:0")
            .env("WEIR_DATA_DIR", data)
            .env("WEIR_ADMIN_KEY", ADMIN_KEY)
            .env("WEIR_ALLOW_PRIVATE_TARGETS", "1")
            .env("WEIR_LOG", "debug")
            .env("WEIR_LOG_FORMAT", "json")
            .env_remove("WEIR_PUBLIC_URL")
            .stdout(Stdio::piped())
            .stderr(File::create(log).unwrap())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Weir answers on ").map(str::to_owned));
        std::thread::spawn(move || said.for_each(drop));
        Process { child, url: first.expect("the program says where it answers") }
    }

    fn ask(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = shared().http.request(method, format!("{}{path}", self.url)).bearer_auth(key);
        request = request.header("Idempotency-Key", uuid::Uuid::new_v4().to_string());
        if let Some(body) = body {
            request = request.json(&body);
        }
        shared().runtime.block_on(async {
            let bytes = request.send().await.unwrap().bytes().await.unwrap();
            serde_json::from_slice(&bytes).unwrap_or_default()
        })
    }

    /// SIGTERM, and what it wrote is complete.
    fn stop(mut self) {
        let ended = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(ended.success());
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "the program does not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if it is dead already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

#[test]
fn lines_name_their_request_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let data = folder.path().join("data");
    let process = Process::start(&data, &log);
    let receiver = Receiver::start();

    let clock = json!({"frozen_time": "2024-01-01T00:00:00Z"});
    let organization = json!({"organization": {"name": "Acme", "test_clock": clock}});
    let organization = process.ask(ADMIN_KEY, Method::POST, "/admin/organizations", Some(organization));
    let key = text(&organization["organization"]["api_key"]);
    let id = text(&organization["organization"]["lago_id"]);
    let post = |path: &str, body: Value| process.ask(&key, Method::POST, &format!("/api/v1{path}"), Some(body));
    for algorithm in ["hmac", "jwt"] {
        let endpoint = json!({"webhook_url": format!("{}/{algorithm}", receiver.url), "signature_algo": algorithm});
        post("/webhook_endpoints", json!({ "webhook_endpoint": endpoint }));
    }
    post("/add_ons", json!({"add_on": {"name": "a", "code": "a", "amount_cents": 100, "amount_currency": "EUR"}}));
    post("/customers", json!({"customer": {"external_id": "c", "currency": "EUR"}}));
    let invoice = post("/invoices", json!({"invoice": {"external_customer_id": "c", "fees": [{"add_on_code": "a"}]}}));
    let invoice = text(&invoice["invoice"]["lago_id"]);
    let document = post(&format!("/invoices/{invoice}/download"), json!({}));
    let document = text(&document["invoice"]["file_url"]);
    let document = document.strip_prefix(&process.url).unwrap();
    process.ask("", Method::GET, document, None);
    let portal = process.ask(&key, Method::GET, "/api/v1/customers/c/portal_url", None);
    let portal = text(&portal["customer"]["portal_url"]);
    let portal = portal.strip_prefix(&process.url).unwrap();
    process.ask("", Method::GET, portal, None);
    let made = post("/api_keys", json!({"api_key": {"name": "n"}}))["api_key"].clone();
    let rotated = process.ask(
        &key,
        Method::POST,
        &format!("/api/v1/api_keys/{}/rotate", text(&made["lago_id"])),
        Some(json!({"api_key": {"overlap_seconds": 60}})),
    );
    let stranger = "4c1d0d51-86f2-4d4c-8a51-0d0f3b8a7f10";
    process.ask(stranger, Method::GET, "/api/v1/customers", None);
    // Deliveries are drained with everything else of the sandbox.
    process.ask(&key, Method::PUT, "/api/v1/test_clock", Some(json!({"test_clock": clock})));
    process.stop();

    let log = fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let of_request = |route: &str| {
        let is_it = |line: &&Value| line["span"]["route"] == route && line["status"].is_number();
        lines.iter().find(is_it).unwrap_or_else(|| panic!("no line of {route}:\n{log}"))
    };
    let line = of_request("/api/v1/customers");
    assert_eq!((&line["span"]["org.id"], &line["status"]), (&json!(id), &json!(200)), "{line}");
    assert!(line["span"]["request.id"].as_str().is_some_and(|id| !id.is_empty()), "{line}");
    assert_eq!(of_request("/documents/{token}/{name}")["status"], 200);
    for metric in ["requests", "request_duration_ms", "invoices_made", "webhooks_delivered", "messages_received"] {
        let is_measured =
            |line: &&Value| line[metric].is_number() && line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Weir";
        assert!(lines.iter().any(|line| is_measured(&line)), "{metric} is not measured");
    }

    let mut secrets = vec![
        ("admin key", ADMIN_KEY.to_owned()),
        ("API key", key.clone()),
        ("a made API key", text(&made["value"])),
        ("a rotated API key", text(&rotated["api_key"]["value"])),
        ("an unknown API key", stranger.to_owned()),
        ("the token of a document", document.split('/').nth(2).unwrap().to_owned()),
        ("the token of the portal", portal.rsplit('/').next().unwrap().to_owned()),
    ];
    let signed = [receiver.at("/hmac"), receiver.at("/jwt")].concat();
    assert!(signed.len() >= 4, "{signed:?}");
    let signatures = signed.iter().map(|delivery| delivery.header("X-Lago-Signature").to_owned());
    secrets.extend(signatures.map(|signature| ("a signature", signature)));
    for file in ["master.key", "signing.pem"] {
        let content = fs::read_to_string(data.join("keys").join(file)).unwrap();
        let telling = content.lines().filter(|line| line.len() > 20 && !line.starts_with("-----"));
        secrets.extend(telling.map(|line| ("a key of the deployment", line.to_owned())));
    }
    for (what, secret) in secrets {
        assert!(secret.len() >= 16, "{what} says too little to be looked for");
        let leak = log.lines().find(|line| line.contains(&secret));
        assert_eq!(leak, None, "{what} is in the log");
    }
}
