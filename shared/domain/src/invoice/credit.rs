//! The invoice that sells prepaid credits (chapter 04, 2 and 11.5): final at once, one fee, no tax, nothing taken off.

use rust_decimal::Decimal;

use super::{
    Fee, FeeItem, FeePayment, Invoice, Kind, Sequence, Status, Totals, fee_id, initial_payment_status, number,
};
use crate::customer::Customer;
use crate::organization::Organization;
use crate::wallet::{Wallet, WalletTransaction};

/// The invoice of a purchase of credits, issued on the local day of the purchase. None if the transaction sells nothing.
///
/// An amount that rounds to 0 is paid at once (00-index). `created_seq` is the invoice's own order of creation.
#[must_use]
pub fn sale(
    organization: &Organization,
    customer: &Customer,
    wallet: &Wallet,
    purchase: &WalletTransaction,
    sequence: Sequence,
    created_seq: i64,
) -> Option<Invoice> {
    let (id, at) = (purchase.invoice_id?, purchase.created_at);
    let price = purchase.price_cents(wallet.currency);
    let zone = customer.zone(organization);
    let net_payment_term = customer.net_payment_term_days(organization);
    let dates = super::dates(zone, at, 0, net_payment_term);
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
    Some(Invoice {
        id,
        customer_id: customer.id,
        sequential_id: sequence.of_customer,
        number: number(organization, customer, sequence, at),
        kind: Kind::Credit,
        status: Status::Finalized,
        payment_status: initial_payment_status(price),
        currency: wallet.currency,
        zone,
        issuing_date: dates.issuing_date,
        payment_due_date: dates.payment_due_date,
        net_payment_term,
        subscriptions: Vec::new(),
        fees: vec![fee],
        taxes: Vec::new(),
        credits: Vec::new(),
        prepaid: None,
        totals: Totals {
            fees: price,
            sub_total_excluding_taxes: price,
            sub_total_including_taxes: price,
            total: price,
            ..Totals::default()
        },
        metadata: Vec::new(),
        file: None,
        next_due: None,
        needs_refresh: false,
        last_credit_note_sequence: 0,
        created_at: at,
        created_seq,
        updated_at: at,
    })
}

/// The purchase that a credit invoice sells.
#[must_use]
pub fn purchase_of(invoice: &Invoice) -> Option<crate::id::WalletTransactionId> {
    invoice.fees.iter().find_map(|fee| match fee.item {
        FeeItem::Credit { transaction_id, .. } => Some(transaction_id),
        FeeItem::Subscription { .. } | FeeItem::Charge(_) | FeeItem::AddOn { .. } => None,
    })
}
