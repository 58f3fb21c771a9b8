//! The emulated AWS: one MiniStack per test process, started by the first test that needs it.
//!
//! It ends with this process however that ends, because it watches a pipe that only this process holds.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The region that the emulator serves.
pub const REGION: &str = "eu-west-1";

/// Python may have to compile the emulator's modules on its first start on a busy machine.
const START_MAX: Duration = Duration::from_secs(60);

/// A running emulator.
pub struct Emulator {
    port: u16,
    /// Holds the pipe that keeps it alive.
    _process: Child,
}

/// The emulator of this process.
pub fn emulator() -> &'static Emulator {
    static EMULATOR: OnceLock<Emulator> = OnceLock::new();
    EMULATOR.get_or_init(start)
}

impl Emulator {
    /// What `AWS_ENDPOINT_URL` should be.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A client of the emulated DynamoDB, for the runtime that calls this.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        dynamodb_at(&self.endpoint())
    }
}

/// A client of whatever answers at this endpoint.
pub fn dynamodb_at(endpoint: &str) -> aws_sdk_dynamodb::Client {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

fn start() -> Emulator {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository");
    let python = root.join(".venv/bin/python");
    assert!(
        python.exists(),
        "these tests need the emulator of AWS: run `make deps` first ({} is missing)",
        python.display()
    );
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulator.log");
    // The port is free now; should somebody take it before the emulator does, another is tried.
    for _ in 0..3 {
        let port = free_port();
        let endpoint = format!("http://127.0.0.1:{port}");
        let output = std::fs::File::create(&log).expect("the emulator's log can be created");
        let errors = output.try_clone().expect("the emulator's log can be shared");
        let mut process = Command::new(&python)
            .arg(root.join("localstack/msrun.py"))
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_REGION", REGION)
            .env("EMULATOR_ENDS_WITH_STDIN", "1")
            // Roles and their policies count: a function that the template allows too little fails its test.
            .env("AUTH", "true")
            // Functions that it runs inherit these.
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .expect("the emulator starts");
        let deadline = Instant::now() + START_MAX;
        while Instant::now() < deadline && process.try_wait().expect("the emulator is a child").is_none() {
            if is_healthy(port) {
                return Emulator { port, _process: process };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = process.kill();
        let _ = process.wait();
    }
    panic!("the emulator did not start; its log: {}", std::fs::read_to_string(&log).unwrap_or_default());
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
