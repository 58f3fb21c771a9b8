//! The invoices as they must be, computed naively from the rows.
//!
//! Written the obvious way from the chapters and the price list of the story, with exact decimals. Prices are written
//! out here again on purpose: a slip in [`super::story`] or in the product shows as a difference.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use rust_decimal_macros::dec;

use super::CARRIERS;
use super::month::Month;
use super::rows::Flight;

/// Percent on every fee.
const TAX_RATE: Decimal = dec!(8.875);

/// One carrier's invoice for one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedInvoice {
    /// External id of the customer.
    pub carrier: &'static str,
    /// The month billed.
    pub month: Month,
    /// First local day of the next month.
    pub issuing_date: NaiveDate,
    /// The subscription fee, three of landings, then one per other charge; those without usage, too.
    pub fees: Vec<ExpectedFee>,
    /// Sum of the fees, in cents.
    pub fees_amount_cents: i64,
    /// Rounded once, from unrounded terms (chapter 04, 5.2): not the sum of the fees' taxes.
    pub taxes_amount_cents: i64,
    /// Fees and taxes.
    pub total_amount_cents: i64,
}

/// One fee of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFee {
    /// Metric code, or the plan's for the subscription fee.
    pub code: &'static str,
    /// Value of the dimension: the origin, for landings.
    pub group: Option<&'static str>,
    /// Quantity billed.
    pub units: Decimal,
    /// Events behind the units; none for the subscription fee.
    pub events_count: Option<u64>,
    /// Dollars per unit, 15 decimals (chapter 03, 6.2).
    pub precise_unit_amount: Decimal,
    /// Before tax.
    pub amount_cents: i64,
    /// Tax of this fee alone.
    pub taxes_amount_cents: i64,
    /// First instant of the period.
    pub from: DateTime<Utc>,
    /// Last second of the period; inclusive, as the wire shows it.
    pub to: DateTime<Utc>,
}

/// The invoices of all carriers for these months, by month and carrier. A carrier without flights gets one, too.
pub fn expected_invoices(flights: &[Flight], months: &[Month]) -> Vec<ExpectedInvoice> {
    let mut of_month: BTreeMap<(Month, &str), Vec<&Flight>> = BTreeMap::new();
    for flight in flights {
        of_month.entry((Month::of_event(flight.timestamp), flight.carrier.as_str())).or_default().push(flight);
    }
    let mut invoices = Vec::new();
    for &month in months {
        for (carrier, _) in CARRIERS {
            let flights = of_month.remove(&(month, carrier)).unwrap_or_default();
            invoices.push(invoice(carrier, month, flights));
        }
    }
    invoices
}

/// The invoice of one carrier, given all its flights of the month.
fn invoice(carrier: &'static str, month: Month, mut flights: Vec<&Flight>) -> ExpectedInvoice {
    // Stable: flights of one instant stay in the order of the file, which is the order of reception.
    flights.sort_by_key(|flight| flight.timestamp);
    let mut fees = vec![subscription_fee(month)];
    for (origin, price) in [("EWR", dec!(45.10)), ("JFK", dec!(52.75)), ("LGA", dec!(48.00))] {
        fees.push(landings_fee(month, &flights, origin, price));
    }
    fees.push(miles_fee(month, &flights));
    fees.push(air_minutes_fee(month, &flights));
    fees.push(aircraft_fee(month, &flights));
    fees.push(handling_fee(month, &flights));

    let fees_amount_cents = fees.iter().map(|fee| fee.amount_cents).sum();
    let taxes: Decimal = fees.iter().map(|fee| tax(fee.amount_cents)).sum();
    let taxes_amount_cents = whole(taxes);
    ExpectedInvoice {
        carrier,
        month,
        issuing_date: month.next().first_day(),
        fees,
        fees_amount_cents,
        taxes_amount_cents,
        total_amount_cents: fees_amount_cents + taxes_amount_cents,
    }
}

/// A whole month, in arrears.
fn subscription_fee(month: Month) -> ExpectedFee {
    ExpectedFee { events_count: None, ..fee(month, "airspace", dec!(1), 0, dec!(2500), dec!(1)) }
}

/// Standard price per flight that left this airport.
fn landings_fee(month: Month, flights: &[&Flight], origin: &'static str, price: Decimal) -> ExpectedFee {
    let landings = flights.iter().filter(|flight| !flight.cancelled && flight.origin == origin).count();
    let units = Decimal::from(landings);
    ExpectedFee { group: Some(origin), ..fee(month, "landings", units, landings, units * price, units) }
}

/// Graduated by the sum of distances.
fn miles_fee(month: Month, flights: &[&Flight]) -> ExpectedFee {
    let miles: Vec<Decimal> = miles_flown(flights);
    let units = miles.iter().sum();
    fee(month, "miles", units, miles.len(), graduated(units), units)
}

fn graduated(units: Decimal) -> Decimal {
    let mut amount = units.min(dec!(10000)) * dec!(0.05);
    if units > dec!(10000) {
        amount += (units.min(dec!(250000)) - dec!(10000)) * dec!(0.04) + dec!(100);
    }
    if units > dec!(250000) {
        amount += (units - dec!(250000)) * dec!(0.032);
    }
    amount
}

/// Packages of 1,000 minutes. Events of flights without an air time lack the property and do not count (3.1).
fn air_minutes_fee(month: Month, flights: &[&Flight]) -> ExpectedFee {
    let minutes: Vec<Decimal> = flights.iter().filter_map(|flight| flight.air_time).map(Decimal::from).collect();
    let units: Decimal = minutes.iter().sum();
    let paid = (units - dec!(500)).max(Decimal::ZERO);
    fee(month, "air_minutes", units, minutes.len(), package(units), paid)
}

fn package(units: Decimal) -> Decimal {
    let paid = units - dec!(500);
    if paid <= Decimal::ZERO { Decimal::ZERO } else { (paid / dec!(1000)).ceil() * dec!(12) }
}

/// Volume by the number of different aircraft. An event without tail number counts as the one value "null" (3.5).
fn aircraft_fee(month: Month, flights: &[&Flight]) -> ExpectedFee {
    let flown: Vec<&&Flight> = flights.iter().filter(|flight| !flight.cancelled).collect();
    let aircraft: BTreeSet<&str> = flown.iter().map(|flight| flight.tailnum.as_deref().unwrap_or("null")).collect();
    let units = Decimal::from(aircraft.len());
    fee(month, "aircraft", units, flown.len(), volume(units), units)
}

fn volume(units: Decimal) -> Decimal {
    if units <= dec!(50) {
        units * dec!(90)
    } else if units <= dec!(300) {
        units * dec!(75)
    } else {
        units * dec!(60)
    }
}

/// Percentage of the sum of distances and a fixed amount per event, the first 100 events of the month free.
fn handling_fee(month: Month, flights: &[&Flight]) -> ExpectedFee {
    let miles = miles_flown(flights);
    let units = miles.iter().sum();
    fee(month, "handling", units, miles.len(), percentage(&miles), units)
}

fn percentage(values: &[Decimal]) -> Decimal {
    let units: Decimal = values.iter().sum();
    let free_units: Decimal = values.iter().take(100).sum();
    let paid_events = values.len().saturating_sub(100);
    (units - free_units) * dec!(1.5) / dec!(100) + Decimal::from(paid_events) * dec!(0.30)
}

/// One distance per flight that left.
fn miles_flown(flights: &[&Flight]) -> Vec<Decimal> {
    flights.iter().filter(|flight| !flight.cancelled).map(|flight| Decimal::from(flight.distance)).collect()
}

/// Rounds the amount, in dollars, to cents. `priced_units` is what the unit amount divides by.
fn fee(
    month: Month,
    code: &'static str,
    units: Decimal,
    events_count: usize,
    amount: Decimal,
    priced_units: Decimal,
) -> ExpectedFee {
    let amount_cents = whole(amount * dec!(100));
    let unit_amount = if priced_units.is_zero() { Decimal::ZERO } else { amount / priced_units };
    ExpectedFee {
        code,
        group: None,
        units,
        events_count: Some(events_count as u64),
        precise_unit_amount: unit_amount.round_dp_with_strategy(15, RoundingStrategy::MidpointAwayFromZero),
        amount_cents,
        taxes_amount_cents: whole(tax(amount_cents)),
        from: month.start(),
        to: month.end() - TimeDelta::seconds(1),
    }
}

/// Cents of tax, unrounded.
fn tax(amount_cents: i64) -> Decimal {
    Decimal::from(amount_cents) * TAX_RATE / dec!(100)
}

/// Half away from zero.
fn whole(cents: Decimal) -> i64 {
    let rounded = cents.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
    #[expect(clippy::expect_used, reason = "a month of all flights is below 10^10 cents")]
    rounded.to_i64().expect("a month of all flights is below 10^10 cents")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A flight that left, by aircraft N1, 100 minutes in the air.
    pub fn flight(carrier: &str, timestamp: &str, origin: &str, distance: u32) -> Flight {
        Flight {
            transaction_id: format!("{carrier}-{origin}-{distance}"),
            timestamp: timestamp.parse().unwrap(),
            carrier: carrier.to_owned(),
            flight: 1,
            tailnum: Some("N1".to_owned()),
            origin: origin.to_owned(),
            dest: "IAH".to_owned(),
            distance,
            air_time: Some(100),
            cancelled: false,
        }
    }

    fn january_of_ua(flights: &[Flight]) -> ExpectedInvoice {
        let invoices = expected_invoices(flights, &[Month::FIRST]);
        assert_eq!(invoices.len(), 16);
        invoices.into_iter().find(|invoice| invoice.carrier == "UA").unwrap()
    }

    fn fee_of<'a>(invoice: &'a ExpectedInvoice, code: &str) -> &'a ExpectedFee {
        invoice.fees.iter().find(|fee| fee.code == code).unwrap()
    }

    #[test]
    fn graduated_bounds_belong_to_the_lower_range() {
        let table = [
            (dec!(0), dec!(0)),
            (dec!(1), dec!(0.05)),
            (dec!(10000), dec!(500)),
            (dec!(10001), dec!(600.04)),
            (dec!(250000), dec!(10200)),
            (dec!(250001), dec!(10200.032)),
        ];
        for (units, amount) in table {
            assert_eq!(graduated(units), amount, "{units} units");
        }
    }

    #[test]
    fn a_package_counts_once_the_free_units_are_used_and_is_charged_whole() {
        let table = [(0, 0), (499, 0), (500, 0), (501, 12), (1500, 12), (1501, 24), (2500, 24), (100500, 1200)];
        for (units, amount) in table {
            assert_eq!(package(Decimal::from(units)), Decimal::from(amount), "{units} units");
        }
    }

    #[test]
    fn one_volume_range_prices_all_aircraft() {
        let table = [(0, 0), (1, 90), (50, 4500), (51, 3825), (300, 22500), (301, 18060)];
        for (units, amount) in table {
            assert_eq!(volume(Decimal::from(units)), Decimal::from(amount), "{units} units");
        }
    }

    #[test]
    fn the_first_hundred_events_are_free_of_percentage_and_fixed_amount() {
        assert_eq!(percentage(&[]), dec!(0));
        assert_eq!(percentage(&[dec!(700); 99]), dec!(0));
        assert_eq!(percentage(&[dec!(700); 100]), dec!(0));
        // 1.5 % of 1,000 and 0.30.
        let mut values = vec![dec!(700); 100];
        values.push(dec!(1000));
        assert_eq!(percentage(&values), dec!(15.30));
        // The same 101 values, the long one first: 700 is paid.
        values.rotate_right(1);
        assert_eq!(percentage(&values), dec!(10.80));
    }

    #[test]
    fn one_flight_makes_eight_fees() {
        let invoice = january_of_ua(&[flight("UA", "2013-01-01T10:15:00Z", "JFK", 1400)]);
        let fees: Vec<_> = invoice
            .fees
            .iter()
            .map(|fee| (fee.code, fee.group.unwrap_or(""), fee.units, fee.amount_cents, fee.taxes_amount_cents))
            .collect();
        assert_eq!(
            fees,
            [
                ("airspace", "", dec!(1), 250000, 22188), // 22187.5
                ("landings", "EWR", dec!(0), 0, 0),
                ("landings", "JFK", dec!(1), 5275, 468), // 468.15625
                ("landings", "LGA", dec!(0), 0, 0),
                ("miles", "", dec!(1400), 7000, 621), // 621.25
                ("air_minutes", "", dec!(100), 0, 0),
                ("aircraft", "", dec!(1), 9000, 799), // 798.75
                ("handling", "", dec!(1400), 0, 0),
            ]
        );
        // 271275 x 8.875 % = 24075.65625; the fees' own taxes add up to 24076 as well.
        assert_eq!((invoice.fees_amount_cents, invoice.taxes_amount_cents), (271275, 24076));
        assert_eq!(invoice.total_amount_cents, 295351);
        assert_eq!(invoice.issuing_date.to_string(), "2013-02-01");
        assert_eq!(invoice.fees[0].to.to_rfc3339(), "2013-02-01T04:59:59+00:00");
        assert_eq!(fee_of(&invoice, "miles").precise_unit_amount, dec!(0.05));
    }

    #[test]
    fn the_tax_of_the_invoice_is_rounded_once() {
        // Two landings, 200 miles, one aircraft: 22187.5 + 800.525 + 88.75 + 798.75 = 23875.525.
        let landing = flight("UA", "2013-01-01T10:15:00Z", "EWR", 100);
        let invoice = january_of_ua(&[landing.clone(), landing]);
        assert_eq!(invoice.fees_amount_cents, 250000 + 9020 + 1000 + 9000);
        assert_eq!(invoice.taxes_amount_cents, 23876);
        assert_eq!(invoice.fees.iter().map(|fee| fee.taxes_amount_cents).sum::<i64>(), 23877);
        // A carrier without flights: 22187.5 rounds away from zero.
        let invoice = january_of_ua(&[]);
        assert_eq!((invoice.fees_amount_cents, invoice.taxes_amount_cents), (250000, 22188));
        assert_eq!(invoice.fees.len(), 8);
    }

    #[test]
    fn cancelled_flights_and_gaps_in_the_data() {
        let mut cancelled = flight("UA", "2013-01-05T12:00:00Z", "EWR", 1400);
        (cancelled.cancelled, cancelled.air_time, cancelled.tailnum) = (true, None, None);
        let mut diverted = flight("UA", "2013-01-05T13:00:00Z", "EWR", 200);
        diverted.air_time = None;
        let mut nameless = flight("UA", "2013-01-05T14:00:00Z", "EWR", 300);
        nameless.tailnum = None;
        let mut nameless_too = nameless.clone();
        nameless_too.origin = "LGA".to_owned();
        let invoice = january_of_ua(&[cancelled, diverted, nameless, nameless_too]);
        assert_eq!(fee_of(&invoice, "landings").units, dec!(2)); // EWR
        assert_eq!(fee_of(&invoice, "miles").units, dec!(800));
        assert_eq!(fee_of(&invoice, "air_minutes").units, dec!(200));
        assert_eq!(fee_of(&invoice, "air_minutes").events_count, Some(2));
        assert_eq!(fee_of(&invoice, "aircraft").units, dec!(2)); // N1 and "null"
        assert_eq!(fee_of(&invoice, "aircraft").events_count, Some(3));
    }

    #[test]
    fn a_flight_counts_in_its_local_month_also_when_clocks_change() {
        let table = [
            ("2013-02-01T04:59:00Z", "2013-01"),
            ("2013-02-01T05:00:00Z", "2013-02"),
            ("2013-04-01T03:59:00Z", "2013-03"),
            ("2013-04-01T04:00:00Z", "2013-04"),
            ("2013-11-01T04:00:00Z", "2013-11"),
            ("2013-12-01T04:59:00Z", "2013-11"),
        ];
        for (timestamp, month) in table {
            let flights = [flight("HA", timestamp, "JFK", 4983)];
            let billed: Vec<String> = expected_invoices(&flights, &Month::first(12))
                .iter()
                .filter(|invoice| !fee_of(invoice, "miles").units.is_zero())
                .map(|invoice| format!("{} {}", invoice.carrier, invoice.month))
                .collect();
            assert_eq!(billed, [format!("HA {month}")], "{timestamp}");
        }
    }
}
