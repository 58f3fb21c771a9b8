//! A new invoice: what all kinds have in common, before coupons, credit notes and prepaid credits (chapter 04, 3.2 and 6.8).

use crate::customer::Customer;
use crate::id::InvoiceId;
use crate::money::Currency;
use crate::organization::Organization;
use crate::time::Instant;

use super::{
    AmountOverflow, BilledSubscription, Fee, Invoice, Kind, Sequence, Status, dates, finalization_at,
    initial_payment_status, number, totals,
};

/// Where an invoice stands among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its number's sequences.
    pub sequence: Sequence,
    /// Its order of creation.
    pub created_seq: i64,
}

/// What a new invoice is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Issue {
    /// Its id.
    pub id: InvoiceId,
    /// What it sells.
    pub kind: Kind,
    /// Where it stands.
    pub place: Place,
    /// When it is made.
    pub at: Instant,
    /// The instant on whose local date it is issued, grace days apart: mostly `at`.
    pub dated: Instant,
    /// Days that it stays a draft; 0 for a final one.
    pub grace_days: u32,
    /// Its currency.
    pub currency: Currency,
    /// The records that it bills.
    pub subscriptions: Vec<BilledSubscription>,
    /// Its fees, with their taxes.
    pub fees: Vec<Fee>,
}

/// The invoice: numbered, dated, summed, and nothing taken off.
///
/// # Errors
/// A sum is too large.
pub fn issue(organization: &Organization, customer: &Customer, issue: Issue) -> Result<Invoice, AmountOverflow> {
    let Issue { id, kind, place, at, dated, grace_days, currency, subscriptions, fees } = issue;
    let zone = customer.zone(organization);
    let net_payment_term = customer.net_payment_term_days(organization);
    let dates = dates(zone, dated, grace_days, net_payment_term);
    let (totals, taxes) = totals(id, &fees, &[])?;
    let (status, next_due) = match grace_days {
        0 => (Status::Finalized, None),
        days => (Status::Draft, Some(finalization_at(at, days))),
    };
    Ok(Invoice {
        id,
        customer_id: customer.id,
        sequential_id: place.sequence.of_customer,
        number: number(organization, customer, place.sequence, at),
        kind,
        status,
        payment_status: initial_payment_status(totals.total),
        currency,
        zone,
        issuing_date: dates.issuing_date,
        payment_due_date: dates.payment_due_date,
        net_payment_term,
        subscriptions,
        fees,
        taxes,
        credits: Vec::new(),
        prepaid: None,
        totals,
        metadata: Vec::new(),
        file: None,
        next_due,
        needs_refresh: false,
        last_credit_note_sequence: 0,
        created_at: at,
        created_seq: place.created_seq,
        updated_at: at,
    })
}
