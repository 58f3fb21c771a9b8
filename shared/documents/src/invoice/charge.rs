//! The rows of charge fees, by charge model (chapter 04, 13.3).

use rust_decimal::Decimal;

use super::Pen;
use crate::locale::fill;
use crate::page::{Line, Row};
use crate::source::{AmountDetails, ChargeFee, ChargeFeeKind, Interval, Usage};

/// "charge • group", or the charge alone.
pub(super) fn title(charge: &str, group: Option<&str>) -> String {
    match group {
        Some(group) => format!("{charge} • {group}"),
        None => charge.to_owned(),
    }
}

/// Fees sorted by title and grouped by charge, each charge's true-up at its end.
pub(super) fn rows(pen: &Pen, mut fees: Vec<&ChargeFee>) -> Vec<Row> {
    fees.sort_by_cached_key(|fee| title(&fee.name, fee.group.as_deref()));
    let mut rows = Vec::new();
    while let Some(first) = fees.first() {
        let charge = &first.charge;
        let (same, others): (Vec<_>, Vec<_>) = fees.iter().copied().partition(|fee| fee.charge == *charge);
        rows.extend(charge_rows(pen, &same));
        fees = others;
    }
    rows
}

fn charge_rows(pen: &Pen, fees: &[&ChargeFee]) -> Vec<Row> {
    let usages: Vec<_> = fees
        .iter()
        .filter_map(|fee| match &fee.kind {
            ChargeFeeKind::Usage(usage) => Some((*fee, usage)),
            ChargeFeeKind::TrueUp { .. } => None,
        })
        .collect();
    // An amount is printed whatever its units are: the rows must sum up to the invoice.
    let used = |(fee, usage): &(&ChargeFee, &Usage)| !usage.units.is_zero() || fee.amount_cents != 0;

    let mut rows: Vec<Row> = match usages.first() {
        Some((fee, usage)) if !usages.iter().any(used) => vec![usage_row(pen, fee, usage, fee.name.clone())],
        _ => usages
            .iter()
            .filter(|entry| used(entry))
            .map(|(fee, usage)| usage_row(pen, fee, usage, title(&fee.name, fee.group.as_deref())))
            .collect(),
    };
    rows.extend(fees.iter().filter_map(|fee| match fee.kind {
        ChargeFeeKind::Usage(_) => None,
        ChargeFeeKind::TrueUp { minimum_cents } => Some(true_up_row(pen, fee, minimum_cents)),
    }));
    rows
}

fn true_up_row(pen: &Pen, fee: &ChargeFee, minimum_cents: i64) -> Row {
    let amount = pen.money(fee.amount_cents);
    Row::Item(Line {
        label: fill(pen.words.true_up, &[("charge", &fee.name)]),
        notes: vec![fill(pen.words.minimum_spend, &[("amount", &pen.money(minimum_cents))])],
        cells: vec![vec![pen.number(1)], vec![amount.clone()], pen.tax_rates(&fee.tax_rates), vec![amount]],
    })
}

fn usage_row(pen: &Pen, fee: &ChargeFee, usage: &Usage, title: String) -> Row {
    let notes = notes(pen, usage);
    let steps = if fee.amount_cents == 0 { Vec::new() } else { steps(pen, fee, &usage.details) };
    if steps.is_empty() {
        return Row::Item(Line {
            label: title,
            notes,
            cells: vec![
                vec![pen.number(usage.units)],
                vec![pen.price(usage.precise_unit_amount)],
                pen.tax_rates(&fee.tax_rates),
                vec![pen.money(fee.amount_cents)],
            ],
        });
    }
    let subtotal = Line {
        label: pen.words.subtotal.to_owned(),
        notes: Vec::new(),
        cells: vec![Vec::new(), Vec::new(), pen.tax_rates(&fee.tax_rates), vec![pen.money(fee.amount_cents)]],
    };
    Row::Block { title, notes, lines: steps, subtotal }
}

fn notes(pen: &Pen, usage: &Usage) -> Vec<String> {
    let weighted = usage.weighted_over.map(|interval| {
        match interval {
            Interval::Weekly => pen.words.per_second_per_week,
            Interval::Monthly => pen.words.per_second_per_month,
            Interval::Quarterly => pen.words.per_second_per_quarter,
            Interval::Yearly => pen.words.per_second_per_year,
        }
        .to_owned()
    });
    let events = match (&usage.details, usage.events_count) {
        (AmountDetails::Percentage { .. }, Some(count)) => {
            Some(fill(pen.words.total_events, &[("count", &pen.number(count))]))
        }
        _ => None,
    };
    let average = usage.prorated.then(|| pen.words.average_price.to_owned());
    weighted.into_iter().chain(events).chain(average).collect()
}

/// A step: label, units, price, amount. The tax rates stand on the subtotal.
fn step(label: String, units: String, price: String, amount: String) -> Line {
    Line { label, notes: Vec::new(), cells: vec![vec![units], vec![price], Vec::new(), vec![amount]] }
}

/// The steps that lead to an amount; none if there is nothing to explain.
fn steps(pen: &Pen, fee: &ChargeFee, details: &AmountDetails) -> Vec<Line> {
    let words = pen.words;
    let free = |label, units: Decimal| step(label, pen.number(units), pen.price(Decimal::ZERO), pen.money(0));
    let once =
        |label: &str, amount: Decimal| step(label.to_owned(), pen.number(1), pen.price(amount), pen.amount(amount));
    match details {
        AmountDetails::None => Vec::new(),

        AmountDetails::Graduated(ranges) => {
            let per_unit = ranges.iter().map(|range| {
                let label = Tier::of(range.from_value, range.to_value).fee_label(pen);
                let (units, price) = (pen.number(range.units), pen.price(range.per_unit_amount));
                step(label, units, price, pen.amount(range.per_unit_total_amount))
            });
            let flat = ranges
                .iter()
                .filter(|range| range.flat_unit_amount > Decimal::ZERO)
                .map(|range| once(&Tier::of(range.from_value, range.to_value).flat_label(pen), range.flat_unit_amount));
            per_unit.chain(flat).collect()
        }

        AmountDetails::GraduatedPercentage(ranges) => {
            let per_unit = ranges.iter().map(|range| {
                let label = Tier::of(range.from_value, range.to_value).fee_label(pen);
                let (units, rate) = (pen.number(range.units), pen.locale.percent(range.rate));
                step(label, units, rate, pen.amount(range.per_unit_total_amount))
            });
            let flat = ranges
                .iter()
                .filter(|range| range.flat_unit_amount > Decimal::ZERO)
                .map(|range| once(&Tier::of(range.from_value, range.to_value).flat_label(pen), range.flat_unit_amount));
            per_unit.chain(flat).collect()
        }

        AmountDetails::Package { free_units, paid_units, per_package_size, per_package_unit_amount } => {
            let (package, size) = (pen.price(*per_package_unit_amount), pen.number(*per_package_size));
            let price = fill(words.package_price, &[("price", &package), ("size", &size)]);
            let paid =
                step(words.fee_per_package.to_owned(), pen.number(*paid_units), price, pen.money(fee.amount_cents));
            let label = || fill(words.free_units_first, &[("count", &pen.number(*free_units))]);
            let free = (*free_units > Decimal::ZERO).then(|| free(label(), *free_units));
            free.into_iter().chain([paid]).collect()
        }

        AmountDetails::Percentage {
            free_units,
            free_events,
            paid_units,
            rate,
            per_unit_total_amount,
            paid_events,
            fixed_fee_unit_amount,
            fixed_fee_total_amount,
            min_max_adjustment_total_amount: adjustment,
        } => {
            let label = || fill(words.free_units_transactions, &[("count", &pen.number(*free_events))]);
            let free = (*free_units > Decimal::ZERO).then(|| free(label(), *free_units));
            let rated = step(
                words.rate_on_amount.to_owned(),
                pen.number(*paid_units),
                pen.locale.percent(*rate),
                pen.amount(*per_unit_total_amount),
            );
            let fixed = (*fixed_fee_unit_amount > Decimal::ZERO).then(|| {
                let (events, price) = (pen.number(*paid_events), pen.price(*fixed_fee_unit_amount));
                step(words.fixed_fee.to_owned(), events, price, pen.amount(*fixed_fee_total_amount))
            });
            let adjustment = (!adjustment.is_zero()).then(|| once(words.min_max_adjustment, *adjustment));
            free.into_iter().chain([rated]).chain(fixed).chain(adjustment).collect()
        }

        AmountDetails::Volume { flat_unit_amount, per_unit_amount, per_unit_total_amount } => {
            let units = match &fee.kind {
                ChargeFeeKind::Usage(usage) => usage.units,
                ChargeFeeKind::TrueUp { .. } => Decimal::ZERO,
            };
            let per_unit = step(
                words.fee_per_unit.to_owned(),
                pen.number(units),
                pen.price(*per_unit_amount),
                pen.amount(*per_unit_total_amount),
            );
            let flat = (*flat_unit_amount > Decimal::ZERO).then(|| once(words.flat_all_units, *flat_unit_amount));
            [per_unit].into_iter().chain(flat).collect()
        }
    }
}

/// Where a tier lies, which decides its wording.
enum Tier {
    First { to: u64 },
    Next { from: u64, to: u64 },
    Open { from: u64 },
}

impl Tier {
    fn of(from: u64, to: Option<u64>) -> Tier {
        match (from, to) {
            (_, None) => Tier::Open { from },
            (0, Some(to)) => Tier::First { to },
            (from, Some(to)) => Tier::Next { from, to },
        }
    }

    fn fee_label(&self, pen: &Pen) -> String {
        self.label(pen, [pen.words.fee_first, pen.words.fee_next, pen.words.fee_above])
    }

    fn flat_label(&self, pen: &Pen) -> String {
        self.label(pen, [pen.words.flat_first, pen.words.flat_next, pen.words.flat_above])
    }

    fn label(&self, pen: &Pen, [first, next, above]: [&str; 3]) -> String {
        match *self {
            Tier::First { to } => fill(first, &[("to", &pen.number(to))]),
            Tier::Next { from, to } => fill(next, &[("from", &pen.number(from)), ("to", &pen.number(to))]),
            Tier::Open { from } => fill(above, &[("from", &pen.number(from))]),
        }
    }
}
