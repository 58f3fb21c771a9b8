//! Deliveries to a server on the loopback interface, and to names that a test resolves.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A receiver that answers every connection with these bytes and then closes it.
struct Receiver {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn answering(answer: impl Into<Vec<u8>>) -> Receiver {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), answer.into());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = request_of(&mut stream).await;
                seen.lock().unwrap().push(request);
                // The sender may have read enough and gone.
                let _ = stream.write_all(&answer).await;
            }
        });
        Receiver { port, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook?a=b", self.port)
    }
}

/// Head and body, as far as the head announces one.
async fn request_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                return String::from_utf8(bytes).unwrap();
            }
        }
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap();
        assert_ne!(read, 0, "the request ended early: {text}");
        bytes.extend_from_slice(&piece[..read]);
    }
}

/// Answers each look-up with the next of its answers, the last one for ever.
struct Names {
    answers: Vec<Vec<&'static str>>,
    asked: Arc<AtomicUsize>,
}

impl Names {
    fn resolving_to(answers: &[&[&'static str]]) -> (Names, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let names = Names { answers: answers.iter().map(|one| one.to_vec()).collect(), asked: Arc::clone(&asked) };
        (names, asked)
    }
}

impl Lookup for Names {
    async fn lookup(&self, _name: String) -> io::Result<Vec<SocketAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(asked).or(self.answers.last()).ok_or(io::ErrorKind::NotFound)?;
        Ok(answer.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect())
    }
}

fn post(url: &str) -> Post {
    Post {
        url: url.to_owned(),
        headers: vec![("X-Lago-Unique-Key".into(), "key-1".into()), ("Content-Type".into(), "application/json".into())],
        body: r#"{"a":1}"#.into(),
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

async fn delivered(targets: Targets, url: &str) -> Result<Answer, NoAnswer> {
    GuardedHttp::new(targets).unwrap().post(post(url)).await
}

#[tokio::test]
async fn a_delivery_carries_headers_and_body_and_brings_the_answer_back() {
    let receiver = Receiver::answering(answer("202 Accepted", "", "thanks")).await;
    let answer = delivered(Targets::Any, &receiver.url()).await;
    assert_eq!(answer, Ok(Answer { status: 202, body: "thanks".into() }));
    let requests = receiver.requests();
    let request = requests[0].to_ascii_lowercase();
    assert_eq!(requests.len(), 1);
    assert!(request.starts_with("post /hook?a=b http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nx-lago-unique-key: key-1\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = Receiver::answering(answer("200 OK", "", "")).await;
    let location = format!("Location: {}\r\n", elsewhere.url());
    let receiver = Receiver::answering(answer("307 Temporary Redirect", &location, "over there")).await;
    let answer = delivered(Targets::Any, &receiver.url()).await;
    assert_eq!(answer, Ok(Answer { status: 307, body: "over there".into() }));
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_spelled() {
    let receiver = Receiver::answering(answer("200 OK", "", "")).await;
    let port = receiver.port;
    let spellings = [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0",
        "localhost",
    ];
    for host in spellings {
        let answer = delivered(Targets::Public, &format!("http://{host}:{port}/")).await;
        assert_eq!(answer, Err(NoAnswer("the address is not a public one".into())), "{host}");
    }
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_refused() {
    for address in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::ffff:127.0.0.1", "fd00:ec2::254"] {
        let (names, asked) = Names::resolving_to(&[&[address]]);
        let http = GuardedHttp::with_lookup(Targets::Public, names, DELIVERY_MAX).unwrap();
        let answer = http.post(post("https://hooks.example/")).await;
        assert_eq!(answer, Err(NoAnswer("the address is not a public one".into())), "{address}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn private_addresses_among_public_ones_are_never_connected_to() {
    let (names, _) = Names::resolving_to(&[&["127.0.0.1", "8.8.8.8", "::1"]]);
    let resolver = GuardedResolver::new(Targets::Public, names);
    use reqwest::dns::Resolve;
    let addresses = resolver.resolve("hooks.example".parse().unwrap()).await.unwrap();
    assert_eq!(addresses.map(|address| address.ip().to_string()).collect::<Vec<_>>(), ["8.8.8.8"]);
}

#[tokio::test]
async fn a_name_is_looked_up_at_every_delivery() {
    let receiver = Receiver::answering(answer("200 OK", "", "")).await;
    let (names, asked) = Names::resolving_to(&[&["127.0.0.1"]]);
    let http = GuardedHttp::with_lookup(Targets::Any, names, DELIVERY_MAX).unwrap();
    let url = format!("http://hooks.example:{}/", receiver.port);
    for _ in 0..3 {
        assert_eq!(http.post(post(&url)).await, Ok(Answer { status: 200, body: String::new() }));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_unknown_name_is_told_apart() {
    let (names, _) = Names::resolving_to(&[]);
    let http = GuardedHttp::with_lookup(Targets::Public, names, DELIVERY_MAX).unwrap();
    let answer = http.post(post("http://hooks.example/")).await;
    assert_eq!(answer, Err(NoAnswer("the host name cannot be resolved".into())));
}

#[tokio::test]
async fn only_the_beginning_of_a_long_answer_is_read() {
    let receiver = Receiver::answering(answer("200 OK", "", &"x".repeat(1_000_000))).await;
    let answer = delivered(Targets::Any, &receiver.url()).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, ANSWER_BYTES_MAX));
}

#[tokio::test]
async fn an_endless_answer_ends_at_the_limit() {
    let mut endless = b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..20 {
        endless.extend_from_slice(format!("1000\r\n{}\r\n", "y".repeat(0x1000)).as_bytes());
    }
    let receiver = Receiver::answering(endless).await;
    let answer = delivered(Targets::Any, &receiver.url()).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (500, ANSWER_BYTES_MAX));
}

#[tokio::test]
async fn closed_connections_are_told_in_plain_words() {
    let silent = Receiver::answering("").await;
    let answer = delivered(Targets::Any, &silent.url()).await;
    assert_eq!(answer, Err(NoAnswer("the connection ended without an answer".into())));

    let broken = Receiver::answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    let answer = delivered(Targets::Any, &broken.url()).await;
    assert_eq!(answer, Err(NoAnswer("the connection ended within the answer".into())));

    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let answer = delivered(Targets::Any, &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(answer, Err(NoAnswer("the connection was refused".into())));
}

#[tokio::test]
async fn a_receiver_without_tls_is_no_receiver_for_https() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(answer("400 Bad Request", "", "this is not TLS").as_bytes()).await.unwrap();
        // The sender's greeting is read, lest closing cut the answer off.
        let _ = stream.read(&mut [0; 4096]).await;
    });
    let answer = delivered(Targets::Any, &format!("https://127.0.0.1:{port}/")).await;
    assert_eq!(answer, Err(NoAnswer("no secure connection: TLS failed".into())));
}

#[tokio::test]
async fn a_receiver_that_never_answers_times_out() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (names, _) = Names::resolving_to(&[]);
    let http = GuardedHttp::with_lookup(Targets::Any, names, Duration::from_millis(100)).unwrap();
    let answer = http.post(post(&format!("http://127.0.0.1:{port}/"))).await;
    assert_eq!(answer, Err(NoAnswer("the answer timed out".into())));
}

#[tokio::test]
async fn what_is_no_web_address_is_refused() {
    for (url, words) in [
        ("hooks.example", "the URL is not valid"),
        ("http://", "the URL is not valid"),
        ("file:///etc/passwd", "the URL is neither http nor https"),
        ("gopher://127.0.0.1/", "the URL is neither http nor https"),
    ] {
        assert_eq!(delivered(Targets::Public, url).await, Err(NoAnswer(words.into())), "{url}");
    }
}

#[test]
fn a_character_that_the_limit_cuts_is_left_out() {
    assert_eq!(text("aé".as_bytes()), "aé");
    assert_eq!(text(&"aé".as_bytes()[..2]), "a");
    assert_eq!(text(b"a\xffb"), "a\u{fffd}b");
}
