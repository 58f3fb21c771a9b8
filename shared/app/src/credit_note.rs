//! Credit notes: by hand, for the unused days of a plan in advance, and as their draft invoice takes them along.
//! Rules: chapter 04, 10; chapter 02, 9.
//!
//! Notes of one invoice are made under the invoice's version, so that two of them never take the same number, nor together
//! more than there is. A note's own item is changed under its own version: by what uses it, gives back to it, or ends it.

use std::cmp::Reverse;
use std::ops::Range;

use domain::analytics;
use domain::billing::{self, CreditableFee};
use domain::credit_note::limits::{self, Excess};
use domain::credit_note::{self, Birth, CreditNote, Limits, Reason, Refusal, Terms, amounts, balance, draft};
use domain::id::{CreditNoteId, InvoiceId, OrganizationId};
use domain::invoice::{Fee, FeeItem, Invoice, Status};
use domain::organization::Organization;
use domain::problem::{Problems, codes};
use domain::subscription::Subscription;
use domain::time::Instant;
use store::items::DraftNotes;
use store::repositories::InvoiceNotes;
use store::{Commit, Versioned};
use wire::credit_note::{Estimate, parse_invoice_id, parse_items, parse_new, parse_update};
use wire::input::Fields;

use crate::billing::Account;
use crate::jobs::BillingJob;
use crate::present::living_taxes;
use crate::{App, Failure, Outcome, Rejection, customer, invoice, notice, retry_on_conflict};

/// Most notes that clients may make of one draft: they change with it in one item.
const NOTES_OF_DRAFT_MAX: usize = 500;

/// Writes of one note that becomes visible: its item, its mark, its message and the work that it is in a sandbox.
const WRITES_PER_NOTE: usize = 4;
/// Writes that the notes left over may still need: their item, and a job with its work.
const WRITES_OF_THE_REST: usize = 3;

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        match refusal {
            Refusal::TypeOrStatus => Rejection::NotAllowed("invalid_type_or_status").into(),
            Refusal::FeeNotFound => Rejection::NotFound("fee").into(),
            Refusal::Invalid(problems) => problems.into(),
            Refusal::Overflow(error) => Failure::Bug(error.to_string()),
        }
    }
}

fn too_large(error: domain::invoice::AmountOverflow) -> Failure {
    Failure::Bug(error.to_string())
}

/// A credit note that clients can see: of a draft there is none.
///
/// # Errors
/// 404 `credit_note_not_found`.
pub async fn get(app: &App, organization: &Organization, id: Option<CreditNoteId>) -> Outcome<Versioned<CreditNote>> {
    let found = match id {
        Some(id) => app.store.credit_note(organization.id, id).await?,
        None => None,
    };
    found.ok_or_else(|| Rejection::NotFound("credit_note").into())
}

/// Makes a note by hand (chapter 04, 10.3). Of a draft invoice it is a draft.
///
/// # Errors
/// 404 of the invoice, 405, 422 and 404 of a fee in the chapter's order.
pub async fn create(app: &App, organization: &Organization, fields: Fields<'_>) -> Outcome<(CreditNote, Invoice)> {
    app.until_no_conflict(|| async {
        let found = invoice::get(app, organization, parse_invoice_id(fields)).await?;
        let stored = app.store.notes_of_invoice(organization.id, &found).await?;
        let notes = stored.all();
        let limits = Limits { invoice: &found, notes: &notes };
        limits.check_invoice()?;
        let new = parse_new(fields)?;
        let lines = limits.check_items(&new.items)?;
        let priced = amounts(&lines).map_err(too_large)?;
        limits.check_note(&priced, new.terms.credit_amount_cents, new.terms.refund_amount_cents)?;
        if found.status == Status::Draft && notes.len() >= NOTES_OF_DRAFT_MAX {
            return Err(Failure::from(Problems::one("base", codes::INVALID_COUNT)).into());
        }
        let account = Account::of(app, organization.id, found.customer_id).await?;
        let birth = birth(app, &account, app.now(organization));
        let (note, invoice) = credit_note::issue(&found, &notes, new.terms, (&lines, &priced), birth);
        let issued = Issued { read: found.clone(), stored, invoice, note };
        let mut commit = issued.add_to(app.commit(organization));
        for message in issued.messages(app, &account).await? {
            commit = commit.then(&message);
        }
        retry_on_conflict(app.execute(commit).await)?;
        Ok((issued.note, issued.invoice))
    })
    .await
}

fn birth(app: &App, account: &Account, at: Instant) -> Birth {
    Birth { at, date: account.zone().date(at), seq: app.ids.sequence() }
}

/// A new note on its way into a commit.
pub(crate) struct Issued {
    read: Versioned<Invoice>,
    stored: InvoiceNotes,
    invoice: Invoice,
    note: CreditNote,
}

impl Issued {
    /// The note, and its invoice under the version that the note was checked against.
    pub(crate) fn add_to(&self, commit: Commit) -> Commit {
        let refunded = analytics::of_refund(&self.invoice, self.note.refund_amount_cents);
        let commit = commit.update_invoice(&self.read, &self.invoice).count(self.invoice.customer_id, refunded);
        if self.note.is_finalized() {
            return commit.create_credit_note(&self.note);
        }
        let mut notes = self.stored.drafts.as_ref().map(|drafts| drafts.notes.clone()).unwrap_or_default();
        notes.push(self.note.clone());
        commit.save_draft_notes(self.stored.drafts.as_ref(), &DraftNotes { invoice: self.invoice.id, notes })
    }

    /// What the world hears of it: nothing while it is a draft. Taxes of its invoice that were deleted are not shown.
    ///
    /// # Errors
    /// The table did not answer.
    pub(crate) async fn messages(&self, app: &App, account: &Account) -> Outcome<Vec<store::outbox::Message>> {
        if !self.note.is_finalized() || account.organization.endpoints.is_empty() {
            return Ok(Vec::new());
        }
        let living = living_taxes(app, account.organization.id).await?;
        let mut note = self.note.clone();
        note.taxes.retain(|row| living.contains(&row.tax.tax_id));
        Ok(notice::of_credit_note(app, account, &note, &self.invoice.fees))
    }
}

/// The notes for the unused days of those of `changed` that a commit ends (chapter 02, 9; chapter 04, 10.4): for its own
/// commit, so that an end and its note happen together, once. `changed` are the records as the commit leaves them.
///
/// # Errors
/// 422 with `Excess::Refuse` if a note does not fit on its invoice.
pub(crate) async fn for_ended(
    app: &App,
    account: &Account,
    changed: &[Subscription],
    at: Instant,
    excess: Excess,
) -> Outcome<Vec<Issued>> {
    let mut issued = Vec::new();
    for record in changed.iter().filter(|record| record.terminated_at() == Some(at)) {
        issued.extend(for_unused_days(app, account, record, at, excess).await?);
    }
    Ok(issued)
}

async fn for_unused_days(
    app: &App,
    account: &Account,
    record: &Subscription,
    at: Instant,
    excess: Excess,
) -> Outcome<Option<Issued>> {
    let plan = account.plan(record.plan_id)?;
    let Some(last_fee) = record.progress.last_fee.as_ref().filter(|_| plan.pay_in_advance) else { return Ok(None) };
    let organization = account.organization.id;
    let Some(read) = app.store.invoice(organization, last_fee.invoice_id).await? else {
        return Err(Failure::Bug(format!("invoice {} of a subscription's fee is missing", last_fee.invoice_id)));
    };
    // A draft's fees may stand elsewhere by now than when the record was billed: the record knows its own.
    let is_its_own =
        |fee: &&Fee| fee.subscription_id == Some(record.id) && matches!(fee.item, FeeItem::Subscription { .. });
    let Some(fee) = read.fees.iter().find(is_its_own) else { return Ok(None) };
    let stored = app.store.notes_of_invoice(organization, &read).await?;
    let notes = stored.all();
    let limits = Limits { invoice: &read, notes: &notes };
    let creditable = CreditableFee {
        amount_cents: fee.amount_cents,
        period_end: fee.to,
        is_invoice_voided: matches!(read.status, Status::Voided { .. }),
        credited: limits.given_back_of(fee.id),
    };
    let Some(credit) = billing::credit(&record.terms(plan, account.zone()), at, &creditable) else { return Ok(None) };
    let Some((line, priced, credit_amount_cents)) = limits::automatic(&limits, fee, credit.item_amount, excess)? else {
        return Ok(None);
    };
    let terms =
        Terms { reason: Reason::OrderCancellation, description: None, credit_amount_cents, refund_amount_cents: 0 };
    let (note, invoice) = credit_note::issue(&read, &notes, terms, (&[line], &priced), birth(app, account, at));
    Ok(Some(Issued { read, stored, invoice, note }))
}

/// The notes of a draft that is computed anew, as they follow it.
pub(crate) struct DraftChange {
    read: Option<Versioned<DraftNotes>>,
    notes: Vec<CreditNote>,
}

impl DraftChange {
    /// The notes of `before`, for the invoice that it becomes (chapter 04, 10.5).
    pub(crate) async fn load(
        app: &App,
        organization: OrganizationId,
        before: &Invoice,
        after: &Invoice,
        at: Instant,
    ) -> Outcome<DraftChange> {
        let stored = app.store.notes_of_invoice(organization, before).await?;
        let notes = draft::recomputed(&stored.all(), before, after, at).map_err(too_large)?;
        Ok(DraftChange { read: stored.drafts, notes })
    }

    /// Keeps them as drafts.
    pub(crate) fn keep(self, commit: Commit, invoice: InvoiceId) -> Commit {
        commit.save_draft_notes(self.read.as_ref(), &DraftNotes { invoice, notes: self.notes })
    }

    /// Makes them final with their invoice: as many as the commit has room for; a job sees to the rest.
    pub(crate) fn publish(
        self,
        app: &App,
        account: &Account,
        invoice: &Invoice,
        commit: Commit,
        at: Instant,
    ) -> Commit {
        let notes = self.notes.into_iter().map(|note| draft::finalized(note, at)).collect();
        publish(app, account, invoice, commit, self.read.as_ref(), notes, at)
    }
}

/// Moves final notes into items of their own, as many as the commit has room for.
fn publish(
    app: &App,
    account: &Account,
    invoice: &Invoice,
    mut commit: Commit,
    read: Option<&Versioned<DraftNotes>>,
    notes: Vec<CreditNote>,
    at: Instant,
) -> Commit {
    let mut rest = notes.into_iter();
    while commit.room() >= WRITES_PER_NOTE + WRITES_OF_THE_REST
        && let Some(note) = rest.next()
    {
        commit = commit.create_credit_note(&note);
        for message in notice::of_credit_note(app, account, &note, &invoice.fees) {
            commit = commit.then(&message);
        }
    }
    let rest = DraftNotes { invoice: invoice.id, notes: rest.collect() };
    if !rest.notes.is_empty() {
        let (organization_id, invoice_id) = (account.organization.id.0, invoice.id.0);
        let job = BillingJob::PublishNotes { organization_id, invoice_id, at, work: None };
        commit = commit.then(&job.message(&invoice.id.to_string()));
    }
    commit.save_draft_notes(read, &rest)
}

/// The job: shows the notes of a finalized draft that did not fit into its transaction.
///
/// # Errors
/// `Unavailable`: the job comes again and goes on.
pub(crate) async fn publish_rest(app: &App, organization: OrganizationId, id: InvoiceId, at: Instant) -> Outcome<()> {
    loop {
        let is_done = app
            .until_no_conflict(|| async {
                let Some(invoice) = app.store.invoice(organization, id).await? else { return Ok(true) };
                let Some(read) = app.store.notes_of_invoice(organization, &invoice).await?.drafts else {
                    return Ok(true);
                };
                if invoice.status == Status::Draft {
                    return Ok(true);
                }
                let account = Account::of(app, organization, invoice.customer_id).await?;
                let (commit, notes) = (app.commit(&account.organization), read.notes.clone());
                let commit = publish(app, &account, &invoice, commit, Some(&read), notes, at);
                retry_on_conflict(app.execute(commit).await)?;
                Ok(false)
            })
            .await?;
        if is_done {
            return Ok(());
        }
    }
}

/// Gives back to the notes that an invoice used, in the commit that voids it (chapter 04, 6.6). Voided notes get nothing.
///
/// # Errors
/// The table did not answer.
pub(crate) async fn give_back(
    app: &App,
    organization: OrganizationId,
    voided: &Invoice,
    mut commit: Commit,
    at: Instant,
) -> Outcome<Commit> {
    let uses: Vec<(CreditNoteId, i64)> = voided.credit_note_uses().collect();
    let ids: Vec<CreditNoteId> = uses.iter().map(|(id, _)| *id).collect();
    for read in app.store.credit_notes_by_id(organization, &ids).await? {
        let amount = uses.iter().filter(|(id, _)| *id == read.id).map(|(_, amount)| *amount).sum();
        if let Some(note) = balance::given_back(&read, amount, at) {
            commit = commit.update_credit_note(&read, &note);
        }
    }
    Ok(commit)
}

/// What the voided notes of an invoice have refunded, minor units: they do not keep it from being voided. None if it has
/// notes that do: any that were not voided themselves (chapter 04, 6.1).
///
/// # Errors
/// The table did not answer.
pub(crate) async fn refunded_if_voidable(
    app: &App,
    organization: OrganizationId,
    invoice: &Invoice,
) -> Outcome<Option<i64>> {
    let notes = app.store.notes_of_invoice(organization, invoice).await?.all();
    let refunded = || notes.iter().map(|note| note.refund_amount_cents).fold(0, i64::saturating_add);
    Ok(notes.iter().all(CreditNote::is_voided).then(refunded))
}

/// Changes the state of a note's refund (chapter 04, 10.10).
///
/// # Errors
/// 404; 422 `refund_status`.
pub async fn update(
    app: &App,
    organization: &Organization,
    id: Option<CreditNoteId>,
    fields: Fields<'_>,
) -> Outcome<CreditNote> {
    app.until_no_conflict(|| async {
        let found = get(app, organization, id).await?;
        let Some(status) = parse_update(fields)? else { return Ok(found.value) };
        let changed = credit_note::with_refund_status(&found, status, app.now(organization));
        retry_on_conflict(app.execute(app.commit(organization).update_credit_note(&found, &changed)).await)?;
        Ok(changed)
    })
    .await
}

/// Gives a note's balance up (chapter 04, 10.10).
///
/// # Errors
/// 404; 405 `no_voidable_amount` if there is none.
pub async fn void(app: &App, organization: &Organization, id: Option<CreditNoteId>) -> Outcome<CreditNote> {
    app.until_no_conflict(|| async {
        let found = get(app, organization, id).await?;
        let Some(changed) = balance::voided(&found, app.now(organization)) else {
            return Err(Failure::from(Rejection::NotAllowed("no_voidable_amount")).into());
        };
        retry_on_conflict(app.execute(app.commit(organization).update_credit_note(&found, &changed)).await)?;
        Ok(changed)
    })
    .await
}

/// What a note of some items would come to; nothing is stored (chapter 04, 10.8).
///
/// # Errors
/// As `create`, as far as invoice and items go.
pub async fn estimate(app: &App, organization: &Organization, fields: Fields<'_>) -> Outcome<Estimate> {
    let found = invoice::get(app, organization, parse_invoice_id(fields)).await?;
    let notes = app.store.notes_of_invoice(organization.id, &found).await?.all();
    let limits = Limits { invoice: &found, notes: &notes };
    limits.check_invoice()?;
    let lines = limits.check_items(&parse_items(fields)?)?;
    let living = living_taxes(app, organization.id).await?;
    Ok(Estimate::new(&limits, &lines).map_err(too_large)?.with_living_taxes(|id| living.contains(&id)))
}

/// A part of the notes of an organization, or of the customers that have or had an external id; newest first, and how many
/// there are. Notes of drafts are in no list.
///
/// # Errors
/// The table did not answer.
pub async fn list(
    app: &App,
    organization: &Organization,
    external_customer_id: Option<&str>,
    range: impl Fn(usize) -> Range<usize>,
) -> Outcome<(usize, Vec<CreditNote>)> {
    let customers = match external_customer_id {
        Some(external_id) => {
            customer::ever_called(app, organization.id, external_id).await?.into_iter().map(Some).collect()
        }
        None => vec![None],
    };
    if let [customer] = customers.as_slice() {
        let listed = app.store.list_credit_notes(organization.id, *customer, range).await?;
        return Ok((listed.total, listed.entries.into_iter().map(|note| note.value).collect()));
    }
    let mut found = Vec::new();
    for customer in customers {
        let listed = app.store.list_credit_notes(organization.id, customer, |total| 0..total).await?;
        found.extend(listed.entries.into_iter().map(|note| note.value));
    }
    found.sort_by_key(|note| Reverse((note.created_at, note.created_seq)));
    let total = found.len();
    Ok((total, found.drain(range(total)).collect()))
}
