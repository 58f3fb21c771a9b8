//! What clients ask of wallets: creation, update, top-ups, with every check of chapter 04, 11.2 to 11.4.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{Balance, OwedTopUp, PLACES, Rule, Source, State, TOP_UP_MAX, Trigger, Wallet};
use crate::customer::{Customer, implied_currency};
use crate::id::{WalletId, WalletRuleId};
use crate::money::Currency;
use crate::number;
use crate::problem::{Problems, codes};
use crate::time::{Instant, Interval, Zone};

/// Field of a wallet's rules.
const RULES: &str = "recurring_transaction_rules";

/// A key of a request whose value must be of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sent<T> {
    /// The key is not there.
    #[default]
    Absent,
    /// It is null.
    Null,
    /// It has a value of another kind.
    Bad,
    /// It has a value.
    Set(T),
}

impl<T> Sent<T> {
    /// The value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Sent::Set(value) => Some(value),
            Sent::Absent | Sent::Null | Sent::Bad => None,
        }
    }

    /// The same, with the present value where the key is not there.
    fn or(self, present: T) -> Sent<T> {
        match self {
            Sent::Absent => Sent::Set(present),
            Sent::Null | Sent::Bad | Sent::Set(_) => self,
        }
    }
}

/// When a wallet is to expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiration {
    /// Not said.
    #[default]
    Unsaid,
    /// Never.
    Never,
    /// At an instant.
    At(Instant),
    /// At the end of a day in the organization's zone (deprecated).
    On(NaiveDate),
    /// No date at all.
    Unreadable,
}

impl Expiration {
    /// The instant, given what it is at present.
    fn resolve(self, present: Option<Instant>, zone: Zone, now: Instant, problems: &mut Problems) -> Option<Instant> {
        let wanted = match self {
            Expiration::Unsaid => return present,
            Expiration::Never => return None,
            Expiration::At(at) => Some(at),
            Expiration::On(date) => Some(zone.end_of(date)),
            Expiration::Unreadable => None,
        };
        // Days of UTC are compared: today is too early, whatever the hour (chapter 04, 11.2).
        let found = wanted.filter(|at| at.date_naive() > now.date_naive());
        if found.is_none() {
            problems.add("expiration_at", codes::INVALID_DATE);
        }
        found
    }
}

/// A wallet as asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewWallet {
    /// `external_customer_id`.
    pub external_customer_id: Option<String>,
    /// `rate_amount`.
    pub rate: Sent<Decimal>,
    /// `currency`, as sent.
    pub currency: Option<String>,
    /// `name`.
    pub name: Option<String>,
    /// `paid_credits`.
    pub paid: Sent<Decimal>,
    /// `granted_credits`.
    pub granted: Sent<Decimal>,
    /// `expiration_at`, else `expiration_date`.
    pub expiration: Expiration,
    /// `recurring_transaction_rules`.
    pub rules: Option<Vec<RuleEntry>>,
}

/// An entry of `recurring_transaction_rules`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RuleEntry {
    /// `lago_id`.
    pub id: Option<WalletRuleId>,
    /// `rule_type`.
    pub trigger: Sent<Trigger>,
    /// `interval`.
    pub interval: Sent<Interval>,
    /// `threshold_credits`.
    pub threshold: Sent<Decimal>,
    /// `paid_credits`; on creation the wallet's own count.
    pub paid: Sent<Decimal>,
    /// `granted_credits`; on creation the wallet's own count.
    pub granted: Sent<Decimal>,
}

/// An update of a wallet as asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WalletUpdate {
    /// `name`: the outer option is whether it was sent.
    pub name: Option<Option<String>>,
    /// `expiration_at`, else `expiration_date`.
    pub expiration: Expiration,
    /// `recurring_transaction_rules`: all that are wanted.
    pub rules: Option<Vec<RuleEntry>>,
}

/// A top-up as asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopUpRequest {
    /// `wallet_id`.
    pub wallet_id: Option<WalletId>,
    /// `paid_credits`.
    pub paid: Sent<Decimal>,
    /// `granted_credits`.
    pub granted: Sent<Decimal>,
}

/// What a new wallet finds of its customer.
#[derive(Debug, Clone, Copy)]
pub struct Payer<'a> {
    /// The living customer.
    pub customer: &'a Customer,
    /// Whether it may still take a currency (chapter 04, 12.1).
    pub is_editable: bool,
    /// Whether it has an active wallet already.
    pub has_wallet: bool,
    /// Its zone.
    pub zone: Zone,
}

/// What a new wallet gets besides.
#[derive(Debug, Clone, Copy)]
pub struct WalletBirth {
    /// Its id.
    pub id: WalletId,
    /// Its rule's id, should it have one.
    pub rule_id: WalletRuleId,
    /// The organization's zone, for deprecated dates.
    pub zone: Zone,
    /// When.
    pub at: Instant,
    /// Order of creation.
    pub seq: i64,
}

/// A new wallet: empty, its first top-up owed (chapter 04, 11.2). The customer takes its currency if it has none.
///
/// # Errors
/// Every field that is wrong, together; the currency against the customer only if nothing else is.
pub fn create(new: &NewWallet, payer: Option<Payer<'_>>, birth: WalletBirth) -> Result<Wallet, Problems> {
    let mut problems = Problems::default();
    match payer {
        None => problems.add("customer", "customer_not_found"),
        Some(payer) if payer.has_wallet => problems.add("customer", "wallet_already_exists"),
        Some(_) => {}
    }
    // Told after the chapter's own checks, and needed by them.
    let mut terms = Problems::default();
    let rate = rate(new.rate, &mut terms);
    let currency = currency(new.currency.as_deref(), &mut terms);
    let price = rate.zip(currency);
    let (paid, granted) = credits((new.paid, new.granted), price, &mut problems);
    let expiration_at = new.expiration.resolve(None, birth.zone, birth.at, &mut problems);
    let rule = first_rule(new.rules.as_deref(), (paid, granted), &birth, &mut problems);
    problems.extend(terms);
    let (Some(payer), Some((rate, currency)), true) = (payer, price, problems.is_empty()) else {
        return Err(problems);
    };
    implied_currency(payer.customer.currency, payer.is_editable, currency)
        .map_err(|_| Problems::one("currency", codes::CURRENCIES_DIFFER))?;
    let first = OwedTopUp { at: birth.at, occasion: birth.id.0, source: Source::Manual, paid, granted };
    let has_first = paid > Decimal::ZERO || granted > Decimal::ZERO;
    let wallet = Wallet {
        id: birth.id,
        customer_id: payer.customer.id,
        currency,
        name: new.name.clone(),
        rate,
        state: State::Active,
        balance: Balance::default(),
        expiration_at,
        rule,
        owed: if has_first { vec![first] } else { Vec::new() },
        look_at: None,
        is_low_by_usage: false,
        last_interval_at: None,
        last_balance_sync_at: None,
        last_consumed_at: None,
        next_due: None,
        created_at: birth.at,
        created_seq: birth.seq,
    };
    Ok(wallet.scheduled(payer.zone))
}

/// The wallet after an update at `now` (chapter 04, 11.3). `organization` is for deprecated dates, `zone` the customer's.
///
/// # Errors
/// Every field that is wrong.
pub fn edit(
    wallet: &Wallet,
    update: &WalletUpdate,
    rule_id: WalletRuleId,
    (organization, zone): (Zone, Zone),
    now: Instant,
) -> Result<Wallet, Problems> {
    let mut problems = Problems::default();
    let expiration_at = update.expiration.resolve(wallet.expiration_at, organization, now, &mut problems);
    let rule = match update.rules.as_deref() {
        None => wallet.rule.clone(),
        Some([]) => None,
        Some([entry]) => {
            let known = wallet.rule.as_ref().filter(|rule| Some(rule.id) == entry.id);
            let rule = edited_rule(entry, known, wallet, rule_id, now);
            if rule.is_none() {
                problems.add(RULES, "invalid_recurring_rule");
            }
            rule
        }
        Some([_, ..]) => {
            problems.add(RULES, "invalid_number_of_recurring_rules");
            None
        }
    };
    let name = update.name.clone().unwrap_or_else(|| wallet.name.clone());
    let edited = Wallet { name, expiration_at, rule, ..wallet.clone() };
    problems.or(edited.scheduled(zone))
}

/// The credits of a top-up by hand: to buy, and to grant (chapter 04, 11.4).
///
/// # Errors
/// Every field that is wrong, together.
pub fn requested(request: &TopUpRequest, wallet: Option<&Wallet>) -> Result<(Decimal, Decimal), Problems> {
    let mut problems = Problems::default();
    match wallet {
        None => problems.add("wallet_id", "wallet_not_found"),
        Some(wallet) if !wallet.is_active() => problems.add("wallet_id", "wallet_is_terminated"),
        Some(_) => {}
    }
    let price = wallet.map(|wallet| (wallet.rate, wallet.currency));
    let wanted = credits((request.paid, request.granted), price, &mut problems);
    problems.or(wanted)
}

fn rate(sent: Sent<Decimal>, problems: &mut Problems) -> Option<Decimal> {
    let (code, rate) = match sent {
        Sent::Absent | Sent::Null => (codes::MANDATORY, None),
        Sent::Bad => (codes::INVALID, None),
        Sent::Set(rate) => {
            let rate = number::round(rate, PLACES);
            (codes::OUT_OF_RANGE, Some(rate).filter(|rate| *rate > Decimal::ZERO && *rate <= Decimal::from(TOP_UP_MAX)))
        }
    };
    if rate.is_none() {
        problems.add("rate_amount", code);
    }
    rate
}

fn currency(sent: Option<&str>, problems: &mut Problems) -> Option<Currency> {
    let code = sent.filter(|code| !code.trim().is_empty());
    let currency = code.and_then(|code| code.parse().ok());
    if currency.is_none() {
        problems.add("currency", if code.is_some() { codes::INVALID } else { codes::MANDATORY });
    }
    currency
}

/// Credits to buy and to grant, from 0, 5 decimals; absent is 0. What they cost must be an amount that can be billed.
fn credits(
    (paid, granted): (Sent<Decimal>, Sent<Decimal>),
    price: Option<(Decimal, Currency)>,
    problems: &mut Problems,
) -> (Decimal, Decimal) {
    let wanted = |sent| match sent {
        Sent::Absent | Sent::Null => Some(Decimal::ZERO),
        Sent::Bad => None,
        Sent::Set(credits) => usable(credits, price),
    };
    let (paid, granted) = (wanted(paid), wanted(granted));
    if paid.is_none() {
        problems.add("paid_credits", "invalid_paid_credits");
    }
    if granted.is_none() {
        problems.add("granted_credits", "invalid_granted_credits");
    }
    (paid.unwrap_or_default(), granted.unwrap_or_default())
}

fn usable(credits: Decimal, price: Option<(Decimal, Currency)>) -> Option<Decimal> {
    let most = Decimal::from(TOP_UP_MAX);
    if credits.is_sign_negative() && !credits.is_zero() || credits > most {
        return None;
    }
    let credits = number::round(credits, PLACES);
    let is_billable = |(rate, currency): (Decimal, Currency)| {
        rate.checked_mul(credits)
            .and_then(|amount| amount.checked_mul(currency.subunits()))
            .is_some_and(|it| it <= most)
    };
    price.is_none_or(is_billable).then_some(credits)
}

/// The rule of a new wallet: it has the wallet's own credits.
fn first_rule(
    entries: Option<&[RuleEntry]>,
    (paid, granted): (Decimal, Decimal),
    birth: &WalletBirth,
    problems: &mut Problems,
) -> Option<Rule> {
    let entry = match entries? {
        [entry] => entry,
        [] | [_, ..] => {
            problems.add(RULES, "invalid_number_of_recurring_rules");
            return None;
        }
    };
    let rule = rule(entry, (paid, granted), birth.rule_id, birth.at, birth.at);
    if rule.is_none() {
        problems.add(RULES, "invalid_recurring_rule");
    }
    rule
}

/// The rule that an update wants: what an entry for the known rule leaves out stays. Both amounts are always to be sent.
fn edited_rule(
    entry: &RuleEntry,
    known: Option<&Rule>,
    wallet: &Wallet,
    new_id: WalletRuleId,
    now: Instant,
) -> Option<Rule> {
    let price = Some((wallet.rate, wallet.currency));
    let paid = usable(entry.paid.value()?, price)?;
    let granted = usable(entry.granted.value()?, price)?;
    let Some(known) = known else { return rule(entry, (paid, granted), new_id, now, now) };
    let merged = RuleEntry {
        trigger: entry.trigger.or(known.trigger),
        interval: known.interval.map_or(entry.interval, |interval| entry.interval.or(interval)),
        threshold: entry.threshold.or(known.threshold),
        ..entry.clone()
    };
    rule(&merged, (paid, granted), known.id, known.created_at, now)
}

/// A rule, if the entry names a trigger with what that needs: an interval, or a threshold from 0.
fn rule(
    entry: &RuleEntry,
    (paid, granted): (Decimal, Decimal),
    id: WalletRuleId,
    created_at: Instant,
    since: Instant,
) -> Option<Rule> {
    let trigger = entry.trigger.value()?;
    let interval = entry.interval.value();
    let threshold = entry.threshold.value().and_then(|threshold| usable(threshold, None));
    let is_complete = match trigger {
        Trigger::Interval => interval.is_some(),
        Trigger::Threshold => threshold.is_some(),
    };
    is_complete.then(|| Rule {
        id,
        trigger,
        interval,
        threshold: threshold.unwrap_or_default(),
        paid,
        granted,
        created_at,
        since,
    })
}
