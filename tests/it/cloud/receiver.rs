//! A webhook receiver on the loopback interface.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;

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

    pub fn webhook_type(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("webhooks are JSON");
        body["webhook_type"].as_str().unwrap_or_default().to_owned()
    }
}

/// Accepts every delivery and remembers it.
#[derive(Clone, Default)]
pub struct Receiver {
    deliveries: Arc<Mutex<Vec<Delivery>>>,
}

impl Receiver {
    /// A receiver and its address.
    pub async fn start() -> (Receiver, String) {
        let receiver = Receiver::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let router = Router::new().fallback(accept).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, format!("http://{address}"))
    }

    /// What arrived at a path, about one type of webhook.
    pub fn of_type(&self, path: &str, webhook_type: &str) -> Vec<Delivery> {
        let deliveries = self.deliveries.lock().expect("no receiver panicked");
        let wanted = |one: &&Delivery| one.path == path && one.webhook_type() == webhook_type;
        deliveries.iter().filter(wanted).cloned().collect()
    }
}

async fn accept(State(receiver): State<Receiver>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1_000_000).await.expect("the body arrives");
    let body = String::from_utf8(body.to_vec()).expect("webhooks are text");
    let delivery = Delivery { path: head.uri.path().to_owned(), headers: head.headers, body };
    receiver.deliveries.lock().expect("no receiver panicked").push(delivery);
    StatusCode::OK
}
