//! A PostgreSQL of the bench's own: a temporary cluster on a Unix socket, and as much of its protocol as a bench needs.

use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running cluster; gone when dropped.
pub struct Cluster {
    server: Child,
    folder: tempfile::TempDir,
    version: String,
}

/// The folder of `initdb` and `postgres`: of PATH, or where Debian has them.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// A user that may run it: PostgreSQL refuses root.
fn user() -> Option<(u32, u32)> {
    let is_root =
        std::fs::metadata("/proc/self").ok().is_some_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !is_root {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let of = |name: &str| {
        let line = users.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody"))
}

fn command(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

impl Cluster {
    /// None if there is no PostgreSQL on this machine.
    pub fn start() -> Option<Cluster> {
        let (programs, user) = (programs()?, user());
        let folder = tempfile::tempdir().expect("a folder for the bench");
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).expect("root may do that");
        }
        let data = folder.path().join("data");
        let made = command(&programs.join("initdb"), user)
            .args(["-A", "trust", "-U", "bench", "--no-locale", "-E", "UTF8", "-D"])
            .arg(&data)
            .status();
        assert!(made.expect("initdb runs").success(), "initdb failed");
        let server = command(&programs.join("postgres"), user)
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            // Durable as it comes, with memory as on a server of this size.
            .args(["-c", "listen_addresses=", "-c", "shared_buffers=2GB", "-c", "work_mem=64MB"])
            .args(["-c", "max_wal_size=4GB"])
            .spawn()
            .expect("postgres starts");
        let version = Command::new(programs.join("postgres")).arg("--version").output();
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        Some(Cluster { server, folder, version: version.unwrap_or_default() })
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn connect(&self) -> Connection {
        let path = self.folder.path().join(".s.PGSQL.5432");
        for _ in 0..300 {
            if let Some(connection) = UnixStream::connect(&path).ok().and_then(Connection::begin) {
                return connection;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("postgres does not answer");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nobody needs what is in it.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A row's columns as text.
pub type Row = Vec<Option<String>>;

/// A connection. Whatever the server refuses ends the bench.
pub struct Connection {
    read: BufReader<UnixStream>,
    write: BufWriter<UnixStream>,
}

/// A parameter: an array of texts, or a text.
pub enum Value<'a> {
    Texts(Vec<&'a str>),
    Text(&'a str),
}

fn length(bytes: usize) -> [u8; 4] {
    i32::try_from(bytes).expect("messages are small").to_be_bytes()
}

impl Connection {
    /// None while the server starts.
    fn begin(stream: UnixStream) -> Option<Connection> {
        let write = BufWriter::new(stream.try_clone().ok()?);
        let mut connection = Connection { read: BufReader::new(stream), write };
        let body = b"user\0bench\0database\0postgres\0\0";
        let mut message = length(8 + body.len()).to_vec();
        message.extend(196_608_i32.to_be_bytes());
        message.extend(body);
        connection.write.write_all(&message).ok()?;
        connection.write.flush().ok()?;
        loop {
            match connection.message()? {
                (b'Z', _) => return Some(connection),
                (b'E', _) => return None,
                _ => {}
            }
        }
    }

    fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.read.read_exact(&mut head).ok()?;
        let bytes = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; bytes.checked_sub(4)?];
        self.read.read_exact(&mut body).ok()?;
        Some((head[0], body))
    }

    fn send(&mut self, kind: u8, body: &[u8]) {
        let sent = self.write.write_all(&[kind]).and_then(|()| self.write.write_all(&length(body.len() + 4)));
        sent.and_then(|()| self.write.write_all(body)).expect("postgres reads");
    }

    fn answer(&mut self) -> Vec<Row> {
        self.write.flush().expect("postgres reads");
        let mut rows = Vec::new();
        loop {
            match self.message().expect("postgres answers") {
                (b'Z', _) => return rows,
                (b'E', body) => panic!("postgres refuses: {}", String::from_utf8_lossy(&body)),
                (b'D', body) => rows.push(row(&body)),
                _ => {}
            }
        }
    }

    /// Statements as they are.
    pub fn run(&mut self, sql: &str) -> Vec<Row> {
        let mut body = sql.as_bytes().to_vec();
        body.push(0);
        self.send(b'Q', &body);
        self.answer()
    }

    /// Names a statement, for `execute`.
    pub fn prepare(&mut self, name: &str, sql: &str) {
        let mut body = format!("{name}\0{sql}\0").into_bytes();
        body.extend([0, 0]);
        self.send(b'P', &body);
        self.send(b'S', &[]);
        self.answer();
    }

    pub fn execute(&mut self, name: &str, values: &[Value<'_>]) -> Vec<Row> {
        let mut body = format!("\0{name}\0").into_bytes();
        let count = u16::try_from(values.len()).expect("few").to_be_bytes();
        body.extend(count);
        for value in values {
            let format: u16 = if matches!(value, Value::Texts(_)) { 1 } else { 0 };
            body.extend(format.to_be_bytes());
        }
        body.extend(count);
        for value in values {
            let bytes = match value {
                Value::Text(text) => text.as_bytes().to_vec(),
                Value::Texts(texts) => array(texts),
            };
            body.extend(length(bytes.len()));
            body.extend(bytes);
        }
        // Every column as text.
        body.extend([0, 0]);
        self.send(b'B', &body);
        self.send(b'E', &[0, 0, 0, 0, 0]);
        self.send(b'S', &[]);
        self.answer()
    }
}

/// A `text[]` in PostgreSQL's binary form.
fn array(texts: &[&str]) -> Vec<u8> {
    const TEXT: i32 = 25;
    let mut bytes = Vec::new();
    bytes.extend(1_i32.to_be_bytes());
    bytes.extend(0_i32.to_be_bytes());
    bytes.extend(TEXT.to_be_bytes());
    bytes.extend(length(texts.len()));
    bytes.extend(1_i32.to_be_bytes());
    for text in texts {
        bytes.extend(length(text.len()));
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn row(body: &[u8]) -> Row {
    let mut rest = &body[2..];
    let mut columns = Vec::new();
    while let Some((head, after)) = rest.split_at_checked(4) {
        let bytes = i32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let bytes = usize::try_from(bytes).ok();
        let (column, after) = after.split_at(bytes.unwrap_or(0));
        columns.push(bytes.map(|_| String::from_utf8_lossy(column).into_owned()));
        rest = after;
    }
    columns
}
