//! Random operations on a table against the obvious model of it: a sorted map.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::table::{Condition, Index, Item, Key, Order, Query, Rehearsal, TransactError, Write};

use super::table::{Backend, NOW, all, all_found, entry, key, on_dynamo, on_sqlite};

const INDEXES: [Index; 3] = Index::ALL;

#[derive(Debug, Clone)]
pub enum Operation {
    Transact(Vec<Write>),
    PutAll(Vec<Item>),
    DeleteAll(Vec<Key>),
    Add(Key, i64),
    Advance(i64),
    GetMany(Vec<Key>),
    Query(Query),
    QueryIndex(Index, Query),
}

/// Few places, so that operations meet.
fn a_key() -> impl Strategy<Value = Key> {
    ("[pq]", "[a-e]{1,2}").prop_map(|(partition, sort)| key(&partition, &sort))
}

fn an_item() -> impl Strategy<Value = Item> {
    let entries = prop::collection::btree_map(0..3usize, ("[xy]", "[a-c]"), 0..=3);
    let expiry = prop::option::weighted(0.3, NOW..NOW + 40);
    (a_key(), 1..4u64, entries, expiry, prop::option::of(-5..5i64), prop::collection::vec(any::<u8>(), 0..40)).prop_map(
        |(key, version, entries, expires_at, counter, body)| Item {
            version,
            entries: entries.iter().map(|(at, (partition, sort))| entry(INDEXES[*at], partition, sort)).collect(),
            expires_at,
            counter,
            ..Item::new(key, "thing", 1, body.into())
        },
    )
}

fn a_condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        4 => Just(Condition::None),
        1 => Just(Condition::Absent),
        1 => (1..4u64).prop_map(Condition::Version),
    ]
}

fn a_write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => (an_item(), a_condition()).prop_map(|(item, condition)| Write::Put(item, condition)),
        1 => (a_key(), a_condition()).prop_map(|(key, condition)| Write::Delete(key, condition)),
        1 => (a_key(), a_condition()).prop_map(|(key, condition)| Write::Check(key, condition)),
        1 => (a_key(), -5..5i64).prop_map(|(key, by)| Write::Add(key, by)),
    ]
}

fn a_query(partitions: &'static str) -> impl Strategy<Value = Query> {
    let bound = || prop::option::of("[a-e]{0,2}");
    (partitions, bound(), bound(), any::<bool>(), prop::option::of(1..5usize)).prop_map(
        |(partition, from, to, backward, limit)| Query {
            from,
            to,
            order: if backward { Order::Descending } else { Order::Ascending },
            limit,
            ..Query::partition(partition)
        },
    )
}

pub fn an_operation() -> impl Strategy<Value = Operation> {
    let several = |most| prop::collection::vec(a_key(), 0..most);
    prop_oneof![
        6 => prop::collection::vec(a_write(), 1..4).prop_map(|writes| Operation::Transact(distinct(writes, Write::key))),
        3 => prop::collection::vec(an_item(), 1..4)
            .prop_map(|items| Operation::PutAll(distinct(items, |item| &item.key))),
        1 => several(4).prop_map(Operation::DeleteAll),
        2 => (a_key(), -5..5i64).prop_map(|(key, by)| Operation::Add(key, by)),
        2 => (1..6i64).prop_map(Operation::Advance),
        2 => several(6).prop_map(Operation::GetMany),
        3 => a_query("[pq]").prop_map(Operation::Query),
        3 => (0..3usize, a_query("[xy]")).prop_map(|(at, query)| Operation::QueryIndex(INDEXES[at], query)),
    ]
}

fn distinct<T>(all: Vec<T>, key: impl Fn(&T) -> &Key) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for one in all {
        if !kept.iter().any(|earlier| key(earlier) == key(&one)) {
            kept.push(one);
        }
    }
    kept
}

#[derive(Default)]
pub struct Model {
    items: BTreeMap<Key, Item>,
}

impl Model {
    fn get(&self, key: &Key, now: i64) -> Option<&Item> {
        self.items.get(key).filter(|item| item.expires_at.is_none_or(|at| at > now))
    }

    fn holds(&self, key: &Key, condition: Condition, now: i64) -> bool {
        let present = self.get(key, now);
        match condition {
            Condition::None => true,
            Condition::Absent => present.is_none(),
            Condition::Version(version) => present.is_some_and(|item| item.version == version),
        }
    }

    fn put(&mut self, item: &Item) {
        self.items.insert(item.key.clone(), item.clone());
    }

    fn add(&mut self, key: &Key, by: i64, now: i64) -> i64 {
        let mut item = self
            .get(key, now)
            .cloned()
            .unwrap_or_else(|| Item { version: 0, ..Item::new(key.clone(), "counter", 1, Default::default()) });
        let sum = item.counter.unwrap_or(0) + by;
        item.counter = Some(sum);
        item.version += 1;
        self.put(&item);
        sum
    }

    /// Positions of conditions that do not hold; empty if the transaction was applied.
    fn transact(&mut self, writes: &[Write], now: i64) -> Vec<usize> {
        let failed: Vec<usize> = (0..writes.len())
            .filter(|position| match &writes[*position] {
                Write::Put(Item { key, .. }, condition)
                | Write::Delete(key, condition)
                | Write::Check(key, condition) => !self.holds(key, *condition, now),
                Write::Add(..) => false,
            })
            .collect();
        if failed.is_empty() {
            for write in writes {
                match write {
                    Write::Put(item, _) => self.put(item),
                    Write::Delete(key, _) => drop(self.items.remove(key)),
                    Write::Check(..) => {}
                    Write::Add(key, by) => drop(self.add(key, *by, now)),
                }
            }
        }
        failed
    }

    fn alive(&self, now: i64) -> impl Iterator<Item = &Item> {
        self.items.values().filter(move |item| item.expires_at.is_none_or(|at| at > now))
    }

    fn query(&self, query: &Query, now: i64) -> Vec<Item> {
        let mut found: Vec<Item> = self
            .alive(now)
            .filter(|item| item.key.partition == query.partition && in_range(&item.key.sort, query))
            .cloned()
            .collect();
        if query.order == Order::Descending {
            found.reverse();
        }
        found
    }

    /// Sorted by the index alone: the order of equal sort values is the backend's.
    fn query_index(&self, index: Index, query: &Query, now: i64) -> Vec<(String, Key)> {
        let entry = |item: &Item| {
            let entry = item.entries.iter().find(|entry| entry.index == index)?;
            let found = entry.partition == query.partition && in_range(&entry.sort, query);
            found.then(|| (entry.sort.clone(), item.key.clone()))
        };
        let mut found: Vec<(String, Key)> = self.alive(now).filter_map(entry).collect();
        found.sort();
        found
    }
}

fn in_range(sort: &str, query: &Query) -> bool {
    query.from.as_deref().is_none_or(|from| sort >= from) && query.to.as_deref().is_none_or(|to| sort <= to)
}

pub async fn agree(Backend { table, clock }: &Backend, model: &mut Model, operation: &Operation) {
    let now = clock.now();
    match operation {
        Operation::Transact(writes) => {
            let failed = model.transact(writes, now);
            match table.transact(writes.clone()).await {
                Ok(()) => assert!(failed.is_empty()),
                Err(TransactError::Conditions(positions)) => assert_eq!(positions, failed),
                Err(error) => panic!("{error}"),
            }
        }
        Operation::PutAll(items) => {
            items.iter().for_each(|item| model.put(item));
            table.put_all(items.clone()).await.unwrap();
        }
        Operation::DeleteAll(keys) => {
            keys.iter().for_each(|key| drop(model.items.remove(key)));
            table.delete_all(keys).await.unwrap();
        }
        Operation::Add(key, by) => assert_eq!(table.add(key, *by).await.unwrap(), model.add(key, *by, now)),
        Operation::Advance(seconds) => clock.advance(*seconds),
        Operation::GetMany(keys) => {
            let expected: Vec<Option<Item>> = keys.iter().map(|key| model.get(key, now).cloned()).collect();
            assert_eq!(table.get_many(keys).await.unwrap(), expected);
        }
        Operation::Query(query) => {
            let found: Vec<Item> = all(&**table, query).await;
            assert_eq!(found, model.query(query, now));
        }
        Operation::QueryIndex(index, query) => {
            let mut found = all_found(&**table, *index, query).await;
            let sorts: Vec<&String> = found.iter().map(|(sort, _)| sort).collect();
            match query.order {
                Order::Ascending => assert!(sorts.is_sorted()),
                Order::Descending => assert!(sorts.iter().rev().is_sorted()),
            }
            found.sort();
            assert_eq!(found, model.query_index(*index, query, now));
        }
    }
}

fn check(cases: u32, make: impl AsyncFn() -> Backend) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let operations = prop::collection::vec(an_operation(), 1..80);
    let result = runner.run(&operations, |operations| {
        runtime.block_on(async {
            let backend = make().await;
            let mut model = Model::default();
            for operation in &operations {
                agree(&backend, &mut model, operation).await;
            }
            for partition in ["p", "q"] {
                let query = Query::partition(partition);
                assert_eq!(all(&*backend.table, &query).await, model.query(&query, backend.clock.now()));
            }
        });
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn sqlite_agrees_with_the_model() {
    check(96, on_sqlite);
}

#[test]
fn dynamo_agrees_with_the_model() {
    check(8, on_dynamo);
}

/// What was written before a rehearsal shows through it, what is written in it covers that, and nothing of it is below.
#[test]
fn a_rehearsal_agrees_with_the_model_over_a_table_that_was_written_before() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 96, failure_persistence: None, ..Config::default() });
    let operations = || prop::collection::vec(an_operation(), 1..40);
    let result = runner.run(&(operations(), operations()), |(before, rehearsed)| {
        runtime.block_on(async {
            let below = on_sqlite().await;
            let mut model = Model::default();
            for operation in &before {
                agree(&below, &mut model, operation).await;
            }
            let untouched = Model { items: model.items.clone() };
            let table = Arc::new(Rehearsal::over(Arc::clone(&below.table), below.clock.seconds()));
            let rehearsal = Backend { table, clock: below.clock.clone() };
            for operation in &rehearsed {
                agree(&rehearsal, &mut model, operation).await;
            }
            for partition in ["p", "q"] {
                let (query, now) = (Query::partition(partition), below.clock.now());
                assert_eq!(all(&*rehearsal.table, &query).await, model.query(&query, now));
                assert_eq!(all(&*below.table, &query).await, untouched.query(&query, now));
            }
        });
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
