//! Wallets and their transactions (chapter 05, 2.14 and 2.15; chapter 06, 14; chapter 09).

use domain::id::WalletId;
use domain::number;
use domain::time::Interval;
use domain::wallet::{
    Direction, Expiration, NewWallet, Ongoing, Rule, RuleEntry, Sent, TopUpRequest, Trigger, Wallet, WalletTransaction,
    WalletUpdate,
};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;

use crate::format;
use crate::input::{self, Field, Fields};

/// `wallet` of `POST /wallets`.
#[must_use]
pub fn parse_new(fields: Fields<'_>) -> NewWallet {
    NewWallet {
        external_customer_id: fields.text("external_customer_id").value(),
        rate: sent_number(fields, "rate_amount"),
        currency: fields.text("currency").value(),
        name: fields.text("name").value(),
        paid: sent_decimal(fields, "paid_credits"),
        granted: sent_decimal(fields, "granted_credits"),
        // An explicit null means the same as an absent key on creation (chapter 09).
        expiration: match expiration(fields) {
            Expiration::Never => expiration_date(fields),
            other => other,
        },
        rules: rules(fields),
    }
}

/// `wallet` of `PUT /wallets/:id`.
#[must_use]
pub fn parse_update(fields: Fields<'_>) -> WalletUpdate {
    WalletUpdate { name: fields.text("name").sent(), expiration: expiration(fields), rules: rules(fields) }
}

/// `wallet_transaction` of `POST /wallet_transactions`.
#[must_use]
pub fn parse_top_up(fields: Fields<'_>) -> TopUpRequest {
    TopUpRequest {
        wallet_id: fields.id::<WalletId>("wallet_id"),
        paid: sent_decimal(fields, "paid_credits"),
        granted: sent_decimal(fields, "granted_credits"),
    }
}

/// A decimal that must be sent as a text (chapter 05, 1.3): a number is none. Lists and objects count as absent.
fn sent_decimal(fields: Fields<'_>, name: &str) -> Sent<Decimal> {
    match fields.raw(name) {
        None | Some(Value::Array(_) | Value::Object(_)) => Sent::Absent,
        Some(Value::Null) => Sent::Null,
        Some(Value::String(text)) => number::parse(text).map_or(Sent::Bad, Sent::Set),
        Some(Value::Number(_) | Value::Bool(_)) => Sent::Bad,
    }
}

/// A decimal, as number or text.
fn sent_number(fields: Fields<'_>, name: &str) -> Sent<Decimal> {
    let mut problems = domain::problem::Problems::default();
    match fields.decimal(name, &mut problems) {
        Field::Set(value) => Sent::Set(value),
        Field::Null => Sent::Null,
        Field::Absent if problems.is_empty() => Sent::Absent,
        Field::Absent => Sent::Bad,
    }
}

/// `expiration_at`, else the deprecated `expiration_date`.
fn expiration(fields: Fields<'_>) -> Expiration {
    match fields.text("expiration_at") {
        Field::Absent => expiration_date(fields),
        Field::Null => Expiration::Never,
        Field::Set(text) if text.trim().is_empty() => Expiration::Never,
        Field::Set(text) => input::instant(&text).map_or(Expiration::Unreadable, Expiration::At),
    }
}

fn expiration_date(fields: Fields<'_>) -> Expiration {
    let mut problems = domain::problem::Problems::default();
    match fields.date("expiration_date", &mut problems) {
        Field::Set(date) => Expiration::On(date),
        Field::Null => Expiration::Never,
        Field::Absent if problems.is_empty() => Expiration::Unsaid,
        Field::Absent => Expiration::Unreadable,
    }
}

fn rules(fields: Fields<'_>) -> Option<Vec<RuleEntry>> {
    let entries = fields.objects("recurring_transaction_rules").value()?;
    Some(entries.into_iter().map(rule).collect())
}

fn rule(fields: Fields<'_>) -> RuleEntry {
    RuleEntry {
        id: fields.id("lago_id"),
        trigger: word(fields, "rule_type", |word| match word {
            "interval" => Some(Trigger::Interval),
            "threshold" => Some(Trigger::Threshold),
            _ => None,
        }),
        interval: word(fields, "interval", |word| word.parse::<Interval>().ok()),
        threshold: sent_decimal(fields, "threshold_credits"),
        paid: sent_decimal(fields, "paid_credits"),
        granted: sent_decimal(fields, "granted_credits"),
    }
}

fn word<T>(fields: Fields<'_>, name: &str, parse: impl Fn(&str) -> Option<T>) -> Sent<T> {
    match fields.text(name) {
        Field::Absent => Sent::Absent,
        Field::Null => Sent::Null,
        Field::Set(text) => parse(&text).map_or(Sent::Bad, Sent::Set),
    }
}

/// A wallet as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Wallet")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 14 and chapter 09.
pub struct Output {
    pub lago_id: String,
    pub lago_customer_id: String,
    pub external_customer_id: String,
    pub status: &'static str,
    pub currency: &'static str,
    pub name: Option<String>,
    pub rate_amount: String,
    pub credits_balance: String,
    pub balance_cents: i64,
    pub consumed_credits: String,
    pub credits_ongoing_balance: String,
    pub credits_ongoing_usage_balance: String,
    pub ongoing_balance_cents: i64,
    pub ongoing_usage_balance_cents: i64,
    pub created_at: String,
    pub expiration_at: Option<String>,
    pub last_balance_sync_at: Option<String>,
    pub last_consumed_credit_at: Option<String>,
    pub terminated_at: Option<String>,
    pub expiration_date: Option<String>,
    pub balance: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurring_transaction_rules: Option<Vec<RuleOutput>>,
}

/// A recurring rule of a wallet.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "RecurringTransactionRule")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 14.
pub struct RuleOutput {
    pub lago_id: String,
    pub rule_type: &'static str,
    pub paid_credits: String,
    pub granted_credits: String,
    pub interval: Option<&'static str>,
    pub threshold_credits: String,
    pub created_at: String,
}

impl From<&Rule> for RuleOutput {
    fn from(rule: &Rule) -> RuleOutput {
        RuleOutput {
            lago_id: rule.id.to_string(),
            rule_type: rule.trigger.as_str(),
            paid_credits: format::decimal(rule.paid),
            granted_credits: format::decimal(rule.granted),
            interval: rule.interval.map(Interval::as_str),
            threshold_credits: format::decimal(rule.threshold),
            created_at: format::timestamp(rule.created_at),
        }
    }
}

impl Output {
    /// A wallet as lists show it, without its rules.
    #[must_use]
    pub fn new(wallet: &Wallet, external_customer_id: &str, ongoing: Ongoing) -> Output {
        let decimals = wallet.currency.exponent() as usize;
        Output {
            lago_id: wallet.id.to_string(),
            lago_customer_id: wallet.customer_id.to_string(),
            external_customer_id: external_customer_id.to_owned(),
            status: if wallet.is_active() { "active" } else { "terminated" },
            currency: wallet.currency.code(),
            name: wallet.name.clone(),
            rate_amount: format::decimal(wallet.rate),
            credits_balance: format::decimal(wallet.balance.credits),
            balance_cents: wallet.balance.cents,
            consumed_credits: format::decimal(wallet.balance.consumed),
            credits_ongoing_balance: format::decimal(ongoing.credits),
            credits_ongoing_usage_balance: format::decimal(ongoing.usage_credits),
            ongoing_balance_cents: ongoing.cents,
            ongoing_usage_balance_cents: ongoing.usage_cents,
            created_at: format::timestamp(wallet.created_at),
            expiration_at: wallet.expiration_at.map(format::timestamp),
            last_balance_sync_at: wallet.last_balance_sync_at.map(format::timestamp),
            last_consumed_credit_at: wallet.last_consumed_at.map(format::timestamp),
            terminated_at: wallet.terminated_at().map(format::timestamp_ms),
            expiration_date: wallet.expiration_at.map(|at| format::date(at.date_naive())),
            balance: format!("{:.decimals$}", wallet.currency.units(wallet.balance.cents)),
            recurring_transaction_rules: None,
        }
    }

    /// The same with its rules: single reads and writes.
    #[must_use]
    pub fn with_rules(self, wallet: &Wallet) -> Output {
        Output { recurring_transaction_rules: Some(wallet.rule.iter().map(RuleOutput::from).collect()), ..self }
    }
}

/// A transaction of a wallet.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "WalletTransaction")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 14 and chapter 09.
pub struct TransactionOutput {
    pub lago_id: String,
    pub lago_wallet_id: String,
    pub status: &'static str,
    pub source: &'static str,
    pub transaction_status: &'static str,
    pub transaction_type: &'static str,
    pub amount: String,
    pub credit_amount: String,
    pub settled_at: Option<String>,
    pub created_at: String,
}

impl From<&WalletTransaction> for TransactionOutput {
    fn from(transaction: &WalletTransaction) -> TransactionOutput {
        TransactionOutput {
            lago_id: transaction.id.to_string(),
            lago_wallet_id: transaction.wallet_id.to_string(),
            status: transaction.status(),
            source: transaction.source.as_str(),
            transaction_status: transaction.purpose.as_str(),
            transaction_type: transaction.purpose.direction().as_str(),
            amount: format::decimal(transaction.amount),
            credit_amount: format::decimal(transaction.credits),
            settled_at: transaction.settled_at.map(format::timestamp),
            created_at: format::timestamp(transaction.created_at),
        }
    }
}

/// The filters of `GET /wallets/:id/wallet_transactions`. Lists are unions; unknown words filter nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransactionFilter {
    statuses: Vec<&'static str>,
    directions: Vec<&'static str>,
}

impl TransactionFilter {
    /// From the query's values of `status` and `transaction_type`.
    #[must_use]
    pub fn parse(statuses: &[&str], types: &[&str]) -> TransactionFilter {
        let known = |words: [&'static str; 2], asked: &[&str]| -> Vec<&'static str> {
            words.into_iter().filter(|word| asked.contains(word)).collect()
        };
        let directions = [Direction::Inbound.as_str(), Direction::Outbound.as_str()];
        TransactionFilter { statuses: known(["pending", "settled"], statuses), directions: known(directions, types) }
    }

    /// Whether it lets everything through.
    #[must_use]
    pub fn filters_nothing(&self) -> bool {
        self.statuses.is_empty() && self.directions.is_empty()
    }

    /// Whether a transaction is asked for.
    #[must_use]
    pub fn matches(&self, transaction: &WalletTransaction) -> bool {
        let direction = transaction.purpose.direction().as_str();
        (self.statuses.is_empty() || self.statuses.contains(&transaction.status()))
            && (self.directions.is_empty() || self.directions.contains(&direction))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
