//! Stored forms of wallets and of their transactions.

use domain::id::{CustomerId, InvoiceId, WalletId, WalletRuleId, WalletTransactionId};
use domain::ledger::{self, Movement};
use domain::money::Currency;
use domain::time::Interval;
use domain::wallet::{Balance, OwedTopUp, Purpose, Rule, Source, State, Trigger, Wallet, WalletTransaction};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::form::{Micros, Text, all, at, of_text, words};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

words!(Trigger { Interval = "interval", Threshold = "threshold" });
words!(Source { Manual = "manual", Interval = "interval", Threshold = "threshold" });
words!(Purpose { Purchased = "purchased", Granted = "granted", Invoiced = "invoiced", Voided = "voided" });

/// The stored form of a wallet.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredWallet {
    id: Text<WalletId>,
    customer_id: Text<CustomerId>,
    currency: Text<Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    rate: Text<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    terminated_at: Option<Micros>,
    balance_cents: i64,
    balance_credits: Text<Decimal>,
    consumed_credits: Text<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_at: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<StoredRule>,
    owed: Vec<StoredOwedTopUp>,
    /// Since schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    look_at: Option<Micros>,
    /// Since schema 2.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_low_by_usage: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_interval_at: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_balance_sync_at: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_consumed_at: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_due: Option<Micros>,
    created_at: Micros,
    created_seq: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRule {
    id: Text<WalletRuleId>,
    trigger: Text<Trigger>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<Text<Interval>>,
    threshold: Text<Decimal>,
    paid: Text<Decimal>,
    granted: Text<Decimal>,
    created_at: Micros,
    since: Micros,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredOwedTopUp {
    at: Micros,
    occasion: Uuid,
    source: Text<Source>,
    paid: Text<Decimal>,
    granted: Text<Decimal>,
}

impl From<&Rule> for StoredRule {
    fn from(rule: &Rule) -> Self {
        let Rule { id, trigger, interval, threshold, paid, granted, created_at, since } = rule;
        StoredRule {
            id: Text(*id),
            trigger: Text(*trigger),
            interval: interval.map(Text),
            threshold: Text(*threshold),
            paid: Text(*paid),
            granted: Text(*granted),
            created_at: Micros(*created_at),
            since: Micros(*since),
        }
    }
}

impl From<StoredRule> for Rule {
    fn from(stored: StoredRule) -> Self {
        Rule {
            id: stored.id.0,
            trigger: stored.trigger.0,
            interval: of_text(stored.interval),
            threshold: stored.threshold.0,
            paid: stored.paid.0,
            granted: stored.granted.0,
            created_at: stored.created_at.0,
            since: stored.since.0,
        }
    }
}

impl From<&OwedTopUp> for StoredOwedTopUp {
    fn from(owed: &OwedTopUp) -> Self {
        let OwedTopUp { at, occasion, source, paid, granted } = owed;
        StoredOwedTopUp {
            at: Micros(*at),
            occasion: *occasion,
            source: Text(*source),
            paid: Text(*paid),
            granted: Text(*granted),
        }
    }
}

impl From<StoredOwedTopUp> for OwedTopUp {
    fn from(stored: StoredOwedTopUp) -> Self {
        let StoredOwedTopUp { at, occasion, source, paid, granted } = stored;
        OwedTopUp { at: at.0, occasion, source: source.0, paid: paid.0, granted: granted.0 }
    }
}

impl Record for Wallet {
    const KIND: &'static str = "wallet";
    const SCHEMA: u32 = 2;
    type Stored = StoredWallet;

    fn key(&self, scope: Scope) -> Key {
        keys::wallet(scope.organization, self.id)
    }

    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        let Scope { organization, timeline } = scope;
        let (at, seq) = (self.created_at, self.created_seq);
        let listed = keys::in_children(organization, self.customer_id.0, keys::WALLETS, at, seq);
        let due = self.next_due.map(|at| keys::due(organization, timeline, self.id.0, at));
        std::iter::once(listed).chain(due).collect()
    }

    fn movements(before: Option<&Self>, after: &Self) -> Vec<Movement> {
        ledger::of_wallet(before, after)
    }

    fn to_stored(&self) -> StoredWallet {
        let Wallet {
            id,
            customer_id,
            currency,
            name,
            rate,
            state: _,
            balance: Balance { cents, credits, consumed },
            expiration_at,
            rule,
            owed,
            look_at,
            is_low_by_usage,
            last_interval_at,
            last_balance_sync_at,
            last_consumed_at,
            next_due,
            created_at,
            created_seq,
        } = self;
        StoredWallet {
            id: Text(*id),
            customer_id: Text(*customer_id),
            currency: Text(*currency),
            name: name.clone(),
            rate: Text(*rate),
            terminated_at: self.terminated_at().map(Micros),
            balance_cents: *cents,
            balance_credits: Text(*credits),
            consumed_credits: Text(*consumed),
            expiration_at: expiration_at.map(Micros),
            rule: rule.as_ref().map(StoredRule::from),
            owed: all(owed),
            look_at: look_at.map(Micros),
            is_low_by_usage: *is_low_by_usage,
            last_interval_at: last_interval_at.map(Micros),
            last_balance_sync_at: last_balance_sync_at.map(Micros),
            last_consumed_at: last_consumed_at.map(Micros),
            next_due: next_due.map(Micros),
            created_at: Micros(*created_at),
            created_seq: *created_seq,
        }
    }

    fn from_stored(stored: StoredWallet) -> Result<Self, DecodeError> {
        let state = match stored.terminated_at {
            None => State::Active,
            Some(Micros(terminated_at)) => State::Terminated { terminated_at },
        };
        Ok(Wallet {
            id: stored.id.0,
            customer_id: stored.customer_id.0,
            currency: stored.currency.0,
            name: stored.name,
            rate: stored.rate.0,
            state,
            balance: Balance {
                cents: stored.balance_cents,
                credits: stored.balance_credits.0,
                consumed: stored.consumed_credits.0,
            },
            expiration_at: at(stored.expiration_at),
            rule: stored.rule.map(Rule::from),
            owed: stored.owed.into_iter().map(OwedTopUp::from).collect(),
            look_at: at(stored.look_at),
            is_low_by_usage: stored.is_low_by_usage,
            last_interval_at: at(stored.last_interval_at),
            last_balance_sync_at: at(stored.last_balance_sync_at),
            last_consumed_at: at(stored.last_consumed_at),
            next_due: at(stored.next_due),
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
        })
    }
}

/// The stored form of a transaction.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredWalletTransaction {
    id: Text<WalletTransactionId>,
    wallet_id: Text<WalletId>,
    purpose: Text<Purpose>,
    source: Text<Source>,
    amount: Text<Decimal>,
    credits: Text<Decimal>,
    rate: Text<Decimal>,
    cents: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_id: Option<Text<InvoiceId>>,
    created_at: Micros,
    created_seq: i64,
}

impl Record for WalletTransaction {
    const KIND: &'static str = "wallet_transaction";
    const SCHEMA: u32 = 1;
    type Stored = StoredWalletTransaction;

    fn key(&self, scope: Scope) -> Key {
        keys::wallet_transaction(scope.organization, self.id)
    }

    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        let (at, seq) = (self.created_at, self.created_seq);
        vec![keys::in_children(scope.organization, self.wallet_id.0, keys::WALLET_TRANSACTIONS, at, seq)]
    }

    fn movements(before: Option<&Self>, after: &Self) -> Vec<Movement> {
        ledger::of_wallet_transaction(before, after)
    }

    fn to_stored(&self) -> StoredWalletTransaction {
        let WalletTransaction {
            id,
            wallet_id,
            purpose,
            source,
            amount,
            credits,
            rate,
            cents,
            settled_at,
            invoice_id,
            created_at,
            created_seq,
        } = self;
        StoredWalletTransaction {
            id: Text(*id),
            wallet_id: Text(*wallet_id),
            purpose: Text(*purpose),
            source: Text(*source),
            amount: Text(*amount),
            credits: Text(*credits),
            rate: Text(*rate),
            cents: *cents,
            settled_at: settled_at.map(Micros),
            invoice_id: invoice_id.map(Text),
            created_at: Micros(*created_at),
            created_seq: *created_seq,
        }
    }

    fn from_stored(stored: StoredWalletTransaction) -> Result<Self, DecodeError> {
        Ok(WalletTransaction {
            id: stored.id.0,
            wallet_id: stored.wallet_id.0,
            purpose: stored.purpose.0,
            source: stored.source.0,
            amount: stored.amount.0,
            credits: stored.credits.0,
            rate: stored.rate.0,
            cents: stored.cents,
            settled_at: at(stored.settled_at),
            invoice_id: of_text(stored.invoice_id),
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
        })
    }
}
