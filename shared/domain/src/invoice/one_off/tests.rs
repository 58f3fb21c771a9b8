//! The worked examples of chapter 04, 3.4 C, and the rows of 5.1 and 8.2.

use rust_decimal_macros::dec;
use uuid::Uuid;

use super::*;
use crate::customer::{Birth, CustomerUpdate};
use crate::id::{AddOnId, TaxId};
use crate::id::{CustomerId, OrganizationId};
use crate::invoice::{PaymentStatus, Sequence, Status, violations};
use crate::organization::NewOrganization;
use crate::target::Targets;

fn organization() -> Organization {
    let new = NewOrganization { name: Some("Acme".into()), ..NewOrganization::default() };
    let id = OrganizationId(Uuid::nil());
    crate::organization::create(new, id, Instant::UNIX_EPOCH, Targets::Public, &mut || Uuid::nil().into()).unwrap()
}

fn customer() -> Customer {
    let birth =
        Birth { id: CustomerId(Uuid::nil()), sequential_id: 1, prefix: "ACM-0001", at: Instant::UNIX_EPOCH, seq: 1 };
    let input = CustomerUpdate { external_id: Some("c".into()), ..CustomerUpdate::default() };
    crate::customer::create(input, &birth, Vec::new(), &mut || Uuid::nil()).unwrap()
}

fn add_on() -> AddOn {
    AddOn {
        id: AddOnId(Uuid::nil()),
        name: "Set-up".into(),
        code: "setup".into(),
        invoice_display_name: None,
        description: Some("By hand".into()),
        amount_cents: 400,
        currency: Currency::EUR,
        tax_ids: Vec::new(),
        created_at: Instant::UNIX_EPOCH,
        created_seq: 1,
        deleted_at: None,
    }
}

fn tax(id: u128, code: &str, rate: Decimal, applied_to_organization: bool) -> Tax {
    Tax {
        id: TaxId(Uuid::from_u128(id)),
        name: code.into(),
        code: code.into(),
        rate,
        description: None,
        applied_to_organization,
        created_at: Instant::UNIX_EPOCH,
        created_seq: 1,
    }
}

fn sold(lines: &[Line]) -> Result<Invoice, AmountOverflow> {
    let add_on = add_on();
    let taxes = vec![tax(1, "vat", dec!(20), true)];
    let sales: Vec<Sale<'_>> = lines.iter().map(|line| Sale { line, add_on: &add_on, taxes: taxes.clone() }).collect();
    let place = Place { sequence: Sequence { of_customer: 1, of_month: 1 }, created_seq: 7 };
    let id = crate::invoice::room_for_fees(Uuid::from_u128(1 << 40));
    let made = invoice(&organization(), &customer(), Currency::EUR, &sales, (id, Instant::UNIX_EPOCH, place))?;
    assert_eq!(violations(&made), Vec::<String>::new());
    Ok(made)
}

#[test]
fn the_worked_example_of_chapter_04_3_4_c() {
    let two = Line { unit_amount_cents: Some(1200), units: Some(dec!(2)), ..Line::default() };
    let made = sold(&[two.clone(), Line::default()]).unwrap();
    let totals = &made.totals;
    assert_eq!((totals.fees, totals.taxes, totals.total), (2800, 560, 3360));
    assert_eq!((made.status, made.payment_status), (Status::Finalized, PaymentStatus::Pending));
    let lines: Vec<_> = made.fees.iter().map(|fee| (fee.amount_cents, fee.units, fee.precise_unit_amount)).collect();
    assert_eq!(lines, [(2400, dec!(2), dec!(12)), (400, dec!(1), dec!(4))]);
    assert_eq!(made.fees[1].description.as_deref(), Some("By hand"));
    let free = sold(&[Line { unit_amount_cents: Some(0), ..two }]).unwrap();
    assert_eq!((free.totals.total, free.payment_status), (0, PaymentStatus::Succeeded));
}

#[test]
fn amounts_are_rounded_half_away_from_zero_and_bounded() {
    let line = |unit, units| Line { unit_amount_cents: Some(unit), units: Some(units), ..Line::default() };
    let amount = |line: Line| sold(&[line]).map(|made| made.fees[0].amount_cents);
    assert_eq!(amount(line(5, dec!(0.5))), Ok(3));
    assert_eq!(amount(line(1, dec!(0.49))), Ok(0));
    assert_eq!(amount(line(i64::MAX, dec!(2))), Err(AmountOverflow));
    assert_eq!(amount(line(i64::MAX, Decimal::MAX)), Err(AmountOverflow));
}

#[test]
fn the_nearest_taxes_win() {
    let all =
        [tax(1, "organization", dec!(1), true), tax(2, "customer", dec!(2), false), tax(3, "own", dec!(3), false)];
    let codes = |taxes: Vec<Tax>| taxes.into_iter().map(|tax| tax.code).collect::<Vec<_>>();
    let (plain, taxed) = (customer(), Customer { tax_ids: vec![all[1].id], ..customer() });
    let (add_on, own) = (add_on(), AddOn { tax_ids: vec![all[2].id], ..add_on() });
    let line = |codes: Option<&[&str]>| Line {
        tax_codes: codes.map(|codes| codes.iter().map(|code| (*code).to_owned()).collect()),
        ..Line::default()
    };
    assert_eq!(codes(taxes_of(&line(None), &add_on, &plain, &all)), ["organization"]);
    assert_eq!(codes(taxes_of(&line(None), &add_on, &taxed, &all)), ["customer"]);
    assert_eq!(codes(taxes_of(&line(None), &own, &taxed, &all)), ["own"]);
    assert_eq!(codes(taxes_of(&line(Some(&[])), &own, &taxed, &all)), Vec::<String>::new());
    assert_eq!(codes(taxes_of(&line(Some(&["customer", "gone", "customer"])), &own, &plain, &all)), ["customer"]);
}

#[test]
fn the_currency_is_the_customers() {
    let check = |asked: Option<Option<Currency>>, of_customer, editable, expected: Result<Currency, &str>| {
        let order = Order { currency: asked, ..Order::default() };
        let expected = expected.map_err(|code| Problems::one("currency", code));
        assert_eq!(order.currency(of_customer, editable), expected, "{asked:?} {of_customer:?} {editable}");
    };
    let (euro, dollar) = (Currency::EUR, Currency::USD);
    check(None, Some(euro), false, Ok(euro));
    check(Some(Some(euro)), Some(euro), false, Ok(euro));
    check(Some(Some(dollar)), Some(euro), true, Err(codes::CURRENCIES_DIFFER));
    check(Some(None), Some(euro), true, Err(codes::CURRENCIES_DIFFER));
    check(None, None, true, Err(codes::MANDATORY));
    check(Some(None), None, true, Err(codes::INVALID));
    check(Some(Some(dollar)), None, true, Ok(dollar));
    check(Some(Some(dollar)), None, false, Err(codes::CURRENCIES_DIFFER));
}

#[test]
fn negative_numbers_are_refused_under_their_field() {
    let lines = vec![
        Line { unit_amount_cents: Some(-1), ..Line::default() },
        Line { units: Some(dec!(-0.1)), ..Line::default() }, //
    ];
    let mut expected = Problems::one("unit_amount_cents", codes::OUT_OF_RANGE);
    expected.add("units", codes::OUT_OF_RANGE);
    assert_eq!(problems(&Order { lines, ..Order::default() }), expected);
}
