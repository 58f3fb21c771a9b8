//! What SQLite's table promises beyond the port: a file that survives, group commit, and the feed of changes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use store::sqlite::{Change, Database, DatabaseError, SqliteTable};
use store::table::{Condition, Index, Item, Query, Table, TransactError, Write};
use tokio::task::JoinSet;

use super::table::{Clock, NOW, all, all_found, entry, item, key, sized};

fn open(path: &Path, clock: &Clock) -> SqliteTable {
    SqliteTable::open(Database::open(path).unwrap(), clock.seconds(), &["outbox", "mail"])
}

fn outbox(sort: &str) -> Item {
    Item { kind: "outbox".to_owned(), ..item("p", sort) }
}

fn put(item: Item) -> Write {
    Write::Put(item, Condition::None)
}

async fn sequence_and_sort(table: &SqliteTable) -> Vec<(i64, String)> {
    let changes = table.changes(100).await.unwrap();
    changes.into_iter().map(|Change { sequence, item }| (sequence, item.key.sort)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn reopening_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (path, clock) = (folder.path().join("weir.sqlite"), Clock::new());
    let full = Item {
        version: 4,
        entries: vec![entry(Index::ByDue, "d", "1"), entry(Index::ByOrganization, "o", "2")],
        expires_at: Some(NOW + 5),
        counter: Some(7),
        ..sized("p", "full", 30_000)
    };
    {
        let table = open(&path, &clock);
        table.put_all(vec![full.clone()]).await.unwrap();
        table.transact(vec![put(outbox("o1")), put(outbox("o2"))]).await.unwrap();
    }
    let table = open(&path, &clock);
    assert_eq!(table.get(&full.key).await.unwrap(), Some(full.clone()));
    assert_eq!(all_found(&table, Index::ByOrganization, &Query::partition("o")).await, [("2".to_owned(), full.key)]);
    assert_eq!(sequence_and_sort(&table).await, [(1, "o1".to_owned()), (2, "o2".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answered_write_is_in_the_file() {
    // Another process would see it: the file is copied with its log while the table is still open.
    let folder = tempfile::tempdir().unwrap();
    let (path, clock) = (folder.path().join("weir.sqlite"), Clock::new());
    let table = open(&path, &clock);
    table.put_all(vec![item("p", "a")]).await.unwrap();
    let copy = folder.path().join("copy.sqlite");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(folder.path().join("weir.sqlite-wal"), folder.path().join("copy.sqlite-wal")).unwrap();
    assert_eq!(all(&open(&copy, &clock), &Query::partition("p")).await, [item("p", "a")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_handle_finishes_what_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (path, clock) = (folder.path().join("weir.sqlite"), Clock::new());
    {
        let table = open(&path, &clock);
        for n in 0..50 {
            // Asked once and given up: the write happens all the same.
            let write = table.put_all(vec![item("p", &format!("{n:02}"))]);
            let _ = tokio::time::timeout(Duration::ZERO, write).await;
        }
    }
    assert_eq!(all(&open(&path, &clock), &Query::partition("p")).await.len(), 50);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["weir.sqlite"], "the log was emptied into the file");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_handles_share_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, clock) = (folder.path().join("weir.sqlite"), Clock::new());
    let tables = [open(&path, &clock), open(&path, &clock)];
    let mut adders = JoinSet::new();
    for n in 0..40 {
        let table = tables[n % 2].clone();
        adders.spawn(async move { table.add(&key("p", "n"), 1).await.unwrap() });
    }
    let mut sums = adders.join_all().await;
    sums.sort_unstable();
    assert_eq!(sums, (1..=40).collect::<Vec<i64>>());
    tables[0].put_all(vec![item("p", "a")]).await.unwrap();
    assert_eq!(tables[1].get(&key("p", "a")).await.unwrap(), Some(item("p", "a")));
}

#[tokio::test]
async fn a_newer_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weir.sqlite");
    let database = Database::open(&path).unwrap();
    database
        .write(|connection| connection.pragma_update(None, "user_version", 99).map_err(DatabaseError::from))
        .await
        .unwrap();
    drop(database);
    assert!(matches!(Database::open(&path), Err(DatabaseError::Newer { found: 99, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_undoes_itself_alone() {
    let database = Database::temporary().unwrap();
    database
        .write(|c| c.execute_batch("CREATE TABLE numbers (n INTEGER PRIMARY KEY)").map_err(DatabaseError::from))
        .await
        .unwrap();
    let mut jobs = JoinSet::new();
    for n in 0..200 {
        let database = database.clone();
        jobs.spawn(async move {
            let job = database.write(move |connection| {
                connection.execute("INSERT INTO numbers VALUES (?1)", [n])?;
                match n % 3 {
                    0 => Ok(()),
                    1 => Err(DatabaseError::Closed),
                    _ => panic!("a panic on purpose"),
                }
            });
            (n % 3, job.await)
        });
    }
    for (kind, result) in jobs.join_all().await {
        match kind {
            0 => result.unwrap(),
            1 => assert!(matches!(result, Err(DatabaseError::Closed))),
            _ => assert!(matches!(result, Err(DatabaseError::Panicked))),
        }
    }
    let kept = database
        .read(|c| {
            c.query_row("SELECT count(*), sum(n % 3) FROM numbers", [], |row| Ok((row.get(0)?, row.get(1)?)))
                .map_err(DatabaseError::from)
        })
        .await
        .unwrap();
    assert_eq!(kept, (67, 0));
    // A job that rolls back under everybody fails its whole commit, and the next one is fine.
    let error = database.write(|connection| connection.execute_batch("ROLLBACK").map_err(DatabaseError::from)).await;
    assert!(matches!(error, Err(DatabaseError::Sqlite(_))));
    database.write(|_| Ok::<_, DatabaseError>(())).await.unwrap();
}

#[tokio::test]
async fn readers_cannot_write() {
    let database = Database::temporary().unwrap();
    let result = database.read(|c| c.execute_batch("DELETE FROM items").map_err(DatabaseError::from)).await;
    assert!(matches!(result, Err(DatabaseError::Sqlite(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_hear_of_commits_before_the_answer() {
    let database = Database::temporary().unwrap();
    let commits = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    database.after_commit(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    });
    for n in 1..=3 {
        database.write(|_| Ok::<_, DatabaseError>(())).await.unwrap();
        assert_eq!(commits.load(std::sync::atomic::Ordering::SeqCst), n);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_recorded_kinds_come_in_order() {
    let table = SqliteTable::open(Database::temporary().unwrap(), Clock::new().seconds(), &["outbox", "mail"]);
    let mail = Item { kind: "mail".to_owned(), entries: vec![entry(Index::ByParent, "a", "b")], ..sized("p", "m", 9) };
    table.transact(vec![put(outbox("o2")), put(item("p", "other")), put(outbox("o1"))]).await.unwrap();
    table.put_all(vec![mail.clone()]).await.unwrap();
    let failed = table.transact(vec![put(outbox("o3")), Write::Put(outbox("o1"), Condition::Absent)]).await;
    assert!(matches!(failed, Err(TransactError::Conditions(_))));
    // Written again, it is another change; removed, it is none.
    let again = Item { version: 2, ..outbox("o1") };
    table.transact(vec![put(again.clone())]).await.unwrap();
    table.delete_all(&[key("p", "o1")]).await.unwrap();

    let changes = table.changes(100).await.unwrap();
    let items: Vec<&Item> = changes.iter().map(|change| &change.item).collect();
    assert_eq!(items, [&outbox("o2"), &outbox("o1"), &mail, &again]);
    assert!(changes.is_sorted_by(|earlier, later| earlier.sequence < later.sequence));
    assert_eq!(table.changes(2).await.unwrap(), changes[..2]);

    table.acknowledge(changes[1].sequence).await.unwrap();
    assert_eq!(table.changes(100).await.unwrap(), changes[2..]);
    let last = changes[3].sequence;
    table.acknowledge(last).await.unwrap();
    table.transact(vec![put(outbox("o4"))]).await.unwrap();
    assert_eq!(sequence_and_sort(&table).await, [(last + 1, "o4".to_owned())], "no number comes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_hears_of_changes() {
    let table = SqliteTable::open(Database::temporary().unwrap(), Clock::new().seconds(), &["outbox"]);
    let soon = Duration::from_secs(10);
    let waiter = tokio::spawn({
        let table = table.clone();
        async move {
            table.changed().await;
            sequence_and_sort(&table).await
        }
    });
    table.transact(vec![put(item("p", "other"))]).await.unwrap();
    table.transact(vec![put(outbox("o1"))]).await.unwrap();
    assert_eq!(tokio::time::timeout(soon, waiter).await.unwrap().unwrap(), [(1, "o1".to_owned())]);

    // Nobody waits now: the next waiter is told at once, and only once.
    table.transact(vec![put(outbox("o2"))]).await.unwrap();
    table.transact(vec![put(outbox("o3"))]).await.unwrap();
    tokio::time::timeout(soon, table.changed()).await.unwrap();
    table.transact(vec![put(item("p", "another"))]).await.unwrap();
    assert!(tokio::time::timeout(Duration::ZERO, table.changed()).await.is_err(), "no recorded kind was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_removes_what_expired() {
    let clock = Clock::new();
    let table = SqliteTable::open(Database::temporary().unwrap(), clock.seconds(), &[]);
    let items = (0..2500).map(|n| Item { expires_at: Some(NOW + n % 2), ..item("p", &n.to_string()) });
    table.put_all(items.chain([item("p", "stays")]).collect()).await.unwrap();
    assert_eq!(table.sweep().await.unwrap(), 1250);
    clock.advance(1);
    assert_eq!(table.sweep().await.unwrap(), 1250);
    assert_eq!(table.sweep().await.unwrap(), 0);
    assert_eq!(all(&table, &Query::partition("p")).await, [item("p", "stays")]);
}
