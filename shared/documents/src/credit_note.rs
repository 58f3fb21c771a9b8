//! A credit note as a page of words (chapter 04, 13.5).
//!
//! Owns the content, the order and the wording. Computes no amount.

use crate::invoice::{PRODUCT, Pen, address, customer_facts, lines, page_number, taxes};
use crate::locale::{Words, fill};
use crate::page::{Fact, Line, Page, Row, Section, Sheet, Sum};
use crate::source::{CreditNoteSource, CreditedCharge, CreditedItem, CreditedSubscription};

/// Sets a group's name apart from its charge's.
const INDENT: char = '\u{2003}';

/// The page of a credit note.
#[must_use]
pub fn page(note: &CreditNoteSource) -> Page {
    let pen = Pen { locale: note.locale, currency: note.currency, words: note.locale.words() };
    let title = pen.words.credit_note;
    Page {
        locale: note.locale,
        date: note.issuing_date,
        title: title.to_owned(),
        name: format!("{title} {}", note.number),
        logo: note.seller.logo.clone(),
        facts: facts(&pen, note),
        customer_facts: customer_facts(&note.buyer),
        from: address(&pen, pen.words.from, &note.seller.party),
        to: address(&pen, pen.words.credit_to, &note.buyer.party),
        headline: pen.money(note.total_cents),
        headline_note: given_back_on(&pen, note),
        sheets: vec![sheet(&pen, note)],
        notices: note.tax_notices.iter().map(|notice| pen.tax_notice(*notice, &note.seller.party)).collect(),
        footer: note.footer.as_deref().map(lines).unwrap_or_default(),
        powered_by: fill(pen.words.powered_by, &[("product", PRODUCT)]),
        page_number: page_number(pen.words),
    }
}

fn facts(pen: &Pen, note: &CreditNoteSource) -> Vec<Fact> {
    [
        (pen.words.credit_note_number, note.number.clone()),
        (pen.words.invoice_number, note.invoice_number.clone()),
        (pen.words.credit_issue_date, pen.locale.date(note.issuing_date)),
    ]
    .map(|(label, value)| Fact { label: label.to_owned(), value })
    .to_vec()
}

/// Where the money goes: to the balance, out, or both.
fn given_back_on(pen: &Pen, note: &CreditNoteSource) -> Option<String> {
    let words = match (note.credit_cents > 0, note.refund_cents > 0) {
        (true, true) => pen.words.credited_and_refunded_on,
        (true, false) => pen.words.credited_on,
        (false, true) => pen.words.refunded_on,
        (false, false) => return None,
    };
    Some(fill(words, &[("date", &pen.locale.date(note.issuing_date))]))
}

fn sheet(pen: &Pen, note: &CreditNoteSource) -> Sheet {
    // Charges of several subscriptions are told apart by a heading.
    let several = note.subscriptions.len() > 1;
    let mut sections: Vec<Section> = note
        .subscriptions
        .iter()
        .map(|subscription| Section {
            heading: several.then(|| subscription.name.clone()),
            rows: subscription_rows(pen, subscription),
        })
        .collect();
    if !note.add_ons.is_empty() {
        let rows = note.add_ons.iter().map(|item| Row::Item(line(pen, item.name.clone(), item))).collect();
        sections.push(Section { heading: None, rows });
    }
    let Words { item, tax_rate, amount_excl_tax, .. } = pen.words;
    Sheet {
        title: None,
        columns: [item, tax_rate, amount_excl_tax].map(|&heading| heading.to_owned()).to_vec(),
        sections,
        totals: sums(pen, note),
        breakdowns: Vec::new(),
    }
}

fn subscription_rows(pen: &Pen, subscription: &CreditedSubscription) -> Vec<Row> {
    let label = fill(pen.words.subscription, &[("name", &subscription.name)]);
    let own = subscription.items.iter().map(|item| Row::Item(line(pen, label.clone(), item)));
    let charges = subscription.charges.iter().flat_map(|charge| charge_rows(pen, charge));
    own.chain(charges).collect()
}

/// The items of a charge: its groups below its name, its true-up at the end.
fn charge_rows(pen: &Pen, charge: &CreditedCharge) -> Vec<Row> {
    let plain = charge.items.iter().map(|item| line(pen, charge.name.clone(), item));
    let heading = (!charge.groups.is_empty()).then(|| Line {
        label: charge.name.clone(),
        notes: Vec::new(),
        cells: vec![Vec::new(), Vec::new()],
    });
    let groups = charge.groups.iter().map(|item| line(pen, format!("{INDENT}{}", item.name), item));
    let true_up = fill(pen.words.true_up, &[("charge", &charge.name)]);
    let true_ups = charge.true_ups.iter().map(|item| line(pen, true_up.clone(), item));
    plain.chain(heading).chain(groups).chain(true_ups).map(Row::Item).collect()
}

fn line(pen: &Pen, label: String, item: &CreditedItem) -> Line {
    Line { label, notes: Vec::new(), cells: vec![pen.tax_rates(&item.tax_rates), vec![pen.money(item.amount_cents)]] }
}

fn sums(pen: &Pen, note: &CreditNoteSource) -> Vec<Sum> {
    let sum = |label: &str, cents: i64| Sum { label: label.to_owned(), amount: pen.money(cents) };
    let some = |label: &str, cents: i64| (cents > 0).then(|| sum(label, cents));
    let coupons = (note.coupons_adjustment_cents > 0)
        .then(|| sum(pen.words.coupons, note.coupons_adjustment_cents.saturating_neg()));
    let mut sums: Vec<Sum> = coupons.into_iter().collect();
    sums.push(sum(pen.words.subtotal_excl_tax, note.sub_total_excluding_taxes_cents));
    sums.extend(taxes(pen, &note.taxes));
    sums.extend(some(pen.words.credited, note.credit_cents));
    sums.extend(some(pen.words.refunded, note.refund_cents));
    sums.push(sum(pen.words.total, note.total_cents));
    sums
}
