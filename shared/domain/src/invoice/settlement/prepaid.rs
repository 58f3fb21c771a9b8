//! Step 9: prepaid credits pay what is left (chapter 04, 11.6).

use crate::invoice::{Invoice, PrepaidUse};
use crate::time::Instant;
use crate::wallet::{self, Change, Wallet};

/// The customer's active wallet, as a settlement finds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepaid {
    /// The wallet.
    pub wallet: Wallet,
    /// Order of creation of the transaction that a use makes.
    pub created_seq: i64,
}

/// Pays as much of the invoice's total as the wallet has, once. Gives what has changed, if anything was paid.
pub(super) fn apply(invoice: &mut Invoice, means: Option<Prepaid>, at: Instant) -> Option<Change> {
    let Prepaid { wallet, created_seq } = means.filter(|_| invoice.prepaid.is_none())?;
    let change = wallet::consume(&wallet, invoice.totals.total, invoice.id, at, created_seq)?;
    let taken = change.transactions.first()?;
    invoice.prepaid = Some(PrepaidUse {
        wallet_id: wallet.id,
        transaction_id: taken.id,
        amount_cents: taken.cents,
        credits: taken.credits,
    });
    // At most the total was taken.
    invoice.totals.prepaid_credits = taken.cents;
    invoice.totals.total -= taken.cents;
    Some(change)
}
