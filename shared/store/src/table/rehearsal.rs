//! A table over another one that keeps every write to itself: what would happen, without its happening.
//!
//! Owns: reads that show the writes over the table below, under the same conditions.
//!
//! Does not own: what is rehearsed. Previews run the very use cases over it (docs/adr/0014).
//!
//! Invariants:
//! - Nothing is ever written to the table below.
//! - Reads cost what they cost below; partitions and index ranges that were written to are read whole.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Condition, Consumed, Cursor, Found, Index, IndexPage, Item, Key, Order, PAGE_BYTES_MAX, Page, Query, Seconds,
    Table, TableError, TransactError, Write, capacity, limits,
};

/// The writes over the table below: an item, or none where one was removed.
type Written = BTreeMap<Key, Option<Item>>;

/// See the module.
pub struct Rehearsal {
    below: Arc<dyn Table>,
    now: Seconds,
    written: Mutex<Written>,
}

impl Rehearsal {
    /// A rehearsal over `below`; `now` is the clock that items expire by.
    #[must_use]
    pub fn over(below: Arc<dyn Table>, now: Seconds) -> Rehearsal {
        Rehearsal { below, now, written: Mutex::default() }
    }

    /// Keys of the items of a kind that were written and are there.
    #[must_use]
    pub fn written(&self, kind: &str) -> Vec<Key> {
        let written = self.lock();
        let of_kind = |item: &&Item| item.kind == kind && !item.has_expired((self.now)());
        written.values().flatten().filter(of_kind).map(|item| item.key.clone()).collect()
    }

    /// No lock is held over an await, and nothing that panics happens under it.
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self, item: Option<Item>) -> Option<Item> {
        item.filter(|item| !item.has_expired((self.now)()))
    }

    /// Every item of a range below, in ascending order.
    async fn range_below(&self, query: &Query) -> Result<BTreeMap<String, Item>, TableError> {
        let mut all = Query { order: Order::Ascending, limit: None, after: None, ..query.clone() };
        let mut items = BTreeMap::new();
        loop {
            let page = self.below.query(&all).await?;
            items.extend(page.items.into_iter().map(|item| (item.key.sort.clone(), item)));
            match page.next {
                Some(next) => all.after = Some(next),
                None => return Ok(items),
            }
        }
    }

    /// Every entry of an index range below.
    async fn entries_below(&self, index: Index, query: &Query) -> Result<Vec<(String, Key)>, TableError> {
        let mut all = Query { order: Order::Ascending, limit: None, after: None, ..query.clone() };
        let mut found = Vec::new();
        loop {
            let page = self.below.query_index(index, &all).await?;
            found.extend(page.found.into_iter().map(|found| (found.index_sort, found.key)));
            match page.next {
                Some(next) => all.after = Some(next),
                None => return Ok(found),
            }
        }
    }
}

fn in_range(sort: &str, query: &Query) -> bool {
    query.from.as_deref().is_none_or(|from| sort >= from) && query.to.as_deref().is_none_or(|to| sort <= to)
}

/// Puts what was found in the query's order, after its cursor, and ends the page at its limit or at so many bytes.
fn paged<T, P: Ord>(
    mut found: Vec<(P, T)>,
    query: &Query,
    after: Option<&P>,
    bytes: impl Fn(&T) -> usize,
) -> (Vec<(P, T)>, bool) {
    found.sort_by(|(one, _), (other, _)| match query.order {
        Order::Ascending => one.cmp(other),
        Order::Descending => other.cmp(one),
    });
    if let Some(after) = after {
        found.retain(|(place, _)| match query.order {
            Order::Ascending => place > after,
            Order::Descending => place < after,
        });
    }
    let mut sum = 0_usize;
    let within = |(_, value): &&(P, T)| {
        sum = sum.saturating_add(bytes(value));
        sum <= PAGE_BYTES_MAX
    };
    let by_bytes = found.iter().take_while(within).count();
    let length = by_bytes.max(1).min(query.limit.unwrap_or(usize::MAX));
    let has_more = found.len() > length;
    found.truncate(length);
    (found, has_more)
}

fn holds(condition: Condition, present: Option<&Item>) -> bool {
    match condition {
        Condition::None => true,
        Condition::Absent => present.is_none(),
        Condition::Version(version) => present.is_some_and(|item| item.version == version),
    }
}

/// The counter after an addition (see `Write::Add`).
fn added(key: &Key, by: i64, present: Option<Item>) -> Result<(Item, i64), TableError> {
    let mut item = present.unwrap_or_else(|| Item { version: 0, ..Item::new(key.clone(), "counter", 1, Bytes::new()) });
    let sum = item.counter.unwrap_or(0).checked_add(by);
    let sum = sum.ok_or_else(|| TableError::Refused(format!("the counter of {key} is full")))?;
    item.counter = Some(sum);
    item.version += 1;
    Ok((item, sum))
}

#[async_trait]
impl Table for Rehearsal {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        limits::check_key(key)?;
        let written = self.lock().get(key).cloned();
        match written {
            Some(written) => Ok(self.alive(written)),
            None => self.below.get(key).await,
        }
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, TableError> {
        let below = self.below.get_many(keys).await?;
        let written = self.lock();
        let one = |(key, below): (&Key, Option<Item>)| match written.get(key) {
            Some(written) => self.alive(written.clone()),
            None => below,
        };
        Ok(keys.iter().zip(below).map(one).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        limits::check_query(query, None)?;
        let own: Vec<(Key, Option<Item>)> = {
            let written = self.lock();
            let of_range = |key: &&Key| key.partition == query.partition && in_range(&key.sort, query);
            written.iter().filter(|(key, _)| of_range(key)).map(|(key, item)| (key.clone(), item.clone())).collect()
        };
        if own.is_empty() {
            return self.below.query(query).await;
        }
        if limits::range_is_empty(query) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let mut items = self.range_below(query).await?;
        for (key, item) in own {
            match self.alive(item) {
                Some(item) => items.insert(key.sort, item),
                None => items.remove(&key.sort),
            };
        }
        let after = query.after.as_ref().map(|cursor| &cursor.key.sort);
        let (found, has_more) = paged(items.into_iter().collect(), query, after, capacity::item_bytes);
        let items: Vec<Item> = found.into_iter().map(|(_, item)| item).collect();
        let next = items.last().filter(|_| has_more).map(|last| Cursor { key: last.key.clone(), index_sort: None });
        Ok(Page { items, next })
    }

    async fn query_index(&self, index: Index, query: &Query) -> Result<IndexPage, TableError> {
        limits::check_query(query, Some(index))?;
        if self.lock().is_empty() {
            return self.below.query_index(index, query).await;
        }
        if limits::range_is_empty(query) {
            return Ok(IndexPage { found: Vec::new(), next: None });
        }
        let mut places = self.entries_below(index, query).await?;
        {
            let written = self.lock();
            places.retain(|(_, key)| !written.contains_key(key));
            for item in written.values().filter_map(|item| self.alive(item.clone())) {
                let entry =
                    item.entries.iter().find(|entry| entry.index == index && entry.partition == query.partition);
                if let Some(entry) = entry.filter(|entry| in_range(&entry.sort, query)) {
                    places.push((entry.sort.clone(), item.key.clone()));
                }
            }
        }
        let after = query.after.as_ref().map(|cursor| {
            let sort = cursor.index_sort.clone().unwrap_or_default();
            (sort, cursor.key.clone())
        });
        let places = places.into_iter().map(|place| (place, ())).collect();
        // Entries hold keys only: a page by bytes would hold thousands.
        let (found, has_more) = paged(places, query, after.as_ref(), |()| 0);
        let found: Vec<Found> = found.into_iter().map(|((index_sort, key), ())| Found { key, index_sort }).collect();
        let next = found
            .last()
            .filter(|_| has_more)
            .map(|last| Cursor { key: last.key.clone(), index_sort: Some(last.index_sort.clone()) });
        Ok(IndexPage { found, next })
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), TableError> {
        limits::check_items(&items)?;
        self.lock().extend(items.into_iter().map(|item| (item.key.clone(), Some(item))));
        Ok(())
    }

    async fn delete_all(&self, keys: &[Key]) -> Result<(), TableError> {
        keys.iter().try_for_each(limits::check_key)?;
        self.lock().extend(keys.iter().map(|key| (key.clone(), None)));
        Ok(())
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        limits::check_writes(&writes)?;
        let keys: Vec<Key> = writes.iter().map(|write| write.key().clone()).collect();
        let below = self.below.get_many(&keys).await?;
        let mut written = self.lock();
        let present: Vec<Option<Item>> = keys
            .iter()
            .zip(below)
            .map(|(key, below)| match written.get(key) {
                Some(own) => self.alive(own.clone()),
                None => below,
            })
            .collect();
        let condition = |write: &Write| match write {
            Write::Put(_, condition) | Write::Delete(_, condition) | Write::Check(_, condition) => *condition,
            Write::Add(..) => Condition::None,
        };
        let failed: Vec<usize> =
            (0..writes.len()).filter(|at| !holds(condition(&writes[*at]), present[*at].as_ref())).collect();
        if !failed.is_empty() {
            return Err(TransactError::Conditions(failed));
        }
        let mut changed = Vec::with_capacity(writes.len());
        for (write, present) in writes.into_iter().zip(present) {
            match write {
                Write::Put(item, _) => changed.push((item.key.clone(), Some(item))),
                Write::Delete(key, _) => changed.push((key, None)),
                Write::Check(..) => {}
                Write::Add(key, by) => {
                    let (item, _) = added(&key, by, present)?;
                    changed.push((key, Some(item)));
                }
            }
        }
        written.extend(changed);
        Ok(())
    }

    async fn add(&self, key: &Key, by: i64) -> Result<i64, TableError> {
        limits::check_key(key)?;
        let below = self.below.get(key).await?;
        let mut written = self.lock();
        let present = match written.get(key) {
            Some(own) => self.alive(own.clone()),
            None => below,
        };
        let (item, sum) = added(key, by, present)?;
        written.insert(key.clone(), Some(item));
        Ok(sum)
    }

    fn consumed(&self) -> Consumed {
        self.below.consumed()
    }
}
