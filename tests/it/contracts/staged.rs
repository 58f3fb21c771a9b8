//! A unit of work (`store::staged`): inside it everything is as if it were written already, outside nothing is until its end.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::staged::{Fence, StagedTable};
use store::table::{Condition, Index, Item, Key, Query, Table, TransactError, WRITES_PER_TRANSACTION_MAX, Write};

use super::table::{Backend, all, key, on_sqlite};
use super::table_model::{Model, Operation, agree, an_operation};

fn own_key() -> Key {
    key("unit", "HEAD")
}

fn own_item(schema: u32) -> Item {
    Item::new(own_key(), "unit", schema, "own".into())
}

/// A unit of work over a table that holds its own item in version 1.
async fn unit(table: &Arc<dyn Table>) -> StagedTable {
    table.transact(vec![Write::Put(own_item(1), Condition::Absent)]).await.unwrap();
    StagedTable::new(table.clone(), Fence { version: 1, let_out: own_item(2) })
}

fn put(sort: &str, version: u64, condition: Condition) -> Write {
    Write::Put(Item { version, ..Item::new(key("p", sort), "thing", 1, "x".into()) }, condition)
}

/// Counters are counted up once per unit: two sums in one transaction are one.
fn is_for_units(operation: &Operation) -> bool {
    match operation {
        Operation::Transact(writes) => !writes.iter().any(|write| matches!(write, Write::Add(..))),
        Operation::GetMany(_) | Operation::Query(_) | Operation::QueryIndex(..) => true,
        Operation::PutAll(_) | Operation::DeleteAll(_) | Operation::Add(..) | Operation::Advance(_) => false,
    }
}

async fn contents(table: &dyn Table) -> Vec<Item> {
    let mut items = all(table, &Query::partition("p")).await;
    items.extend(all(table, &Query::partition("q")).await);
    items
}

#[test]
fn a_unit_is_seen_inside_at_once_and_outside_at_its_end() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 128, failure_persistence: None, ..Config::default() });
    let operations = || prop::collection::vec(an_operation(), 1..40);
    let lasting = |mut operation: Operation| {
        // A unit does not look at expiry: nobody gathers what has expired.
        let last = |item: &mut Item| item.expires_at = None;
        match &mut operation {
            Operation::Transact(writes) => writes.iter_mut().for_each(|write| {
                if let Write::Put(item, _) = write {
                    last(item);
                }
            }),
            Operation::PutAll(items) => items.iter_mut().for_each(last),
            _ => {}
        }
        operation
    };
    let result = runner.run(&(operations(), operations()), |(before, inside)| {
        runtime.block_on(async {
            let Backend { table, clock } = on_sqlite().await;
            let mut model = Model::default();
            let backend = Backend { table: table.clone(), clock: clock.clone() };
            for operation in before.into_iter().map(lasting) {
                agree(&backend, &mut model, &operation).await;
            }
            let outside = contents(&*table).await;
            let unit = Arc::new(unit(&table).await);
            let backend = Backend { table: unit.clone(), clock };
            for operation in inside.into_iter().filter(is_for_units).map(lasting) {
                agree(&backend, &mut model, &operation).await;
                assert_eq!(contents(&*table).await, outside);
            }
            let inside = contents(&*unit).await;
            unit.end(own_item(3)).await.unwrap();
            assert_eq!(contents(&*table).await, inside);
            assert_eq!(table.get(&own_key()).await.unwrap().map(|item| (item.schema, item.version)), Some((3, 2)));
        });
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[tokio::test]
async fn sums_add_up_and_become_items_where_something_else_is_written() {
    let Backend { table, .. } = on_sqlite().await;
    table.add(&key("p", "a"), 5).await.unwrap();
    let unit = unit(&table).await;
    let add = |sort: &str, by| Write::Add(key("p", sort), by);
    unit.transact(vec![add("a", 1), add("b", 7)]).await.unwrap();
    unit.transact(vec![add("a", 2), Write::Delete(key("p", "b"), Condition::Version(1))]).await.unwrap();
    unit.transact(vec![add("b", 3)]).await.unwrap();
    let counters = |items: Vec<Option<Item>>| items.into_iter().map(|item| item.unwrap().counter).collect::<Vec<_>>();
    let keys = [key("p", "a"), key("p", "b")];
    assert_eq!(counters(unit.get_many(&keys).await.unwrap()), [Some(8), Some(3)]);
    // Meanwhile somebody else counts too: a bare sum does not mind.
    table.add(&key("p", "a"), 10).await.unwrap();
    unit.end(own_item(3)).await.unwrap();
    assert_eq!(counters(table.get_many(&keys).await.unwrap()), [Some(18), Some(3)]);
}

#[tokio::test]
async fn a_unit_whose_ground_has_moved_writes_nothing() {
    let Backend { table, .. } = on_sqlite().await;
    table.transact(vec![put("a", 1, Condition::Absent)]).await.unwrap();
    let unit = unit(&table).await;
    unit.transact(vec![put("a", 2, Condition::Version(1)), put("b", 1, Condition::Absent)]).await.unwrap();
    unit.transact(vec![put("a", 3, Condition::Version(2))]).await.unwrap();
    let refused = unit.transact(vec![put("a", 3, Condition::Version(2)), put("c", 1, Condition::None)]).await;
    assert!(matches!(refused, Err(TransactError::Conditions(positions)) if positions == [0]));
    table.transact(vec![put("a", 2, Condition::Version(1))]).await.unwrap();
    assert!(matches!(unit.end(own_item(3)).await, Err(TransactError::Conditions(_))));
    assert_eq!(contents(&*table).await.len(), 1);
    assert_eq!(table.get(&own_key()).await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn what_is_let_out_carries_the_mark_and_the_rest_is_fenced() {
    let Backend { table, .. } = on_sqlite().await;
    let unit = unit(&table).await;
    unit.let_out().await.unwrap();
    assert_eq!(unit.let_out_version().await, None, "nothing was there to let out");
    unit.transact(vec![put("a", 1, Condition::Absent)]).await.unwrap();
    unit.let_out().await.unwrap();
    assert_eq!(unit.let_out_version().await, Some(2));
    let own = table.get(&own_key()).await.unwrap().unwrap();
    assert_eq!((own.schema, own.version), (2, 2));
    unit.transact(vec![put("b", 1, Condition::Absent)]).await.unwrap();
    assert_eq!(contents(&*table).await.len(), 2, "it writes through by now");
    // Somebody takes over.
    table.transact(vec![Write::Put(Item { version: 3, ..own_item(2) }, Condition::Version(2))]).await.unwrap();
    assert!(unit.transact(vec![put("c", 1, Condition::Absent)]).await.is_err());
    assert!(unit.is_lost().await);
    assert!(unit.get(&key("p", "a")).await.is_err());
    assert!(matches!(unit.end(own_item(3)).await, Err(TransactError::Contended)));
    assert_eq!(contents(&*table).await.len(), 2);
}

#[tokio::test]
async fn more_writes_than_a_transaction_takes_go_out_in_several() {
    let Backend { table, .. } = on_sqlite().await;
    let unit = unit(&table).await;
    let many = |from: usize, to: usize| (from..to).map(|at| put(&format!("{at:04}"), 1, Condition::Absent)).collect();
    unit.transact(many(0, 90)).await.unwrap();
    assert_eq!(contents(&*table).await.len(), 0);
    unit.transact(many(90, 95)).await.unwrap();
    assert_eq!(contents(&*table).await.len(), 0);
    unit.transact(many(95, 95 + WRITES_PER_TRANSACTION_MAX)).await.unwrap();
    assert_eq!(contents(&*table).await.len(), 195);
    assert_eq!(unit.let_out_version().await, Some(2));
    unit.end(own_item(3)).await.unwrap();
    assert_eq!(table.get(&own_key()).await.unwrap().unwrap().schema, 3);
}

#[tokio::test]
async fn a_blind_write_over_what_waits_does_not_get_lost() {
    let Backend { table, .. } = on_sqlite().await;
    let unit = unit(&table).await;
    unit.transact(vec![put("a", 1, Condition::Absent)]).await.unwrap();
    unit.put_all(vec![Item::new(key("p", "z"), "thing", 1, "bulk".into())]).await.unwrap();
    assert_eq!(unit.let_out_version().await, None);
    unit.delete_all(&[key("p", "a")]).await.unwrap();
    assert_eq!(unit.let_out_version().await, Some(2));
    unit.end(own_item(3)).await.unwrap();
    let found = all(&*table, &Query::partition("p")).await;
    assert_eq!(found.iter().map(|item| item.key.sort.as_str()).collect::<Vec<_>>(), ["z"]);
    let entries = table.query_index(Index::ByDue, &Query::partition("p")).await.unwrap();
    assert!(entries.found.is_empty());
}
