//! HTTP with the API key of one organization.
//!
//! Answers that promise that nothing was done (503, 429) are repeated; broken connections and gateway timeouts only
//! where the same request may be made twice.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Repetitions of one request, 50 ms to 5 s apart: about 40 s altogether.
const ATTEMPTS_MAX: u32 = 14;
/// How long the clock may take over one step before we call it stuck.
const ADVANCE_MAX: Duration = Duration::from_secs(30 * 60);
const ADVANCE_POLL: Duration = Duration::from_millis(100);

/// Why a request brought nothing usable.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No answer, after all repetitions that were allowed.
    #[error("{request}: no answer")]
    Unreachable {
        /// Method and path.
        request: String,
        /// What the connection says.
        source: reqwest::Error,
    },
    /// The answer is not a success.
    #[error("{request}: answered {status} {body}")]
    Refused {
        /// Method and path.
        request: String,
        /// HTTP status.
        status: StatusCode,
        /// The body as text.
        body: String,
    },
    /// The answer is a success, but not what the chapters say.
    #[error("{request}: unexpected answer {body}")]
    Unreadable {
        /// Method and path.
        request: String,
        /// The body as text.
        body: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The test clock does not become `ready`.
    #[error("the test clock is still advancing to {to} after {} s", ADVANCE_MAX.as_secs())]
    ClockStuck {
        /// Where it was sent.
        to: DateTime<Utc>,
    },
    /// A request body could not be built.
    #[error("building a request")]
    Body(#[from] serde_json::Error),
}

/// A connection pool and the key that goes with every request. Clones share the pool.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// Whether doing a request twice is the same as doing it once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twice {
    Same,
    Differs,
}

impl Api {
    /// `url` is the host's, without `/api/v1`; `key` the organization's API key or the deployment's admin key.
    ///
    /// Goes straight to the host: proxies of the environment are not used.
    pub fn new(url: &str, key: &str) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .user_agent("weir-flights")
            .build()
            .map_err(|source| ClientError::Unreachable { request: "opening the client".to_owned(), source })?;
        Ok(Self { http, base: url.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    /// The same host with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// Reads an object.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.read(Method::GET, path, Vec::new(), Twice::Same).await
    }

    /// Creates an object.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.read(Method::POST, path, serde_json::to_vec(body)?, Twice::Differs).await
    }

    /// Sends a batch of events. A batch may be sent again at will: its transaction ids count once. The answer is read
    /// to its end, so that the connection can be used again, and dropped unparsed.
    pub async fn post_events(&self, body: Vec<u8>) -> Result<(), ClientError> {
        self.send(Method::POST, "/api/v1/events/batch", body, Twice::Same).await.map(drop)
    }

    /// Turns the test clock and waits until everything due on the way is done. The same instant again only drains.
    pub async fn travel_to(&self, to: DateTime<Utc>) -> Result<(), ClientError> {
        let path = "/api/v1/test_clock";
        let body = json!({"test_clock": {"frozen_time": to.to_rfc3339_opts(SecondsFormat::Secs, true)}});
        let started = std::time::Instant::now();
        while started.elapsed() < ADVANCE_MAX {
            let turned = self.read::<Value>(Method::PUT, path, serde_json::to_vec(&body)?, Twice::Same).await;
            let mut clock = match turned {
                Ok(clock) => clock,
                Err(ClientError::Refused { status: StatusCode::CONFLICT, .. }) => self.get::<Value>(path).await?,
                Err(error) => return Err(error),
            };
            while clock["test_clock"]["status"] == "advancing" && started.elapsed() < ADVANCE_MAX {
                tokio::time::sleep(ADVANCE_POLL).await;
                clock = self.get::<Value>(path).await?;
            }
            // After a conflict the clock may be ready where an earlier request sent it, so it is asked where it is.
            let frozen_at = clock["test_clock"]["frozen_time"].as_str().and_then(|time| time.parse().ok());
            if clock["test_clock"]["status"] == "ready" && frozen_at == Some(to) {
                return Ok(());
            }
            tokio::time::sleep(ADVANCE_POLL).await;
        }
        Err(ClientError::ClockStuck { to })
    }

    async fn read<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        twice: Twice,
    ) -> Result<T, ClientError> {
        let request = format!("{method} {path}");
        let answer = self.send(method, path, body, twice).await?;
        serde_json::from_slice(&answer).map_err(|source| ClientError::Unreadable {
            request,
            body: String::from_utf8_lossy(&answer).into_owned(),
            source,
        })
    }

    /// The body of a success, after as many repetitions as [`Twice`] allows.
    async fn send(&self, method: Method, path: &str, body: Vec<u8>, twice: Twice) -> Result<Bytes, ClientError> {
        let body = Bytes::from(body);
        let mut attempt = 1;
        loop {
            let answer = self.attempt(method.clone(), path, body.clone()).await;
            let may_repeat = attempt < ATTEMPTS_MAX
                && match &answer {
                    Ok((status, _)) => may_repeat(*status, twice),
                    Err(_) => twice == Twice::Same,
                };
            if !may_repeat {
                return accept(format!("{method} {path}"), answer);
            }
            tokio::time::sleep(pause(attempt)).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), reqwest::Error> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key);
        if !body.is_empty() {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await?;
        Ok((response.status(), response.bytes().await?))
    }
}

fn may_repeat(status: StatusCode, twice: Twice) -> bool {
    match status {
        // Nothing was done (00-index, single points; chapter 05, 1.1).
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => twice == Twice::Same,
        _ => false,
    }
}

/// 50 ms, doubled with every attempt, 5 s at most.
fn pause(attempt: u32) -> Duration {
    Duration::from_millis(50 << attempt.min(7)).min(Duration::from_secs(5))
}

fn accept(request: String, answer: Result<(StatusCode, Bytes), reqwest::Error>) -> Result<Bytes, ClientError> {
    match answer {
        Ok((status, body)) if status.is_success() => Ok(body),
        Ok((status, body)) => {
            Err(ClientError::Refused { request, status, body: String::from_utf8_lossy(&body).into_owned() })
        }
        Err(source) => Err(ClientError::Unreachable { request, source }),
    }
}
