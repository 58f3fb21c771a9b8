//! A unit of work over the table: what is written in it is seen in it at once, and written for everybody together at its end.
//!
//! Owns: how several transactions become one, and what a reader sees of writes that wait. `app::idempotency` keeps a
//! request's effect and its answer together by it.
//!
//! Does not own: what the writes mean.
//!
//! Invariants:
//! - While it gathers, no transaction reaches the table: a unit that is dropped has done nothing. `end` writes everything and
//!   the last item in one transaction, under every condition that the gathered writes stated.
//! - What cannot wait goes out by `let_out`: what was gathered, in one transaction with a mark that says so. From then on the
//!   unit writes through.
//! - Every write that leaves it is fenced: it demands that the unit's own item stands in the version that it knows.
//! - Blind writes (`put_all`, `delete_all`, `add`) pass through: they are of things that nothing makes visible yet.
//! - Expiry of gathered items is not looked at: nobody gathers what has expired.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::table::capacity::item_bytes;
use crate::table::limits::{TRANSACTION_BYTES_MAX, check_writes};
use crate::table::{
    Condition, Consumed, Cursor, Found, ITEM_BYTES_MAX, Index, IndexPage, Item, Key, Order, Page, Query, Table,
    TableError, TransactError, WRITES_PER_TRANSACTION_MAX, Write,
};

/// The unit's own item: whoever changes it takes the unit's right to write away.
#[derive(Debug, Clone)]
pub struct Fence {
    /// The version in which it stands.
    pub version: u64,
    /// What stands there once a part of the unit was let out; its own `version` does not matter.
    pub let_out: Item,
}

/// What becomes of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// They wait for the end.
    Gathering,
    /// They are written at once.
    Through,
    /// Something was in the way, or the fence has moved: nothing more is read or written.
    Lost,
}

struct State {
    mode: Mode,
    fence: Fence,
    /// One write per key, in the order in which keys were first written.
    writes: Vec<Write>,
    places: HashMap<Key, usize>,
}

/// A table whose transactions wait until the unit of work ends.
pub struct StagedTable {
    inner: Arc<dyn Table>,
    state: Mutex<State>,
}

/// The unit of work cannot go on; what it was asked to do is to be done anew.
#[derive(Debug, thiserror::Error)]
#[error("the unit of work was overtaken")]
struct Overtaken;

fn overtaken() -> TableError {
    TableError::Unavailable(Box::new(Overtaken))
}

impl StagedTable {
    /// A unit of work over `inner`, whose own item stands there already.
    pub fn new(inner: Arc<dyn Table>, fence: Fence) -> StagedTable {
        let state = State { mode: Mode::Gathering, fence, writes: Vec::new(), places: HashMap::new() };
        StagedTable { inner, state: Mutex::new(state) }
    }

    /// Whether something was in the way of what was let out, or somebody else has moved the fence.
    pub async fn is_lost(&self) -> bool {
        self.state.lock().await.mode == Mode::Lost
    }

    /// The version of the unit's own item, if a part of the unit was let out.
    pub async fn let_out_version(&self) -> Option<u64> {
        let state = self.state.lock().await;
        (state.mode == Mode::Through).then_some(state.fence.version)
    }

    /// Writes what was gathered, if anything was: somebody else must see it before the unit can go on. One transaction.
    ///
    /// # Errors
    /// The table did not answer, or something was in the way: then the unit `is_lost`.
    pub async fn let_out(&self) -> Result<(), TableError> {
        let mut state = self.state.lock().await;
        match state.mode {
            Mode::Gathering if state.writes.is_empty() => Ok(()),
            Mode::Gathering => self.write_out(&mut state).await,
            Mode::Through => Ok(()),
            Mode::Lost => Err(overtaken()),
        }
    }

    /// Ends the unit: everything that was gathered, and `last` in the place of the unit's own item. One transaction.
    ///
    /// # Errors
    /// A condition does not hold any more, or the fence has moved: nothing of what was gathered is written.
    pub async fn end(&self, last: Item) -> Result<(), TransactError> {
        let mut state = self.state.lock().await;
        if state.mode == Mode::Lost {
            return Err(TransactError::Contended);
        }
        let mut writes = std::mem::take(&mut state.writes);
        state.places.clear();
        let version = state.fence.version;
        writes.push(Write::Put(Item { version: version + 1, ..last }, Condition::Version(version)));
        self.inner.transact(writes).await
    }

    async fn write_out(&self, state: &mut State) -> Result<(), TableError> {
        let mut writes = std::mem::take(&mut state.writes);
        state.places.clear();
        let version = state.fence.version;
        let mark = Item { version: version + 1, ..state.fence.let_out.clone() };
        writes.push(Write::Put(mark, Condition::Version(version)));
        match self.inner.transact(writes).await {
            Ok(()) => {
                state.fence.version += 1;
                state.mode = Mode::Through;
                Ok(())
            }
            Err(TransactError::Conditions(_) | TransactError::Contended) => {
                state.mode = Mode::Lost;
                Err(overtaken())
            }
            // Whether it happened is unknown: whoever tries again finds the mark, or not.
            Err(TransactError::Table(error)) => {
                state.mode = Mode::Lost;
                Err(error)
            }
        }
    }

    async fn write_through(&self, state: &mut State, mut writes: Vec<Write>) -> Result<(), TransactError> {
        let fence = Write::Check(state.fence.let_out.key.clone(), Condition::Version(state.fence.version));
        let fenced_at = (writes.len() < WRITES_PER_TRANSACTION_MAX).then_some(writes.len());
        writes.extend(fenced_at.map(|_| fence));
        match self.inner.transact(writes).await {
            Err(TransactError::Conditions(positions))
                if positions.iter().any(|position| Some(*position) == fenced_at) =>
            {
                state.mode = Mode::Lost;
                Err(overtaken().into())
            }
            done => done,
        }
    }

    /// Adds a transaction to what waits.
    async fn gather(&self, state: &mut State, writes: Vec<Write>) -> Result<(), TransactError> {
        let present = self.present(state, &writes).await?;
        let failed: Vec<usize> = (0..writes.len()).filter(|at| !holds(&writes[*at], &present)).collect();
        if !failed.is_empty() {
            return Err(TransactError::Conditions(failed));
        }
        let mut merged = state.writes.clone();
        let mut places = state.places.clone();
        for write in &writes {
            match places.get(write.key()) {
                Some(place) => {
                    let underneath = present.get(write.key()).and_then(|(underneath, _)| underneath.clone());
                    merged[*place] = merge(merged[*place].clone(), write.clone(), underneath);
                }
                None => {
                    places.insert(write.key().clone(), merged.len());
                    merged.push(write.clone());
                }
            }
        }
        // Room for the unit's own item, at its largest.
        let fits = merged.len() < WRITES_PER_TRANSACTION_MAX
            && merged.iter().map(write_bytes).sum::<usize>() + ITEM_BYTES_MAX <= TRANSACTION_BYTES_MAX;
        if !fits {
            self.write_out(state).await?;
            return self.write_through(state, writes).await;
        }
        (state.writes, state.places) = (merged, places);
        Ok(())
    }

    /// Of every key that a condition or a sum looks at: the item in the table, and the item as the unit sees it.
    async fn present(&self, state: &State, writes: &[Write]) -> Result<HashMap<Key, Seen>, TableError> {
        let looks = |write: &&Write| match write {
            Write::Put(_, condition) | Write::Delete(_, condition) | Write::Check(_, condition) => {
                *condition != Condition::None || state.places.contains_key(write.key())
            }
            Write::Add(key, _) => state.places.contains_key(key),
        };
        let keys: Vec<Key> = writes.iter().filter(looks).map(|write| write.key().clone()).collect();
        let items = self.inner.get_many(&keys).await?;
        let seen = |(key, underneath): (Key, Option<Item>)| {
            let waiting = state.places.get(&key).map(|place| &state.writes[*place]);
            let seen = waiting.map_or_else(|| underneath.clone(), |write| over(write, underneath.clone()));
            (key, (underneath, seen))
        };
        Ok(keys.into_iter().zip(items).map(seen).collect())
    }

    /// What waits under these keys.
    async fn waiting(&self, is_asked: impl Fn(&Key) -> bool) -> Result<Vec<Write>, TableError> {
        let state = self.state.lock().await;
        match state.mode {
            Mode::Lost => Err(overtaken()),
            Mode::Gathering | Mode::Through => {
                Ok(state.writes.iter().filter(|write| is_asked(write.key())).cloned().collect())
            }
        }
    }

    /// A blind write of these keys: what waits under one of them goes first.
    async fn before_blind<'a>(&self, mut keys: impl Iterator<Item = &'a Key>) -> Result<(), TableError> {
        let mut state = self.state.lock().await;
        match state.mode {
            Mode::Lost => Err(overtaken()),
            Mode::Gathering if keys.any(|key| state.places.contains_key(key)) => self.write_out(&mut state).await,
            Mode::Gathering | Mode::Through => Ok(()),
        }
    }
}

/// The item in the table, and the item as the unit of work sees it.
type Seen = (Option<Item>, Option<Item>);

fn write_bytes(write: &Write) -> usize {
    match write {
        Write::Put(item, _) => item_bytes(item),
        Write::Delete(..) | Write::Check(..) | Write::Add(..) => 0,
    }
}

fn holds(write: &Write, present: &HashMap<Key, Seen>) -> bool {
    let condition = match write {
        Write::Put(_, condition) | Write::Delete(_, condition) | Write::Check(_, condition) => *condition,
        Write::Add(..) => Condition::None,
    };
    let seen = present.get(write.key()).and_then(|(_, seen)| seen.as_ref());
    match condition {
        Condition::None => true,
        Condition::Absent => seen.is_none(),
        Condition::Version(version) => seen.is_some_and(|item| item.version == version),
    }
}

/// What stands there after a write over `item`.
fn over(write: &Write, item: Option<Item>) -> Option<Item> {
    match write {
        Write::Put(put, _) => Some(put.clone()),
        Write::Delete(..) => None,
        Write::Check(..) => item,
        Write::Add(key, by) => Some(sum(key, item, *by)),
    }
}

/// A counter after an addition (`Write::Add`).
fn sum(key: &Key, item: Option<Item>, by: i64) -> Item {
    let empty = || Item { version: 0, ..Item::new(key.clone(), "counter", 1, bytes::Bytes::new()) };
    let item = item.unwrap_or_else(empty);
    Item { counter: Some(item.counter.unwrap_or(0).wrapping_add(by)), version: item.version + 1, ..item }
}

/// One write that does what two do, one after the other. The second one's condition holds of what the first leaves.
fn merge(first: Write, second: Write, underneath: Option<Item>) -> Write {
    match (first, second) {
        (Write::Add(key, one), Write::Add(_, other)) => Write::Add(key, one.wrapping_add(other)),
        // A sum has no condition: it becomes what it makes of the item that stands there now, and of no other.
        (Write::Add(key, by), second) => {
            let exactly = underneath.as_ref().map_or(Condition::Absent, |item| Condition::Version(item.version));
            let made = Write::Put(sum(&key, underneath.clone(), by), exactly);
            merge(made, second, underneath)
        }
        (Write::Check(_, Condition::None), second) => second,
        (Write::Check(key, demanded), Write::Add(_, by)) => Write::Put(sum(&key, underneath, by), demanded),
        // Both demands are of the item in the table. If they differ the first one does not hold any more, and the end says so.
        (Write::Check(_, demanded), Write::Put(item, _)) => Write::Put(item, demanded),
        (Write::Check(_, demanded), Write::Delete(key, _)) => Write::Delete(key, demanded),
        (Write::Check(key, demanded), Write::Check(..)) => Write::Check(key, demanded),
        (first @ (Write::Put(..) | Write::Delete(..)), Write::Check(..)) => first,
        (Write::Put(_, demanded) | Write::Delete(_, demanded), Write::Put(item, _)) => Write::Put(item, demanded),
        (Write::Put(_, demanded) | Write::Delete(_, demanded), Write::Delete(key, _)) => Write::Delete(key, demanded),
        (Write::Put(item, demanded), Write::Add(key, by)) => Write::Put(sum(&key, Some(item), by), demanded),
        (Write::Delete(_, demanded), Write::Add(key, by)) => Write::Put(sum(&key, None, by), demanded),
    }
}

fn in_range(query: &Query, sort: &str) -> bool {
    query.from.as_deref().is_none_or(|from| from <= sort) && query.to.as_deref().is_none_or(|to| sort <= to)
}

/// Whether a place lies on a page: beyond where the page before it ended, and not beyond its own end.
fn on_page<P: PartialOrd>(order: Order, place: &P, after: Option<&P>, end: Option<&P>) -> bool {
    match order {
        Order::Ascending => after.is_none_or(|after| place > after) && end.is_none_or(|end| place <= end),
        Order::Descending => after.is_none_or(|after| place < after) && end.is_none_or(|end| place >= end),
    }
}

#[async_trait]
impl Table for StagedTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        let waiting = self.waiting(|known| known == key).await?;
        match waiting.first() {
            Some(Write::Put(item, _)) => Ok(Some(item.clone())),
            Some(write) => Ok(over(write, self.inner.get(key).await?)),
            None => self.inner.get(key).await,
        }
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, TableError> {
        let waiting = self.waiting(|known| keys.contains(known)).await?;
        let waiting: HashMap<&Key, &Write> = waiting.iter().map(|write| (write.key(), write)).collect();
        let items = self.inner.get_many(keys).await?;
        let seen = |(key, item)| match waiting.get(key) {
            Some(write) => over(write, item),
            None => item,
        };
        Ok(keys.iter().zip(items).map(seen).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        let waiting = self.waiting(|key| key.partition == query.partition && in_range(query, &key.sort)).await?;
        if waiting.is_empty() {
            return self.inner.query(query).await;
        }
        let (mut query, mut gathered) = (query.clone(), Vec::new());
        loop {
            let page = self.inner.query(&query).await?;
            let mut items: BTreeMap<String, Item> =
                page.items.into_iter().map(|item| (item.key.sort.clone(), item)).collect();
            let end = page.next.as_ref().map(|next| &next.key.sort);
            for write in &waiting {
                let sort = &write.key().sort;
                if on_page(query.order, sort, query.after.as_ref().map(|after| &after.key.sort), end) {
                    let item = items.remove(sort);
                    items.extend(over(write, item).map(|item| (sort.clone(), item)));
                }
            }
            match query.order {
                Order::Ascending => gathered.extend(items.into_values()),
                Order::Descending => gathered.extend(items.into_values().rev()),
            }
            let mut next = page.next;
            if let Some(limit) = query.limit.filter(|limit| gathered.len() > *limit) {
                gathered.truncate(limit);
                next = gathered.last().map(|last| Cursor { key: last.key.clone(), index_sort: None });
            }
            match next {
                // What was removed may have been a part of the page, or all of it.
                Some(next) if gathered.len() < query.limit.unwrap_or(1) => query.after = Some(next),
                next => return Ok(Page { items: gathered, next }),
            }
        }
    }

    async fn query_index(&self, index: Index, query: &Query) -> Result<IndexPage, TableError> {
        // A sum changes no entry, and a check nothing at all.
        let waiting = self.waiting(|_| true).await?;
        let changes: HashMap<&Key, Option<&str>> = waiting
            .iter()
            .filter_map(|write| match write {
                Write::Put(item, _) => {
                    let entry = item.entries.iter().find(|entry| {
                        entry.index == index && entry.partition == query.partition && in_range(query, &entry.sort)
                    });
                    Some((&item.key, entry.map(|entry| entry.sort.as_str())))
                }
                Write::Delete(key, _) => Some((key, None)),
                Write::Check(..) | Write::Add(..) => None,
            })
            .collect();
        if changes.is_empty() {
            return self.inner.query_index(index, query).await;
        }
        let (mut query, mut gathered) = (query.clone(), Vec::new());
        loop {
            let page = self.inner.query_index(index, &query).await?;
            let after = query.after.as_ref().and_then(place_of);
            let end = page.next.as_ref().and_then(place_of);
            let mut found: Vec<Found> =
                page.found.into_iter().filter(|found| !changes.contains_key(&found.key)).collect();
            for (key, sort) in &changes {
                let Some(sort) = *sort else { continue };
                if on_page(query.order, &(sort, *key), after.as_ref(), end.as_ref()) {
                    found.push(Found { key: (*key).clone(), index_sort: sort.to_owned() });
                }
            }
            found.sort_by(|one, other| (&one.index_sort, &one.key).cmp(&(&other.index_sort, &other.key)));
            if query.order == Order::Descending {
                found.reverse();
            }
            gathered.extend(found);
            let mut next = page.next;
            if let Some(limit) = query.limit.filter(|limit| gathered.len() > *limit) {
                gathered.truncate(limit);
                next = gathered
                    .last()
                    .map(|last: &Found| Cursor { key: last.key.clone(), index_sort: Some(last.index_sort.clone()) });
            }
            match next {
                Some(next) if gathered.len() < query.limit.unwrap_or(1) => query.after = Some(next),
                next => return Ok(IndexPage { found: gathered, next }),
            }
        }
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), TableError> {
        self.before_blind(items.iter().map(|item| &item.key)).await?;
        self.inner.put_all(items).await
    }

    async fn delete_all(&self, keys: &[Key]) -> Result<(), TableError> {
        self.before_blind(keys.iter()).await?;
        self.inner.delete_all(keys).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        check_writes(&writes)?;
        let mut state = self.state.lock().await;
        match state.mode {
            Mode::Lost => Err(overtaken().into()),
            Mode::Through => self.write_through(&mut state, writes).await,
            Mode::Gathering => self.gather(&mut state, writes).await,
        }
    }

    async fn add(&self, key: &Key, by: i64) -> Result<i64, TableError> {
        self.before_blind(std::iter::once(key)).await?;
        self.inner.add(key, by).await
    }

    fn consumed(&self) -> Consumed {
        self.inner.consumed()
    }
}

fn place_of(cursor: &Cursor) -> Option<(&str, &Key)> {
    Some((cursor.index_sort.as_deref()?, &cursor.key))
}
