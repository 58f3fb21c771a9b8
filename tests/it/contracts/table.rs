//! What every table promises (see `store::table`), on SQLite and on DynamoDB.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use store::dynamo::{DynamoTable, create_table};
use store::sqlite::{Database, SqliteTable};
use store::table::capacity::{Consumed, item_bytes};
use store::table::limits::{PARTITION_BYTES_MAX, SORT_BYTES_MAX, TRANSACTION_BYTES_MAX};
use store::table::{
    Condition, Cursor, ITEM_BYTES_MAX, Index, IndexEntry, Item, Key, Order, PAGE_BYTES_MAX, Query, Rehearsal, Seconds,
    Table, TableError, TransactError, WRITES_PER_TRANSACTION_MAX, Write,
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::emulator::emulator;

/// Long after any real now, so that the emulator's own expiry never removes what these tests let expire.
pub const NOW: i64 = 4_000_000_000;

/// A table and the clock that it goes by.
pub struct Backend {
    pub table: Arc<dyn Table>,
    pub clock: Clock,
}

/// Turned by hand.
#[derive(Clone)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    pub fn new() -> Clock {
        Clock(Arc::new(AtomicI64::new(NOW)))
    }

    pub fn seconds(&self) -> Seconds {
        let clock = Arc::clone(&self.0);
        Arc::new(move || clock.load(Ordering::SeqCst))
    }

    pub fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

pub async fn on_sqlite() -> Backend {
    let clock = Clock::new();
    let database = Database::temporary().unwrap();
    Backend { table: Arc::new(SqliteTable::open(database, clock.seconds(), &["outbox"])), clock }
}

pub async fn on_dynamo() -> Backend {
    let clock = Clock::new();
    let client = emulator().dynamodb();
    let name = format!("contract-{}", Uuid::new_v4());
    create_table(&client, &name).await.unwrap();
    Backend { table: Arc::new(DynamoTable::new(client, name, clock.seconds())), clock }
}

/// A rehearsal over an empty table: the writes are its own.
pub async fn on_rehearsal() -> Backend {
    let Backend { table, clock } = on_sqlite().await;
    Backend { table: Arc::new(Rehearsal::over(table, clock.seconds())), clock }
}

macro_rules! on_every_backend {
    ($($check:ident),+ $(,)?) => {
        mod on_rehearsal {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $check() {
                super::$check(super::on_rehearsal().await).await;
            })+
        }
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $check() {
                super::$check(super::on_sqlite().await).await;
            })+
        }
        mod on_dynamo {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $check() {
                super::$check(super::on_dynamo().await).await;
            })+
        }
    };
}

on_every_backend!(
    an_item_comes_back_as_it_was_put,
    get_many_keeps_order_and_repeats,
    putting_and_removing_many,
    conditions_hold_or_nothing_is_written,
    a_failed_transaction_names_its_positions,
    of_two_writers_of_a_version_one_wins,
    of_many_creators_one_wins,
    concurrent_additions_all_count,
    counters_in_transactions,
    limits_are_refused_before_anything_is_written,
    empty_requests_do_nothing,
    odd_characters_are_only_characters,
    the_longest_keys,
    sort_values_compare_bytewise,
    ranges_are_inclusive_in_both_orders,
    pages_by_limit,
    pages_by_bytes,
    cursors_stay_where_they_are,
    entries_appear_move_and_go,
    index_ranges_and_orders,
    index_pages_through_equal_sort_values,
    expired_items_are_absent_everywhere,
    expired_counters_begin_again,
    pages_are_full_although_items_expired,
);

pub fn key(partition: &str, sort: &str) -> Key {
    Key { partition: partition.to_owned(), sort: sort.to_owned() }
}

pub fn item(partition: &str, sort: &str) -> Item {
    Item::new(key(partition, sort), "thing", 1, Bytes::from_static(b"body"))
}

pub fn sized(partition: &str, sort: &str, body_bytes: usize) -> Item {
    Item::new(key(partition, sort), "thing", 1, Bytes::from(vec![7; body_bytes]))
}

pub fn entry(index: Index, partition: &str, sort: &str) -> IndexEntry {
    IndexEntry { index, partition: partition.to_owned(), sort: sort.to_owned() }
}

fn with_entry(item: Item, index: Index, partition: &str, sort: &str) -> Item {
    Item { entries: vec![entry(index, partition, sort)], ..item }
}

fn put(item: Item) -> Write {
    Write::Put(item, Condition::None)
}

#[track_caller]
fn assert_conditions(result: Result<(), TransactError>, expected: &[usize]) {
    match result {
        Err(TransactError::Conditions(positions)) => assert_eq!(positions, expected),
        other => panic!("expected conditions {expected:?} to fail, got {other:?}"),
    }
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, TableError>) {
    assert!(matches!(result, Err(TableError::Refused(_))), "expected a refusal, got {result:?}");
}

#[track_caller]
fn assert_transaction_refused(result: Result<(), TransactError>) {
    match result {
        Err(TransactError::Table(error)) => assert_refused::<()>(Err(error)),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// All pages of a query; every page but the last is full if it has a limit.
pub async fn all(table: &dyn Table, query: &Query) -> Vec<Item> {
    let (mut query, mut items) = (query.clone(), Vec::new());
    loop {
        let page = table.query(&query).await.unwrap();
        let full = query.limit.is_none_or(|limit| page.items.len() == limit);
        assert!(full || page.next.is_none(), "a short page in the middle");
        items.extend(page.items);
        query.after = page.next;
        if query.after.is_none() {
            return items;
        }
    }
}

async fn sorts(table: &dyn Table, query: &Query) -> Vec<String> {
    all(table, query).await.into_iter().map(|item| item.key.sort).collect()
}

/// All pages of a query of an index: index sort values and the items' keys.
pub async fn all_found(table: &dyn Table, index: Index, query: &Query) -> Vec<(String, Key)> {
    let (mut query, mut found) = (query.clone(), Vec::new());
    loop {
        let page = table.query_index(index, &query).await.unwrap();
        let full = query.limit.is_none_or(|limit| page.found.len() == limit);
        assert!(full || page.next.is_none(), "a short page in the middle");
        found.extend(page.found.into_iter().map(|found| (found.index_sort, found.key)));
        query.after = page.next;
        if query.after.is_none() {
            return found;
        }
    }
}

async fn found_sorts(table: &dyn Table, index: Index, query: &Query) -> Vec<String> {
    all_found(table, index, query).await.into_iter().map(|(sort, _)| sort).collect()
}

async fn an_item_comes_back_as_it_was_put(Backend { table, .. }: Backend) {
    let full = Item {
        version: 7,
        schema: 3,
        entries: vec![entry(Index::ByDue, "due", "1"), entry(Index::ByParent, "parent", "2")],
        expires_at: Some(NOW + 1),
        counter: Some(-5),
        ..item("p", "full")
    };
    let bare = Item::new(key("p", "bare"), "", 0, Bytes::new());
    let binary = Item { body: (0..=255).collect::<Vec<u8>>().into(), ..item("p", "binary") };
    let extreme = Item {
        schema: u32::MAX,
        version: i64::MAX as u64,
        expires_at: Some(i64::MAX),
        counter: Some(i64::MIN),
        ..item("p", "extreme")
    };
    for stored in [full, bare, binary, extreme] {
        assert_eq!(table.get(&stored.key).await.unwrap(), None);
        table.transact(vec![put(stored.clone())]).await.unwrap();
        assert_eq!(table.get(&stored.key).await.unwrap(), Some(stored.clone()));
        let query =
            Query { from: Some(stored.key.sort.clone()), to: Some(stored.key.sort.clone()), ..Query::partition("p") };
        assert_eq!(all(&*table, &query).await, [stored]);
    }
    // A replaced item keeps nothing of the old one.
    let replaced = Item::new(key("p", "full"), "other", 1, Bytes::new());
    table.put_all(vec![replaced.clone()]).await.unwrap();
    assert_eq!(table.get(&replaced.key).await.unwrap(), Some(replaced));
}

async fn get_many_keeps_order_and_repeats(Backend { table, .. }: Backend) {
    let items: Vec<Item> = (0..230).map(|n| item("p", &format!("{n:03}"))).collect();
    table.put_all(items.clone()).await.unwrap();
    let mut keys: Vec<Key> = items.iter().rev().map(|item| item.key.clone()).collect();
    keys.insert(17, key("p", "missing"));
    keys.push(keys[3].clone());
    keys.push(key("p", "missing"));
    let found = table.get_many(&keys).await.unwrap();
    let expected: Vec<Option<Item>> =
        keys.iter().map(|key| items.iter().find(|item| item.key == *key).cloned()).collect();
    assert_eq!(found, expected);
    // More than one answer may hold: 16 MB.
    let large: Vec<Item> = (0..50).map(|n| sized("large", &n.to_string(), 390_000)).collect();
    let large_keys: Vec<Key> = large.iter().map(|item| item.key.clone()).collect();
    table.put_all(large).await.unwrap();
    let found = table.get_many(&large_keys).await.unwrap();
    assert!(found.iter().zip(&large_keys).all(|(found, key)| found.as_ref().is_some_and(|found| found.key == *key)));
}

async fn putting_and_removing_many(Backend { table, .. }: Backend) {
    let items: Vec<Item> = (0..260).map(|n| item("p", &format!("{n:03}"))).collect();
    table.put_all(items.clone()).await.unwrap();
    assert_eq!(all(&*table, &Query::partition("p")).await, items);
    // Versions are stored as given, whatever stood there.
    let newer: Vec<Item> = items.iter().map(|item| Item { version: 9, ..item.clone() }).collect();
    table.put_all(newer.clone()).await.unwrap();
    assert_eq!(all(&*table, &Query::partition("p")).await, newer);
    let mut gone: Vec<Key> = items[..200].iter().map(|item| item.key.clone()).collect();
    gone.extend([key("p", "missing"), gone[0].clone(), gone[0].clone()]);
    table.delete_all(&gone).await.unwrap();
    assert_eq!(all(&*table, &Query::partition("p")).await, newer[200..]);
}

async fn conditions_hold_or_nothing_is_written(Backend { table, .. }: Backend) {
    let stored = Item { version: 5, ..item("p", "stored") };
    table.put_all(vec![stored.clone()]).await.unwrap();
    let (there, not_there) = (key("p", "stored"), key("p", "none"));
    let cases = [
        (&there, Condition::None, true),
        (&there, Condition::Absent, false),
        (&there, Condition::Version(5), true),
        (&there, Condition::Version(4), false),
        (&there, Condition::Version(6), false),
        (&not_there, Condition::None, true),
        (&not_there, Condition::Absent, true),
        (&not_there, Condition::Version(1), false),
        (&not_there, Condition::Version(0), false),
    ];
    // Alone and beside another write: a single write is sent in another way.
    for beside in [vec![], vec![put(item("p", "beside"))]] {
        for (key, condition, holds) in cases {
            let changed = Item { body: Bytes::from_static(b"new"), ..Item::new(key.clone(), "thing", 1, Bytes::new()) };
            let writes = [
                Write::Put(changed, condition),
                Write::Delete(key.clone(), condition),
                Write::Check(key.clone(), condition),
            ];
            for write in writes {
                table.put_all(vec![stored.clone()]).await.unwrap();
                table.delete_all(&[not_there.clone(), self::key("p", "beside")]).await.unwrap();
                let before = table.get(key).await.unwrap();
                let expected = match (&write, holds) {
                    (Write::Put(item, _), true) => Some(item.clone()),
                    (Write::Delete(..), true) => None,
                    _ => before,
                };
                let name = format!("{write:?}");
                let transaction = [vec![write], beside.clone()].concat();
                match table.transact(transaction).await {
                    Ok(()) => assert!(holds, "{name}"),
                    Err(TransactError::Conditions(positions)) => assert!(!holds && positions == [0], "{name}"),
                    Err(error) => panic!("{name}: {error}"),
                }
                assert_eq!(table.get(key).await.unwrap(), expected, "{name}");
                let written = table.get(&self::key("p", "beside")).await.unwrap().is_some();
                assert_eq!(written, holds && !beside.is_empty(), "{name}");
            }
        }
    }
}

async fn a_failed_transaction_names_its_positions(Backend { table, .. }: Backend) {
    table.put_all(vec![item("p", "a"), item("p", "b")]).await.unwrap();
    let result = table
        .transact(vec![
            put(item("p", "new")),
            Write::Put(item("p", "a"), Condition::Absent),
            Write::Add(key("p", "counter"), 1),
            Write::Check(key("p", "b"), Condition::Version(1)),
            Write::Delete(key("p", "none"), Condition::Version(1)),
            Write::Check(key("p", "also none"), Condition::Version(1)),
        ])
        .await;
    assert_conditions(result, &[1, 4, 5]);
    assert_eq!(sorts(&*table, &Query::partition("p")).await, ["a", "b"]);
}

async fn of_two_writers_of_a_version_one_wins(Backend { table, .. }: Backend) {
    for beside in [false, true] {
        let start = Item { version: 1, ..item("p", "contested") };
        table.put_all(vec![start.clone()]).await.unwrap();
        for round in 1..=10 {
            let mut writers = JoinSet::new();
            for writer in 0..2u8 {
                let table = Arc::clone(&table);
                let item = Item { version: round + 1, body: vec![writer].into(), ..start.clone() };
                let mut writes = vec![Write::Put(item, Condition::Version(round))];
                if beside {
                    writes.push(put(self::item("p", &format!("beside {round} {writer}"))));
                }
                writers.spawn(async move { (writer, table.transact(writes).await) });
            }
            let mut winners = Vec::new();
            for (writer, result) in writers.join_all().await {
                match result {
                    Ok(()) => winners.push(writer),
                    Err(TransactError::Conditions(positions)) => assert_eq!(positions, [0]),
                    Err(TransactError::Contended) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            let stored = table.get(&start.key).await.unwrap().unwrap();
            assert_eq!((winners.len(), stored.version), (1, round + 1));
            assert_eq!(stored.body[..], winners);
        }
        let all = all(&*table, &Query::prefix("p", "beside")).await;
        assert_eq!(all.len(), if beside { 10 } else { 0 });
    }
}

async fn of_many_creators_one_wins(Backend { table, .. }: Backend) {
    let mut creators = JoinSet::new();
    for _ in 0..16 {
        let table = Arc::clone(&table);
        // The very same item: a loser must not be taken for the winner's retry.
        creators.spawn(async move { table.transact(vec![Write::Put(item("p", "new"), Condition::Absent)]).await });
    }
    let results = creators.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}

async fn concurrent_additions_all_count(Backend { table, .. }: Backend) {
    let counter = key("p", "counter");
    let mut adders = JoinSet::new();
    for _ in 0..32 {
        let (table, counter) = (Arc::clone(&table), counter.clone());
        adders.spawn(async move { table.add(&counter, 1).await.unwrap() });
    }
    let mut sums = adders.join_all().await;
    sums.sort_unstable();
    assert_eq!(sums, (1..=32).collect::<Vec<i64>>(), "every caller sees another sum");
    assert_eq!(table.add(&counter, -40).await.unwrap(), -8);
    let stored = table.get(&counter).await.unwrap().unwrap();
    let expected = Item { version: 33, counter: Some(-8), ..Item::new(counter, "counter", 1, Bytes::new()) };
    assert_eq!(stored, expected);
}

async fn counters_in_transactions(Backend { table, .. }: Backend) {
    let (a, b) = (key("p", "a"), key("p", "b"));
    table.transact(vec![Write::Add(a.clone(), 5)]).await.unwrap();
    table.transact(vec![Write::Add(a.clone(), 2), Write::Add(b.clone(), 1), put(item("p", "c"))]).await.unwrap();
    let failing = vec![Write::Add(a.clone(), 100), Write::Put(item("p", "c"), Condition::Absent)];
    assert_conditions(table.transact(failing).await, &[1]);
    let counter = |key: &Key, version, counter| {
        Some(Item { version, counter: Some(counter), ..Item::new(key.clone(), "counter", 1, Bytes::new()) })
    };
    assert_eq!(table.get(&a).await.unwrap(), counter(&a, 2, 7));
    assert_eq!(table.get(&b).await.unwrap(), counter(&b, 1, 1));

    // An item that is no counter becomes one and keeps everything else.
    let other = Item { expires_at: Some(NOW + 5), ..with_entry(item("p", "c"), Index::ByDue, "d", "1") };
    table.put_all(vec![other.clone()]).await.unwrap();
    assert_eq!(table.add(&other.key, 3).await.unwrap(), 3);
    assert_eq!(table.get(&other.key).await.unwrap(), Some(Item { version: 2, counter: Some(3), ..other }));
}

async fn limits_are_refused_before_anything_is_written(Backend { table, .. }: Backend) {
    let many = |count: usize| (0..count).map(|n| put(item("many", &n.to_string()))).collect::<Vec<_>>();
    assert_transaction_refused(table.transact(many(WRITES_PER_TRANSACTION_MAX + 1)).await);
    assert_eq!(all(&*table, &Query::partition("many")).await, []);
    table.transact(many(WRITES_PER_TRANSACTION_MAX)).await.unwrap();
    assert_eq!(all(&*table, &Query::partition("many")).await.len(), WRITES_PER_TRANSACTION_MAX);

    let twice = vec![put(item("p", "a")), Write::Check(key("p", "a"), Condition::None)];
    assert_transaction_refused(table.transact(twice).await);
    assert_refused(table.put_all(vec![item("p", "a"), item("p", "b"), item("p", "a")]).await);

    let overhead = item_bytes(&sized("p", "largest", 1)) - 1;
    let largest = sized("p", "largest", ITEM_BYTES_MAX - overhead);
    assert_eq!(item_bytes(&largest), ITEM_BYTES_MAX);
    table.put_all(vec![largest.clone()]).await.unwrap();
    table.transact(vec![put(largest.clone())]).await.unwrap();
    assert_eq!(table.get(&largest.key).await.unwrap(), Some(largest));
    let too_large = sized("p", "largest", ITEM_BYTES_MAX - overhead + 1);
    assert_refused(table.put_all(vec![too_large.clone()]).await);
    assert_transaction_refused(table.transact(vec![put(too_large)]).await);

    let heavy = |count: usize| (0..count).map(|n| put(sized("heavy", &n.to_string(), 400_000))).collect::<Vec<_>>();
    // Seven would be ten by the service's rule; the emulator counts the request, where a body is a third longer.
    table.transact(heavy(7)).await.unwrap();
    assert_transaction_refused(table.transact(heavy(TRANSACTION_BYTES_MAX / 400_000 + 1)).await);

    for bad in [key("", "a"), key("p", "")] {
        assert_refused(table.get(&bad).await);
        assert_refused(table.get_many(&[key("p", "a"), bad.clone()]).await);
        assert_refused(table.add(&bad, 1).await);
        assert_refused(table.delete_all(std::slice::from_ref(&bad)).await);
        assert_refused(table.put_all(vec![Item::new(bad.clone(), "thing", 1, Bytes::new())]).await);
        assert_transaction_refused(table.transact(vec![Write::Delete(bad, Condition::None)]).await);
    }
    for (partition, sort) in [("", "s"), ("p", "")] {
        assert_refused(table.put_all(vec![with_entry(item("p", "a"), Index::ByDue, partition, sort)]).await);
    }
    let two_entries =
        Item { entries: vec![entry(Index::ByDue, "p", "1"), entry(Index::ByDue, "p", "2")], ..item("p", "a") };
    assert_refused(table.put_all(vec![two_entries]).await);
    assert_refused(table.put_all(vec![Item { version: u64::MAX, ..item("p", "a") }]).await);

    assert_refused(table.query(&Query::partition("")).await);
    assert_refused(table.query(&Query { limit: Some(0), ..Query::partition("p") }).await);
    let elsewhere = Some(Cursor { key: key("elsewhere", "a"), index_sort: None });
    assert_refused(table.query(&Query { after: elsewhere.clone(), ..Query::partition("p") }).await);
    assert_refused(table.query_index(Index::ByDue, &Query { after: elsewhere, ..Query::partition("p") }).await);
    assert_eq!(table.get(&key("p", "a")).await.unwrap(), None, "nothing refused was written");
}

async fn empty_requests_do_nothing(Backend { table, .. }: Backend) {
    assert_eq!(table.get_many(&[]).await.unwrap(), []);
    table.put_all(vec![]).await.unwrap();
    table.delete_all(&[]).await.unwrap();
    table.transact(vec![]).await.unwrap();
    let range =
        |from: &str, to: &str| Query { from: Some(from.to_owned()), to: Some(to.to_owned()), ..Query::partition("p") };
    table.put_all(vec![with_entry(item("p", "a"), Index::ByDue, "p", "a")]).await.unwrap();
    for (from, to, expected) in [("b", "a", 0), ("", "", 0), ("", "z", 1), ("a", "a", 1)] {
        let query = range(from, to);
        assert_eq!(all(&*table, &query).await.len(), expected, "{from}..{to}");
        assert_eq!(all_found(&*table, Index::ByDue, &query).await.len(), expected, "{from}..{to}");
    }
    assert_eq!(all(&*table, &Query::prefix("p", "")).await.len(), 1);
}

async fn odd_characters_are_only_characters(Backend { table, .. }: Backend) {
    let odd = [
        "#",
        "a#b",
        "%",
        "_",
        "'",
        "\"",
        "\\",
        " ",
        "\u{0}",
        "a\u{0}b",
        "\n",
        ":p",
        "é",
        "e\u{301}",
        "ß",
        "日本語",
        "😀",
        "\u{FFFF}",
        "\u{10FFFF}",
        "NULL",
        "0",
        "--",
    ];
    for text in odd {
        let stored = Item { kind: text.to_owned(), ..with_entry(item(text, text), Index::ByOrganization, text, text) };
        table.transact(vec![Write::Put(stored.clone(), Condition::Absent)]).await.unwrap();
        assert_eq!(table.get(&stored.key).await.unwrap().as_ref(), Some(&stored), "{text:?}");
        assert_eq!(all(&*table, &Query::partition(text)).await, std::slice::from_ref(&stored), "{text:?}");
        let found = all_found(&*table, Index::ByOrganization, &Query::prefix(text, text)).await;
        assert_eq!(found, [(text.to_owned(), stored.key)], "{text:?}");
    }
}

async fn the_longest_keys(Backend { table, .. }: Backend) {
    let partition = "é".repeat(PARTITION_BYTES_MAX / 2);
    let sort = "é".repeat(SORT_BYTES_MAX / 2);
    let stored = with_entry(item(&partition, &sort), Index::ByParent, &partition, &sort);
    table.transact(vec![put(stored.clone())]).await.unwrap();
    assert_eq!(table.get(&stored.key).await.unwrap(), Some(stored.clone()));
    let query = Query { from: Some(sort.clone()), to: Some(sort.clone()), ..Query::partition(partition.clone()) };
    assert_eq!(all(&*table, &query).await, std::slice::from_ref(&stored));
    assert_eq!(all_found(&*table, Index::ByParent, &query).await, [(sort.clone(), stored.key)]);
    assert_refused(table.get(&key(&format!("{partition}a"), "s")).await);
    assert_refused(table.get(&key("p", &format!("{sort}a"))).await);
    assert_refused(table.query(&Query { from: Some(format!("{sort}a")), ..Query::partition("p") }).await);
}

async fn sort_values_compare_bytewise(Backend { table, .. }: Backend) {
    // U+FFFF comes before U+10000 in UTF-8, after it in UTF-16; capitals before small letters; no locale's order.
    let ordered =
        [" ", "#", "0", "10", "9", "A", "Z", "a", "a\u{0}", "aa", "b", "z", "Ä", "ä", "\u{FFFF}", "\u{10000}"];
    assert!(ordered.is_sorted());
    let items: Vec<Item> =
        ordered.iter().rev().map(|sort| with_entry(item("p", sort), Index::ByParent, "q", sort)).collect();
    table.put_all(items).await.unwrap();
    assert_eq!(sorts(&*table, &Query::partition("p")).await, ordered);
    assert_eq!(found_sorts(&*table, Index::ByParent, &Query::partition("q")).await, ordered);
    assert_eq!(sorts(&*table, &Query::prefix("p", "a")).await, ["a", "a\u{0}", "aa"]);
    let backward = Query { order: Order::Descending, ..Query::partition("p") };
    assert!(sorts(&*table, &backward).await.iter().eq(ordered.iter().rev()));
}

async fn ranges_are_inclusive_in_both_orders(Backend { table, .. }: Backend) {
    table.put_all(["a", "b", "c", "d", "e"].map(|sort| item("p", sort)).to_vec()).await.unwrap();
    table.put_all(vec![item("o", "c"), item("q", "c"), item("pp", "c")]).await.unwrap();
    let cases: &[(Option<&str>, Option<&str>, &str)] = &[
        (None, None, "abcde"),
        (Some("b"), None, "bcde"),
        (None, Some("d"), "abcd"),
        (Some("b"), Some("d"), "bcd"),
        (Some("bb"), Some("cc"), "c"),
        (Some("c"), Some("c"), "c"),
        (Some("f"), None, ""),
        (None, Some("A"), ""),
    ];
    for (from, to, expected) in cases {
        for limit in [None, Some(1), Some(2), Some(5), Some(100)] {
            let query =
                Query { from: from.map(str::to_owned), to: to.map(str::to_owned), limit, ..Query::partition("p") };
            assert_eq!(sorts(&*table, &query).await.concat(), *expected, "{query:?}");
            let backward = Query { order: Order::Descending, ..query };
            let reversed: String = expected.chars().rev().collect();
            assert_eq!(sorts(&*table, &backward).await.concat(), reversed, "{backward:?}");
        }
    }
}

async fn pages_by_limit(Backend { table, .. }: Backend) {
    table.put_all((0..7).map(|n| item("p", &n.to_string())).collect()).await.unwrap();
    let first = table.query(&Query { limit: Some(3), ..Query::partition("p") }).await.unwrap();
    assert_eq!(first.items.iter().map(|item| item.key.sort.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
    assert_eq!(first.next, Some(Cursor { key: key("p", "2"), index_sort: None }));
    let rest = table.query(&Query { after: first.next, ..Query::partition("p") }).await.unwrap();
    assert_eq!(rest.items.len(), 4);
    assert_eq!(rest.next, None, "no limit was reached");
}

async fn pages_by_bytes(Backend { table, .. }: Backend) {
    let items: Vec<Item> = (0..12).map(|n| sized("p", &format!("{n:02}"), 100_000 + n)).collect();
    table.put_all(items.clone()).await.unwrap();
    let size = |items: &[Item]| items.iter().map(item_bytes).sum::<usize>();
    let first = table.query(&Query::partition("p")).await.unwrap();
    assert_eq!(first.items, items[..10]);
    assert!(size(&first.items) <= PAGE_BYTES_MAX);
    let second = table.query(&Query { after: first.next, ..Query::partition("p") }).await.unwrap();
    assert_eq!(second.items, items[10..]);
    assert_eq!(second.next, None);
    // A limit beyond what a page holds changes nothing.
    let limited = table.query(&Query { limit: Some(11), ..Query::partition("p") }).await.unwrap();
    assert_eq!((limited.items.len(), limited.next.is_some()), (10, true));
}

async fn cursors_stay_where_they_are(Backend { table, .. }: Backend) {
    table.put_all(["b", "d", "f", "h", "j"].map(|sort| item("p", sort)).to_vec()).await.unwrap();
    let first = table.query(&Query { limit: Some(2), ..Query::partition("p") }).await.unwrap();
    // The page's last item goes; others come before, at and after its place.
    table.delete_all(&[key("p", "d"), key("p", "h")]).await.unwrap();
    table.put_all(["a", "c", "e", "i"].map(|sort| item("p", sort)).to_vec()).await.unwrap();
    let rest = Query { after: first.next, limit: Some(2), ..Query::partition("p") };
    assert_eq!(sorts(&*table, &rest).await, ["e", "f", "i", "j"]);
}

async fn entries_appear_move_and_go(Backend { table, .. }: Backend) {
    let found = async |index, partition: &str| found_sorts(&*table, index, &Query::partition(partition)).await;
    let plain = item("p", "a");
    table.transact(vec![put(plain.clone())]).await.unwrap();
    assert!(found(Index::ByDue, "d").await.is_empty());

    let both = Item { entries: vec![entry(Index::ByDue, "d", "1"), entry(Index::ByParent, "d", "1")], ..plain.clone() };
    table.transact(vec![put(both)]).await.unwrap();
    assert_eq!(found(Index::ByDue, "d").await, ["1"]);
    assert_eq!(found(Index::ByParent, "d").await, ["1"]);
    assert!(found(Index::ByOrganization, "d").await.is_empty());

    table.transact(vec![put(with_entry(plain.clone(), Index::ByDue, "d", "2"))]).await.unwrap();
    assert_eq!(found(Index::ByDue, "d").await, ["2"], "moved within the partition");
    assert!(found(Index::ByParent, "d").await.is_empty(), "gone from the other index");

    table.put_all(vec![with_entry(plain.clone(), Index::ByDue, "e", "2")]).await.unwrap();
    assert!(found(Index::ByDue, "d").await.is_empty());
    assert_eq!(found(Index::ByDue, "e").await, ["2"], "moved to another partition");

    table.add(&plain.key, 1).await.unwrap();
    assert_eq!(found(Index::ByDue, "e").await, ["2"], "an addition leaves it");

    table.transact(vec![Write::Delete(plain.key, Condition::None)]).await.unwrap();
    assert!(found(Index::ByDue, "e").await.is_empty(), "gone with the item");
}

async fn index_ranges_and_orders(Backend { table, .. }: Backend) {
    let items = ["a", "b", "c", "d", "e"].map(|sort| with_entry(item(sort, "x"), Index::ByDue, "q", sort));
    table.put_all(items.to_vec()).await.unwrap();
    table.put_all(vec![with_entry(item("z", "x"), Index::ByDue, "qq", "c"), item("q", "c")]).await.unwrap();
    for limit in [None, Some(1), Some(2), Some(3), Some(9)] {
        let query = Query { from: Some("b".into()), to: Some("d".into()), limit, ..Query::partition("q") };
        assert_eq!(found_sorts(&*table, Index::ByDue, &query).await, ["b", "c", "d"]);
        let backward = Query { order: Order::Descending, ..query };
        assert_eq!(found_sorts(&*table, Index::ByDue, &backward).await, ["d", "c", "b"]);
    }
}

async fn index_pages_through_equal_sort_values(Backend { table, .. }: Backend) {
    let items: Vec<Item> = (0..25)
        .map(|n| with_entry(item(&format!("p{}", n % 3), &n.to_string()), Index::ByDue, "q", ["same", "tied"][n / 13]))
        .collect();
    table.put_all(items.clone()).await.unwrap();
    let whole = all_found(&*table, Index::ByDue, &Query::partition("q")).await;
    let mut keys: Vec<Key> = whole.iter().map(|(_, key)| key.clone()).collect();
    keys.sort();
    let mut expected: Vec<Key> = items.into_iter().map(|item| item.key).collect();
    expected.sort();
    assert_eq!(keys, expected, "each once");
    for order in [Order::Ascending, Order::Descending] {
        let unlimited = Query { order, ..Query::partition("q") };
        let whole = all_found(&*table, Index::ByDue, &unlimited).await;
        for limit in [1, 2, 7, 13, 24] {
            let query = Query { limit: Some(limit), ..unlimited.clone() };
            assert_eq!(all_found(&*table, Index::ByDue, &query).await, whole, "by {limit}, {order:?}");
        }
    }
}

async fn expired_items_are_absent_everywhere(Backend { table, clock }: Backend) {
    let at = clock.now() + 10;
    let mortal = Item { expires_at: Some(at), version: 3, ..with_entry(item("p", "a"), Index::ByDue, "d", "1") };
    table.put_all(vec![mortal.clone(), item("p", "b")]).await.unwrap();
    clock.advance(9);
    assert_eq!(table.get(&mortal.key).await.unwrap(), Some(mortal.clone()), "a second before");
    assert_eq!(found_sorts(&*table, Index::ByDue, &Query::partition("d")).await, ["1"]);
    clock.advance(1);

    assert_eq!(table.get(&mortal.key).await.unwrap(), None, "from its instant on");
    assert_eq!(table.get_many(std::slice::from_ref(&mortal.key)).await.unwrap(), [None]);
    assert_eq!(sorts(&*table, &Query::partition("p")).await, ["b"]);
    assert!(found_sorts(&*table, Index::ByDue, &Query::partition("d")).await.is_empty());
    for beside in [vec![], vec![Write::Check(key("p", "b"), Condition::Version(1))]] {
        let check = Write::Check(mortal.key.clone(), Condition::Version(3));
        assert_conditions(table.transact([vec![check], beside.clone()].concat()).await, &[0]);
        let delete = Write::Delete(mortal.key.clone(), Condition::Version(3));
        assert_conditions(table.transact([vec![delete], beside.clone()].concat()).await, &[0]);
        let update = Write::Put(item("p", "a"), Condition::Version(3));
        assert_conditions(table.transact([vec![update], beside.clone()].concat()).await, &[0]);
        let check = Write::Check(mortal.key.clone(), Condition::Absent);
        table.transact([vec![check], beside.clone()].concat()).await.unwrap();
        let create = Write::Put(item("p", "a"), Condition::Absent);
        table.transact([vec![create], beside].concat()).await.unwrap();
        assert_eq!(table.get(&mortal.key).await.unwrap(), Some(item("p", "a")));
        table.put_all(vec![mortal.clone()]).await.unwrap();
    }
}

async fn expired_counters_begin_again(Backend { table, clock }: Backend) {
    let counter = |sort| Item { counter: Some(40), expires_at: Some(NOW + 1), ..item("p", sort) };
    table.put_all(vec![counter("a"), counter("b"), counter("c")]).await.unwrap();
    clock.advance(1);
    let fresh =
        |sort, counter| Some(Item { counter: Some(counter), ..Item::new(key("p", sort), "counter", 1, Bytes::new()) });
    assert_eq!(table.add(&key("p", "a"), 2).await.unwrap(), 2);
    assert_eq!(table.get(&key("p", "a")).await.unwrap(), fresh("a", 2));
    let beside = put(item("p", "beside"));
    table.transact(vec![beside, Write::Add(key("p", "b"), 3), Write::Add(key("p", "a"), 1)]).await.unwrap();
    assert_eq!(table.get(&key("p", "b")).await.unwrap(), fresh("b", 3));
    assert_eq!(table.get(&key("p", "a")).await.unwrap().unwrap().counter, Some(3));
    let failing = vec![Write::Add(key("p", "c"), 3), Write::Put(item("p", "beside"), Condition::Absent)];
    assert_conditions(table.transact(failing).await, &[1]);
}

async fn pages_are_full_although_items_expired(Backend { table, clock }: Backend) {
    let items = (0..20).map(|n| Item {
        expires_at: (n % 4 != 0).then_some(NOW + 1),
        ..with_entry(item("p", &format!("{n:02}")), Index::ByDue, "d", &format!("{n:02}"))
    });
    table.put_all(items.collect()).await.unwrap();
    clock.advance(1);
    let query = Query { limit: Some(2), ..Query::partition("p") };
    assert_eq!(sorts(&*table, &query).await, ["00", "04", "08", "12", "16"]);
    let query = Query { limit: Some(2), ..Query::partition("d") };
    assert_eq!(found_sorts(&*table, Index::ByDue, &query).await, ["00", "04", "08", "12", "16"]);
}

/// The same operations on both backends, and what each consumed. The DynamoDB table's write figures are the emulator's
/// own; its reads are computed here as on SQLite, because the emulator's figures for reads are flat.
#[tokio::test(flavor = "multi_thread")]
async fn both_backends_consume_the_same() {
    let (sqlite, dynamo) = (on_sqlite().await, on_dynamo().await);
    let backends = [sqlite.table, dynamo.table];
    let mut before = [Consumed::default(); 2];
    let mut compare = |name: &str, read_half_units: u64, write_units: u64| {
        for (position, backend) in ["sqlite", "dynamo"].iter().enumerate() {
            let consumed = backends[position].consumed();
            let step = Consumed {
                read_half_units: consumed.read_half_units - before[position].read_half_units,
                write_units: consumed.write_units - before[position].write_units,
            };
            assert_eq!(step, Consumed { read_half_units, write_units }, "{name} on {backend}");
            before[position] = consumed;
        }
    };
    macro_rules! both {
        ($name:expr, $reads:expr, $writes:expr, |$table:ident| $work:expr) => {
            for $table in &backends {
                let _ = $work.await;
            }
            compare($name, $reads, $writes);
        };
    }
    let large = |sort: &str, body_bytes| sized("p", sort, body_bytes);
    let due = |sort: &str, at: &str| with_entry(item("p", sort), Index::ByDue, "d", at);

    both!("a small put", 0, 1, |table| table.transact(vec![put(item("p", "a"))]));
    both!("a large put", 0, 25, |table| table.transact(vec![put(large("b", 25_000))]));
    both!("a smaller one over it", 0, 25, |table| table.transact(vec![put(large("b", 10))]));
    both!("a larger one over it", 0, 10, |table| table.transact(vec![put(large("b", 10_000))]));
    both!("a batch", 0, 1 + 10 + 3, |table| table.put_all(vec![item("p", "c"), large("b", 9_000), large("d", 3_000)]));
    both!("a batch of many", 0, 60, |table| table.put_all((0..60).map(|n| item("q", &n.to_string())).collect()));
    both!("a transaction", 0, 2 * (1 + 9 + 1), |table| table.transact(vec![
        put(item("p", "e")),
        Write::Delete(key("p", "b"), Condition::None),
        Write::Check(key("p", "a"), Condition::Version(1)),
    ]));
    both!("a check of a large item", 0, 2 * (3 + 1), |table| table.transact(vec![
        Write::Check(key("p", "d"), Condition::Version(1)),
        Write::Check(key("p", "none"), Condition::Absent),
    ]));
    both!("a lone check", 0, 2 * 3, |table| table.transact(vec![Write::Check(key("p", "d"), Condition::Version(1))]));
    both!("a failed put", 0, 5, |table| table.transact(vec![Write::Put(large("d", 5_000), Condition::Absent)]));
    both!("a failed transaction", 0, 2 * (5 + 1), |table| table
        .transact(vec![Write::Put(large("d", 5_000), Condition::Absent), Write::Add(key("p", "n"), 1),]));
    both!("an entry appears", 0, 2, |table| table.transact(vec![put(due("f", "1"))]));
    both!("an entry stays", 0, 1, |table| table.transact(vec![put(due("f", "1"))]));
    both!("an entry moves", 0, 3, |table| table.transact(vec![put(due("f", "2"))]));
    both!("an entry's expiry changes", 0, 2, |table| table
        .transact(vec![put(Item { expires_at: Some(NOW + 9), ..due("f", "2") })]));
    both!("an entry goes", 0, 2, |table| table.transact(vec![put(item("p", "f"))]));
    both!("an entry in a transaction", 0, 3 + 2, |table| table
        .transact(vec![put(due("f", "2")), Write::Check(key("p", "a"), Condition::None)]));
    both!("an entry goes with its item", 0, 2, |table| table.delete_all(&[key("p", "f")]));
    both!("deleting nothing", 0, 1, |table| table.delete_all(&[key("p", "f")]));
    both!("an addition", 0, 1, |table| table.add(&key("p", "n"), 1));
    both!("an addition in a transaction alone", 0, 1, |table| table.transact(vec![Write::Add(key("p", "n"), 1)]));
    both!("an addition to a large item", 0, 3, |table| table.add(&key("p", "d"), 1));
    both!("additions in a transaction", 0, 2 * (1 + 3), |table| table
        .transact(vec![Write::Add(key("p", "n"), 1), Write::Add(key("p", "d"), 1)]));

    both!("a get", 2, 0, |table| table.get(&key("p", "a")));
    both!("a get of nothing", 2, 0, |table| table.get(&key("p", "none")));
    both!("putting a large item", 0, 25, |table| table.put_all(vec![large("z", 25_000)]));
    both!("a large get", 2 * 7, 0, |table| table.get(&key("p", "z")));
    both!("many gets, a repeat and a miss", 2 * (1 + 7 + 1), 0, |table| table.get_many(&[
        key("p", "a"),
        key("p", "z"),
        key("p", "a"),
        key("p", "none")
    ]));
    both!("a query of many small items", 2, 0, |table| table.query(&Query::partition("q")));
    both!("a query of all", 2 * 7, 0, |table| table.query(&Query::partition("p")));
    both!("a query of nothing", 2, 0, |table| table.query(&Query::partition("none")));
    both!("a query of a range that cannot be", 0, 0, |table| table.query(&Query {
        from: Some("b".into()),
        to: Some("a".into()),
        ..Query::partition("q")
    }));
    both!("a query of an index", 1, 0, |table| table.query_index(Index::ByDue, &Query::partition("d")));
    let long = "x".repeat(900);
    both!("long entries", 0, 10 * (1 + 1 + 1), |table| table
        .put_all((0..10).map(|n| with_entry(sized("r", &n.to_string(), 200), Index::ByParent, "q", &long)).collect()));
    both!("a query of long entries", 3, 0, |table| table.query_index(Index::ByParent, &Query::partition("q")));
}
