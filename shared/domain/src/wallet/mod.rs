//! Wallets: prepaid credits, bought or granted, used up by invoices. Rules: chapter 04, 11.
//!
//! Owns: what a top-up, a payment, an invoice, a void, an expiry and a recurring rule make of a wallet.
//!
//! Does not own: the invoice that sells credits (`invoice::credit`), nor when an invoice looks at the wallet
//! (`invoice::settlement`).
//!
//! Invariants:
//! - A balance changes in `Wallet::moved` and nowhere else, and each change comes with the transaction that explains it: the
//!   balance is the sum of the settled transactions in, less those out, in minor units and in credits.
//! - An ended wallet takes nothing any more and gives nothing; only a purchase that is paid late still counts in its figures.
//! - What a retry could do twice has a derived id, and leaves a trace in the wallet that the second try meets.

use chrono::TimeDelta;
use rust_decimal::Decimal;

use crate::id::{CustomerId, InvoiceId, WalletId, WalletRuleId, WalletTransactionId, derived};
use crate::money::Currency;
use crate::number;
use crate::time::{Instant, Interval, Zone};

mod agenda;
mod input;

pub use agenda::{Step, fires_on, next_due, next_step};
pub use input::{
    Expiration, NewWallet, Payer, RuleEntry, Sent, TopUpRequest, WalletBirth, WalletUpdate, create, edit, requested,
};

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

/// Decimals of credits and rates (chapter 04, 1.1).
const PLACES: u32 = 5;
/// A top-up that an invoice triggered follows so much later (chapter 04, 11.7; 00-index).
const THRESHOLD_DELAY: TimeDelta = TimeDelta::seconds(2);
/// Most minor units, and most credits, of one top-up: far beyond any price, and far from the end of 64 bits.
const TOP_UP_MAX: i64 = 1_000_000_000_000_000;

/// A wallet of a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Wallet {
    /// Id.
    pub id: WalletId,
    /// Whose.
    pub customer_id: CustomerId,
    /// The customer's currency.
    pub currency: Currency,
    /// Name, on invoices of its credits.
    pub name: Option<String>,
    /// Currency units per credit, above 0, 5 decimals.
    pub rate: Decimal,
    /// Whether it is in use.
    pub state: State,
    /// What is in it.
    pub balance: Balance,
    /// When it expires; it can still be used until the sweep has ended it.
    pub expiration_at: Option<Instant>,
    /// The rule that tops it up.
    pub rule: Option<Rule>,
    /// Top-ups that were triggered and have not been made yet, in order.
    pub owed: Vec<OwedTopUp>,
    /// Usage has come: when to look at the ongoing balance. Only where a threshold rule asks for it.
    pub look_at: Option<Instant>,
    /// Usage has brought the ongoing balance to the threshold, and a top-up was triggered that is not paid yet: the invoice
    /// that bills this usage triggers no other.
    pub is_low_by_usage: bool,
    /// When its last top-up by interval was made.
    pub last_interval_at: Option<Instant>,
    /// When its balance last changed.
    pub last_balance_sync_at: Option<Instant>,
    /// When an invoice last used it.
    pub last_consumed_at: Option<Instant>,
    /// When the clock next has something to do; none for an ended wallet.
    pub next_due: Option<Instant>,
    /// When it was made.
    pub created_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
}

/// Whether a wallet is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is.
    Active,
    /// Ended: by hand, by expiry, or with its customer.
    Terminated {
        /// When.
        terminated_at: Instant,
    },
}

/// What is in a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// Money, minor units.
    pub cents: i64,
    /// Credits, 5 decimals.
    pub credits: Decimal,
    /// Credits that invoices have used, 5 decimals, less those given back.
    pub consumed: Decimal,
}

/// A rule that tops a wallet up again and again (chapter 04, 11.7).
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Id.
    pub id: WalletRuleId,
    /// What triggers it.
    pub trigger: Trigger,
    /// Its interval: of a threshold rule only shown, of an interval rule always there.
    pub interval: Option<Interval>,
    /// Its threshold, credits: of an interval rule only shown.
    pub threshold: Decimal,
    /// Credits to buy each time.
    pub paid: Decimal,
    /// Credits to grant each time.
    pub granted: Decimal,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed: what was due before then is not made up for.
    pub since: Instant,
}

/// What triggers a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A day of the calendar.
    Interval,
    /// A balance that an invoice has brought to the threshold or below.
    Threshold,
}

impl Trigger {
    /// The wire's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Trigger::Interval => "interval",
            Trigger::Threshold => "threshold",
        }
    }
}

/// A top-up that was triggered: made when its instant has come.
#[derive(Debug, Clone, PartialEq)]
pub struct OwedTopUp {
    /// When it is due, and the instant of everything that it makes.
    pub at: Instant,
    /// What triggered it: the wallet for its first one, an invoice otherwise. Its transactions' ids derive from this.
    pub occasion: uuid::Uuid,
    /// Who asked for it.
    pub source: Source,
    /// Credits to buy.
    pub paid: Decimal,
    /// Credits to grant.
    pub granted: Decimal,
}

/// Who asked for a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A client, or an invoice that used credits or gave them back.
    Manual,
    /// A rule, on its day.
    Interval,
    /// A rule, at its threshold.
    Threshold,
}

impl Source {
    /// The wire's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Manual => "manual",
            Source::Interval => "interval",
            Source::Threshold => "threshold",
        }
    }
}

/// What a transaction is (chapter 04, 11.4; chapter 09).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Credits bought: in, once their invoice is paid.
    Purchased,
    /// Credits granted: in, at once.
    Granted,
    /// Credits that an invoice used: out, at once.
    Invoiced,
    /// Credits that a voided invoice gave back: in, at once.
    Voided,
}

impl Purpose {
    /// The wire's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Purchased => "purchased",
            Purpose::Granted => "granted",
            Purpose::Invoiced => "invoiced",
            Purpose::Voided => "voided",
        }
    }

    /// Which way the credits go.
    #[must_use]
    pub fn direction(self) -> Direction {
        match self {
            Purpose::Purchased | Purpose::Granted | Purpose::Voided => Direction::Inbound,
            Purpose::Invoiced => Direction::Outbound,
        }
    }
}

/// Which way credits go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into the wallet.
    Inbound,
    /// Out of it.
    Outbound,
}

impl Direction {
    /// The wire's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

/// A transaction of a wallet.
#[derive(Debug, Clone, PartialEq)]
pub struct WalletTransaction {
    /// Id.
    pub id: WalletTransactionId,
    /// The wallet.
    pub wallet_id: WalletId,
    /// What it is.
    pub purpose: Purpose,
    /// Who asked for it.
    pub source: Source,
    /// Currency units, 5 decimals.
    pub amount: Decimal,
    /// Credits, 5 decimals.
    pub credits: Decimal,
    /// Currency units per credit then.
    pub rate: Decimal,
    /// Minor units by which it changes the balance once it is settled, never negative.
    pub cents: i64,
    /// When it took effect; none while it is pending.
    pub settled_at: Option<Instant>,
    /// The invoice that sells the credits, used them, or gave them back.
    pub invoice_id: Option<InvoiceId>,
    /// When it was made.
    pub created_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
}

impl WalletTransaction {
    /// What the credits cost, minor units: the fee of the invoice that sells them (chapter 04, 2).
    #[must_use]
    pub fn price_cents(&self, currency: Currency) -> i64 {
        // `credits` bounds every top-up: its price is far below 64 bits.
        currency.minor_units(self.amount).unwrap_or(TOP_UP_MAX)
    }

    /// The wire's word for whether it took effect.
    #[must_use]
    pub fn status(&self) -> &'static str {
        if self.settled_at.is_some() { "settled" } else { "pending" }
    }
}

/// The balance would leave 64 bits of minor units, or what decimals can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the balance of the wallet is too large")]
pub struct BalanceOverflow;

/// A balance less the usage that no invoice has billed yet (chapter 09).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ongoing {
    /// What is left, minor units; negative if the usage is worth more.
    pub cents: i64,
    /// The same in credits.
    pub credits: Decimal,
    /// The usage, minor units.
    pub usage_cents: i64,
    /// The same in credits, 5 decimals.
    pub usage_credits: Decimal,
}

/// A wallet after something happened to it, with the transactions that say what.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The wallet as it is then.
    pub wallet: Wallet,
    /// Transactions made or settled, in order.
    pub transactions: Vec<WalletTransaction>,
}

/// Credits to put into a wallet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopUp {
    /// Credits to buy; 0 for none.
    pub paid: Decimal,
    /// Credits to grant; 0 for none.
    pub granted: Decimal,
    /// Who asks for them.
    pub source: Source,
    /// What for: the ids of its transactions derive from this.
    pub occasion: uuid::Uuid,
    /// The instant of everything that it makes.
    pub at: Instant,
}

/// How a balance changes.
#[derive(Debug, Clone, Copy)]
struct Movement {
    cents: i64,
    credits: Decimal,
    consumed: Decimal,
}

impl Wallet {
    /// Whether it is in use.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// When it ended.
    #[must_use]
    pub fn terminated_at(&self) -> Option<Instant> {
        match self.state {
            State::Active => None,
            State::Terminated { terminated_at } => Some(terminated_at),
        }
    }

    /// The rule that tops it up at a threshold, if it has one that tops up anything.
    #[must_use]
    pub fn threshold_rule(&self) -> Option<&Rule> {
        self.rule.as_ref().filter(|rule| rule.trigger == Trigger::Threshold && rule.has_credits())
    }

    /// The same with the instant of its next due action, in the customer's zone.
    #[must_use]
    pub fn scheduled(self, zone: Zone) -> Wallet {
        Wallet { next_due: next_due(&self, zone), ..self }
    }

    /// What is left of the wallet once usage worth `usage_cents` is billed.
    #[must_use]
    pub fn ongoing(&self, usage_cents: i64) -> Ongoing {
        let usage_credits = self.currency.units(usage_cents).checked_div(self.rate).unwrap_or_default();
        let usage_credits = number::round(usage_credits, PLACES);
        Ongoing {
            cents: self.balance.cents.saturating_sub(usage_cents),
            credits: self.balance.credits.saturating_sub(usage_credits),
            usage_cents,
            usage_credits,
        }
    }

    /// Every change of a balance passes here.
    fn moved(&self, movement: Movement, at: Instant) -> Result<Wallet, BalanceOverflow> {
        let Balance { cents, credits, consumed } = self.balance;
        let sum = |left: Decimal, right: Decimal| left.checked_add(right).ok_or(BalanceOverflow);
        let balance = Balance {
            cents: cents.checked_add(movement.cents).ok_or(BalanceOverflow)?,
            credits: sum(credits, movement.credits)?,
            consumed: sum(consumed, movement.consumed)?,
        };
        Ok(Wallet { balance, last_balance_sync_at: Some(at), ..self.clone() })
    }

    /// Credits in: they are worth `trunc(rate * credits * subunits)` minor units (chapter 04, 11.4).
    fn credited(&self, transaction: &WalletTransaction, at: Instant) -> Result<Wallet, BalanceOverflow> {
        let movement = Movement { cents: transaction.cents, credits: transaction.credits, consumed: Decimal::ZERO };
        Ok(Wallet { is_low_by_usage: false, ..self.moved(movement, at)? })
    }

    /// What credits are worth, minor units, truncated; none if it leaves 64 bits.
    fn worth(&self, credits: Decimal) -> Option<i64> {
        let exact = self.rate.checked_mul(credits)?.checked_mul(self.currency.subunits())?;
        i64::try_from(number::trunc(exact, 0)).ok()
    }

    /// A transaction that puts credits in.
    fn inbound(
        &self,
        top_up: &TopUp,
        (purpose, credits): (Purpose, Decimal),
        created_seq: i64,
    ) -> Result<WalletTransaction, BalanceOverflow> {
        let amount = self.rate.checked_mul(credits).ok_or(BalanceOverflow)?;
        let id = derived(
            "wallet transaction",
            &[self.id.0.as_bytes(), top_up.occasion.as_bytes(), purpose.as_str().as_bytes()],
        );
        Ok(WalletTransaction {
            id: WalletTransactionId(id),
            wallet_id: self.id,
            purpose,
            source: top_up.source,
            amount: number::round(amount, PLACES),
            credits,
            rate: self.rate,
            cents: self.worth(credits).ok_or(BalanceOverflow)?,
            settled_at: None,
            invoice_id: None,
            created_at: top_up.at,
            created_seq,
        })
    }
}

/// Puts credits into a wallet: bought ones wait for their payment, granted ones count at once (chapter 04, 11.4). The
/// purchase comes first; a part of 0 makes nothing. `sequence` gives the order of creation.
///
/// A purchase whose price rounds to 0 needs no payment: it is settled at once (00-index).
///
/// # Errors
/// The balance would become too large.
pub fn top_up(wallet: &Wallet, top_up: &TopUp, sequence: &mut dyn FnMut() -> i64) -> Result<Change, BalanceOverflow> {
    let mut change = Change { wallet: wallet.clone(), transactions: Vec::new() };
    if top_up.paid > Decimal::ZERO {
        let mut purchase = wallet.inbound(top_up, (Purpose::Purchased, top_up.paid), sequence())?;
        purchase.invoice_id = Some(invoice_of(purchase.id));
        if purchase.price_cents(wallet.currency) == 0 {
            purchase.settled_at = Some(top_up.at);
            change.wallet = change.wallet.credited(&purchase, top_up.at)?;
        }
        change.transactions.push(purchase);
    }
    if top_up.granted > Decimal::ZERO {
        let grant = wallet.inbound(top_up, (Purpose::Granted, top_up.granted), sequence())?;
        let grant = WalletTransaction { settled_at: Some(top_up.at), ..grant };
        change.wallet = change.wallet.credited(&grant, top_up.at)?;
        change.transactions.push(grant);
    }
    Ok(change)
}

/// The invoice that sells the credits of a purchase; its last 16 bits are left for its fee.
fn invoice_of(purchase: WalletTransactionId) -> InvoiceId {
    let id = derived("invoice", &[b"credit", purchase.0.as_bytes()]);
    InvoiceId(uuid::Uuid::from_u128(id.as_u128() & !0xffff))
}

/// Settles a purchase that was paid, also of a wallet that has ended meanwhile (00-index). None if it is settled already.
///
/// # Errors
/// The balance would become too large.
pub fn settle(wallet: &Wallet, purchase: &WalletTransaction, at: Instant) -> Result<Option<Change>, BalanceOverflow> {
    if purchase.settled_at.is_some() {
        return Ok(None);
    }
    let settled = WalletTransaction { settled_at: Some(at), ..purchase.clone() };
    Ok(Some(Change { wallet: wallet.credited(&settled, at)?, transactions: vec![settled] }))
}

/// What an invoice takes out of the customer's wallet (chapter 04, 11.6): at most its total, at most the balance. None if
/// there is nothing to take or to pay, or the wallet has ended. Expiry is not looked at.
///
/// The exact minor units are taken. If the balance is at the rule's threshold then, a top-up is owed.
#[must_use]
pub fn consume(wallet: &Wallet, total_cents: i64, invoice: InvoiceId, at: Instant, created_seq: i64) -> Option<Change> {
    let cents = total_cents.min(wallet.balance.cents);
    if !wallet.is_active() || cents <= 0 {
        return None;
    }
    let amount = wallet.currency.units(cents);
    // The rate is above 0. Rounded parts may add up to a hair more than there is: a balance never falls below 0.
    let exact = amount.checked_div(wallet.rate)?;
    let credits = number::round(exact, PLACES).min(wallet.balance.credits.max(Decimal::ZERO));
    let moved = wallet.moved(Movement { cents: -cents, credits: -credits, consumed: credits }, at).ok()?;
    let id = derived("wallet transaction", &[wallet.id.0.as_bytes(), invoice.0.as_bytes(), b"invoiced"]);
    let transaction = WalletTransaction {
        id: WalletTransactionId(id),
        wallet_id: wallet.id,
        purpose: Purpose::Invoiced,
        source: Source::Manual,
        amount: number::round(amount, PLACES),
        credits,
        rate: wallet.rate,
        cents,
        settled_at: Some(at),
        invoice_id: Some(invoice),
        created_at: at,
        created_seq,
    };
    let mut changed = Wallet { last_consumed_at: Some(at), is_low_by_usage: false, ..moved };
    if !wallet.is_low_by_usage {
        changed.owed.extend(changed.threshold_rule().and_then(|rule| {
            let is_low = changed.balance.credits <= rule.threshold;
            is_low.then(|| rule.triggered(invoice.0, at))
        }));
    }
    Some(Change { wallet: changed, transactions: vec![transaction] })
}

/// The wallet after a look at its ongoing balance, `usage_cents` being unbilled (chapter 09): if usage alone has brought it
/// to the threshold or below since the last answer, a top-up is owed.
#[must_use]
pub fn look(wallet: &Wallet, usage_cents: i64, at: Instant) -> Wallet {
    let mut seen = Wallet { look_at: None, ..wallet.clone() };
    let Some(rule) = wallet.threshold_rule() else { return seen };
    let is_low = wallet.ongoing(usage_cents).credits <= rule.threshold;
    // A balance that is low without any usage was answered, or was never above: only invoices trigger then (11.7).
    let by_usage = is_low && wallet.balance.credits > rule.threshold;
    if by_usage && !wallet.is_low_by_usage {
        let occasion = derived("look", &[&at.timestamp_micros().to_be_bytes()]);
        seen.owed.push(rule.triggered(occasion, at));
    }
    seen.is_low_by_usage = by_usage;
    seen
}

impl Rule {
    /// Whether it tops up anything: a rule of 0 credits fires, and nothing comes of it (chapter 04, 11.7).
    #[must_use]
    pub fn has_credits(&self) -> bool {
        self.paid > Decimal::ZERO || self.granted > Decimal::ZERO
    }

    /// The top-up that the rule asks for because of what happened at `at` (chapter 04, 11.7).
    fn triggered(&self, occasion: uuid::Uuid, at: Instant) -> OwedTopUp {
        let at = at.checked_add_signed(THRESHOLD_DELAY).unwrap_or(at);
        OwedTopUp { at, occasion, source: Source::Threshold, paid: self.paid, granted: self.granted }
    }
}

/// Gives back what a voided invoice had taken, exactly (chapter 04, 6.6). None if the wallet has ended: the credits are lost.
///
/// # Errors
/// The balance would become too large.
pub fn give_back(
    wallet: &Wallet,
    taken: &WalletTransaction,
    at: Instant,
    created_seq: i64,
) -> Result<Option<Change>, BalanceOverflow> {
    if !wallet.is_active() {
        return Ok(None);
    }
    let consumed = -taken.credits.min(wallet.balance.consumed);
    let moved = wallet.moved(Movement { cents: taken.cents, credits: taken.credits, consumed }, at)?;
    let id = derived("wallet transaction", &[wallet.id.0.as_bytes(), taken.id.0.as_bytes(), b"voided"]);
    let back = WalletTransaction {
        id: WalletTransactionId(id),
        purpose: Purpose::Voided,
        settled_at: Some(at),
        invoice_id: None,
        created_at: at,
        created_seq,
        ..taken.clone()
    };
    Ok(Some(Change { wallet: moved, transactions: vec![back] }))
}

/// Ends a wallet: what is left in it stays to be seen and is void. The first end counts.
#[must_use]
pub fn terminate(wallet: &Wallet, at: Instant) -> Wallet {
    match wallet.state {
        State::Terminated { .. } => wallet.clone(),
        State::Active => Wallet {
            state: State::Terminated { terminated_at: at },
            owed: Vec::new(),
            look_at: None,
            is_low_by_usage: false,
            next_due: None,
            ..wallet.clone()
        },
    }
}
