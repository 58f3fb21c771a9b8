//! An invoice as a page of words (chapter 04, 13.2 to 13.4).
//!
//! Owns the content, the order and the wording. Computes no amount, except that the rows of a summary sum up the fees
//! that they stand for.

mod charge;
mod subscription;
mod totals;

pub(crate) use totals::taxes;

use std::cmp::Reverse;

use domain::money::Currency;
use rust_decimal::Decimal;

use crate::locale::{Locale, Words, fill};
use crate::page::{Address, Fact, Line, Page, Row, Section, Sheet};
use crate::source::{AddOnFee, AdvanceFee, Body, Buyer, CreditPurchase, DaysUsed, InvoiceSource, Party, TaxNotice};

/// Whose work the documents are.
pub(crate) const PRODUCT: &str = "Weir";

/// The page of an invoice.
#[must_use]
pub fn page(invoice: &InvoiceSource) -> Page {
    let pen = Pen { locale: invoice.locale, currency: invoice.currency, words: invoice.locale.words() };
    let title = match &invoice.body {
        Body::Credit(_) => pen.words.advance_invoice,
        Body::Subscriptions(_) | Body::AdvanceCharges(_) | Body::OneOff(_) => pen.words.invoice,
    };
    Page {
        locale: invoice.locale,
        date: invoice.issuing_date,
        title: title.to_owned(),
        name: format!("{title} {}", invoice.number),
        logo: invoice.seller.logo.clone(),
        facts: facts(&pen, invoice),
        customer_facts: customer_facts(&invoice.buyer),
        from: address(&pen, pen.words.from, &invoice.seller.party),
        to: address(&pen, pen.words.bill_to, &invoice.buyer.party),
        headline: pen.money(invoice.totals.total_cents),
        headline_note: invoice.payment_due_date.map(|due| fill(pen.words.due, &[("date", &pen.locale.date(due))])),
        sheets: sheets(&pen, invoice),
        notices: invoice.tax_notices.iter().map(|notice| pen.tax_notice(*notice, &invoice.seller.party)).collect(),
        footer: invoice.footer.as_deref().map(lines).unwrap_or_default(),
        powered_by: fill(pen.words.powered_by, &[("product", PRODUCT)]),
        page_number: page_number(pen.words),
    }
}

/// What every line needs: language and currency.
pub(crate) struct Pen {
    pub(crate) locale: Locale,
    pub(crate) currency: Currency,
    pub(crate) words: &'static Words,
}

impl Pen {
    pub(crate) fn money(&self, minor_units: i64) -> String {
        self.locale.money(self.currency, minor_units)
    }

    fn amount(&self, amount: Decimal) -> String {
        self.locale.amount(self.currency, amount)
    }

    fn price(&self, price: Decimal) -> String {
        self.locale.unit_price(self.currency, price)
    }

    fn number(&self, number: impl Into<Decimal>) -> String {
        self.locale.number(number.into())
    }

    /// Rates of a fee, highest first, one per line.
    pub(crate) fn tax_rates(&self, rates: &[Decimal]) -> Vec<String> {
        if rates.is_empty() {
            return vec![self.locale.percent(Decimal::ZERO)];
        }
        let mut highest_first = rates.to_vec();
        highest_first.sort_by_key(|rate| Reverse(*rate));
        highest_first.into_iter().map(|rate| self.locale.percent(rate)).collect()
    }

    fn days_used(&self, days: DaysUsed) -> String {
        fill(self.words.days_used, &[("used", &self.number(days.used)), ("total", &self.number(days.total))])
    }

    /// The columns of a table of fees.
    fn fee_columns(&self) -> Vec<String> {
        let Words { item, units, unit_price, tax_rate, amount_excl_tax, .. } = self.words;
        [item, units, unit_price, tax_rate, amount_excl_tax].map(|&heading| heading.to_owned()).to_vec()
    }

    pub(crate) fn tax_notice(&self, notice: TaxNotice, seller: &Party) -> String {
        let french = seller.country.as_deref() == Some("FR");
        match (notice, french) {
            (TaxNotice::ReverseCharge, false) => self.words.reverse_charge,
            (TaxNotice::ReverseCharge, true) => self.words.reverse_charge_french,
            (TaxNotice::Exempt, false) => self.words.tax_exempt,
            (TaxNotice::Exempt, true) => self.words.tax_exempt_french,
        }
        .to_owned()
    }
}

fn facts(pen: &Pen, invoice: &InvoiceSource) -> Vec<Fact> {
    let term = match invoice.net_payment_term_days {
        1 => pen.words.day.to_owned(),
        days => fill(pen.words.days, &[("count", &pen.number(days))]),
    };
    [
        (pen.words.invoice_number, invoice.number.clone()),
        (pen.words.issue_date, pen.locale.date(invoice.issuing_date)),
        (pen.words.payment_term, term),
    ]
    .map(|(label, value)| Fact { label: label.to_owned(), value })
    .to_vec()
}

pub(crate) fn customer_facts(buyer: &Buyer) -> Vec<Fact> {
    let metadata = buyer.metadata.iter();
    metadata.map(|entry| Fact { label: entry.key.clone(), value: entry.value.clone() }).collect()
}

pub(crate) fn address(pen: &Pen, heading: &str, party: &Party) -> Address {
    let present = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let town: Vec<String> = [&party.zipcode, &party.city].into_iter().filter_map(present).collect();
    let lines = [
        present(&party.legal_number),
        present(&party.address_line1),
        present(&party.address_line2),
        Some(town.join(" ")).filter(|town| !town.is_empty()),
        present(&party.state),
        present(&party.country).map(|code| country_name(&code)),
        present(&party.email),
        present(&party.tax_id).map(|id| fill(pen.words.tax_id, &[("id", &id)])),
    ];
    Address {
        heading: heading.to_owned(),
        name: present(&party.legal_name).unwrap_or_else(|| party.name.clone()),
        lines: lines.into_iter().flatten().collect(),
    }
}

/// The English name of a country, or the code where no country has it.
fn country_name(code: &str) -> String {
    match code {
        // Its name in the standard does not fit on an envelope.
        "GB" => "United Kingdom".to_owned(),
        code => {
            code.parse().map_or_else(|_| code.to_owned(), |country: iso_currency::Country| country.name().to_owned())
        }
    }
}

fn sheets(pen: &Pen, invoice: &InvoiceSource) -> Vec<Sheet> {
    let totals = totals::sums(pen, invoice);
    let fees = |rows| Sheet {
        title: None,
        columns: pen.fee_columns(),
        sections: vec![Section { heading: None, rows }],
        totals: totals.clone(),
        breakdowns: Vec::new(),
    };
    match &invoice.body {
        Body::Subscriptions(subscriptions) => match subscriptions.as_slice() {
            [only] => vec![Sheet { title: None, totals, ..subscription::sheet(pen, only) }],
            several => {
                let summary = subscription::summary(pen, several, totals);
                let details = several.iter().map(|subscription| subscription::sheet(pen, subscription));
                std::iter::once(summary).chain(details).collect()
            }
        },
        Body::AdvanceCharges(charges) => {
            vec![fees(charges.iter().map(|fee| Row::Item(advance_line(pen, fee))).collect())]
        }
        Body::OneOff(add_ons) => vec![fees(add_ons.iter().map(|fee| Row::Item(add_on_line(pen, fee))).collect())],
        Body::Credit(purchase) => vec![credit_sheet(pen, purchase, totals)],
    }
}

fn advance_line(pen: &Pen, fee: &AdvanceFee) -> Line {
    // Fees of events keep no unit price (chapter 03, 6.2). A price of 0 beside an amount would be untrue: print none.
    let no_price = fee.precise_unit_amount.is_zero() && fee.amount_cents != 0;
    Line {
        label: charge::title(&fee.name, fee.group.as_deref()),
        notes: fee.days.map(|days| pen.days_used(days)).into_iter().collect(),
        cells: vec![
            vec![pen.number(fee.units)],
            if no_price { Vec::new() } else { vec![pen.price(fee.precise_unit_amount)] },
            pen.tax_rates(&fee.tax_rates),
            vec![pen.money(fee.amount_cents)],
        ],
    }
}

fn add_on_line(pen: &Pen, fee: &AddOnFee) -> Line {
    Line {
        label: fee.name.clone(),
        notes: fee.description.as_deref().map(lines).unwrap_or_default(),
        cells: vec![
            vec![pen.number(fee.units)],
            vec![pen.price(fee.precise_unit_amount)],
            pen.tax_rates(&fee.tax_rates),
            vec![pen.money(fee.amount_cents)],
        ],
    }
}

fn credit_sheet(pen: &Pen, purchase: &CreditPurchase, totals: Vec<crate::page::Sum>) -> Sheet {
    let label = match purchase.wallet_name.as_deref().filter(|name| !name.trim().is_empty()) {
        Some(wallet) => fill(pen.words.prepaid_credits_of, &[("wallet", wallet)]),
        None => pen.words.prepaid_credits.to_owned(),
    };
    let cells = vec![
        vec![pen.number(purchase.credits)],
        vec![pen.price(purchase.rate)],
        vec![pen.money(purchase.amount_cents)],
    ];
    let Words { item, units, unit_price, amount, .. } = pen.words;
    Sheet {
        title: None,
        columns: [item, units, unit_price, amount].map(|&heading| heading.to_owned()).to_vec(),
        sections: vec![Section { heading: None, rows: vec![Row::Item(Line { label, notes: Vec::new(), cells })] }],
        totals,
        breakdowns: Vec::new(),
    }
}

/// The lines of a text, without blank ones at its end.
pub(crate) fn lines(text: &str) -> Vec<String> {
    text.trim_end().lines().map(str::to_owned).collect()
}

/// The words around the page's number and the number of pages, which only the drawn page knows.
pub(crate) fn page_number(words: &Words) -> [String; 3] {
    let marked = fill(words.page_number, &[("page", "\u{0}"), ("pages", "\u{0}")]);
    let mut parts = marked.split('\u{0}').map(str::to_owned);
    [(); 3].map(|()| parts.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_have_names() {
        let check = |code: &str, expected: &str| assert_eq!(country_name(code), expected);
        check("DE", "Germany");
        check("US", "United States of America");
        check("GB", "United Kingdom");
        check("ZZ", "ZZ");
    }

    #[test]
    fn a_page_is_numbered_within_all_pages() {
        for locale in Locale::ALL {
            let [before, between, after] = page_number(locale.words());
            let text = fill(locale.words().page_number, &[("page", "1"), ("pages", "2")]);
            assert_eq!(format!("{before}1{between}2{after}"), text);
        }
    }
}
