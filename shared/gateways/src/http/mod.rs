//! POST to a URL that a user gave.
//!
//! Owns: time-outs, the refusal of private networks, how much of an answer is read.
//!
//! Does not own: what an answer means, and when to try again.
//!
//! Invariants:
//! - Every delivery looks its name up anew, and connects to an address of that very answer which was found public: a
//!   name that changes its address between the check and the connection gains nothing. So no connection is kept.
//! - No redirect is followed and no proxy is used: either would go where nobody looked.
//! - What the client reads names no address, no header and no internals.

mod resolve;

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use app::ports::{Answer, Http, NoAnswer, Post};
use async_trait::async_trait;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response, Url};

use domain::target::Targets;
use resolve::{GuardedResolver, Lookup, NotPublic, SystemLookup, Unresolved};

/// Chapter 07, 1.4: to connect, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(60);
/// Chapter 07, 1.4: until the answer begins, and between two pieces of it.
const READ_MAX: Duration = Duration::from_secs(60);
/// For the whole delivery, so that nobody holds a function by sending a byte a minute.
const DELIVERY_MAX: Duration = Duration::from_secs(180);
/// Most bytes of an answer that are kept: the log shows them, nothing interprets them.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// What receivers see as the sender.
const USER_AGENT: &str = concat!("Weir/", env!("CARGO_PKG_VERSION"));

/// The outgoing HTTP client cannot be made: no TLS roots, most likely.
#[derive(Debug, thiserror::Error)]
#[error("the outgoing HTTP client cannot be made")]
pub struct ClientError(#[from] reqwest::Error);

/// Outgoing HTTP that looks where it goes.
#[derive(Debug, Clone)]
pub struct GuardedHttp {
    client: Client,
    targets: Targets,
}

impl GuardedHttp {
    /// A client for deliveries.
    ///
    /// # Errors
    /// The machine has no usable TLS roots.
    pub fn new(targets: Targets) -> Result<GuardedHttp, ClientError> {
        GuardedHttp::with_lookup(targets, SystemLookup, DELIVERY_MAX)
    }

    fn with_lookup(targets: Targets, lookup: impl Lookup, delivery_max: Duration) -> Result<GuardedHttp, ClientError> {
        let client = ClientBuilder::new()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_MAX)
            .read_timeout(READ_MAX)
            .timeout(delivery_max)
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            // A kept connection would skip the next delivery's look-up.
            .pool_max_idle_per_host(0)
            .dns_resolver(GuardedResolver::new(targets, lookup))
            .build()?;
        Ok(GuardedHttp { client, targets })
    }

    /// The URL, if it may be asked at all. Resolvers are not asked about literal addresses, so these are checked here.
    fn target(&self, url: &str) -> Result<Url, NoAnswer> {
        let url = Url::parse(url).map_err(|_| no_answer("the URL is not valid"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(no_answer("the URL is neither http nor https"));
        }
        let host = url.host_str().ok_or_else(|| no_answer("the URL has no host"))?;
        // The URL's parser has already turned every spelling of an IPv4 address (0x7f.1, 2130706433) into the usual one.
        let literal: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        if literal.is_some_and(|address| !self.targets.allow(address)) {
            return Err(no_answer(NotPublic.to_string()));
        }
        Ok(url)
    }
}

#[async_trait]
impl Http for GuardedHttp {
    async fn post(&self, request: Post) -> Result<Answer, NoAnswer> {
        let url = self.target(&request.url)?;
        let mut outgoing = self.client.post(url).body(request.body);
        for (name, value) in request.headers {
            outgoing = outgoing.header(name, value);
        }
        let mut response = outgoing.send().await.map_err(|error| in_words(&error))?;
        let status = response.status().as_u16();
        let body = beginning(&mut response).await.map_err(|error| in_words(&error))?;
        Ok(Answer { status, body })
    }
}

/// The first `ANSWER_BYTES_MAX` bytes of an answer's body. The rest is never asked for.
async fn beginning(response: &mut Response) -> reqwest::Result<String> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        let room = ANSWER_BYTES_MAX - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if body.len() == ANSWER_BYTES_MAX {
            break;
        }
    }
    Ok(text(&body))
}

/// The bytes as text; a character that the limit cut in two goes, and what is no UTF-8 becomes a question mark.
fn text(bytes: &[u8]) -> String {
    let whole = match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        Ok(_) | Err(_) => bytes,
    };
    String::from_utf8_lossy(whole).into_owned()
}

fn no_answer(words: impl Into<String>) -> NoAnswer {
    NoAnswer(words.into())
}

/// The error in words for the receiver's owner. Everything else about it stays inside.
fn in_words(error: &reqwest::Error) -> NoAnswer {
    if let Some(refused) = cause::<NotPublic>(error) {
        return no_answer(refused.to_string());
    }
    if let Some(unresolved) = cause::<Unresolved>(error) {
        return no_answer(unresolved.to_string());
    }
    no_answer(match cause::<io::Error>(error).map(innermost_kind) {
        _ if error.is_builder() => "the request cannot be sent",
        _ if error.is_timeout() && error.is_connect() => "connecting timed out",
        _ if error.is_timeout() => "the answer timed out",
        Some(io::ErrorKind::ConnectionRefused) => "the connection was refused",
        Some(io::ErrorKind::InvalidData) if error.is_connect() => "no secure connection: TLS failed",
        _ if error.is_connect() => "the connection failed",
        _ if error.is_body() || error.is_decode() => "the connection ended within the answer",
        _ => "the connection ended without an answer",
    })
}

/// The kind of the I/O error within wrapped ones. (`source` of a wrapping `io::Error` passes over what it wraps.)
fn innermost_kind(error: &io::Error) -> io::ErrorKind {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(inner) => innermost_kind(inner),
        None => error.kind(),
    }
}

/// The error of this type among an error's causes.
fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        link = error.source();
    }
    None
}

#[cfg(test)]
mod tests;
