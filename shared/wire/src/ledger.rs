//! The statement of a customer's ledger (ours: chapter 05, 2.4).

use domain::ledger::{self, AccountKind, DocumentKind, Filter, Line, Side, Summary};
use serde::Serialize;
use uuid::Uuid;

use crate::format;
use crate::list::Meta;

/// Which accounts a query asks for. An unknown word filters nothing; none if no account can have the id.
#[must_use]
pub fn filter(account_type: Option<&str>, account_id: Option<&str>) -> Option<Filter> {
    let id = match account_id {
        Some(text) => Some(Uuid::try_parse(text).ok()?),
        None => None,
    };
    Some(Filter { kind: account_type.and_then(AccountKind::parse), id })
}

/// A statement.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Statement")]
pub struct Output<'a> {
    ledger_entries: Vec<EntryOutput<'a>>,
    accounts: Vec<AccountOutput>,
    meta: Meta,
}

impl<'a> Output<'a> {
    /// From a statement and what `meta` says of its page.
    #[must_use]
    pub fn new(statement: &ledger::Statement<'a>, meta: Meta) -> Output<'a> {
        Output {
            ledger_entries: statement.lines.iter().map(EntryOutput::from).collect(),
            accounts: statement.accounts.iter().map(AccountOutput::from).collect(),
            meta,
        }
    }
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "LedgerEntry")]
struct EntryOutput<'a> {
    lago_id: Uuid,
    lago_transaction_id: Uuid,
    event: &'static str,
    created_at: String,
    account_type: &'static str,
    lago_account_id: Option<Uuid>,
    direction: &'static str,
    amount_cents: i64,
    amount_currency: &'static str,
    balance_cents: i64,
    document_type: &'static str,
    lago_document_id: Uuid,
    document_number: Option<&'a str>,
    lago_invoice_id: Option<Uuid>,
    invoice_number: Option<&'a str>,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "LedgerAccount")]
struct AccountOutput {
    account_type: &'static str,
    lago_account_id: Option<Uuid>,
    currency: &'static str,
    opening_balance_cents: i64,
    closing_balance_cents: i64,
    balance_cents: i64,
}

/// Balances are far from the end of 64 bits: each is a sum of documents that fit.
fn cents(balance: i128) -> i64 {
    i64::try_from(balance).unwrap_or(if balance < 0 { i64::MIN } else { i64::MAX })
}

impl<'a> From<&Line<'a>> for EntryOutput<'a> {
    fn from(line: &Line<'a>) -> EntryOutput<'a> {
        let posting = line.posting;
        let document = &posting.document;
        let own = (document.kind == DocumentKind::Invoice).then_some((document.id, document.number.as_deref()));
        let other = posting.invoice.as_ref().map(|name| (name.id.0, Some(name.number.as_str())));
        let (lago_invoice_id, invoice_number) = own.or(other).unzip();
        EntryOutput {
            lago_id: line.id,
            lago_transaction_id: line.posting_id,
            event: posting.event.as_str(),
            created_at: format::timestamp(posting.at),
            account_type: line.entry.account.kind.as_str(),
            lago_account_id: line.entry.account.id,
            direction: match line.entry.side {
                Side::Debit => "debit",
                Side::Credit => "credit",
            },
            amount_cents: line.entry.amount_cents,
            amount_currency: posting.currency.code(),
            balance_cents: cents(line.balance),
            document_type: document.kind.as_str(),
            lago_document_id: document.id,
            document_number: document.number.as_deref(),
            lago_invoice_id,
            invoice_number: invoice_number.flatten(),
        }
    }
}

impl From<&Summary> for AccountOutput {
    fn from(summary: &Summary) -> AccountOutput {
        AccountOutput {
            account_type: summary.account.kind.as_str(),
            lago_account_id: summary.account.id,
            currency: summary.currency.code(),
            opening_balance_cents: cents(summary.opening),
            closing_balance_cents: cents(summary.closing),
            balance_cents: cents(summary.balance),
        }
    }
}
