//! A decision on its way into the table: built once, handed over once.

use domain::analytics::{self, Rows};
use domain::credit_note::CreditNote;
use domain::id::{CustomerId, OrganizationId};
use domain::invoice::Invoice;
use domain::ledger::{self, Movement, Unexplained};
use domain::time::Instant;

use crate::items::credit_note::live_mark;
use crate::items::{AddedRows, DraftNotes, LedgerTransaction, invoice as invoice_items};
use crate::keys::{self, Timeline};
use crate::outbox::Message;
use crate::record::{DecodeError, Record, Scope, Versioned, to_item};
use crate::table::{Condition, Item, Key, Table, TableError, TransactError, WRITES_PER_TRANSACTION_MAX, Write};

/// What to write, and what must still hold.
///
/// Everything in it happens in one transaction, but for `bulk`, which is written before and stays unreachable until the
/// transaction makes it visible.
#[derive(Debug)]
pub struct Commit {
    scope: Scope,
    sequence: i64,
    at: Option<Instant>,
    writes: Vec<Write>,
    bulk: Vec<Item>,
    messages: usize,
    counted: Vec<(CustomerId, Rows)>,
    movements: Vec<Movement>,
    invoices_made: usize,
    error: Option<DecodeError>,
}

/// Most pages of superseded fees that one update removes, to leave room in its transaction. Of an invoice of more pages
/// (tens of thousands of fees) they stay, unreachable.
const PAGES_REMOVED_MAX: usize = 20;

/// Why a commit did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Something that the decision looked at has changed, or exists already. Nothing was written: load and decide again.
    #[error("what was decided on has changed meanwhile")]
    Conflict,
    /// See there.
    #[error(transparent)]
    Table(#[from] TableError),
    /// See there.
    #[error(transparent)]
    Encode(#[from] DecodeError),
    /// A balance would change without an entry that says why. Nothing was written.
    #[error(transparent)]
    Unexplained(#[from] Unexplained),
}

impl Commit {
    /// An empty commit. `sequence` is a fresh creation sequence: it orders the commit's outbox items, and its entries in ledgers.
    #[must_use]
    pub fn new(scope: Scope, sequence: i64) -> Commit {
        Commit {
            scope,
            sequence,
            at: None,
            writes: Vec::new(),
            bulk: Vec::new(),
            messages: 0,
            counted: Vec::new(),
            movements: Vec::new(),
            invoices_made: 0,
            error: None,
        }
    }

    /// The same, made at an instant of the organization's clock: its messages say so.
    #[must_use]
    pub fn dated(self, at: Instant) -> Commit {
        Commit { at: Some(at), ..self }
    }

    /// Whose commit it is.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.scope.organization
    }

    fn put<R: Record>(mut self, record: &R, version: u64, condition: Condition) -> Commit {
        match to_item(self.scope, record, version) {
            Ok(item) => self.writes.push(Write::Put(item, condition)),
            Err(error) => self.error = Some(error),
        }
        self
    }

    /// Stores a record that must not exist yet.
    #[must_use]
    pub fn create<R: Record>(self, record: &R) -> Commit {
        self.moved(R::movements(None, record)).put(record, 1, Condition::Absent)
    }

    /// Stores a changed record over the one that was read.
    #[must_use]
    pub fn update<R: Record>(self, read: &Versioned<R>, changed: &R) -> Commit {
        self.moved(R::movements(Some(&read.value), changed)).put(
            changed,
            read.version + 1,
            Condition::Version(read.version),
        )
    }

    /// Stores a record over the one that was read, or as a new one if there was none.
    #[must_use]
    pub fn save<R: Record>(self, read: Option<&Versioned<R>>, record: &R) -> Commit {
        match read {
            Some(read) => self.update(read, record),
            None => self.create(record),
        }
    }

    /// Stores an invoice that must not exist yet, with any number of fees.
    #[must_use]
    pub fn create_invoice(self, invoice: &Invoice) -> Commit {
        let rows = analytics::of_invoice(invoice, 0);
        let moved = self.moved(Invoice::movements(None, invoice));
        let mut commit = moved.put_invoice(invoice, 1, Condition::Absent).1.count(invoice.customer_id, rows);
        commit.invoices_made += 1;
        commit
    }

    /// How many invoices it makes.
    #[must_use]
    pub fn invoices_made(&self) -> usize {
        self.invoices_made
    }

    /// Stores a changed invoice over the one that was read by `Store::invoice`, with any number of fees.
    ///
    /// Pages of fees that the changed invoice no longer names go in the same transaction: a write each.
    #[must_use]
    pub fn update_invoice(self, read: &Versioned<Invoice>, changed: &Invoice) -> Commit {
        if read.version == invoice_items::LISTED_VERSION {
            return self
                .failed(DecodeError::new(Invoice::KIND, "it was listed without its fees: load it to change it"));
        }
        let superseded = match invoice_items::packed(self.scope, read, read.version) {
            Ok(old) => old.pages,
            Err(error) => return self.failed(error),
        };
        let condition = Condition::Version(read.version);
        let moved = self.moved(Invoice::movements(Some(&read.value), changed));
        let (written, mut commit) = moved.put_invoice(changed, read.version + 1, condition);
        if superseded.len() <= PAGES_REMOVED_MAX {
            let gone = superseded.into_iter().map(|page| page.key).filter(|key| !written.contains(key));
            commit.writes.extend(gone.map(|key| Write::Delete(key, Condition::None)));
        }
        // Refunds stand apart: they neither come nor go with a change of the invoice itself.
        let rows = analytics::of_invoice(changed, 0).since(&analytics::of_invoice(read, 0));
        commit.count(changed.customer_id, rows)
    }

    /// Adds to the figures of analytics. Invoices see to theirs themselves; fees without invoice and refunds do not.
    #[must_use]
    pub fn count(mut self, customer: CustomerId, rows: Rows) -> Commit {
        match self.counted.iter_mut().find(|(known, _)| *known == customer) {
            Some((_, known)) => *known = std::mem::take(known).and(&rows),
            None => self.counted.push((customer, rows)),
        }
        self
    }

    /// Whether it adds to the figures of analytics.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.counted.iter().any(|(_, rows)| !rows.is_empty())
    }

    /// The keys of the pages written, and the commit.
    fn put_invoice(mut self, invoice: &Invoice, version: u64, condition: Condition) -> (Vec<Key>, Commit) {
        match invoice_items::packed(self.scope, invoice, version) {
            Ok(packed) => {
                let keys = packed.pages.iter().map(|page| page.key.clone()).collect();
                self.bulk.extend(packed.pages);
                self.writes.push(Write::Put(packed.header, condition));
                (keys, self)
            }
            Err(error) => (Vec::new(), self.failed(error)),
        }
    }

    /// What the commit's records tell the ledger.
    fn moved(mut self, movements: Vec<Movement>) -> Commit {
        self.movements.extend(movements);
        self
    }

    fn failed(mut self, error: DecodeError) -> Commit {
        self.error = Some(error);
        self
    }

    /// Demands that what was read has not changed.
    #[must_use]
    pub fn unchanged<R: Record>(mut self, read: &Versioned<R>) -> Commit {
        let key = read.value.key(self.scope);
        self.writes.push(Write::Check(key, Condition::Version(read.version)));
        self
    }

    /// Removes the record that was read.
    #[must_use]
    pub fn delete<R: Record>(mut self, read: &Versioned<R>) -> Commit {
        let key = read.value.key(self.scope);
        self.writes.push(Write::Delete(key, Condition::Version(read.version)));
        self
    }

    /// Any single write: for items that are no records (counters, work).
    #[must_use]
    pub fn write(mut self, write: Write) -> Commit {
        self.writes.push(write);
        self
    }

    /// Stores an item before the transaction, unreachable until something in the transaction names it.
    #[must_use]
    pub fn bulk(mut self, item: Item) -> Commit {
        self.bulk.push(item);
        self
    }

    /// Stores a record before the transaction: one that leads somewhere, and means nothing as long as that is not there.
    #[must_use]
    pub fn bulk_record<R: Record>(mut self, record: &R) -> Commit {
        match to_item(self.scope, record, 1) {
            Ok(item) => self.bulk.push(item),
            Err(error) => self.error = Some(error),
        }
        self
    }

    /// Removes a record in whatever version: for marks, which only ever stand or do not.
    #[must_use]
    pub fn remove<R: Record>(mut self, record: &R) -> Commit {
        self.writes.push(Write::Delete(record.key(self.scope), Condition::None));
        self
    }

    /// Stores a credit note that is final from now on, with its mark if it can pay invoices.
    #[must_use]
    pub fn create_credit_note(self, note: &CreditNote) -> Commit {
        let commit = self.create(note);
        if note.is_spendable() { commit.create(&live_mark(note)) } else { commit }
    }

    /// Stores a changed credit note over the one that was read. Its mark comes and goes with what it can pay.
    #[must_use]
    pub fn update_credit_note(self, read: &Versioned<CreditNote>, changed: &CreditNote) -> Commit {
        let mut commit = self.update(read, changed);
        let mark = live_mark(changed);
        match (read.is_spendable(), changed.is_spendable()) {
            (true, false) => commit.writes.push(Write::Delete(mark.key(commit.scope), Condition::None)),
            (false, true) => commit = commit.put(&mark, 1, Condition::None),
            (true, true) | (false, false) => {}
        }
        commit
    }

    /// Stores the notes of a draft invoice over those that were read; none are left if `notes` is empty.
    #[must_use]
    pub fn save_draft_notes(self, read: Option<&Versioned<DraftNotes>>, notes: &DraftNotes) -> Commit {
        match read {
            Some(read) if notes.notes.is_empty() => self.delete(read),
            None if notes.notes.is_empty() => self,
            Some(_) | None => self.save(read, notes),
        }
    }

    /// Says what must happen next, if and only if this commit does.
    ///
    /// In a sandbox organization the message also counts as unfinished work until its last consumer is done.
    #[must_use]
    pub fn then(mut self, message: &Message) -> Commit {
        match message.items(self.scope, self.sequence, self.messages, self.at) {
            Ok(items) => self.writes.extend(items.into_iter().map(|item| Write::Put(item, Condition::None))),
            Err(error) => self.error = Some(error),
        }
        self.messages += 1;
        self
    }

    /// Says what should happen next, and that nobody waits for it: no work of a sandbox either. For housekeeping.
    #[must_use]
    pub fn then_beside(mut self, message: &Message) -> Commit {
        let scope = self.scope;
        self.scope.timeline = Timeline::Real;
        let commit = self.then(message);
        Commit { scope, ..commit }
    }

    /// How many writes one more transaction could still take.
    #[must_use]
    pub fn room(&self) -> usize {
        // A commit that moves money also writes its entries.
        let entries = usize::from(!self.movements.is_empty());
        WRITES_PER_TRANSACTION_MAX.saturating_sub(self.writes.len() + self.counted.len() + entries)
    }

    /// Writes it all or nothing.
    ///
    /// # Errors
    /// `Conflict` when a precondition failed or another transaction was faster; otherwise whether it happened is
    /// unknown only for `TableError::Unavailable`.
    pub async fn execute(mut self, table: &dyn Table) -> Result<(), CommitError> {
        for (customer, rows) in std::mem::take(&mut self.counted) {
            if !rows.is_empty() {
                let added = AddedRows { sequence: self.sequence, customer, rows };
                self = self.create(&added);
            }
        }
        if let Some(error) = self.error {
            return Err(error.into());
        }
        for (customer, postings) in ledger::gather(std::mem::take(&mut self.movements))? {
            let transaction = LedgerTransaction { customer, seq: self.sequence, postings };
            self.writes.push(Write::Put(to_item(self.scope, &transaction, 1)?, Condition::Absent));
        }
        if !self.bulk.is_empty() {
            table.put_all(self.bulk).await?;
        }
        if self.writes.is_empty() {
            return Ok(());
        }
        table.transact(self.writes).await.map_err(|error| match error {
            TransactError::Conditions(_) | TransactError::Contended => CommitError::Conflict,
            TransactError::Table(error) => CommitError::Table(error),
        })
    }
}

/// Marks a piece of work of a sandbox organization as done. One write; repeating it is harmless.
///
/// # Errors
/// The table did not answer.
pub async fn work_done(table: &dyn Table, organization: OrganizationId, id: &str) -> Result<(), TableError> {
    table.delete_all(&[keys::work(organization, id)]).await
}

/// A key that the commit's scope makes of a name; kept here so that callers need no `Scope` of their own.
impl Commit {
    /// Claims a code or external id for `owner`; fails with `Conflict` if it is taken.
    #[must_use]
    pub fn claim(self, alias: &crate::alias::Alias) -> Commit {
        self.create(alias)
    }

    /// Gives a code or external id free.
    #[must_use]
    pub fn release(mut self, kind: &str, name: &str) -> Commit {
        let key: Key = keys::alias(self.scope.organization, kind, name);
        self.writes.push(Write::Delete(key, Condition::None));
        self
    }
}
