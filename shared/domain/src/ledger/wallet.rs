//! What wallets post: credits bought, granted, used and given back. A balance never changes without its transaction.

use super::{Account, AccountKind, Credits, Document, DocumentKind, Draft, Event, Movement, Posting};
use crate::money::Currency;
use crate::wallet::{Purpose, Wallet, WalletTransaction};

/// By how much the balance of a wallet changed: its settled transactions have to say why.
#[must_use]
pub fn of_wallet(before: Option<&Wallet>, after: &Wallet) -> Vec<Movement> {
    // Balances are not negative: their difference fits.
    let by = after.balance.cents.saturating_sub(before.map_or(0, |before| before.balance.cents));
    let account = Account::of_object(AccountKind::Wallet, after.id.0);
    vec![Movement::Balance { customer: after.customer_id, account, currency: after.currency, by }]
}

/// The entries of a transaction that was just settled.
#[must_use]
pub fn of_wallet_transaction(before: Option<&WalletTransaction>, after: &WalletTransaction) -> Vec<Movement> {
    let was_settled = before.is_some_and(|before| before.settled_at.is_some());
    let Some(at) = after.settled_at.filter(|_| !was_settled) else { return Vec::new() };
    vec![Movement::Settled(Credits {
        id: after.id,
        wallet: after.wallet_id,
        purpose: after.purpose,
        cents: after.cents,
        amount: after.amount,
        at,
    })]
}

/// The posting of settled credits; none if they are worth nothing.
pub(super) fn posting(credits: &Credits, currency: Currency) -> Option<Posting> {
    let wallet = Account::of_object(AccountKind::Wallet, credits.wallet.0);
    let draft = Draft::new();
    let (event, draft) = match credits.purpose {
        Purpose::Purchased => {
            // What was paid is rounded, what is delivered truncated: a minor unit may stay between them.
            let price = currency.minor_units(credits.amount).unwrap_or(credits.cents);
            let sold = draft.debit(Account::of(AccountKind::PrepaidSales), price).credit(wallet, credits.cents);
            (Event::CreditsPurchased, sold)
        }
        Purpose::Granted => {
            let given = draft.debit(Account::of(AccountKind::GrantedCredits), credits.cents);
            (Event::CreditsGranted, given.credit(wallet, credits.cents))
        }
        Purpose::Invoiced => {
            let used = draft.debit(wallet, credits.cents);
            (Event::CreditsUsed, used.credit(Account::of(AccountKind::Receivable), credits.cents))
        }
        Purpose::Voided => {
            let back = draft.debit(Account::of(AccountKind::ForfeitedCredits), credits.cents);
            (Event::CreditsReturned, back.credit(wallet, credits.cents))
        }
    };
    let document = Document { kind: DocumentKind::WalletTransaction, id: credits.id.0, number: None };
    draft.posting(event, credits.at, currency, document)
}
