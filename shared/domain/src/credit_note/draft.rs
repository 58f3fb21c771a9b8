//! Notes of a draft invoice: computed anew with it, final with it (chapter 04, 10.5; 00-index).

use rust_decimal::Decimal;

use super::{CreditNote, Item, Limits, Line, Status, amounts, applied, balance, number_of};
use crate::id::{ChargeId, GroupId, SubscriptionId};
use crate::invoice::{AmountOverflow, Fee, FeeItem, Invoice};
use crate::number;
use crate::time::Instant;

/// What stays the same of a fee when its draft is computed anew.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    /// A subscription's fee of its period.
    Subscription(Option<SubscriptionId>),
    /// A charge's fee: charge, group, and whether it is a true-up.
    Charge(Option<SubscriptionId>, ChargeId, Option<GroupId>, bool),
    /// Anything else: it is not computed anew.
    Other(crate::id::FeeId),
}

impl Identity {
    fn of(fee: &Fee) -> Identity {
        match &fee.item {
            FeeItem::Subscription { .. } => Identity::Subscription(fee.subscription_id),
            FeeItem::Charge(item) => Identity::Charge(
                fee.subscription_id,
                item.charge_id,
                item.group.as_ref().map(|group| group.id),
                item.true_up_parent.is_some(),
            ),
            FeeItem::AddOn { .. } | FeeItem::Credit { .. } => Identity::Other(fee.id),
        }
    }
}

/// The notes of a draft after the draft was computed anew, in their order; those without items are gone.
///
/// An item follows its fee: the new fee of the same subscription, charge, group and kind. It is never more than what
/// earlier notes leave of the new fee, nor a note more than what they leave of the invoice. The notes that stay are
/// numbered again from 1: nobody has seen them.
///
/// # Errors
/// An amount leaves the range of exact decimals.
pub fn recomputed(
    notes: &[CreditNote],
    before: &Invoice,
    after: &Invoice,
    at: Instant,
) -> Result<Vec<CreditNote>, AmountOverflow> {
    let mut kept: Vec<CreditNote> = Vec::with_capacity(notes.len());
    for note in notes {
        let items = relinked(note, before, after, &kept);
        if items.is_empty() {
            continue;
        }
        let sequential_id = kept.len() as i64 + 1;
        let renewed = CreditNote {
            items,
            sequential_id,
            number: number_of(&note.invoice_number, sequential_id),
            updated_at: at,
            ..note.clone()
        };
        kept.push(repriced(renewed, after, &kept)?);
    }
    Ok(kept)
}

fn relinked(note: &CreditNote, before: &Invoice, after: &Invoice, earlier: &[CreditNote]) -> Vec<Item> {
    let limits = Limits { invoice: after, notes: earlier };
    let mut items: Vec<Item> = Vec::with_capacity(note.items.len());
    for item in &note.items {
        let Some(old) = before.fees.iter().find(|fee| fee.id == item.fee_id) else { continue };
        let identity = Identity::of(old);
        let Some(fee) = after.fees.iter().find(|fee| Identity::of(fee) == identity) else { continue };
        let taken: Decimal = items.iter().filter(|item| item.fee_id == fee.id).map(|item| item.amount).sum();
        let amount = item.amount.min(limits.left_of(fee) - taken);
        if amount > Decimal::ZERO {
            items.push(Item { fee_id: fee.id, amount, amount_cents: amounts::cents(amount), ..item.clone() });
        }
    }
    items
}

fn repriced(note: CreditNote, invoice: &Invoice, earlier: &[CreditNote]) -> Result<CreditNote, AmountOverflow> {
    let fee = |item: &Item| invoice.fees.iter().find(|fee| fee.id == item.fee_id);
    let lines: Vec<Line<'_>> =
        note.items.iter().filter_map(|item| fee(item).map(|fee| Line { fee, amount: item.amount })).collect();
    let priced = amounts::amounts(&lines)?;
    let left = Limits { invoice, notes: earlier }.left_cents()?;
    let net = amounts::sum([number::trunc(priced.items, 5) - priced.coupons_adjustment, priced.taxes_amount])?;
    let credit = amounts::cents(net).min(left.saturating_sub(note.refund_amount_cents)).max(0);
    let note = CreditNote {
        coupons_adjustment: priced.coupons_adjustment,
        taxes_amount: priced.taxes_amount,
        taxes_rate: priced.taxes_rate,
        taxes: applied(note.id, &priced),
        ..note
    };
    Ok(balance::recredited(note, credit))
}

/// A draft note that its invoice makes final.
#[must_use]
pub fn finalized(note: CreditNote, at: Instant) -> CreditNote {
    CreditNote { status: Status::Finalized, updated_at: at, ..note }
}
