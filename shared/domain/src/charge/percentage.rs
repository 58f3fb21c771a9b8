//! Percentage: a rate on the units and a fixed price per event, after free units and free events (chapter 03, 5.5).

use rust_decimal::Decimal;

use super::exact::{self, Overflow};
use super::properties::{self, Collected};
use super::{AmountDetails, FreeUnits, Limited, Outcome, PercentageDetails, PriceError, Rated, RunningTotals};
use crate::value::Value;

/// A rate in percent, with all its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Percentage {
    rate: Decimal,
    /// Per event; 0 when not sent.
    fixed_amount: Decimal,
    free: FreeUnits,
    /// Per event.
    min_amount: Option<Decimal>,
    max_amount: Option<Decimal>,
}

impl Percentage {
    pub(super) fn parse(sent: &Value, errors: &mut Collected) -> Option<Percentage> {
        let rate = errors.keep(properties::decimal(sent.get("rate"), PriceError::InvalidRate));
        let fixed_amount = sent.get("fixed_amount");
        let fixed_amount = errors.keep(properties::decimal_or_null(fixed_amount, PriceError::InvalidFixedAmount));
        let free_events = errors.keep(free_events(sent.get("free_units_per_events")));
        let free_total = sent.get("free_units_per_total_aggregation");
        let free_total =
            errors.keep(properties::decimal_or_null(free_total, PriceError::InvalidFreeUnitsPerTotalAggregation));
        let min_amount = sent.get("per_transaction_min_amount");
        let min_amount = errors.keep(properties::decimal_or_blank(min_amount, PriceError::InvalidAmount));
        let max_amount = sent.get("per_transaction_max_amount");
        let max_amount = errors.keep(properties::decimal_or_blank(max_amount, PriceError::InvalidAmount));
        if let (Some(Some(min)), Some(Some(max))) = (min_amount, max_amount)
            && min > max
        {
            errors.add(PriceError::MaxLowerThanMin);
        }
        Some(Percentage {
            rate: rate?,
            fixed_amount: fixed_amount?.unwrap_or_default(),
            free: FreeUnits { events: free_events?, total: free_total?.unwrap_or_default() },
            min_amount: min_amount?,
            max_amount: max_amount?,
        })
    }

    pub(super) fn free(&self) -> FreeUnits {
        self.free
    }

    /// Whether events are priced one by one.
    pub(super) fn has_limits_per_event(&self) -> bool {
        self.min_amount.is_some() || self.max_amount.is_some()
    }

    /// Never below 0: negative units pay the fixed part alone (chapter 03, 6.2).
    pub(super) fn rate(&self, usage: &Rated) -> Result<Outcome, Overflow> {
        let running = self.running(usage);
        let free_units = self.free_units(&running);
        let paid_units = if usage.units < Decimal::ZERO {
            Decimal::ZERO
        } else {
            exact::sub(usage.units, free_units)?.max(Decimal::ZERO)
        };
        let per_unit_total_amount = exact::percent(paid_units, self.rate)?;
        let free_events = self.free_events(&running);
        let fixed_fee_total_amount = if usage.units.is_zero() || free_events >= usage.events_count {
            Decimal::ZERO
        } else {
            exact::mul(Decimal::from(usage.events_count - free_events), self.fixed_amount)?
        };
        let unlimited = exact::add(per_unit_total_amount, fixed_fee_total_amount)?;
        let amount = match &usage.per_event {
            Some(values) if self.has_limits_per_event() => self.limited(values)?,
            // A weighted sum has no values per event: minimum and maximum are ignored (chapter 03, 3.3).
            Some(_) | None => unlimited,
        };

        // Shown only: the free events are either all there or not shown at all (chapter 03, 6.5).
        let free_events_shown = if usage.events_count >= free_events { free_events } else { 0 };
        let paid_events = usage.events_count - free_events_shown;
        let details = PercentageDetails {
            units: usage.units,
            free_units,
            free_events: free_events_shown,
            paid_units,
            rate: self.rate,
            per_unit_total_amount,
            paid_events,
            fixed_fee_unit_amount: if paid_events > 0 { self.fixed_amount } else { Decimal::ZERO },
            fixed_fee_total_amount,
            min_max_adjustment_total_amount: exact::sub(amount, unlimited)?,
        };
        let unit_amount = exact::per_unit(amount, usage.full_units)?;
        Ok(Outcome { amount, unit_amount, details: AmountDetails::Percentage(details) })
    }

    /// What FU and FE look at, of the list R or of what an event in advance remembers of it.
    fn running(&self, usage: &Rated) -> RunningTotals {
        usage.remembered.unwrap_or_else(|| RunningTotals::of(&usage.running, self.free))
    }

    /// FU of 5.5, its four cases in their order.
    fn free_units(&self, running: &RunningTotals) -> Decimal {
        let FreeUnits { events, total } = self.free;
        if running.last.is_zero() {
            return Decimal::ZERO;
        }
        // More running totals than free events: what the last free event (counted from 1) had reached.
        if events > 0 && events < running.count {
            return running.at_free_events;
        }
        if total.is_zero() { running.last } else { running.last.min(total) }
    }

    /// FE of 5.5: the smaller of both limits, where a limit of 0 is none.
    ///
    /// Without a free total no event is free by it, even if a running total is negative.
    fn free_events(&self, running: &RunningTotals) -> i64 {
        let FreeUnits { events, total } = self.free;
        let below_total = if total.is_zero() { 0 } else { running.below_total };
        [events, below_total].into_iter().filter(|limit| *limit > 0).min().unwrap_or(0)
    }

    /// What one more value makes of values priced one by one: what [`Self::rate`] sums up, for an event in advance.
    pub(super) fn limited_by_one(&self, before: &Limited, value: Decimal) -> Result<Limited, Overflow> {
        let FreeUnits { events: free_events, total: free_total } = self.free;
        let left = exact::sub(free_total, before.free_used)?;
        let mut after = Limited { values: before.values.saturating_add(1), ..*before };
        let mut charged = value;
        if free_total > Decimal::ZERO {
            if left > Decimal::ZERO && left > value {
                after.free_used = exact::add(before.free_used, value)?;
                return Ok(after);
            }
            if left > Decimal::ZERO {
                after.free_used = free_total;
                charged = exact::sub(value, left)?;
            }
        } else if before.values < free_events {
            return Ok(after);
        }
        after.amount = exact::add(before.amount, self.one_event(charged)?)?;
        Ok(after)
    }

    /// The sum over events, each lifted to the minimum or cut to the maximum (chapter 03, 5.5).
    ///
    /// While the free total is not used up the number of free events has no say; the event that uses it up pays for
    /// the rest of its value, and at least the minimum.
    fn limited(&self, values: &[Decimal]) -> Result<Decimal, Overflow> {
        let FreeUnits { events: mut free_events, total: mut free_total } = self.free;
        let mut amount = Decimal::ZERO;
        for &value in values {
            let mut charged = value;
            if free_events > 0 || free_total > Decimal::ZERO {
                free_events = free_events.saturating_sub(1);
                if free_total <= Decimal::ZERO {
                    continue;
                }
                if free_total > value {
                    free_total = exact::sub(free_total, value)?;
                    continue;
                }
                charged = exact::sub(value, free_total)?;
                free_total = Decimal::ZERO;
                free_events = 0;
            }
            amount = exact::add(amount, self.one_event(charged)?)?;
        }
        // Negative values can outweigh the others where no minimum lifts them; a percentage fee is never below 0.
        Ok(amount.max(Decimal::ZERO))
    }

    fn one_event(&self, value: Decimal) -> Result<Decimal, Overflow> {
        let amount = exact::add(exact::percent(value, self.rate)?, self.fixed_amount)?;
        Ok(match (self.min_amount, self.max_amount) {
            (Some(min), _) if amount < min => min,
            (_, Some(max)) if amount > max => max,
            _ => amount,
        })
    }
}

/// Null (0: none), or an integer above 0.
fn free_events(value: Option<&Value>) -> Result<i64, PriceError> {
    match value {
        None | Some(Value::Null) => Ok(0),
        sent => properties::integer(sent).filter(|events| *events > 0).ok_or(PriceError::InvalidFreeUnitsPerEvents),
    }
}

#[cfg(test)]
mod tests;
