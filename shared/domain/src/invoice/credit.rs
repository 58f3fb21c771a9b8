//! The invoice that sells prepaid credits (chapter 04, 2 and 11.5): final at once, one fee, no tax, nothing taken off.

use rust_decimal::Decimal;

use super::{Fee, FeeItem, FeePayment, Invoice, Issue, Kind, Place, fee_id};
use crate::customer::Customer;
use crate::organization::Organization;
use crate::wallet::{Wallet, WalletTransaction};

/// The invoice of a purchase of credits, issued on the local day of the purchase. None if the transaction sells nothing.
///
/// An amount that rounds to 0 is paid at once (00-index).
#[must_use]
pub fn sale(
    organization: &Organization,
    customer: &Customer,
    wallet: &Wallet,
    purchase: &WalletTransaction,
    place: Place,
) -> Option<Invoice> {
    let (id, at) = (purchase.invoice_id?, purchase.created_at);
    let price = purchase.price_cents(wallet.currency);
    let fee = Fee {
        id: fee_id(id, 0),
        item: FeeItem::Credit { transaction_id: purchase.id, wallet_name: wallet.name.clone() },
        subscription_id: None,
        external_subscription_id: None,
        amount_cents: price,
        coupon_share: Decimal::ZERO,
        units: Decimal::ONE,
        precise_unit_amount: Decimal::ZERO,
        unit_amount_cents: 0,
        taxes: Vec::new(),
        taxes_amount_cents: 0,
        taxes_rate: Decimal::ZERO,
        from: at,
        to: at,
        description: None,
        payment: FeePayment::default(),
        created_at: at,
    };
    let issue = Issue {
        id,
        kind: Kind::Credit,
        place,
        at,
        dated: at,
        grace_days: 0,
        currency: wallet.currency,
        subscriptions: Vec::new(),
        fees: vec![fee],
    };
    // One fee without taxes sums up to itself.
    super::issue(organization, customer, issue).ok()
}

/// The purchase that a credit invoice sells.
#[must_use]
pub fn purchase_of(invoice: &Invoice) -> Option<crate::id::WalletTransactionId> {
    invoice.fees.iter().find_map(|fee| match fee.item {
        FeeItem::Credit { transaction_id, .. } => Some(transaction_id),
        FeeItem::Subscription { .. } | FeeItem::Charge(_) | FeeItem::AddOn { .. } => None,
    })
}
