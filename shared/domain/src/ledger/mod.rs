//! The ledger underneath: every amount that a customer's documents move, as balanced entries of accounts (ADR 0019).
//!
//! Owns: the accounts, and what each event of a document posts to them (`invoice`, and one file per other kind of document).
//! A posting is a pure function of a record before and after, so whoever changes a record posts, without a line of its own.
//!
//! Does not own: any figure. Amounts are those of the documents; the ledger says where they came from and where they went.
//!
//! Invariants:
//! - The debits of a posting equal its credits, in one currency. Entries are positive, and never change.
//! - The balance of an account with a stored figure (a wallet, a credit note, the remaining amount of a coupon, what a
//!   customer owes) is the sum of its entries.

use std::collections::BTreeMap;

use uuid::Uuid;

use rust_decimal::Decimal;

use crate::id::{CustomerId, InvoiceId, WalletId, WalletTransactionId};
use crate::money::Currency;
use crate::time::Instant;
use crate::wallet::Purpose;

mod coupon;
mod credit_note;
mod invoice;
mod statement;
mod wallet;

pub use coupon::of_applied_coupon;
pub use credit_note::of_credit_note;
pub use invoice::{of_invoice, paid_cents, receivable_cents};
pub use statement::{Filter, Line, Statement, Summary, statement};
pub use wallet::{of_wallet, of_wallet_transaction};

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

/// Which side of an account an entry stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Left.
    Debit,
    /// Right.
    Credit,
}

/// What an account counts. Each customer has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccountKind {
    /// What the customer owes for final invoices.
    Receivable,
    /// What the customer has paid, less what was paid back.
    Payments,
    /// Fees of final invoices.
    Revenue,
    /// Taxes of final invoices, less those of credit notes.
    Taxes,
    /// What coupons took off invoices: one account per applied coupon.
    Discounts,
    /// What credit notes took back of invoices, without taxes.
    CreditedRevenue,
    /// Purchases of prepaid credits that were invoiced and not delivered yet.
    PrepaidSales,
    /// Prepaid credits that were given for nothing.
    GrantedCredits,
    /// Credits that paid a part of an invoice which was voided, and were not given back: their note was voided, or their
    /// wallet ended.
    ForfeitedCredits,
    /// What credit notes are to pay out.
    Refunds,
    /// What is left of a credit note.
    CreditNote,
    /// What is left in a wallet.
    Wallet,
    /// What is left of an applied coupon with an amount to use up.
    Coupon,
    /// The other side of that: discounts promised, not given yet.
    PromisedDiscounts,
    /// What rounding to minor units leaves.
    Rounding,
}

impl AccountKind {
    /// Every kind.
    pub const ALL: [AccountKind; 15] = [
        AccountKind::Receivable,
        AccountKind::Payments,
        AccountKind::Revenue,
        AccountKind::Taxes,
        AccountKind::Discounts,
        AccountKind::CreditedRevenue,
        AccountKind::PrepaidSales,
        AccountKind::GrantedCredits,
        AccountKind::ForfeitedCredits,
        AccountKind::Refunds,
        AccountKind::CreditNote,
        AccountKind::Wallet,
        AccountKind::Coupon,
        AccountKind::PromisedDiscounts,
        AccountKind::Rounding,
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AccountKind::Receivable => "receivable",
            AccountKind::Payments => "payments",
            AccountKind::Revenue => "revenue",
            AccountKind::Taxes => "taxes",
            AccountKind::Discounts => "discounts",
            AccountKind::CreditedRevenue => "credited_revenue",
            AccountKind::PrepaidSales => "prepaid_sales",
            AccountKind::GrantedCredits => "granted_credits",
            AccountKind::ForfeitedCredits => "forfeited_credits",
            AccountKind::Refunds => "refunds",
            AccountKind::CreditNote => "credit_note",
            AccountKind::Wallet => "wallet",
            AccountKind::Coupon => "coupon",
            AccountKind::PromisedDiscounts => "promised_discounts",
            AccountKind::Rounding => "rounding",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<AccountKind> {
        AccountKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The side on which it grows: what is owed to the issuer and what the issuer spends on the left, the rest on the right.
    #[must_use]
    pub fn normal(self) -> Side {
        match self {
            AccountKind::Receivable
            | AccountKind::Payments
            | AccountKind::Discounts
            | AccountKind::CreditedRevenue
            | AccountKind::GrantedCredits
            | AccountKind::PromisedDiscounts
            | AccountKind::Rounding => Side::Debit,
            AccountKind::Revenue
            | AccountKind::Taxes
            | AccountKind::PrepaidSales
            | AccountKind::ForfeitedCredits
            | AccountKind::Refunds
            | AccountKind::CreditNote
            | AccountKind::Wallet
            | AccountKind::Coupon => Side::Credit,
        }
    }
}

/// An account of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    /// What it counts.
    pub kind: AccountKind,
    /// Of which object: the credit note, wallet or applied coupon; none where the customer has one account of the kind.
    pub id: Option<Uuid>,
}

impl Account {
    /// The only account of a kind.
    #[must_use]
    pub fn of(kind: AccountKind) -> Account {
        Account { kind, id: None }
    }

    /// The account of one object.
    #[must_use]
    pub fn of_object(kind: AccountKind, id: Uuid) -> Account {
        Account { kind, id: Some(id) }
    }
}

/// One line of a posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The account.
    pub account: Account,
    /// Its side.
    pub side: Side,
    /// Minor units, above 0.
    pub amount_cents: i64,
}

impl Entry {
    /// By how much it changes its account's balance, minor units.
    #[must_use]
    pub fn change(&self) -> i128 {
        let amount = i128::from(self.amount_cents);
        if self.side == self.account.kind.normal() { amount } else { -amount }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// An invoice became final.
    InvoiceFinalized,
    /// An invoice was given up.
    InvoiceVoided,
    /// An invoice was paid.
    PaymentSucceeded,
    /// The payment of an invoice was taken back.
    PaymentReversed,
    /// A credit note became final.
    CreditNoteIssued,
    /// A credit note paid a part of an invoice.
    CreditNoteUsed,
    /// A voided invoice gave a credit note back what it had used.
    CreditNoteReturned,
    /// A credit note was given up.
    CreditNoteVoided,
    /// The refund of a credit note was paid out.
    RefundSucceeded,
    /// The pay-out of a refund was taken back.
    RefundReversed,
    /// Credits that were bought came into a wallet.
    CreditsPurchased,
    /// Credits that were granted came into a wallet.
    CreditsGranted,
    /// Credits of a wallet paid a part of an invoice.
    CreditsUsed,
    /// A voided invoice gave a wallet back what it had used.
    CreditsReturned,
    /// A coupon with an amount to use up was applied to the customer.
    CouponApplied,
    /// A part of that amount was used.
    CouponUsed,
}

impl Event {
    /// Every event.
    pub const ALL: [Event; 16] = [
        Event::InvoiceFinalized,
        Event::InvoiceVoided,
        Event::PaymentSucceeded,
        Event::PaymentReversed,
        Event::CreditNoteIssued,
        Event::CreditNoteUsed,
        Event::CreditNoteReturned,
        Event::CreditNoteVoided,
        Event::RefundSucceeded,
        Event::RefundReversed,
        Event::CreditsPurchased,
        Event::CreditsGranted,
        Event::CreditsUsed,
        Event::CreditsReturned,
        Event::CouponApplied,
        Event::CouponUsed,
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Event::InvoiceFinalized => "invoice_finalized",
            Event::InvoiceVoided => "invoice_voided",
            Event::PaymentSucceeded => "payment_succeeded",
            Event::PaymentReversed => "payment_reversed",
            Event::CreditNoteIssued => "credit_note_issued",
            Event::CreditNoteUsed => "credit_note_used",
            Event::CreditNoteReturned => "credit_note_returned",
            Event::CreditNoteVoided => "credit_note_voided",
            Event::RefundSucceeded => "refund_succeeded",
            Event::RefundReversed => "refund_reversed",
            Event::CreditsPurchased => "credits_purchased",
            Event::CreditsGranted => "credits_granted",
            Event::CreditsUsed => "credits_used",
            Event::CreditsReturned => "credits_returned",
            Event::CouponApplied => "coupon_applied",
            Event::CouponUsed => "coupon_used",
        }
    }
}

/// What kind of document a posting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocumentKind {
    /// An invoice.
    Invoice,
    /// A credit note.
    CreditNote,
    /// A transaction of a wallet.
    WalletTransaction,
    /// A coupon as applied to the customer.
    AppliedCoupon,
}

impl DocumentKind {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DocumentKind::Invoice => "invoice",
            DocumentKind::CreditNote => "credit_note",
            DocumentKind::WalletTransaction => "wallet_transaction",
            DocumentKind::AppliedCoupon => "applied_coupon",
        }
    }
}

/// The document that a posting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// Its id.
    pub id: Uuid,
    /// Its number, or a coupon's code; wallet transactions have none.
    pub number: Option<String>,
}

/// The invoice that something was used for, or given back by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceName {
    /// Its id.
    pub id: InvoiceId,
    /// Its number.
    pub number: String,
}

/// What one event moved: entries that balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// What happened.
    pub event: Event,
    /// When.
    pub at: Instant,
    /// Currency of every entry.
    pub currency: Currency,
    /// Where it comes from.
    pub document: Document,
    /// The invoice concerned, where the document is another.
    pub invoice: Option<InvoiceName>,
    /// The entries, debits and credits of the same sum.
    pub entries: Vec<Entry>,
}

impl Posting {
    /// Debits and credits, minor units.
    #[must_use]
    pub fn sums(&self) -> (i128, i128) {
        let sum = |side| {
            let entries = self.entries.iter().filter(|entry| entry.side == side);
            entries.map(|entry| i128::from(entry.amount_cents)).sum()
        };
        (sum(Side::Debit), sum(Side::Credit))
    }
}

/// A posting in the making.
struct Draft {
    entries: Vec<Entry>,
}

impl Draft {
    fn new() -> Draft {
        Draft { entries: Vec::new() }
    }

    fn entry(mut self, account: Account, side: Side, amount_cents: i64) -> Draft {
        let side = match (side, amount_cents < 0) {
            (side, false) => side,
            (Side::Debit, true) => Side::Credit,
            (Side::Credit, true) => Side::Debit,
        };
        let amount_cents = amount_cents.saturating_abs();
        if amount_cents > 0 {
            self.entries.push(Entry { account, side, amount_cents });
        }
        self
    }

    /// On the left; a negative amount stands on the right.
    fn debit(self, account: Account, amount_cents: i64) -> Draft {
        self.entry(account, Side::Debit, amount_cents)
    }

    /// On the right; a negative amount stands on the left.
    fn credit(self, account: Account, amount_cents: i64) -> Draft {
        self.entry(account, Side::Credit, amount_cents)
    }

    /// Every entry on its other side.
    fn reversed(mut self) -> Draft {
        for entry in &mut self.entries {
            entry.side = match entry.side {
                Side::Debit => Side::Credit,
                Side::Credit => Side::Debit,
            };
        }
        self
    }

    /// The posting; what its entries lack to balance is rounding. None if nothing moved.
    fn posting(self, event: Event, at: Instant, currency: Currency, document: Document) -> Option<Posting> {
        let mut posting = Posting { event, at, currency, document, invoice: None, entries: self.entries };
        let (debits, credits) = posting.sums();
        // Sums of amounts of one document, which are sums of 64 bits themselves: see `invoice::violations`.
        let missing = i64::try_from(credits - debits).unwrap_or(i64::MAX);
        let rounding = Draft::new().debit(Account::of(AccountKind::Rounding), missing);
        posting.entries.extend(rounding.entries);
        (!posting.entries.is_empty()).then_some(posting)
    }
}

/// What a changed record tells the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Movement {
    /// Entries.
    Posted {
        /// Whose ledger.
        customer: CustomerId,
        /// What to post.
        posting: Posting,
    },
    /// A stored balance has changed: the entries of the same commit have to say why.
    Balance {
        /// Whose ledger.
        customer: CustomerId,
        /// The account of the balance.
        account: Account,
        /// Its currency.
        currency: Currency,
        /// Minor units.
        by: i64,
    },
    /// Credits came into a wallet, or went out of it. Its currency and customer stand on the wallet, which changes with them.
    Settled(Credits),
}

/// A settled transaction of a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credits {
    /// The transaction.
    pub id: WalletTransactionId,
    /// The wallet.
    pub wallet: WalletId,
    /// What it is.
    pub purpose: Purpose,
    /// By how much it changes the balance, minor units, not negative.
    pub cents: i64,
    /// What it is worth, currency units, 5 decimals.
    pub amount: Decimal,
    /// When it was settled.
    pub at: Instant,
}

/// A stored balance would change by something else than its entries say. Nothing may be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the balance of {} {} changes by {by}, its entries by {posted}", .account.kind.as_str(), .account.id.unwrap_or_default())]
pub struct Unexplained {
    /// The account.
    pub account: Account,
    /// What the stored figure changes by, minor units.
    pub by: i128,
    /// What the entries sum up to, minor units.
    pub posted: i128,
}

/// What the movements of one commit post, by customer. Postings of other documents learn which invoice they are about, where
/// the commit is about one.
///
/// # Errors
/// A stored balance changes without entries that say why.
pub fn gather(movements: Vec<Movement>) -> Result<BTreeMap<CustomerId, Vec<Posting>>, Unexplained> {
    let mut postings: BTreeMap<CustomerId, Vec<Posting>> = BTreeMap::new();
    let mut balances: BTreeMap<Account, i128> = BTreeMap::new();
    let mut owners: BTreeMap<Account, (CustomerId, Currency)> = BTreeMap::new();
    let mut settled = Vec::new();
    for movement in movements {
        match movement {
            Movement::Posted { customer, posting } => postings.entry(customer).or_default().push(posting),
            Movement::Balance { customer, account, currency, by } => {
                *balances.entry(account).or_default() += i128::from(by);
                owners.insert(account, (customer, currency));
            }
            Movement::Settled(credits) => settled.push(credits),
        }
    }
    for credits in settled {
        let account = Account::of_object(AccountKind::Wallet, credits.wallet.0);
        match owners.get(&account) {
            Some((customer, currency)) => {
                postings.entry(*customer).or_default().extend(wallet::posting(&credits, *currency));
            }
            // Credits that no wallet takes.
            None if credits.cents != 0 => {
                return Err(Unexplained { account, by: 0, posted: i128::from(credits.cents) });
            }
            None => {}
        }
    }
    for (account, by) in balances {
        let entries = postings.values().flatten().flat_map(|posting| &posting.entries);
        let posted = entries.filter(|entry| entry.account == account).map(Entry::change).sum();
        if by != posted {
            return Err(Unexplained { account, by, posted });
        }
    }
    for postings in postings.values_mut() {
        let mut invoices = postings.iter().filter(|posting| posting.document.kind == DocumentKind::Invoice);
        let Some((Document { id, number: Some(number), .. }, at)) =
            invoices.next().map(|posting| (posting.document.clone(), posting.at))
        else {
            continue;
        };
        let is_one = invoices.all(|posting| posting.document.id == id);
        let name = InvoiceName { id: InvoiceId(id), number };
        for posting in postings.iter_mut().filter(|_| is_one) {
            if posting.document.kind != DocumentKind::Invoice && posting.invoice.is_none() {
                posting.invoice = Some(name.clone());
                // An applied coupon does not know when it was used.
                posting.at = if posting.event == Event::CouponUsed { at } else { posting.at };
            }
        }
    }
    Ok(postings)
}

/// Balances of accounts, each in its currency, on its normal side.
pub type Balances = BTreeMap<(Account, Currency), i128>;

/// The balances that postings come to.
#[must_use]
pub fn balances<'a>(postings: impl IntoIterator<Item = &'a Posting>) -> Balances {
    let mut balances = Balances::new();
    for posting in postings {
        for entry in &posting.entries {
            *balances.entry((entry.account, posting.currency)).or_default() += entry.change();
        }
    }
    balances
}

/// The laws of a ledger that postings break, in words.
#[must_use]
pub fn violations<'a>(postings: impl IntoIterator<Item = &'a Posting>) -> Vec<String> {
    let mut broken = Vec::new();
    for posting in postings {
        let Posting { event, document, .. } = posting;
        let (debits, credits) = posting.sums();
        let name = format!("{} of {} {}", event.as_str(), document.kind.as_str(), document.id);
        if debits != credits {
            broken.push(format!("{name}: debits of {debits}, credits of {credits}"));
        }
        if posting.entries.iter().any(|entry| entry.amount_cents <= 0) {
            broken.push(format!("{name}: an entry that is not above 0"));
        }
    }
    broken
}
