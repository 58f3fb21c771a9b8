//! A table in memory that fails as networks and processes do, and a scheduler that decides who moves next. One seed, one
//! history: nothing here asks the machine for time, randomness or threads.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use store::table::{
    Condition, Consumed, Cursor, Index, IndexPage, Item, Key, Order, Page, Query, Table, TableError, TransactError,
    Write,
};

/// Items of a page of a query: few, so that readers are interrupted between pages.
const PAGE_ITEMS: usize = 4;

/// Random numbers from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `0..bound`, or nearly so.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// What a write that nobody heard of does in the end.
enum Late {
    Write(Vec<Write>),
    Put(Item),
    Delete(Key),
}

struct State {
    dice: Dice,
    items: BTreeMap<Key, Item>,
    late: Vec<Late>,
    /// One operation in so many goes wrong; 0 for none.
    faults_one_in: usize,
    operations: u64,
    paths: BTreeMap<&'static str, u64>,
}

/// The table that all processes share, with the dice of everything.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<State>>);

/// What goes wrong with an operation.
enum Mishap {
    /// Nothing.
    None,
    /// It does not happen: throttled, or the connection failed.
    Lost,
    /// It happens, and nobody hears of it.
    Unheard,
    /// It happens some time later, and nobody hears of it.
    Late,
}

#[derive(Debug, thiserror::Error)]
#[error("a fault of the simulation")]
struct Injected;

fn injected() -> TableError {
    TableError::Unavailable(Box::new(Injected))
}

impl Shared {
    pub fn new(seed: u64) -> Shared {
        Shared(Arc::new(Mutex::new(State {
            dice: Dice::new(seed),
            items: BTreeMap::new(),
            late: Vec::new(),
            faults_one_in: 0,
            operations: 0,
            paths: BTreeMap::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Throws the dice.
    pub fn dice<T>(&self, throw: impl FnOnce(&mut Dice) -> T) -> T {
        throw(&mut self.state().dice)
    }

    pub fn set_faults(&self, one_in: usize) {
        self.state().faults_one_in = one_in;
    }

    /// A path of the log was taken.
    pub fn reached(&self, path: &'static str) {
        *self.state().paths.entry(path).or_default() += 1;
    }

    /// How often each path was taken.
    pub fn paths(&self) -> BTreeMap<&'static str, u64> {
        self.state().paths.clone()
    }

    /// The keys of all items of a kind.
    pub fn keys_of(&self, kind: &str) -> Vec<Key> {
        self.state().items.values().filter(|item| item.kind == kind).map(|item| item.key.clone()).collect()
    }

    /// Everything that was on its way arrives.
    pub fn arrive(&self) {
        let mut state = self.state();
        while !state.late.is_empty() {
            state.let_one_arrive();
        }
    }

    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// A process of its own: it may die.
    pub fn process(&self) -> Process {
        Process { shared: self.clone(), is_dead: AtomicBool::new(false) }
    }
}

impl State {
    fn let_one_arrive(&mut self) {
        let place = self.dice.below(self.late.len());
        let late = self.late.swap_remove(place);
        self.happen(late);
    }

    fn happen(&mut self, late: Late) {
        match late {
            // Its conditions may not hold any more: nobody cares.
            Late::Write(writes) => drop(self.apply(writes)),
            Late::Put(item) => drop(self.items.insert(item.key.clone(), item)),
            Late::Delete(key) => drop(self.items.remove(&key)),
        }
    }

    fn mishap(&mut self) -> Mishap {
        self.operations += 1;
        if !self.late.is_empty() && self.dice.one_in(8) {
            self.let_one_arrive();
        }
        if self.faults_one_in == 0 || !self.dice.one_in(self.faults_one_in) {
            return Mishap::None;
        }
        match self.dice.below(3) {
            0 => Mishap::Lost,
            1 => Mishap::Unheard,
            _ => Mishap::Late,
        }
    }

    fn apply(&mut self, writes: Vec<Write>) -> Result<(), TransactError> {
        let holds = |write: &Write| {
            let found = self.items.get(write.key());
            match write {
                Write::Add(..) => true,
                Write::Put(_, condition) | Write::Delete(_, condition) | Write::Check(_, condition) => {
                    match condition {
                        Condition::None => true,
                        Condition::Absent => found.is_none(),
                        Condition::Version(version) => found.is_some_and(|item| item.version == *version),
                    }
                }
            }
        };
        let failed: Vec<usize> =
            writes.iter().enumerate().filter(|(_, write)| !holds(write)).map(|(place, _)| place).collect();
        if !failed.is_empty() {
            return Err(TransactError::Conditions(failed));
        }
        for write in writes {
            match write {
                Write::Put(item, _) => drop(self.items.insert(item.key.clone(), item)),
                Write::Delete(key, _) => drop(self.items.remove(&key)),
                Write::Check(..) => {}
                Write::Add(..) => unimplemented!("no usage log counts"),
            }
        }
        Ok(())
    }

    fn page(&self, query: &Query) -> Page {
        assert_eq!(query.order, Order::Ascending, "nobody reads a usage log backwards");
        let is_in = |key: &Key| {
            key.partition == query.partition
                && query.from.as_ref().is_none_or(|from| key.sort >= *from)
                && query.to.as_ref().is_none_or(|to| key.sort <= *to)
                && query.after.as_ref().is_none_or(|after| key.sort > after.key.sort)
        };
        let mut found = self.items.iter().filter(|(key, _)| is_in(key)).map(|(_, item)| item);
        let items: Vec<Item> = found.by_ref().take(PAGE_ITEMS).cloned().collect();
        let cursor = |item: &Item| Cursor { key: item.key.clone(), index_sort: None };
        Page { next: found.next().and(items.last()).map(cursor), items }
    }
}

/// The table as one process sees it.
pub struct Process {
    shared: Shared,
    is_dead: AtomicBool,
}

/// Lets the others move.
async fn others() {
    let mut has_waited = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut has_waited, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

impl Process {
    /// The next operation; an error if it does not happen for this process.
    async fn next(&self) -> Result<Mishap, TableError> {
        others().await;
        let mut state = self.shared.state();
        let mishap = state.mishap();
        // Now and then the process dies of what goes wrong, or of nothing: its time is up, its host goes down.
        let faults = state.faults_one_in;
        let dies = if matches!(mishap, Mishap::None) {
            faults > 0 && state.dice.one_in(3 * faults)
        } else {
            state.dice.one_in(4)
        };
        if dies {
            self.is_dead.store(true, Ordering::Relaxed);
        }
        match mishap {
            Mishap::Lost => Err(injected()),
            // What a dead process began may still happen; it begins nothing more.
            Mishap::None if self.is_dead.load(Ordering::Relaxed) => Err(injected()),
            other => Ok(other),
        }
    }

    async fn read<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T, TableError> {
        match self.next().await? {
            Mishap::None => Ok(read(&self.shared.state())),
            Mishap::Lost | Mishap::Unheard | Mishap::Late => Err(injected()),
        }
    }

    /// The writes of a batch, in any order. If one fails, any of the others may have happened, or will.
    async fn batch(&self, mut writes: Vec<Late>) -> Result<(), TableError> {
        while !writes.is_empty() {
            let place = self.shared.dice(|dice| dice.below(writes.len()));
            if let Err(error) = self.write(writes.swap_remove(place)).await {
                let mut state = self.shared.state();
                for write in writes {
                    match state.dice.below(3) {
                        0 => state.happen(write),
                        1 => state.late.push(write),
                        _ => {}
                    }
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// One write of a batch.
    async fn write(&self, late: Late) -> Result<(), TableError> {
        let mishap = self.next().await?;
        let mut state = self.shared.state();
        match (&mishap, late) {
            (Mishap::Late, late) => state.late.push(late),
            (Mishap::Lost, _) => {}
            (Mishap::None | Mishap::Unheard, write) => state.happen(write),
        }
        if matches!(mishap, Mishap::None) { Ok(()) } else { Err(injected()) }
    }
}

#[async_trait]
impl Table for Process {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        self.read(|state| state.items.get(key).cloned()).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, TableError> {
        let mut found = Vec::with_capacity(keys.len());
        // No two of them at the same instant.
        for part in keys.chunks(3) {
            found.extend(
                self.read(|state| part.iter().map(|key| state.items.get(key).cloned()).collect::<Vec<_>>()).await?,
            );
        }
        Ok(found)
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.read(|state| state.page(query)).await
    }

    async fn query_index(&self, _: Index, _: &Query) -> Result<IndexPage, TableError> {
        unimplemented!("usage logs have no index")
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), TableError> {
        if items.iter().filter(|item| item.kind == "chunk").count() > 1 {
            self.shared.reached("several parts of an append");
        }
        self.batch(items.into_iter().map(Late::Put).collect()).await
    }

    async fn delete_all(&self, keys: &[Key]) -> Result<(), TableError> {
        self.batch(keys.iter().cloned().map(Late::Delete).collect()).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        match self.next().await? {
            Mishap::None => self.shared.state().apply(writes),
            Mishap::Unheard => {
                drop(self.shared.state().apply(writes));
                Err(injected().into())
            }
            Mishap::Late => {
                self.shared.state().late.push(Late::Write(writes));
                Err(injected().into())
            }
            Mishap::Lost => Err(injected().into()),
        }
    }

    async fn add(&self, _: &Key, _: i64) -> Result<i64, TableError> {
        unimplemented!("no usage log counts")
    }

    fn consumed(&self) -> Consumed {
        Consumed::default()
    }
}

/// Something that happens beside everything else.
pub type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Lets tasks take steps in an order that the dice decide, until all have ended.
pub fn run(shared: &Shared, mut tasks: Vec<Task<'_>>) {
    let mut context = Context::from_waker(Waker::noop());
    while !tasks.is_empty() {
        let place = shared.dice(|dice| dice.below(tasks.len()));
        if tasks[place].as_mut().poll(&mut context).is_ready() {
            drop(tasks.swap_remove(place));
        }
    }
}
