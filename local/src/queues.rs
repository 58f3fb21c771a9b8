//! Queues as a table in the same SQLite file, written in the same group commits as everything else.
//!
//! One process reads them, so a message under way is simply remembered in memory: a crash forgets that, and the message is
//! delivered again. A message that fails too often goes to the dead letters, where somebody may look at it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use app::ports::{Incoming, Outgoing, PortError, Queue, Queues};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use store::sqlite::{Database, DatabaseError};
use tokio::sync::Notify;

/// Deliveries of a message before it goes to the dead letters.
const RECEIVES_MAX: i64 = 5;
/// A failed message rests this long, times the deliveries it had.
const REST_MILLIS: i64 = 500;

/// How far a queue with groups is looked through for a group that is not held.
const GROUPED_AHEAD: usize = 500;

/// The queues of a local host.
pub(crate) struct LocalQueues {
    database: Database,
    now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    arrived: [Notify; Queue::ALL.len()],
    under_way: Mutex<HashSet<i64>>,
}

/// A message with its place in the table.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) row: i64,
    pub(crate) message: Incoming,
}

/// A message as it stands in the table.
struct Row {
    id: i64,
    is_visible: bool,
    sent_at: i64,
    body: String,
    group: Option<String>,
}

fn unavailable(error: DatabaseError) -> PortError {
    PortError::new("queues", error)
}

fn place(queue: Queue) -> usize {
    match queue {
        Queue::Events => 0,
        Queue::Billing => 1,
        Queue::Webhooks => 2,
        Queue::Documents => 3,
        Queue::Advance => 4,
        Queue::Fold => 5,
    }
}

impl LocalQueues {
    /// Makes the tables if they are not there.
    pub(crate) async fn open(
        database: Database,
        now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    ) -> Result<LocalQueues, DatabaseError> {
        database
            .write(|connection: &Connection| {
                connection.execute_batch(
                    "CREATE TABLE IF NOT EXISTS messages (
                         id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, visible_at INTEGER NOT NULL,
                         sent_at INTEGER NOT NULL, receives INTEGER NOT NULL, body TEXT NOT NULL,
                         message_group TEXT) STRICT;
                     CREATE INDEX IF NOT EXISTS messages_by_queue ON messages (queue, visible_at, id);
                     CREATE TABLE IF NOT EXISTS dead_letters (
                         id INTEGER PRIMARY KEY, queue TEXT NOT NULL, died_at INTEGER NOT NULL,
                         sent_at INTEGER NOT NULL, receives INTEGER NOT NULL, body TEXT NOT NULL) STRICT;",
                )?;
                // Files of before there were groups.
                let has_groups: bool = connection.query_row(
                    "SELECT count(*) FROM pragma_table_info('messages') WHERE name = 'message_group'",
                    [],
                    |row| row.get(0),
                )?;
                if !has_groups {
                    connection.execute_batch("ALTER TABLE messages ADD COLUMN message_group TEXT;")?;
                }
                Ok::<_, DatabaseError>(())
            })
            .await?;
        Ok(LocalQueues { database, now, arrived: Default::default(), under_way: Mutex::default() })
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashSet<i64>> {
        // A set of numbers is whole after any panic.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to `limit` messages that are visible now, oldest first. They are under way until `settle`.
    ///
    /// Of a group, only what nothing older of that group stands before: at rest after a failure, or under way elsewhere.
    pub(crate) async fn receive(&self, queue: Queue, limit: usize) -> Result<Vec<Received>, PortError> {
        let now = (self.now)().timestamp_millis();
        // Those under way still stand in the table, and so do those that wait behind them: as many more are read.
        let behind = if queue == Queue::Advance { GROUPED_AHEAD } else { 0 };
        let rows = i64::try_from(limit + self.under_way().len() + behind).unwrap_or(i64::MAX);
        let found: Vec<Row> = self
            .database
            .read(move |connection: &Connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT id, visible_at, sent_at, body, message_group FROM messages \
                     WHERE queue = ?1 AND (visible_at <= ?2 OR message_group IS NOT NULL) ORDER BY id LIMIT ?3",
                )?;
                let rows = statement.query_map(params![queue.name(), now, rows], |row| {
                    Ok(Row {
                        id: row.get(0)?,
                        is_visible: row.get::<_, i64>(1)? <= now,
                        sent_at: row.get(2)?,
                        body: row.get(3)?,
                        group: row.get(4)?,
                    })
                })?;
                Ok::<_, DatabaseError>(rows.collect::<Result<_, _>>()?)
            })
            .await
            .map_err(unavailable)?;
        let mut under_way = self.under_way();
        let mut held: HashSet<String> = HashSet::new();
        let fresh = found.into_iter().filter(|row| {
            let is_held = row.group.as_ref().is_some_and(|group| held.contains(group));
            let is_fresh = row.is_visible && !under_way.contains(&row.id) && !is_held;
            if !is_fresh {
                held.extend(row.group.clone());
            }
            is_fresh
        });
        let received: Vec<Received> = fresh
            .take(limit)
            .map(|Row { id, sent_at, body, .. }| {
                let sent_at = DateTime::from_timestamp_micros(sent_at).unwrap_or_default();
                Received { row: id, message: Incoming { id: id.to_string(), body, sent_at } }
            })
            .collect();
        under_way.extend(received.iter().map(|received| received.row));
        Ok(received)
    }

    /// Removes what is done; what failed comes again after a rest, or dies.
    pub(crate) async fn settle(&self, rows: Vec<i64>, failed: HashSet<i64>) -> Result<(), PortError> {
        let now = (self.now)().timestamp_millis();
        let settled = rows.clone();
        self.database
            .write(move |connection: &Connection| {
                for row in rows {
                    if !failed.contains(&row) {
                        connection.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([row])?;
                        continue;
                    }
                    connection
                        .prepare_cached(
                            "UPDATE messages SET receives = receives + 1, visible_at = ?2 + ?3 * (receives + 1) \
                             WHERE id = ?1",
                        )?
                        .execute(params![row, now, REST_MILLIS])?;
                    let died = connection
                        .prepare_cached(
                            "INSERT INTO dead_letters SELECT id, queue, ?2, sent_at, receives, body FROM messages \
                             WHERE id = ?1 AND receives >= ?3",
                        )?
                        .execute(params![row, now, RECEIVES_MAX])?;
                    if died > 0 {
                        connection.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([row])?;
                        tracing::error!("message {row} failed {RECEIVES_MAX} times and is a dead letter now");
                    }
                }
                Ok::<_, DatabaseError>(())
            })
            .await
            .map_err(unavailable)?;
        let mut under_way = self.under_way();
        for row in settled {
            under_way.remove(&row);
        }
        Ok(())
    }

    /// Milliseconds until the next message becomes visible that is not visible yet; none if there is none.
    pub(crate) async fn next_visible_in(&self, queue: Queue) -> Result<Option<u64>, PortError> {
        let now = (self.now)().timestamp_millis();
        let next: Option<i64> = self
            .database
            .read(move |connection: &Connection| {
                let mut statement = connection
                    .prepare_cached("SELECT min(visible_at) FROM messages WHERE queue = ?1 AND visible_at > ?2")?;
                Ok::<_, DatabaseError>(statement.query_row(params![queue.name(), now], |row| row.get(0))?)
            })
            .await
            .map_err(unavailable)?;
        Ok(next.map(|at| u64::try_from(at - now).unwrap_or_default()))
    }

    /// Returns when a message may have come.
    pub(crate) async fn arrival(&self, queue: Queue) {
        self.arrived[place(queue)].notified().await;
    }

    /// Messages that failed for good.
    pub(crate) async fn dead_letters(&self) -> Result<i64, PortError> {
        self.database
            .read(|connection: &Connection| {
                let count = connection.query_row("SELECT count(*) FROM dead_letters", [], |row| row.get(0))?;
                Ok::<_, DatabaseError>(count)
            })
            .await
            .map_err(unavailable)
    }
}

#[async_trait]
impl Queues for LocalQueues {
    async fn send(&self, messages: Vec<Outgoing>) -> Result<(), PortError> {
        let now = (self.now)();
        let (sent_at, now) = (now.timestamp_micros(), now.timestamp_millis());
        let queues: HashSet<Queue> = messages.iter().map(|message| message.queue).collect();
        self.database
            .write(move |connection: &Connection| {
                let mut statement = connection.prepare_cached(
                    "INSERT INTO messages (queue, visible_at, sent_at, receives, body, message_group) \
                     VALUES (?1, ?2, ?3, 0, ?4, ?5)",
                )?;
                for message in messages {
                    let visible_at = now + i64::from(message.delay_seconds) * 1000;
                    statement.execute(params![
                        message.queue.name(),
                        visible_at,
                        sent_at,
                        message.body,
                        message.group
                    ])?;
                }
                Ok::<_, DatabaseError>(())
            })
            .await
            .map_err(unavailable)?;
        for queue in queues {
            self.arrived[place(queue)].notify_one();
        }
        Ok(())
    }
}
