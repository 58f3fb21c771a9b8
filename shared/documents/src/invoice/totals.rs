//! The totals block (chapter 04, 13.4).

use std::cmp::Reverse;

use rust_decimal::Decimal;

use super::Pen;
use crate::locale::fill;
use crate::page::Sum;
use crate::source::{AppliedTax, Body, CouponValue, InvoiceSource};

/// From the first deduction to what is due. Taxes stand highest rate first; deductions are printed with a minus.
pub(super) fn sums(pen: &Pen, invoice: &InvoiceSource) -> Vec<Sum> {
    let totals = &invoice.totals;
    let sum = |label: &str, amount: String| Sum { label: label.to_owned(), amount };
    // Minor units are far from the end of their range; saturating spares a panic that cannot be tested.
    let deduction = |cents: i64| pen.money(cents.saturating_neg());

    let total = sum(pen.words.total_due, pen.money(totals.total_cents));
    let with_coupons = match &invoice.body {
        Body::Credit(_) => return vec![total],
        Body::OneOff(_) => false,
        Body::Subscriptions(_) | Body::AdvanceCharges(_) => true,
    };

    let mut sums = Vec::new();
    if with_coupons {
        sums.extend(totals.coupons.iter().map(|coupon| {
            let value = match coupon.value {
                CouponValue::Percentage(rate) => pen.locale.coupon_percent(rate),
                CouponValue::Fixed(cents) => pen.money(cents),
            };
            let label = fill(pen.words.coupon, &[("name", &coupon.name), ("value", &value)]);
            Sum { label, amount: deduction(coupon.amount_cents) }
        }));
    }
    sums.push(sum(pen.words.subtotal_excl_tax, pen.money(totals.sub_total_excluding_taxes_cents)));
    sums.extend(taxes(pen, &totals.taxes));
    sums.push(sum(pen.words.subtotal_incl_tax, pen.money(totals.sub_total_including_taxes_cents)));
    if totals.credit_notes_cents != 0 {
        sums.push(sum(pen.words.credit_notes, deduction(totals.credit_notes_cents)));
    }
    if let Some(prepaid) = totals.prepaid_credits_cents {
        sums.push(sum(pen.words.prepaid_credits, deduction(prepaid)));
    }
    sums.push(total);
    sums
}

/// The taxes of a document, highest rate first; a line that says so if there are none.
pub(crate) fn taxes(pen: &Pen, taxes: &[AppliedTax]) -> Vec<Sum> {
    if taxes.is_empty() {
        let rate = pen.locale.whole_percent(Decimal::ZERO);
        return vec![Sum { label: fill(pen.words.no_tax, &[("rate", &rate)]), amount: pen.money(0) }];
    }
    let mut highest_first: Vec<&AppliedTax> = taxes.iter().collect();
    highest_first.sort_by_key(|tax| Reverse(tax.rate));
    let line = |tax: &AppliedTax| {
        let (rate, base) = (pen.locale.percent(tax.rate), pen.money(tax.base_cents));
        let label = fill(pen.words.tax_on, &[("name", &tax.name), ("rate", &rate), ("base", &base)]);
        Sum { label, amount: pen.money(tax.amount_cents) }
    };
    highest_first.into_iter().map(line).collect()
}
