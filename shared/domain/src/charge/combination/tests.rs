use super::*;
use AggregationType::{Count, Latest, Max, Sum, UniqueCount, WeightedSum};

fn plain(aggregation: AggregationType, model: ChargeModel) -> Combination {
    Combination { aggregation, recurring: false, model, pay_in_advance: false, prorated: false, min_amount_cents: 0 }
}

fn errors(charge: Combination) -> Vec<(&'static str, &'static str)> {
    check(&charge).into_iter().map(|error| (error.field(), error.code())).collect()
}

const NOT_IN_ADVANCE: (&str, &str) = ("pay_in_advance", "invalid_aggregation_type_or_charge_model");
const NOT_PRORATED: (&str, &str) = ("prorated", "invalid_billable_metric_or_charge_model");
const NOT_FOR_LATEST: (&str, &str) = ("properties", "invalid_value");

/// The first table of 4.3: in advance, prorated (recurring), percentage and graduated percentage.
#[test]
fn every_cell_of_the_table_of_aggregations() {
    let table = [
        (Count, true, false, true),
        (Sum, true, true, true),
        (UniqueCount, true, true, true),
        (Max, false, false, true),
        (Latest, false, false, false),
        (WeightedSum, false, false, true),
    ];
    let expected = |allowed: bool, error| if allowed { vec![] } else { vec![error] };
    for (aggregation, in_advance, prorated, percentage) in table {
        let standard = plain(aggregation, ChargeModel::Standard);
        assert_eq!(errors(standard), vec![], "{aggregation:?}");
        let charge = Combination { pay_in_advance: true, ..standard };
        assert_eq!(errors(charge), expected(in_advance, NOT_IN_ADVANCE), "{aggregation:?} in advance");
        let charge = Combination { prorated: true, recurring: true, ..standard };
        assert_eq!(errors(charge), expected(prorated, NOT_PRORATED), "{aggregation:?} prorated");
        let charge = Combination { prorated: true, recurring: false, ..standard };
        assert_eq!(errors(charge), vec![NOT_PRORATED], "{aggregation:?} prorated, not recurring");
        for model in [ChargeModel::Percentage, ChargeModel::GraduatedPercentage] {
            let charge = plain(aggregation, model);
            assert_eq!(errors(charge), expected(percentage, NOT_FOR_LATEST), "{aggregation:?} {model}");
        }
        for model in [ChargeModel::Graduated, ChargeModel::Package, ChargeModel::Volume] {
            assert_eq!(errors(plain(aggregation, model)), vec![], "{aggregation:?} {model}");
        }
    }
}

/// The second table of 4.3: in arrears, in advance, in arrears and prorated, in advance and prorated.
#[test]
fn every_cell_of_the_table_of_models() {
    let table = [
        (ChargeModel::Standard, [true, true, true, true]),
        (ChargeModel::Graduated, [true, true, true, false]),
        (ChargeModel::Volume, [true, false, true, false]),
        (ChargeModel::Package, [true, true, false, false]),
        (ChargeModel::Percentage, [true, true, false, false]),
        (ChargeModel::GraduatedPercentage, [true, true, false, false]),
    ];
    for (model, allowed) in table {
        for aggregation in [Sum, UniqueCount] {
            let cells =
                [(false, false), (true, false), (false, true), (true, true)].map(|(pay_in_advance, prorated)| {
                    let charge = Combination { recurring: true, pay_in_advance, prorated, ..plain(aggregation, model) };
                    errors(charge).is_empty()
                });
            assert_eq!(cells, allowed, "{aggregation:?} {model}");
        }
    }
}

#[test]
fn minimum_spend() {
    let charge = |min_amount_cents, pay_in_advance| {
        errors(Combination { min_amount_cents, pay_in_advance, ..plain(Count, ChargeModel::Standard) })
    };
    assert_eq!(charge(0, true), vec![]);
    assert_eq!(charge(1000, false), vec![]);
    assert_eq!(charge(-1, false), vec![("min_amount_cents", "value_is_out_of_range")]);
    assert_eq!(charge(-1, true), vec![("min_amount_cents", "value_is_out_of_range")]);
    assert_eq!(charge(1, true), vec![("min_amount_cents", "not_compatible_with_pay_in_advance")]);
}

#[test]
fn all_errors_in_the_order_of_the_chapter() {
    let charge = Combination {
        aggregation: Latest,
        recurring: false,
        model: ChargeModel::Percentage,
        pay_in_advance: true,
        prorated: true,
        min_amount_cents: 5,
    };
    let minimum = ("min_amount_cents", "not_compatible_with_pay_in_advance");
    assert_eq!(errors(charge), vec![NOT_FOR_LATEST, NOT_IN_ADVANCE, NOT_PRORATED, minimum]);
    let volume =
        Combination { recurring: true, pay_in_advance: true, prorated: true, ..plain(Sum, ChargeModel::Volume) };
    assert_eq!(errors(volume), vec![NOT_IN_ADVANCE, NOT_PRORATED]);
}

#[test]
fn two_prices_for_one_group() {
    assert_eq!(check_groups(["a", "b"]), Ok(()));
    assert_eq!(check_groups::<&str>([]), Ok(()));
    let error = check_groups(["a", "b", "a"]).map_err(|error| (error.field(), error.code()));
    assert_eq!(error, Err(("group_properties", "is duplicated")));
}
