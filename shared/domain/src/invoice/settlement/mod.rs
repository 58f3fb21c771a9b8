//! Settlement: what coupons, taxes, credit notes and prepaid credits make of an invoice's fees, in the order of chapter
//! 04, 3.2. One pure function over the invoice and the customer's means of paying it.
//!
//! Each kind of means has a file of its own, with the means that go in and what was used of them that comes out:
//! `coupons` (step 2), `credit_notes` (step 8), `prepaid` (step 9). `settle` calls them in the chapter's order and does the
//! sums between them.
//!
//! It runs once in an invoice's life: when it becomes final. A draft shows neither coupons nor credits.

mod coupons;
mod credit_notes;
mod prepaid;

use std::collections::BTreeMap;

use crate::coupon::AppliedCoupon;
use crate::credit_note::CreditNote;
use crate::id::PlanId;
use crate::invoice::{self, AmountOverflow, Invoice};
use crate::tax;
use crate::time::Instant;
use crate::wallet::Change;

pub use coupons::UsedCoupon;
pub use prepaid::Prepaid;

/// What a customer has that can pay a part of an invoice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Means {
    /// Its active applied coupons, in any order.
    pub coupons: Vec<AppliedCoupon>,
    /// Its final credit notes with a balance, in any order.
    pub credit_notes: Vec<CreditNote>,
    /// Its active wallet.
    pub wallet: Option<Prepaid>,
}

/// What was used of the means, as the invoice leaves it: the writer stores each in the invoice's own commit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Used {
    /// Coupons with a line on the invoice, in order of use.
    pub coupons: Vec<UsedCoupon>,
    /// Credit notes with a line on the invoice, after use, in order of use.
    pub credit_notes: Vec<CreditNote>,
    /// The wallet after it paid a part, and the transaction that says so.
    pub wallet: Option<Change>,
}

/// A settled invoice, and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// With credits, shares, taxes, totals and payment status.
    pub invoice: Invoice,
    /// What has changed beside it.
    pub used: Used,
}

/// The parents of overridden plans: a coupon for a plan is good for its copies too.
pub type Parents = BTreeMap<PlanId, PlanId>;

/// The invoice with its means applied at `at` (chapter 04, 3.2, steps 1 to 11).
///
/// Its fees carry their tax snapshots already; the amounts are computed anew, net of coupons.
///
/// # Errors
/// A sum leaves 64 bits.
pub fn settle(invoice: Invoice, means: Means, parents: &Parents, at: Instant) -> Result<Settled, AmountOverflow> {
    let mut invoice = invoice;
    // Steps 1 and 2.
    let coupons = coupons::apply(&mut invoice, means.coupons, parents, at)?;
    // Steps 3 to 7: `totals.total` is what is left to pay from here on.
    retax(&mut invoice)?;
    // Step 8.
    let credit_notes = credit_notes::apply(&mut invoice, &means.credit_notes, at);
    // Step 9.
    let wallet = prepaid::apply(&mut invoice, means.wallet, at);
    // Steps 10 and 11.
    invoice.payment_status = invoice::initial_payment_status(invoice.totals.total);
    Ok(Settled { invoice, used: Used { coupons, credit_notes, wallet } })
}

/// The fees' taxes on what coupons have left of them, and the sums up to the sub total with taxes.
fn retax(invoice: &mut Invoice) -> Result<(), AmountOverflow> {
    for fee in &mut invoice.fees {
        let computed = tax::again(std::mem::take(&mut fee.taxes), fee.net());
        fee.taxes = computed.taxes;
        fee.taxes_amount_cents = computed.amount_cents;
        fee.taxes_rate = computed.rate;
    }
    (invoice.totals, invoice.taxes) = invoice::totals(invoice.id, &invoice.fees, &invoice.credits)?;
    Ok(())
}

#[cfg(test)]
mod tests;
