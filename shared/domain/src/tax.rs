//! Taxes: making and editing them, which apply to a fee, and what they come to. Rules: chapter 04, 5.

use rust_decimal::Decimal;

use crate::id::{AppliedTaxId, TaxId, derived};
use crate::number;
use crate::problem::{Problems, codes};
use crate::time::Instant;

/// A tax of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax {
    /// Id.
    pub id: TaxId,
    /// Name, printed on documents.
    pub name: String,
    /// Code, unique in the organization.
    pub code: String,
    /// Percent; no bound is checked.
    pub rate: Decimal,
    /// Internal note.
    pub description: Option<String>,
    /// Whether it is one of the organization's default taxes.
    pub applied_to_organization: bool,
    /// When it was made.
    pub created_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
}

/// A tax as asked for: none is absent or null.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewTax {
    /// `name`.
    pub name: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `rate`, percent.
    pub rate: Option<Decimal>,
    /// `description`.
    pub description: Option<String>,
    /// `applied_to_organization`; absent is false.
    pub applied_to_organization: Option<bool>,
    /// What could not be read.
    pub unread: Problems,
}

/// An edit as asked for. The outer option is whether the key was sent; an inner none is null and clears.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaxUpdate {
    /// `name`.
    pub name: Option<Option<String>>,
    /// `code`.
    pub code: Option<Option<String>>,
    /// `rate`, percent.
    pub rate: Option<Option<Decimal>>,
    /// `description`.
    pub description: Option<Option<String>>,
    /// `applied_to_organization`; null is false.
    pub applied_to_organization: Option<Option<bool>>,
    /// What could not be read.
    pub unread: Problems,
}

/// A new tax. Whether its code is free is checked by whoever stores it.
///
/// # Errors
/// Every field that is wrong (chapter 04, 5.3).
pub fn create(new: NewTax, id: TaxId, created_at: Instant, created_seq: i64) -> Result<Tax, Problems> {
    let mut problems = new.unread;
    let name = problems.mandatory("name", new.name);
    let code = problems.mandatory("code", new.code);
    if new.rate.is_none() && !problems.has("rate") {
        problems.add("rate", codes::MANDATORY);
    }
    problems.or(Tax {
        id,
        name,
        code,
        // None was noted as a problem.
        rate: new.rate.unwrap_or_default(),
        description: new.description,
        applied_to_organization: new.applied_to_organization.unwrap_or_default(),
        created_at,
        created_seq,
    })
}

/// The tax after an edit, with the checks of creation on what it would be.
///
/// # Errors
/// Every field that is wrong.
pub fn edit(tax: &Tax, update: TaxUpdate) -> Result<Tax, Problems> {
    let asked = NewTax {
        name: update.name.unwrap_or_else(|| Some(tax.name.clone())),
        code: update.code.unwrap_or_else(|| Some(tax.code.clone())),
        rate: update.rate.unwrap_or(Some(tax.rate)),
        description: update.description.unwrap_or_else(|| tax.description.clone()),
        applied_to_organization: update.applied_to_organization.unwrap_or(Some(tax.applied_to_organization)),
        unread: update.unread,
    };
    create(asked, tax.id, tax.created_at, tax.created_seq)
}

/// The tax that a legacy `vat_rate` of `rate` percent stands for (chapter 04, 5.3): code `tax_<rate>`.
#[must_use]
pub fn of_vat_rate(rate: Decimal) -> NewTax {
    let shown = rate.normalize();
    NewTax {
        name: Some(format!("Tax ({shown}%)")),
        code: Some(format!("tax_{shown}")),
        rate: Some(rate),
        ..NewTax::default()
    }
}

/// A snapshot of a tax on a fee: names and rate as they were when the fee was computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeTax {
    /// Id of the snapshot.
    pub id: AppliedTaxId,
    /// The tax.
    pub tax_id: TaxId,
    /// Its code then.
    pub code: String,
    /// Its name then.
    pub name: String,
    /// Its rate then, percent.
    pub rate: Decimal,
    /// Its description then.
    pub description: Option<String>,
    /// Rounded amount of this tax on this fee, minor units.
    pub amount_cents: i64,
}

/// A tax on an invoice: every fee that carries it, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceTax {
    /// The snapshot, with its amount on the invoice.
    pub tax: FeeTax,
    /// The taxable base: net amounts of the fees that carry the tax, truncated to minor units.
    pub fees_amount_cents: i64,
}

/// The first non-empty set wins; sets never merge (chapter 04, 5.1).
///
/// `levels` come from the nearest (the charge's own) to the farthest (the organization's defaults).
#[must_use]
pub fn applicable<'a>(levels: &[&'a [Tax]]) -> &'a [Tax] {
    levels.iter().copied().find(|taxes| !taxes.is_empty()).unwrap_or_default()
}

/// The taxes that apply by ids at `levels`, nearest first; where none is named, the organization's defaults, oldest first.
/// A tax that is gone counts for nothing.
#[must_use]
pub fn resolved(levels: &[&[TaxId]], all: &[Tax]) -> Vec<Tax> {
    let named = |ids: &[TaxId]| -> Vec<Tax> {
        ids.iter().filter_map(|id| all.iter().find(|tax| tax.id == *id)).cloned().collect()
    };
    let mut sets: Vec<Vec<Tax>> = levels.iter().map(|ids| named(ids)).collect();
    let mut defaults: Vec<Tax> = all.iter().filter(|tax| tax.applied_to_organization).cloned().collect();
    defaults.sort_by_key(|tax| (tax.created_at, tax.created_seq));
    sets.push(defaults);
    let sets: Vec<&[Tax]> = sets.iter().map(Vec::as_slice).collect();
    applicable(&sets).to_vec()
}

/// Whether a tax concerns a customer: one of its own, or a default where it has none (chapter 04, 5.3).
///
/// `own` are the customer's taxes that still exist.
#[must_use]
pub fn concerns(tax: TaxId, is_default: bool, own: &[TaxId]) -> bool {
    own.contains(&tax) || (is_default && own.is_empty())
}

/// What the taxes of one fee come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeTaxes {
    /// One snapshot per tax, in the order of the taxes.
    pub taxes: Vec<FeeTax>,
    /// `round` of the sum of the unrounded terms, minor units.
    pub amount_cents: i64,
    /// Sum of the rates, percent.
    pub rate: Decimal,
}

/// The taxes of one fee on its net amount (amount less coupon share, minor units). Chapter 04, 5.2.
///
/// `owner` makes the snapshots' ids: the fee's id.
#[must_use]
pub fn on_fee(owner: uuid::Uuid, taxes: &[Tax], net: Decimal) -> FeeTaxes {
    let snapshots: Vec<FeeTax> = taxes
        .iter()
        .map(|tax| FeeTax {
            id: AppliedTaxId(derived("applied tax", &[owner.as_bytes(), tax.id.0.as_bytes()])),
            tax_id: tax.id,
            code: tax.code.clone(),
            name: tax.name.clone(),
            rate: tax.rate,
            description: tax.description.clone(),
            amount_cents: 0,
        })
        .collect();
    again(snapshots, net)
}

/// The same taxes on another net amount: a coupon has taken its share.
#[must_use]
pub fn again(mut taxes: Vec<FeeTax>, net: Decimal) -> FeeTaxes {
    taxes.iter_mut().for_each(|tax| tax.amount_cents = cents(share(net, tax.rate)));
    let exact = number::sum(taxes.iter().map(|tax| share(net, tax.rate)));
    FeeTaxes { amount_cents: cents(exact), rate: number::sum(taxes.iter().map(|tax| tax.rate)), taxes }
}

/// What the taxes of an invoice come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InvoiceTaxes {
    /// One row per tax that stands on at least one fee, in order of first appearance.
    pub taxes: Vec<InvoiceTax>,
    /// `round` of the sum of the unrounded terms, minor units: not the sum of the fees' rounded taxes.
    pub amount_cents: i64,
    /// Average rate, percent, weighted by net amounts, rounded to 5 decimals.
    pub rate: Decimal,
}

/// The taxes of an invoice from its fees' taxes and net amounts. Chapter 04, 5.2.
///
/// `owner` makes the rows' ids: the invoice's id.
#[must_use]
pub fn on_invoice(owner: uuid::Uuid, fees: &[(&[FeeTax], Decimal)]) -> InvoiceTaxes {
    let sub_total: Decimal = fees.iter().map(|(_, net)| *net).sum();
    let mut distinct: Vec<&FeeTax> = Vec::new();
    for tax in fees.iter().flat_map(|(taxes, _)| taxes.iter()) {
        if !distinct.iter().any(|known| known.tax_id == tax.tax_id) {
            distinct.push(tax);
        }
    }
    let mut sum = InvoiceTaxes::default();
    let mut exact = Decimal::ZERO;
    for tax in distinct {
        let carriers = || fees.iter().filter(|(taxes, _)| taxes.iter().any(|other| other.tax_id == tax.tax_id));
        let base: Decimal = carriers().map(|(_, net)| *net).sum();
        let amount = share(base, tax.rate);
        exact = number::sum([exact, amount]);
        let rate = if sub_total.is_zero() {
            number::mul_div(tax.rate, Decimal::from(carriers().count()), Decimal::from(fees.len()))
        } else {
            number::mul_div(tax.rate, base, sub_total)
        };
        sum.rate = number::sum([sum.rate, rate]);
        sum.taxes.push(InvoiceTax {
            tax: FeeTax {
                id: AppliedTaxId(derived("applied tax", &[owner.as_bytes(), tax.tax_id.0.as_bytes()])),
                amount_cents: cents(amount),
                ..tax.clone()
            },
            fees_amount_cents: cents(number::trunc(base, 0)),
        });
    }
    sum.amount_cents = cents(exact);
    sum.rate = number::round(sum.rate, 5);
    sum
}

/// Taxes of current usage: unrounded over everything, rounded once (chapter 03, 9).
///
/// Each charge comes with its taxes and its amount in minor units.
#[must_use]
pub fn on_usage(charges: &[(Vec<Tax>, i64)]) -> i64 {
    let terms =
        charges.iter().flat_map(|(taxes, amount)| taxes.iter().map(|tax| share(Decimal::from(*amount), tax.rate)));
    cents(number::sum(terms))
}

/// `net * rate / 100`, exact.
fn share(net: Decimal, rate: Decimal) -> Decimal {
    number::mul_div(net, rate, Decimal::ONE_HUNDRED)
}

/// Rounded to whole minor units; saturates at the ends of 64 bits: no invoice's sum has room for that (`AmountOverflow`).
fn cents(amount: Decimal) -> i64 {
    let rounded = number::round(amount, 0);
    i64::try_from(rounded).unwrap_or(if rounded.is_sign_negative() { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use rust_decimal_macros::dec;
    use uuid::Uuid;

    use super::*;

    fn vat() -> NewTax {
        NewTax { name: Some("VAT".into()), code: Some("vat".into()), rate: Some(dec!(20)), ..NewTax::default() }
    }

    fn made(new: NewTax) -> Result<Tax, Problems> {
        create(new, TaxId(Uuid::nil()), Instant::UNIX_EPOCH, 1)
    }

    #[test]
    fn name_code_and_rate_are_mandatory() {
        let check = |new: NewTax, field: &str, code: &str| assert_eq!(made(new), Err(Problems::one(field, code)));
        check(NewTax { name: None, ..vat() }, "name", codes::MANDATORY);
        check(NewTax { code: Some(" ".into()), ..vat() }, "code", codes::MANDATORY);
        check(NewTax { rate: None, ..vat() }, "rate", codes::MANDATORY);
        let unread = Problems::one("rate", codes::INVALID);
        check(NewTax { rate: None, unread, ..vat() }, "rate", codes::INVALID);
        let tax = made(NewTax { rate: Some(dec!(-3)), ..vat() }).ok();
        assert_eq!(tax.map(|tax| (tax.rate, tax.applied_to_organization)), Some((dec!(-3), false)));
    }

    #[test]
    fn an_edit_changes_what_was_sent() {
        let tax = Tax { description: Some("x".into()), ..tax(1, dec!(20)) };
        let update = TaxUpdate { rate: Some(Some(dec!(5.5))), description: Some(None), ..TaxUpdate::default() };
        assert_eq!(edit(&tax, update), Ok(Tax { rate: dec!(5.5), description: None, ..tax.clone() }));
        let update = TaxUpdate { name: Some(None), rate: Some(None), ..TaxUpdate::default() };
        let mut expected = Problems::one("name", codes::MANDATORY);
        expected.add("rate", codes::MANDATORY);
        assert_eq!(edit(&tax, update), Err(expected));
    }

    #[test]
    fn a_legacy_rate_names_its_tax() {
        let check = |rate, code: &str, name: &str| {
            let tax = of_vat_rate(rate);
            assert_eq!((tax.code.as_deref(), tax.name.as_deref()), (Some(code), Some(name)));
        };
        check(dec!(20.0), "tax_20", "Tax (20%)");
        check(dec!(5.5), "tax_5.5", "Tax (5.5%)");
    }

    fn tax(position: u128, rate: Decimal) -> Tax {
        Tax {
            id: TaxId(Uuid::from_u128(position)),
            name: format!("tax {rate}"),
            code: format!("tax_{position}"),
            rate,
            description: None,
            applied_to_organization: false,
            created_at: Instant::UNIX_EPOCH,
            created_seq: 0,
        }
    }

    /// One row of the chapter's table: fees as (amount, coupon share, rates), then fee taxes, then per tax (amount,
    /// base), then the invoice's taxes and rate.
    fn check(
        fees: &[(Decimal, Decimal, &[Decimal])],
        fee_taxes: &[i64],
        rows: &[(i64, i64)],
        amount: i64,
        rate: Decimal,
    ) {
        let rated: Vec<(FeeTaxes, Decimal)> = fees
            .iter()
            .enumerate()
            .map(|(position, (amount, coupon, rates))| {
                let taxes: Vec<Tax> = rates.iter().enumerate().map(|(at, rate)| tax(at as u128, *rate)).collect();
                (on_fee(Uuid::from_u128(position as u128), &taxes, amount - coupon), amount - coupon)
            })
            .collect();
        assert_eq!(rated.iter().map(|(taxes, _)| taxes.amount_cents).collect::<Vec<_>>(), fee_taxes);
        let lines: Vec<(&[FeeTax], Decimal)> =
            rated.iter().map(|(taxes, net)| (taxes.taxes.as_slice(), *net)).collect();
        let sum = on_invoice(Uuid::nil(), &lines);
        let found: Vec<_> = sum.taxes.iter().map(|row| (row.tax.amount_cents, row.fees_amount_cents)).collect();
        assert_eq!(found, rows);
        assert_eq!((sum.amount_cents, sum.rate), (amount, rate));
    }

    #[test]
    fn the_worked_examples_of_chapter_04_5_2() {
        let (ten, twelve, twenty): (&[_], &[_], &[_]) = (&[dec!(10)], &[dec!(10), dec!(12)], &[dec!(20)]);
        let z = Decimal::ZERO;
        // A, B, C
        check(
            &[(dec!(1000), z, ten), (dec!(2000), z, twelve)],
            &[100, 440],
            &[(300, 3000), (240, 2000)],
            540,
            dec!(18),
        );
        check(&[(z, z, ten), (z, z, twelve)], &[0, 0], &[(0, 0), (0, 0)], 0, dec!(16));
        check(
            &[(dec!(1000), dec!(333.33333), ten), (dec!(2000), dec!(666.66667), twelve)],
            &[67, 293],
            &[(200, 2000), (160, 1333)],
            360,
            dec!(18),
        );
        // D
        let both: &[_] = &[dec!(10), dec!(20)];
        check(&[(dec!(151), z, both), (dec!(379), dec!(100), both)], &[45, 84], &[(43, 430), (86, 430)], 129, dec!(30));
        // E: the rounded whole, not the sum of the rounded parts
        check(&[(dec!(5), z, ten), (dec!(5), z, ten), (dec!(5), z, ten)], &[1, 1, 1], &[(2, 15)], 2, dec!(10));
        // F
        check(&[(dec!(50), z, &[dec!(5), dec!(3)])], &[4], &[(3, 50), (2, 50)], 4, dec!(8));
        // G
        check(
            &[(dec!(151), dec!(40.74151), twenty), (dec!(379), dec!(102.25849), twenty)],
            &[22, 55],
            &[(77, 387)],
            77,
            dec!(20),
        );
        // H: the base is truncated
        check(&[(dec!(1000), dec!(333.33333), ten)], &[67], &[(67, 666)], 67, dec!(10));
        check(&[(dec!(1000), dec!(100), &[dec!(5)])], &[45], &[(45, 900)], 45, dec!(5));
    }

    #[test]
    fn the_first_non_empty_level_wins() {
        let (own, organizations) = ([tax(1, dec!(5))], [tax(2, dec!(10)), tax(3, dec!(1))]);
        assert_eq!(applicable(&[&own, &[], &organizations]), own);
        assert_eq!(applicable(&[&[], &[], &organizations]), organizations);
        assert_eq!(applicable(&[&[], &[]]), []);
    }
}
