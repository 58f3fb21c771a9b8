//! Credit notes.

use std::ops::Range;

use domain::credit_note::{self, CreditNote};
use domain::id::{CreditNoteId, CustomerId, OrganizationId};
use domain::invoice::Invoice;

use super::{Listed, Store};
use crate::items::DraftNotes;
use crate::keys;
use crate::record::{LoadError, Versioned};
use crate::table::{Index, Order};

/// Every note of an invoice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InvoiceNotes {
    /// Those with an item of their own, by their sequence.
    pub finals: Vec<Versioned<CreditNote>>,
    /// Those of a draft, or of one that has become final a moment ago.
    pub drafts: Option<Versioned<DraftNotes>>,
}

impl InvoiceNotes {
    /// All of them, by their sequence.
    #[must_use]
    pub fn all(&self) -> Vec<CreditNote> {
        let drafts = self.drafts.iter().flat_map(|drafts| drafts.notes.iter().cloned());
        let mut notes: Vec<CreditNote> = self.finals.iter().map(|note| note.value.clone()).chain(drafts).collect();
        notes.sort_by_key(|note| note.sequential_id);
        notes
    }
}

impl Store {
    /// A credit note that clients can see. One read.
    pub async fn credit_note(
        &self,
        organization: OrganizationId,
        id: CreditNoteId,
    ) -> Result<Option<Versioned<CreditNote>>, LoadError> {
        self.load(&keys::credit_note(organization, id)).await
    }

    /// The notes with these ids, in their order, without those that do not exist. One batch.
    pub async fn credit_notes_by_id(
        &self,
        organization: OrganizationId,
        ids: &[CreditNoteId],
    ) -> Result<Vec<Versioned<CreditNote>>, LoadError> {
        let keys: Vec<_> = ids.iter().map(|id| keys::credit_note(organization, *id)).collect();
        self.load_present(&keys).await
    }

    /// Every note of an invoice that was loaded before. No read if it never had one; otherwise a batch, strongly
    /// consistent: a note of a later version of the invoice may be missing, one of this version never is.
    pub async fn notes_of_invoice(
        &self,
        organization: OrganizationId,
        invoice: &Invoice,
    ) -> Result<InvoiceNotes, LoadError> {
        if invoice.last_credit_note_sequence == 0 {
            return Ok(InvoiceNotes::default());
        }
        // A note moves from the draft's item into its own: the other way round it could be missed.
        let drafts = self.load(&keys::draft_notes(organization, invoice.id)).await?;
        let ids: Vec<CreditNoteId> =
            (1..=invoice.last_credit_note_sequence).map(|place| credit_note::note_id(invoice.id, place)).collect();
        let finals: Vec<Versioned<CreditNote>> = self.credit_notes_by_id(organization, &ids).await?;
        let drafts = drafts.map(|read: Versioned<DraftNotes>| {
            let is_out = |note: &CreditNote| finals.iter().any(|moved| moved.id == note.id);
            let (version, invoice) = (read.version, read.invoice);
            let notes = read.value.notes.into_iter().filter(|note| !is_out(note)).collect();
            Versioned { value: DraftNotes { invoice, notes }, version }
        });
        Ok(InvoiceNotes { finals, drafts })
    }

    /// A part of the notes of an organization, or of one customer, newest first. Those of drafts are in no list.
    pub async fn list_credit_notes(
        &self,
        organization: OrganizationId,
        customer: Option<CustomerId>,
        range: impl FnOnce(usize) -> Range<usize>,
    ) -> Result<Listed<CreditNote>, LoadError> {
        let (index, partition) = match customer {
            Some(customer) => (Index::ByParent, keys::children_of(organization, customer.0, keys::CREDIT_NOTES)),
            None => (Index::ByOrganization, keys::list_of(organization, keys::CREDIT_NOTES)),
        };
        self.list(index, partition, Order::Descending, range).await
    }
}
