//! The store's tables in SQLite, and how older files come up to date.

use rusqlite::Connection;

use super::database::DatabaseError;

/// One step per schema version, from an empty file on. Steps that were released never change.
const STEPS: &[&str] = &[
    // An item is one row with its index entries as columns, so SQLite keeps the indexes itself. Each index holds all
    // that a query of it reads. A table WITHOUT ROWID would keep large bodies in the inner pages of the key's tree:
    // measured with bodies of 25 KB, gets took two to three times as long, and writes were slower too.
    "
    CREATE TABLE items (
        pk TEXT NOT NULL, sk TEXT NOT NULL,
        kind TEXT NOT NULL, schema INTEGER NOT NULL, version INTEGER NOT NULL,
        expires_at INTEGER, counter INTEGER,
        due_p TEXT, due_s TEXT, org_p TEXT, org_s TEXT, par_p TEXT, par_s TEXT,
        body BLOB NOT NULL,
        PRIMARY KEY (pk, sk)
    ) STRICT;
    CREATE INDEX by_due ON items (due_p, due_s, pk, sk, expires_at) WHERE due_p IS NOT NULL;
    CREATE INDEX by_organization ON items (org_p, org_s, pk, sk, expires_at) WHERE org_p IS NOT NULL;
    CREATE INDEX by_parent ON items (par_p, par_s, pk, sk, expires_at) WHERE par_p IS NOT NULL;
    CREATE INDEX by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;

    -- Writes that a reader of changes has not acknowledged yet. AUTOINCREMENT: a number is never used again.
    CREATE TABLE changes (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        pk TEXT NOT NULL, sk TEXT NOT NULL,
        kind TEXT NOT NULL, schema INTEGER NOT NULL, version INTEGER NOT NULL,
        expires_at INTEGER, counter INTEGER,
        due_p TEXT, due_s TEXT, org_p TEXT, org_s TEXT, par_p TEXT, par_s TEXT,
        body BLOB NOT NULL
    ) STRICT;
    ",
];

/// Brings the file to the latest version, or refuses it if it is newer than this program.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), DatabaseError> {
    // Immediate: of two processes that open a new file at once, the second finds it done.
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = STEPS.len() as u32;
    if found > known {
        return Err(DatabaseError::Newer { found, known });
    }
    for step in &STEPS[found as usize..] {
        transaction.execute_batch(step)?;
    }
    if found < known {
        transaction.pragma_update(None, "user_version", known)?;
    }
    transaction.commit()?;
    Ok(())
}
