//! Statements: the entries of a ledger one after the other, each with the balance that it leaves.

use std::ops::Range;

use uuid::Uuid;

use super::{Account, AccountKind, Balances, Entry, Posting};
use crate::id::{CustomerId, derived};
use crate::money::Currency;

/// Which accounts a statement shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only accounts of this kind.
    pub kind: Option<AccountKind>,
    /// Only the account of this object.
    pub id: Option<Uuid>,
}

impl Filter {
    fn matches(&self, account: &Account) -> bool {
        self.kind.is_none_or(|kind| kind == account.kind) && self.id.is_none_or(|id| Some(id) == account.id)
    }
}

/// One entry of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// The entry's id.
    pub id: Uuid,
    /// The id of its posting: the entries that balance each other share it.
    pub posting_id: Uuid,
    /// Its posting.
    pub posting: &'a Posting,
    /// The entry.
    pub entry: Entry,
    /// The balance of its account after it, minor units.
    pub balance: i128,
}

/// An account over the lines of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The account.
    pub account: Account,
    /// Its currency.
    pub currency: Currency,
    /// Its balance before the first line, minor units.
    pub opening: i128,
    /// Its balance after the last line.
    pub closing: i128,
    /// Its balance of now.
    pub balance: i128,
}

/// A part of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The lines asked for, oldest first.
    pub lines: Vec<Line<'a>>,
    /// How many there are in all.
    pub total: usize,
    /// Every account that the filter lets through, in order of kind and id.
    pub accounts: Vec<Summary>,
}

/// The statement of a customer's ledger. `transactions` are the postings of each commit with its creation sequence, in order;
/// `range` chooses the lines, given how many there are.
#[must_use]
pub fn statement<'a>(
    customer: CustomerId,
    transactions: &[(i64, &'a [Posting])],
    filter: Filter,
    range: impl FnOnce(usize) -> Range<usize>,
) -> Statement<'a> {
    let mut lines = Vec::new();
    let mut running = Balances::new();
    for (seq, postings) in transactions {
        let id = |words: &str, posting: usize, entry: usize| {
            let place = [posting, entry].map(|place| (place as u64).to_be_bytes()).concat();
            derived(words, &[customer.0.as_bytes(), &seq.to_be_bytes(), &place])
        };
        for (position, posting) in postings.iter().enumerate() {
            let entries = posting.entries.iter().enumerate().filter(|(_, entry)| filter.matches(&entry.account));
            for (place, entry) in entries {
                let balance = running.entry((entry.account, posting.currency)).or_default();
                *balance += entry.change();
                lines.push(Line {
                    id: id("ledger entry", position, place),
                    posting_id: id("ledger posting", position, 0),
                    posting,
                    entry: *entry,
                    balance: *balance,
                });
            }
        }
    }
    let total = lines.len();
    let Range { start, end } = range(total);
    let (start, end) = (start.min(total), end.clamp(start.min(total), total));
    let after = |count: usize, account: Account, currency: Currency| {
        let of_account = |line: &&Line<'_>| line.entry.account == account && line.posting.currency == currency;
        lines[..count].iter().rfind(of_account).map_or(0, |line| line.balance)
    };
    let accounts = running
        .iter()
        .map(|((account, currency), balance)| Summary {
            account: *account,
            currency: *currency,
            opening: after(start, *account, *currency),
            closing: after(end, *account, *currency),
            balance: *balance,
        })
        .collect();
    Statement { lines: lines.drain(start..end).collect(), total, accounts }
}
