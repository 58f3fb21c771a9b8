//! One SQLite file with group commit.
//!
//! Owns: the connections, the threads that they live on, and when a transaction is durable.
//!
//! Does not own: tables. `schema` makes the store's; the local host may keep others in the same file.
//!
//! Invariants:
//! - One thread writes. It takes every job that waits, runs each in a savepoint of one transaction, commits once, and
//!   only then answers: an answered write is on the disk.
//! - A job that fails undoes itself and nobody else; a commit that fails fails every job in it.
//! - No SQLite call runs on a thread of the async runtime.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::schema;

/// Most jobs of one commit: bounds how long the first of them waits.
const JOBS_PER_COMMIT_MAX: usize = 512;

/// Jobs that may wait before callers of `write` wait for room.
const JOBS_WAITING_MAX: usize = 2048;

/// How long to wait for another process (or handle) that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages of log before SQLite copies them back: 16 MB, so that a burst of large items seldom stops for it.
const CHECKPOINT_PAGES: u32 = 4000;

/// The log is cut back to this size after a burst.
const LOG_BYTES_MAX: u32 = 64 * 1024 * 1024;

const STATEMENTS_CACHED: usize = 64;

/// Why the database failed a job. The job wrote nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite failed: opening, a statement of ours, or the commit.
    #[error("the database failed: {0}")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    /// The file was written by a newer version of this program.
    #[error("the database has schema version {found}, this program knows {known} at most: use a newer program")]
    Newer {
        /// The file's version.
        found: u32,
        /// The latest version that this program knows.
        known: u32,
    },
    /// The job panicked and was undone.
    #[error("a database job panicked")]
    Panicked,
    /// The database's threads are gone.
    #[error("the database is closed")]
    Closed,
    /// A thread could not be started.
    #[error("no thread for the database: {0}")]
    Thread(#[source] Arc<std::io::Error>),
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> DatabaseError {
        DatabaseError::Sqlite(Arc::new(error))
    }
}

/// A handle; clones share the file, the threads and the group commit. The last one to go waits for jobs under way.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    jobs: Option<mpsc::Sender<Box<dyn WriteJob>>>,
    writer: Option<JoinHandle<()>>,
    reads: Arc<ReadQueue>,
    readers: Vec<JoinHandle<()>>,
    listeners: Listeners,
    temporary: Option<PathBuf>,
}

type Listeners = Arc<Mutex<Vec<Box<dyn Fn() + Send>>>>;

/// What the writer does with a job: run it, then tell it how the commit went.
trait WriteJob: Send {
    /// Whether to keep what it wrote.
    fn run(&mut self, connection: &Connection) -> bool;
    fn answer(self: Box<Self>, committed: Result<(), DatabaseError>);
}

struct Call<T, E, F> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> WriteJob for Call<T, E, F>
where
    T: Send,
    E: From<DatabaseError> + Send,
    F: FnOnce(&Connection) -> Result<T, E> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        let outcome = guarded(connection, work);
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn answer(self: Box<Self>, committed: Result<(), DatabaseError>) {
        let answer = match (self.outcome, committed) {
            // A job's own error stays true whatever became of the others.
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Ok(_)) | None, Err(error)) => Err(E::from(error)),
            (None, Ok(())) => Err(E::from(DatabaseError::Closed)),
        };
        // The caller may have stopped waiting; the write stands all the same.
        let _ = self.reply.send(answer);
    }
}

fn guarded<T, E: From<DatabaseError>>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    // What the panic may have left half done is in the savepoint, which goes.
    catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|_| Err(E::from(DatabaseError::Panicked)))
}

type ReadJob = Box<dyn FnOnce(&Connection) + Send>;

#[derive(Default)]
struct ReadQueue {
    state: Mutex<ReadState>,
    wake: Condvar,
}

#[derive(Default)]
struct ReadState {
    jobs: VecDeque<ReadJob>,
    closed: bool,
}

/// No code that can panic runs under our locks, so a poisoned one is still consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Database {
    /// Opens or creates a file and brings its schema up to date. Every answered write is durable.
    ///
    /// Blocks: call it while starting.
    pub fn open(path: &Path) -> Result<Database, DatabaseError> {
        Database::start(path, Durability::Full, None)
    }

    /// A database of its own for a test, gone with the last handle. Like a file in all respects, because it is one,
    /// except that nobody waits for the disk.
    pub fn temporary() -> Result<Database, DatabaseError> {
        let path = std::env::temp_dir().join(format!("weir-{}.sqlite", Uuid::new_v4().simple()));
        Database::start(&path, Durability::None, Some(path.clone()))
    }

    fn start(path: &Path, durability: Durability, temporary: Option<PathBuf>) -> Result<Database, DatabaseError> {
        let mut connection = connect(path, durability)?;
        schema::migrate(&mut connection)?;
        let listeners = Listeners::default();
        let reads = Arc::new(ReadQueue::default());
        let (jobs, waiting) = mpsc::channel(JOBS_WAITING_MAX);
        // From here on an early return drops `inner`, which ends the threads that run already.
        let mut inner = Inner {
            jobs: Some(jobs),
            writer: None,
            reads: Arc::clone(&reads),
            readers: Vec::new(),
            listeners: Arc::clone(&listeners),
            temporary,
        };
        for _ in 0..thread::available_parallelism().map_or(2, usize::from).clamp(2, 4) {
            let connection = connect(path, durability)?;
            connection.pragma_update(None, "query_only", true)?;
            let reads = Arc::clone(&reads);
            inner.readers.push(spawn("sqlite-read", move || serve_reads(&connection, &reads))?);
        }
        inner.writer = Some(spawn("sqlite-write", move || serve_writes(&connection, waiting, &listeners))?);
        Ok(Database { inner: Arc::new(inner) })
    }

    /// Runs a job on the writer and answers once it is committed together with whatever else was waiting.
    ///
    /// An error undoes the job. The job must not begin, commit or roll back; savepoints are fine. Once begun it happens
    /// even if the caller stops waiting.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let call = Box::new(Call { work: Some(work), outcome: None, reply });
        let Some(jobs) = &self.inner.jobs else { return Err(E::from(DatabaseError::Closed)) };
        if jobs.send(call).await.is_err() {
            return Err(E::from(DatabaseError::Closed));
        }
        answer.await.unwrap_or_else(|_| Err(E::from(DatabaseError::Closed)))
    }

    /// Runs a job on a reader. It sees every write answered before; each of its statements sees one moment.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move |connection: &Connection| {
            let _ = reply.send(guarded(connection, work));
        });
        lock(&self.inner.reads.state).jobs.push_back(job);
        self.inner.reads.wake.notify_one();
        answer.await.unwrap_or_else(|_| Err(E::from(DatabaseError::Closed)))
    }

    /// Calls `listener` after every commit, on the writer's thread, before the commit's jobs are answered: keep it
    /// short. For the life of the database; it must not hold a handle of it.
    pub fn after_commit(&self, listener: impl Fn() + Send + 'static) {
        lock(&self.inner.listeners).push(Box::new(listener));
    }
}

#[derive(Clone, Copy)]
enum Durability {
    Full,
    None,
}

fn connect(path: &Path, durability: Durability) -> Result<Connection, DatabaseError> {
    // Every connection stays on one thread, so SQLite need not lock around each call.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::None => "OFF",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(connection)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, DatabaseError> {
    thread::Builder::new().name(name.to_owned()).spawn(body).map_err(|error| DatabaseError::Thread(Arc::new(error)))
}

fn serve_reads(connection: &Connection, queue: &ReadQueue) {
    let mut state = lock(&queue.state);
    loop {
        if let Some(job) = state.jobs.pop_front() {
            drop(state);
            job(connection);
            state = lock(&queue.state);
        } else if state.closed {
            return;
        } else {
            state = queue.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn serve_writes(connection: &Connection, mut waiting: mpsc::Receiver<Box<dyn WriteJob>>, listeners: &Listeners) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < JOBS_PER_COMMIT_MAX {
            let Ok(next) = waiting.try_recv() else { break };
            batch.push(next);
        }
        let committed = commit(connection, &mut batch);
        if let Err(error) = &committed {
            tracing::error!(jobs = batch.len(), %error, "a commit of {} jobs failed", batch.len());
            if !connection.is_autocommit()
                && let Err(error) = connection.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "rolling back failed");
            }
        } else {
            lock(listeners).iter().for_each(|listener| listener());
        }
        for job in batch {
            job.answer(committed.clone());
        }
    }
}

fn commit(connection: &Connection, batch: &mut [Box<dyn WriteJob>]) -> Result<(), DatabaseError> {
    run(connection, "BEGIN IMMEDIATE")?;
    for job in batch {
        run(connection, "SAVEPOINT job")?;
        let keep = job.run(connection);
        // A full disk or a failed read makes SQLite roll back the whole transaction, the earlier jobs' writes with it.
        if connection.is_autocommit() {
            return Err(DatabaseError::from(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
                Some("the transaction was rolled back under a job".to_owned()),
            )));
        }
        if !keep {
            run(connection, "ROLLBACK TO job")?;
        }
        run(connection, "RELEASE job")?;
    }
    run(connection, "COMMIT")
}

fn run(connection: &Connection, statement: &str) -> Result<(), DatabaseError> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}

impl Drop for Inner {
    fn drop(&mut self) {
        lock(&self.reads.state).closed = true;
        self.reads.wake.notify_all();
        self.readers.drain(..).for_each(join);
        // Closing the channel lets the writer finish what waits. It closes the file last, which empties the log.
        self.jobs = None;
        self.writer.take().into_iter().for_each(join);
        if let Some(path) = &self.temporary {
            for suffix in ["", "-wal", "-shm"] {
                let mut name = path.clone().into_os_string();
                name.push(suffix);
                // SQLite removes the log itself, usually.
                let _ = std::fs::remove_file(name);
            }
        }
    }
}

fn join(thread: JoinHandle<()>) {
    // A job that holds the last handle drops it on a thread of ours, which cannot wait for itself.
    if thread.thread().id() != thread::current().id() {
        let _ = thread.join();
    }
}
