//! The ledger: statements for clients, and the audit that compares it with everything stored.
//!
//! Nothing is posted here: `store::Commit` posts what its records' changes say (`domain::ledger`).

use std::collections::{BTreeMap, BTreeSet};

use domain::coupon::Discount;
use domain::credit_note::RefundStatus;
use domain::id::{AppliedCouponId, CustomerId, OrganizationId};
use domain::invoice::{self, Invoice};
use domain::ledger::{self, Account, AccountKind, Balances};
use store::items::LedgerTransaction;

use crate::{App, Outcome};

/// Everything ever posted to a customer's ledger, in order.
///
/// # Errors
/// The table did not answer.
pub async fn of_customer(
    app: &App,
    organization: OrganizationId,
    customer: CustomerId,
) -> Outcome<Vec<LedgerTransaction>> {
    Ok(app.store.ledger(organization, customer).await?)
}

/// The laws that an organization's books break, in words; none if they are in order:
///
/// - of each posting, debits equal credits;
/// - each derived balance equals the stored figure: what is owed, each credit note, wallet, and coupon with an amount;
/// - each invoice obeys its laws, its total among them;
/// - the numbers of a customer's invoices form 1, 2, 3 ... n, and no two invoices share a number.
///
/// Reads everything of money that the organization has.
///
/// # Errors
/// The table did not answer.
pub async fn audit(app: &App, organization: OrganizationId) -> Outcome<Vec<String>> {
    let mut invoices: BTreeMap<CustomerId, Vec<Invoice>> = BTreeMap::new();
    let mut numbers = BTreeSet::new();
    let mut broken = Vec::new();
    for listed in app.store.list_invoices(organization, None, |total| 0..total).await?.entries {
        // The list leaves out the fees of very large ones.
        let Some(invoice) = app.store.invoice(organization, listed.value.id).await? else { continue };
        broken.extend(invoice::violations(&invoice));
        if !numbers.insert(invoice.number.clone()) {
            broken.push(format!("two invoices have the number {}", invoice.number));
        }
        invoices.entry(invoice.customer_id).or_default().push(invoice.value);
    }
    let living = app.store.list_customers(organization, |total| 0..total).await?;
    let customers: BTreeSet<CustomerId> =
        living.entries.iter().map(|customer| customer.id).chain(invoices.keys().copied()).collect();
    for customer in customers {
        let of_customer = invoices.get(&customer).map_or(&[][..], Vec::as_slice);
        broken.extend(gaps(customer, of_customer));
        broken.extend(differences(app, organization, customer, of_customer).await?);
    }
    Ok(broken)
}

fn gaps(customer: CustomerId, invoices: &[Invoice]) -> Option<String> {
    let mut numbers: Vec<i64> = invoices.iter().map(|invoice| invoice.sequential_id).collect();
    numbers.sort_unstable();
    let is_gapless = numbers.iter().zip(1..).all(|(number, expected)| *number == expected);
    (!is_gapless).then(|| format!("customer {customer}: the invoices are numbered {numbers:?}"))
}

/// What a customer's ledger says otherwise than the stored figures.
async fn differences(
    app: &App,
    organization: OrganizationId,
    customer: CustomerId,
    invoices: &[Invoice],
) -> Outcome<Vec<String>> {
    let transactions = of_customer(app, organization, customer).await?;
    let postings = || transactions.iter().flat_map(|transaction| &transaction.postings);
    let mut broken = ledger::violations(postings());
    let derived = ledger::balances(postings());
    let stored = stored_balances(app, organization, customer, invoices, &derived).await?;
    let accounts: BTreeSet<_> = derived.keys().chain(stored.keys()).copied().collect();
    for key @ (account, currency) in accounts {
        if !has_stored_figure(account.kind) {
            continue;
        }
        let (derived, stored) = (derived.get(&key).copied().unwrap_or(0), stored.get(&key).copied().unwrap_or(0));
        if derived != stored {
            let (kind, id) = (account.kind.as_str(), account.id.unwrap_or_default());
            broken.push(format!("{kind} {id} of {customer}: {derived} {currency} by its entries, {stored} stored"));
        }
    }
    Ok(broken)
}

/// Whether an account's balance stands somewhere else too.
fn has_stored_figure(kind: AccountKind) -> bool {
    match kind {
        AccountKind::Receivable
        | AccountKind::Payments
        | AccountKind::CreditNote
        | AccountKind::Wallet
        | AccountKind::Coupon => true,
        AccountKind::Revenue
        | AccountKind::Taxes
        | AccountKind::Discounts
        | AccountKind::CreditedRevenue
        | AccountKind::PrepaidSales
        | AccountKind::GrantedCredits
        | AccountKind::ForfeitedCredits
        | AccountKind::Refunds
        | AccountKind::PromisedDiscounts
        | AccountKind::Rounding => false,
    }
}

/// The figures that records keep of a customer's accounts.
async fn stored_balances(
    app: &App,
    organization: OrganizationId,
    customer: CustomerId,
    invoices: &[Invoice],
    derived: &Balances,
) -> Outcome<Balances> {
    let mut balances = Balances::new();
    let mut add = |account, currency, cents| *balances.entry((account, currency)).or_default() += cents;
    for invoice in invoices {
        add(Account::of(AccountKind::Receivable), invoice.currency, ledger::receivable_cents(invoice));
        add(Account::of(AccountKind::Payments), invoice.currency, ledger::paid_cents(invoice));
    }
    let objects =
        |kind| derived.keys().filter(move |(account, _)| account.kind == kind).filter_map(|(account, _)| account.id);
    let coupons: Vec<AppliedCouponId> = objects(AccountKind::Coupon).map(AppliedCouponId).collect();
    for coupon in app.store.applied_coupons_by_id(organization, &coupons).await? {
        if let (Some(left), Discount::Fixed { currency, .. }) = (coupon.remaining_cents(), coupon.discount) {
            add(Account::of_object(AccountKind::Coupon, coupon.id.0), currency, left.into());
        }
    }
    for note in app.store.list_credit_notes(organization, Some(customer), |total| 0..total).await?.entries {
        let account = Account::of_object(AccountKind::CreditNote, note.id.0);
        add(account, note.currency, note.balance_amount_cents.into());
        // A refund that was paid out is no payment any more.
        let is_out = note.refund_status == Some(RefundStatus::Succeeded);
        let out = if is_out { note.refund_amount_cents } else { 0 };
        add(Account::of(AccountKind::Payments), note.currency, -i128::from(out));
    }
    for wallet in app.store.list_wallets(organization, customer, |total| 0..total).await?.entries {
        let account = Account::of_object(AccountKind::Wallet, wallet.id.0);
        add(account, wallet.currency, wallet.balance.cents.into());
    }
    Ok(balances)
}
