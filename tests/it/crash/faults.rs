//! Faults: a process that dies, or an answer that is lost, at the n-th write of all.

use std::sync::Arc;
use std::sync::{Mutex, MutexGuard};

use app::ports::{Outgoing, PortError, Queues};
use async_trait::async_trait;
use store::sqlite::SqliteTable;
use store::table::{Consumed, Index, IndexPage, Item, Key, Page, Query, Table, TableError, TransactError, Write};

/// What happens to the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It does not happen.
    Lost,
    /// Half of a write that is not atomic happens; of an atomic one nothing.
    Torn,
    /// It happens, and nobody hears of it.
    Unheard,
}

/// What happens after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// The process is dead: nothing works until it starts again.
    Dead,
    /// Everything else works.
    Alive,
}

/// Every way to fail.
pub const FAULTS: [(Mishap, Aftermath); 5] = [
    (Mishap::Lost, Aftermath::Dead),
    (Mishap::Torn, Aftermath::Dead),
    (Mishap::Unheard, Aftermath::Dead),
    (Mishap::Lost, Aftermath::Alive),
    (Mishap::Unheard, Aftermath::Alive),
];

#[derive(Default)]
struct State {
    armed: Option<(usize, Mishap, Aftermath)>,
    writes: usize,
    is_reached: bool,
    is_dead: bool,
    /// A partition that takes nothing: what a client sent there breaks a rule of the table.
    refused: Option<String>,
}

/// Decides about every write of a system.
#[derive(Default)]
pub struct Fate(Mutex<State>);

#[derive(Debug, thiserror::Error)]
#[error("a fault of the test")]
struct Injected;

impl Fate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The write number `at`, from now on and from zero, goes wrong.
    pub fn arm(&self, at: usize, fault: (Mishap, Aftermath)) {
        *self.state() = State { armed: Some((at, fault.0, fault.1)), ..State::default() };
    }

    /// Nothing can be put into this partition from now on.
    pub fn refuse(&self, partition: &str) {
        self.state().refused = Some(partition.to_owned());
    }

    fn refuses(&self, items: &[Item]) -> bool {
        let refused = self.state().refused.clone();
        refused.is_some_and(|partition| items.iter().any(|item| item.key.partition == partition))
    }

    /// Everything works again. Whether the fault happened.
    pub fn heal(&self) -> bool {
        std::mem::take(&mut *self.state()).is_reached
    }

    fn read(&self) -> Result<(), Injected> {
        if self.state().is_dead { Err(Injected) } else { Ok(()) }
    }

    /// What happens to the next write; none if it goes well.
    fn write(&self) -> Result<Option<Mishap>, Injected> {
        let mut state = self.state();
        if state.is_dead {
            return Err(Injected);
        }
        let number = state.writes;
        state.writes += 1;
        match state.armed {
            Some((at, mishap, aftermath)) if at == number => {
                state.is_reached = true;
                state.is_dead = aftermath == Aftermath::Dead;
                Ok(Some(mishap))
            }
            Some(_) | None => Ok(None),
        }
    }
}

impl From<Injected> for TableError {
    fn from(injected: Injected) -> TableError {
        TableError::Unavailable(Box::new(injected))
    }
}

impl From<Injected> for TransactError {
    fn from(injected: Injected) -> TransactError {
        TransactError::Table(injected.into())
    }
}

/// The real table with faults.
pub struct FaultyTable {
    pub inner: SqliteTable,
    pub fate: Arc<Fate>,
}

#[async_trait]
impl Table for FaultyTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        self.fate.read()?;
        self.inner.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, TableError> {
        self.fate.read()?;
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.fate.read()?;
        self.inner.query(query).await
    }

    async fn query_index(&self, index: Index, query: &Query) -> Result<IndexPage, TableError> {
        self.fate.read()?;
        self.inner.query_index(index, query).await
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), TableError> {
        if self.fate.refuses(&items) {
            return Err(TableError::Refused("a rule of the test".to_owned()));
        }
        let mishap = self.fate.write()?;
        let keep = match mishap {
            None | Some(Mishap::Unheard) => items.len(),
            Some(Mishap::Torn) => items.len().div_ceil(2),
            Some(Mishap::Lost) => 0,
        };
        self.inner.put_all(items.into_iter().take(keep).collect()).await?;
        told(mishap)
    }

    async fn delete_all(&self, keys: &[Key]) -> Result<(), TableError> {
        let mishap = self.fate.write()?;
        let gone = match mishap {
            None | Some(Mishap::Unheard) => keys.len(),
            Some(Mishap::Torn) => keys.len() / 2,
            Some(Mishap::Lost) => 0,
        };
        self.inner.delete_all(&keys[..gone]).await?;
        told(mishap)
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        let mishap = self.fate.write()?;
        if matches!(mishap, None | Some(Mishap::Unheard)) {
            self.inner.transact(writes).await?;
        }
        Ok(told(mishap)?)
    }

    async fn add(&self, key: &Key, by: i64) -> Result<i64, TableError> {
        let mishap = self.fate.write()?;
        let value = if matches!(mishap, None | Some(Mishap::Unheard)) { self.inner.add(key, by).await? } else { 0 };
        told(mishap)?;
        Ok(value)
    }

    fn consumed(&self) -> Consumed {
        self.inner.consumed()
    }
}

fn told(mishap: Option<Mishap>) -> Result<(), TableError> {
    match mishap {
        None => Ok(()),
        Some(_) => Err(Injected.into()),
    }
}

/// Queues in memory with faults. What was not settled is delivered again.
#[derive(Default)]
pub struct FaultyQueues {
    pub fate: Arc<Fate>,
    messages: Mutex<Vec<(u64, Outgoing)>>,
    sent: std::sync::atomic::AtomicU64,
}

impl FaultyQueues {
    pub fn new(fate: Arc<Fate>) -> FaultyQueues {
        FaultyQueues { fate, ..FaultyQueues::default() }
    }

    /// What waits in a queue. Delivered again and again until it is settled.
    pub fn waiting(&self, queue: app::ports::Queue) -> Vec<(u64, Outgoing)> {
        let messages = self.messages.lock().unwrap();
        messages.iter().filter(|(_, message)| message.queue == queue).cloned().collect()
    }

    /// Forgets a message that was dealt with.
    pub fn settle(&self, id: u64) {
        self.messages.lock().unwrap().retain(|(known, _)| *known != id);
    }
}

#[async_trait]
impl Queues for FaultyQueues {
    async fn send(&self, messages: Vec<Outgoing>) -> Result<(), PortError> {
        if messages.iter().all(|message| message.queue == app::ports::Queue::Fold) {
            // Folds are asked for by chance, and whoever cannot ask goes on: they are no step of a story.
            return self.fate.read().map_err(|injected| PortError::new("queues", injected));
        }
        let mishap = self.fate.write().map_err(|injected| PortError::new("queues", injected))?;
        let keep = match mishap {
            None | Some(Mishap::Unheard) => messages.len(),
            Some(Mishap::Torn) => messages.len() / 2,
            Some(Mishap::Lost) => 0,
        };
        let numbered = messages
            .into_iter()
            .take(keep)
            .map(|message| (self.sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed), message));
        self.messages.lock().unwrap().extend(numbered);
        match mishap {
            None => Ok(()),
            Some(_) => Err(PortError::new("queues", Injected)),
        }
    }
}
