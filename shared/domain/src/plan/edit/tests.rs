#![allow(clippy::unwrap_used)]

use expect_test::{Expect, expect};
use rust_decimal_macros::dec;
use uuid::Uuid;

use super::super::{GroupPriceInput, PlanOverrides, child, copy};
use super::*;
use crate::charge::ChargeModel;
use crate::id::{GroupId, MetricId, TaxId};
use crate::metric::{CodeIs, NewMetric};
use crate::value::Value;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn amount(amount: &str) -> Value {
    map(&[("amount", text(amount))])
}

/// Metrics of a test: position, aggregation, whether it recurs; the sums have a dimension with the leaves 100 and 101.
fn metric(position: u128) -> Option<Metric> {
    let (aggregation, recurring) = match position {
        1 => ("sum_agg", false),
        2 => ("sum_agg", true),
        3 => ("max_agg", false),
        4 => ("latest_agg", false),
        5 => ("weighted_sum_agg", true),
        _ => return None,
    };
    let group = map(&[("key", text("region")), ("values", Value::List(vec![text("eu"), text("us")]))]);
    let new = NewMetric {
        name: Some("metric".into()),
        code: Some(format!("metric_{position}")),
        aggregation_type: Some(aggregation.into()),
        weighted_interval: Some("seconds".into()),
        recurring: Some(recurring),
        field_name: Some("size".into()),
        group: if aggregation == "sum_agg" { group } else { Value::Null },
        ..NewMetric::default()
    };
    let mut leaf = 99;
    let valid = new.validate(CodeIs::Free).unwrap();
    Some(valid.create(MetricId(Uuid::from_u128(position)), Instant::UNIX_EPOCH, 1, || {
        leaf += 1;
        GroupId(Uuid::from_u128(leaf))
    }))
}

/// Runs a decision with the test's metrics, the taxes `vat` (1) and `gst` (2), and charge ids from `first` on.
fn decide<T>(first: u128, decision: impl FnOnce(Catalogue<'_>, &mut dyn FnMut() -> ChargeId) -> T) -> T {
    let metrics: Vec<Metric> = (1..=5).filter_map(metric).collect();
    let tax = |code: &str| match code {
        "vat" => Some(TaxId(Uuid::from_u128(1))),
        "gst" => Some(TaxId(Uuid::from_u128(2))),
        _ => None,
    };
    let metric = |id| metrics.iter().find(|metric| metric.id == id);
    let mut next = first;
    let mut new_charge = || {
        next += 1;
        ChargeId(Uuid::from_u128(next - 1))
    };
    decision(Catalogue { metric: &metric, tax: &tax }, &mut new_charge)
}

fn charge(metric: u128) -> ChargeInput {
    ChargeInput {
        metric_id: Some(MetricId(Uuid::from_u128(metric))),
        charge_model: Some("standard".into()),
        properties: amount("1"),
        ..ChargeInput::default()
    }
}

fn group_price(group: u128, values: Value) -> GroupPriceInput {
    GroupPriceInput { group_id: Some(GroupId(Uuid::from_u128(group))), values, invoice_display_name: None }
}

fn basic() -> NewPlan {
    NewPlan {
        name: Some("Basic".into()),
        code: Some("basic".into()),
        interval: Some(Interval::Monthly),
        amount_cents: Some(1000),
        amount_currency: Some("EUR".into()),
        pay_in_advance: Some(true),
        ..NewPlan::default()
    }
}

fn made(new: NewPlan) -> Result<Plan, Refused> {
    let id = PlanId(Uuid::from_u128(7));
    decide(10, |catalogue, ids| create(new, catalogue, id, Instant::UNIX_EPOCH, 1, ids))
}

fn edited(plan: &Plan, update: PlanUpdate, attached: Attached) -> Result<Plan, Refused> {
    decide(50, |catalogue, ids| edit(plan, update, attached, catalogue, Instant::UNIX_EPOCH, ids))
}

fn overridden(plan: &Plan, overrides: PlanOverrides) -> Result<Plan, Refused> {
    let id = PlanId(Uuid::from_u128(8));
    decide(50, |catalogue, ids| child(plan, overrides, catalogue, id, Instant::UNIX_EPOCH, 2, ids))
}

/// `field: code code, field: code`, or what was not found.
fn refusal<T>(outcome: Result<T, Refused>) -> String {
    match outcome {
        Ok(_) => "fine".to_owned(),
        Err(Refused::NotFound(what)) => format!("404 {what}"),
        Err(Refused::Invalid(problems)) => {
            let fields = problems.fields().iter().map(|(field, codes)| format!("{field}: {}", codes.join(" ")));
            fields.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Charges as `id metric model properties groups`.
fn charges(plan: &Plan) -> Vec<String> {
    let number = |id: Uuid| id.as_u128();
    plan.charges
        .iter()
        .map(|charge| {
            let groups: Vec<_> = charge.group_prices.iter().map(|price| number(price.group_id.0)).collect();
            let properties = charge.price.properties.get("amount").and_then(Value::as_text).unwrap_or("-");
            format!("{} {} {} {properties} {groups:?}", number(charge.id.0), number(charge.metric_id.0), charge.model())
        })
        .collect()
}

#[test]
fn every_field_of_a_plan_has_its_code() {
    let check = |set: &dyn Fn(&mut NewPlan), expected: &str| {
        let mut new = basic();
        set(&mut new);
        assert_eq!(refusal(made(new)), expected);
    };
    check(&|_| (), "fine");
    check(&|to| to.name = None, "name: value_is_mandatory");
    check(&|to| to.code = Some("  ".into()), "code: value_is_mandatory");
    check(&|to| to.interval = None, "interval: value_is_mandatory");
    check(&|to| to.amount_cents = None, "amount_cents: value_is_mandatory");
    check(&|to| to.amount_cents = Some(-5), "fine");
    check(&|to| to.amount_currency = None, "amount_currency: value_is_invalid");
    check(&|to| to.amount_currency = Some("eur".into()), "amount_currency: value_is_invalid");
    check(&|to| to.pay_in_advance = None, "pay_in_advance: value_is_invalid");
    let unread = |to: &mut NewPlan| {
        to.amount_cents = None;
        to.unread = Problems::one("amount_cents", codes::INVALID);
    };
    check(&unread, "amount_cents: value_is_invalid");
    check(&|to| to.tax_codes = vec!["vat".into(), "gst".into()], "fine");
    check(&|to| to.tax_codes = vec!["nope".into()], "404 tax");
    check(
        &|to| (to.name, to.code, to.tax_codes) = (None, None, vec!["nope".into()]),
        "name: value_is_mandatory, code: value_is_mandatory",
    );
}

#[test]
fn unknown_metrics_come_before_everything_and_unknown_taxes_before_charges() {
    let check = |set: &dyn Fn(&mut NewPlan, &mut ChargeInput), expected: &str| {
        let (mut new, mut input) = (basic(), charge(1));
        set(&mut new, &mut input);
        new.charges = vec![input];
        assert_eq!(refusal(made(new)), expected);
    };
    check(&|plan, charge| (plan.name, charge.metric_id) = (None, None), "404 billable_metrics");
    check(&|_, charge| charge.metric_id = Some(MetricId(Uuid::from_u128(99))), "404 billable_metrics");
    let bad_price = |charge: &mut ChargeInput| charge.properties = amount("-1");
    check(
        &|plan, charge| {
            bad_price(charge);
            plan.name = None;
            charge.tax_codes = Some(vec!["nope".into()]);
        },
        "name: value_is_mandatory, properties: invalid_amount",
    );
    check(
        &|_, charge| {
            bad_price(charge);
            charge.tax_codes = Some(vec!["nope".into()]);
        },
        "404 tax",
    );
    check(&|_, charge| bad_price(charge), "properties: invalid_amount");
}

#[test]
fn charges_are_checked_as_a_whole() {
    let check = |metric: u128, set: &dyn Fn(&mut ChargeInput), expected: &str| {
        let mut input = charge(metric);
        set(&mut input);
        assert_eq!(refusal(made(NewPlan { charges: vec![input], ..basic() })), expected);
    };
    check(1, &|_| (), "fine");
    check(1, &|to| to.charge_model = None, "charge_model: value_is_mandatory");
    check(1, &|to| to.charge_model = Some("free".into()), "charge_model: value_is_invalid");
    check(3, &|to| to.pay_in_advance = Some(true), "pay_in_advance: invalid_aggregation_type_or_charge_model");
    check(1, &|to| to.min_amount_cents = Some(-1), "min_amount_cents: value_is_out_of_range");
    let minimum_in_advance = |to: &mut ChargeInput| (to.pay_in_advance, to.min_amount_cents) = (Some(true), Some(1));
    check(1, &minimum_in_advance, "min_amount_cents: not_compatible_with_pay_in_advance");
    check(2, &|to| to.prorated = Some(true), "fine");
    check(1, &|to| to.prorated = Some(true), "prorated: invalid_billable_metric_or_charge_model");
    check(5, &|to| to.prorated = Some(true), "prorated: invalid_billable_metric_or_charge_model");
    let percentage = |to: &mut ChargeInput| {
        to.charge_model = Some("percentage".into());
        to.properties = map(&[("rate", text("1"))]);
    };
    check(4, &percentage, "properties: invalid_value");
    check(1, &percentage, "fine");
    check(1, &|to| to.properties = map(&[("amount", Value::Number("1".into()))]), "properties: invalid_amount");
    check(1, &|to| to.properties = Value::Null, "fine");
    check(1, &|to| to.properties = map(&[]), "fine");
}

#[test]
fn prices_of_groups_need_a_live_leaf_and_values() {
    let check = |properties: Value, groups: Vec<GroupPriceInput>, expected: &str| {
        let input = ChargeInput { properties, group_properties: Some(groups), ..charge(1) };
        assert_eq!(refusal(made(NewPlan { charges: vec![input], ..basic() })), expected);
    };
    check(amount("1"), vec![group_price(100, amount("2")), group_price(101, amount("3"))], "fine");
    check(amount("1"), vec![group_price(99, amount("2"))], "group_properties: is invalid");
    check(amount("1"), vec![GroupPriceInput::default()], "group_properties: is invalid");
    check(amount("1"), vec![group_price(100, Value::Null)], "group_properties: is invalid");
    check(amount("1"), vec![group_price(100, amount("x"))], "properties: invalid_amount");
    let twice = vec![group_price(100, amount("2")), group_price(100, amount("3"))];
    check(amount("1"), twice, "group_properties: is duplicated");
    // Beside prices of groups a bad default price counts as zero.
    check(amount("x"), vec![group_price(100, amount("2"))], "fine");
}

#[test]
fn a_new_charge_has_the_chapters_defaults() {
    let input = ChargeInput { properties: Value::Null, charge_model: Some("package".into()), ..charge(1) };
    let plan = made(NewPlan { charges: vec![input], tax_codes: vec!["gst".into(), "gst".into()], ..basic() }).unwrap();
    let made = &plan.charges[0];
    assert_eq!((made.pay_in_advance, made.invoiceable, made.prorated, made.min_amount_cents), (false, true, false, 0));
    assert_eq!(made.price, super::super::Pricing::zero(ChargeModel::Package));
    assert_eq!(plan.tax_ids, [TaxId(Uuid::from_u128(2))]);
    assert_eq!(plan.bill_charges_monthly, None);
}

#[test]
fn monthly_charges_belong_to_yearly_intervals_that_are_sent() {
    let yearly = NewPlan { interval: Some(Interval::Yearly), ..basic() };
    let plan = made(yearly.clone()).unwrap();
    assert_eq!(plan.bill_charges_monthly, Some(false));
    let plan = made(NewPlan { bill_charges_monthly: Some(true), ..yearly }).unwrap();
    assert_eq!(plan.bill_charges_monthly, Some(true));
    let after = |update, attached| edited(&plan, update, attached).unwrap().bill_charges_monthly;
    assert_eq!(after(PlanUpdate::default(), Attached::No), None);
    let sent = PlanUpdate { interval: Some(Some(Interval::Yearly)), ..PlanUpdate::default() };
    assert_eq!(after(sent.clone(), Attached::No), Some(false));
    assert_eq!(after(PlanUpdate { bill_charges_monthly: Some(true), ..sent }, Attached::No), Some(true));
    assert_eq!(after(PlanUpdate::default(), Attached::Yes), Some(true));
}

#[test]
fn an_attached_plan_ignores_what_its_subscriptions_rest_on() {
    let plan = made(NewPlan { trial_period: Some(dec!(7)), ..basic() }).unwrap();
    let update = PlanUpdate {
        name: Some(Some("Better".into())),
        code: Some(Some("better".into())),
        amount_cents: Some(Some(5)),
        amount_currency: Some(Some("???".into())),
        trial_period: Some(None),
        tax_codes: Some(vec!["vat".into()]),
        unread: Problems::one("pay_in_advance", codes::INVALID),
        ..PlanUpdate::default()
    };
    let attached = edited(&plan, update.clone(), Attached::Yes).unwrap();
    let expected = Plan { name: "Better".into(), tax_ids: vec![TaxId(Uuid::from_u128(1))], ..plan.clone() };
    assert_eq!(attached, expected);
    let free = refusal(edited(&plan, update.clone(), Attached::No));
    assert_eq!(free, "pay_in_advance: value_is_invalid, amount_currency: value_is_invalid");
    let update = PlanUpdate { amount_currency: None, unread: Problems::default(), ..update };
    let free = edited(&plan, update, Attached::No).unwrap();
    assert_eq!((free.code.as_str(), free.amount_cents, free.trial_period), ("better", 5, None));
    let nameless = PlanUpdate { name: Some(None), ..PlanUpdate::default() };
    assert_eq!(refusal(edited(&plan, nameless, Attached::Yes)), "name: value_is_mandatory");
}

#[test]
fn a_list_of_charges_replaces_the_charges() {
    let first = ChargeInput { group_properties: Some(vec![group_price(100, amount("2"))]), ..charge(1) };
    let plan = made(NewPlan { charges: vec![first, charge(3)], ..basic() }).unwrap();
    let check = |list: Option<Vec<ChargeInput>>, attached, expected: Expect| {
        let update = PlanUpdate { charges: list, ..PlanUpdate::default() };
        let shown = match edited(&plan, update, attached) {
            Ok(plan) => charges(&plan).join("\n"),
            refused => refusal(refused),
        };
        expected.assert_eq(&shown);
    };
    let known = |id: u128, metric| ChargeInput { id: Some(ChargeId(Uuid::from_u128(id))), ..charge(metric) };
    check(
        None,
        Attached::No,
        expect![[r#"
        10 1 standard 1 [100]
        11 3 standard 1 []"#]],
    );
    check(Some(Vec::new()), Attached::Yes, expect![[""]]);
    // Known ones stay in front, however they are listed; their groups stay unless others are sent.
    check(
        Some(vec![charge(2), known(10, 1)]),
        Attached::Yes,
        expect![[r#"
        10 1 standard 1 [100]
        50 2 standard 1 []"#]],
    );
    let other_group = ChargeInput { group_properties: Some(vec![group_price(101, amount("9"))]), ..known(10, 1) };
    check(Some(vec![other_group]), Attached::Yes, expect!["10 1 standard 1 [101]"]);
    // A charge in use keeps its model; one that is not takes the new one, and loses prices of the old one.
    let packages = ChargeInput { charge_model: Some("package".into()), properties: Value::Null, ..known(10, 1) };
    check(Some(vec![packages.clone()]), Attached::Yes, expect!["10 1 standard 0 [100]"]);
    check(Some(vec![packages]), Attached::No, expect!["10 1 package 0 []"]);
    let in_advance = ChargeInput { pay_in_advance: Some(true), min_amount_cents: Some(-4), ..known(11, 3) };
    check(Some(vec![in_advance.clone()]), Attached::Yes, expect!["11 3 standard 1 []"]);
    check(
        Some(vec![in_advance]),
        Attached::No,
        expect!["pay_in_advance: invalid_aggregation_type_or_charge_model, min_amount_cents: value_is_out_of_range"],
    );
    let bad = ChargeInput { properties: amount("x"), ..known(11, 3) };
    check(Some(vec![bad]), Attached::Yes, expect!["properties: invalid_amount"]);
    check(Some(vec![known(10, 77)]), Attached::Yes, expect!["404 billable_metrics"]);
}

#[test]
fn a_child_copies_its_parent_but_for_what_is_overridden() {
    let first = ChargeInput { group_properties: Some(vec![group_price(100, amount("2"))]), ..charge(1) };
    let charges_of_parent = vec![first, charge(3)];
    let parent = made(NewPlan { charges: charges_of_parent, tax_codes: vec!["vat".into()], ..basic() }).unwrap();
    let plain = overridden(&parent, PlanOverrides::default()).unwrap();
    assert_eq!((plain.parent_id, plain.code.as_str(), plain.amount_cents), (Some(parent.id), "basic", 1000));
    assert_eq!(plain.tax_ids, parent.tax_ids);
    assert_eq!(charges(&plain), ["50 1 standard 1 [100]", "51 3 standard 1 []"]);
    let parents: Vec<_> = plain.charges.iter().map(|charge| charge.parent_id).collect();
    assert_eq!(parents, [Some(parent.charges[0].id), Some(parent.charges[1].id)]);

    let entry = |position: usize| ChargeInput { id: Some(parent.charges[position].id), ..ChargeInput::default() };
    let overrides = PlanOverrides {
        name: Some("Special".into()),
        amount_cents: Some(5),
        amount_currency: Some("USD".into()),
        tax_codes: Some(Vec::new()),
        charges: vec![
            ChargeInput { group_properties: Some(Vec::new()), ..entry(0) },
            ChargeInput { properties: amount("7"), min_amount_cents: Some(3), ..entry(1) },
            ChargeInput {
                properties: amount("bad"),
                id: Some(ChargeId(Uuid::from_u128(999))),
                ..ChargeInput::default()
            },
        ],
        ..PlanOverrides::default()
    };
    let special = overridden(&parent, overrides).unwrap();
    assert_eq!((special.name.as_str(), special.amount_cents, special.currency), ("Special", 5, Currency::USD));
    assert_eq!(special.tax_ids, []);
    assert_eq!(charges(&special), ["50 1 standard 1 []", "51 3 standard 7 []"]);
    assert_eq!(special.charges[1].min_amount_cents, 3);

    let check =
        |overrides: PlanOverrides, expected: &str| assert_eq!(refusal(overridden(&parent, overrides)), expected);
    check(PlanOverrides { tax_codes: Some(vec!["nope".into()]), ..PlanOverrides::default() }, "404 tax");
    check(PlanOverrides { name: Some(" ".into()), ..PlanOverrides::default() }, "name: value_is_mandatory");
    let currency = PlanOverrides { amount_currency: Some("XXX".into()), ..PlanOverrides::default() };
    check(currency, "amount_currency: value_is_invalid");
    let bad = ChargeInput { properties: amount("bad"), ..entry(1) };
    check(PlanOverrides { charges: vec![bad], ..PlanOverrides::default() }, "properties: invalid_amount");
    let negative = ChargeInput { min_amount_cents: Some(-1), ..entry(1) };
    check(
        PlanOverrides { charges: vec![negative], ..PlanOverrides::default() },
        "min_amount_cents: value_is_out_of_range",
    );
}

#[test]
fn an_edited_child_knows_its_charges_by_the_parents_ids() {
    let parent = made(NewPlan { charges: vec![charge(1), charge(3)], ..basic() }).unwrap();
    let plan = decide(50, |_, ids| copy(&parent, PlanId(Uuid::from_u128(8)), Instant::UNIX_EPOCH, 2, ids));
    let after = |list: Vec<ChargeInput>| {
        edited(&plan, PlanUpdate { charges: Some(list), ..PlanUpdate::default() }, Attached::Yes)
    };
    let by_parent = ChargeInput { id: Some(parent.charges[1].id), properties: amount("4"), ..charge(3) };
    assert_eq!(charges(&after(vec![by_parent.clone()]).unwrap()), ["51 3 standard 4 []"]);
    let own = ChargeInput { id: Some(plan.charges[0].id), properties: amount("5"), ..charge(1) };
    assert_eq!(charges(&after(vec![own]).unwrap()), ["50 1 standard 5 []"]);
    let priceless = ChargeInput { properties: Value::Null, ..by_parent.clone() };
    assert_eq!(refusal(after(vec![priceless])), "properties: value_is_mandatory");
    assert_eq!(refusal(after(vec![ChargeInput { metric_id: None, ..by_parent }])), "404 billable_metrics");
}
