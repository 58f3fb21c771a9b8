//! A receiver of webhooks on the loopback interface: remembers what came, and fails when it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;

use super::conformance;
use super::world::shared;

/// One delivery.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Delivery {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn webhook_type(&self) -> String {
        self.json()["webhook_type"].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct Inner {
    deliveries: Mutex<Vec<Delivery>>,
    failures: Mutex<VecDeque<u16>>,
}

/// Listens for as long as the process lives.
pub struct Receiver {
    pub url: String,
    inner: Arc<Inner>,
}

impl Receiver {
    pub fn start() -> Receiver {
        let inner = Arc::new(Inner::default());
        let router = Router::new().fallback(accept).with_state(Arc::clone(&inner));
        let url = shared().runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move { axum::serve(listener, router).await });
            format!("http://{address}")
        });
        Receiver { url, inner }
    }

    /// The next deliveries are answered with these statuses, later ones with 200.
    pub fn fails_with(&self, statuses: &[u16]) {
        self.inner.failures.lock().unwrap().extend(statuses);
    }

    /// Everything that came, in order of arrival.
    pub fn deliveries(&self) -> Vec<Delivery> {
        let deliveries = self.inner.deliveries.lock().unwrap().clone();
        deliveries.iter().for_each(|delivery| conformance::check_webhook(&delivery.body));
        deliveries
    }

    /// The same at one path.
    pub fn at(&self, path: &str) -> Vec<Delivery> {
        self.deliveries().into_iter().filter(|delivery| delivery.path == path).collect()
    }

    /// Types of what came at a path, in order of arrival.
    pub fn types_at(&self, path: &str) -> Vec<String> {
        self.at(path).iter().map(Delivery::webhook_type).collect()
    }
}

async fn accept(State(inner): State<Arc<Inner>>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 10_000_000).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let delivery = Delivery { path: head.uri.path().to_owned(), headers: head.headers, body };
    inner.deliveries.lock().unwrap().push(delivery);
    let failure = inner.failures.lock().unwrap().pop_front();
    failure.map_or(StatusCode::OK, |status| StatusCode::from_u16(status).unwrap())
}
