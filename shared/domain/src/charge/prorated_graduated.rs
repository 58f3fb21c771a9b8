//! Graduated on a prorated charge, in arrears: each movement is priced along the path it travels (chapter 03, 5.7).

use rust_decimal::Decimal;

use super::exact::{self, Overflow};
use super::tiers::{Tiers, UnitAndFlat};
use super::{AmountDetails, Movement, Outcome};

/// The amount for `movements` in their order, and `prorated_units` = P of 3.7.
///
/// A movement pays its share of the window (`prorated / full`) of the tier prices between the running sums before and
/// after it; a decrease gives back the top units first. Flat prices are whole, for all tiers up to the peak. The unit
/// amount divides by the sum of the full units.
///
/// 0 when the prorated units or the final sum are below zero: a credit is not carried below nothing.
pub(super) fn rate(
    tiers: &Tiers<UnitAndFlat>,
    prorated_units: Decimal,
    movements: &[Movement],
) -> Result<Outcome, Overflow> {
    let mut standing = Decimal::ZERO;
    let mut peak = None;
    let mut path_amount = Decimal::ZERO;
    for movement in movements {
        let after = exact::add(standing, movement.full)?;
        // A movement of no units travels no path: 0 units for any share of the window.
        if !movement.full.is_zero() {
            let whole = exact::sub(price_up_to(tiers, after)?, price_up_to(tiers, standing)?)?;
            path_amount = exact::add(path_amount, exact::mul_div(movement.prorated, whole, movement.full)?)?;
        }
        standing = after;
        peak = peak.max(Some(after));
    }
    let Some(peak) = peak.filter(|_| prorated_units > Decimal::ZERO && standing >= Decimal::ZERO) else {
        return Ok(Outcome::default());
    };
    let mut amount = path_amount.max(Decimal::ZERO);
    for (tier, _) in tiers.walk(peak)? {
        amount = exact::add(amount, tier.price.flat)?;
    }
    let unit_amount = exact::per_unit(amount, standing)?;
    Ok(Outcome { amount, unit_amount, details: AmountDetails::None })
}

/// The unit prices from 0 to `level` without flat prices: the integral of the price; below 0 that of the first tier.
fn price_up_to(tiers: &Tiers<UnitAndFlat>, level: Decimal) -> Result<Decimal, Overflow> {
    tiers
        .walk(level)?
        .into_iter()
        .try_fold(Decimal::ZERO, |sum, (tier, units)| exact::add(sum, exact::mul(units, tier.price.per_unit)?))
}

#[cfg(test)]
mod tests;
