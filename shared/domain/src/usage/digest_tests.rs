//! Digests against the aggregations over every event.
#![allow(clippy::unwrap_used)]

use chrono::TimeDelta;
use proptest::prelude::*;
use rust_decimal_macros::dec;

use super::super::dictionary::VALUES_MAX;
use super::super::event::Properties;
use super::super::testing::{at, event, metric, one, text, two, window};
use super::super::window::{End, Shared};
use super::*;
use crate::value::Value;

use AggregationType::{Count, Latest, Max, Sum as SumOf, UniqueCount, WeightedSum};

/// An event as it is generated: where it is and what it says.
#[derive(Debug, Clone)]
struct Use {
    hour: i64,
    micros: i64,
    value: Option<&'static str>,
    operation: Option<&'static str>,
    cloud: Option<&'static str>,
    region: Option<&'static str>,
    received: i64,
    is_new: bool,
}

const ORDINARY: [Option<&str>; 9] = [
    None,
    Some("0"),
    Some("1"),
    Some("2.5"),
    Some("-3"),
    Some("0.30000000000000004"),
    Some("1e3"),
    Some("-0.001"),
    Some("'x"),
];
const HOUR: i64 = 3_600_000_000;

prop_compose! {
    fn any_use()(
        hour in 0_i64..60,
        micros in prop_oneof![
            Just(-1), Just(-400_000), Just(0), Just(500_000), Just(HOUR - 500_001), Just(HOUR - 500_000), 0..HOUR,
            (0_i64..3600).prop_map(|second| second * 1_000_000),
        ],
        value in prop_oneof![20 => prop::sample::select(&ORDINARY[..]), 1 => Just(Some("7777777777777777777777777777")), 1 => Just(Some("0.0000000000000000000000001"))],
        operation in prop_oneof![30 => Just(None), 5 => Just(Some("add")), 1 => Just(Some("remove")), 1 => Just(Some("other"))],
        cloud in prop::sample::select(vec![None, Some("aws"), Some("gcp")]),
        region in prop::sample::select(vec![None, Some("eu"), Some("us"), Some("mars")]),
        received in 0_i64..30,
        is_new in prop::bool::weighted(0.9),
    ) -> Use {
        Use { hour, micros, value, operation, cloud, region, received, is_new }
    }
}

/// Mostly events that digests can hold; now and then with removals and absurd numbers.
fn any_uses(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Use>> {
    (prop::bool::weighted(0.2), prop::bool::weighted(0.2), prop::collection::vec(any_use(), count)).prop_map(
        |(is_wide, is_removed, mut uses)| {
            for used in &mut uses {
                used.operation = used.operation.filter(|operation| is_removed || *operation != "remove");
                used.value = used.value.filter(|value| is_wide || value.len() < 20);
            }
            uses
        },
    )
}

/// The first of the hours that events fall into; two days later another block begins.
fn first() -> Instant {
    at("2022-07-25T00:00")
}

fn events(uses: &[Use]) -> Vec<Event> {
    uses.iter()
        .enumerate()
        .map(|(number, used)| {
            let mut properties: Vec<(String, Value)> = Vec::new();
            let texts = [("operation_type", used.operation), ("cloud", used.cloud), ("region", used.region)];
            properties.extend(texts.iter().filter_map(|(name, value)| Some(((*name).to_owned(), text((*value)?)))));
            if let Some(value) = used.value {
                let value = value.strip_prefix('\'').map_or(Value::Number(value.into()), text);
                properties.push(("value".to_owned(), value));
            }
            let timestamp = first() + TimeDelta::microseconds(used.hour * HOUR + used.micros);
            let day = if used.is_new { at("2030-01-01") } else { at("2020-01-01") };
            let received_at = day + TimeDelta::seconds(used.received);
            Event { received_at, ..event(number, timestamp, Properties::new(properties)) }
        })
        .collect()
}

fn any_window() -> impl Strategy<Value = Window> {
    let bound = prop_oneof![
        (-2_i64..62).prop_map(|hour| hour * HOUR),
        (-2_i64..62).prop_map(|hour| hour * HOUR - 1),
        (0_i64..200_000).prop_map(|second| second * 1_000_000),
        0..60 * HOUR,
        Just(24 * HOUR),
        Just(48 * HOUR - 1),
    ];
    (bound.clone(), bound, prop::bool::ANY, 1_i64..40).prop_map(|(left, right, included, period_days)| Window {
        from: first() + TimeDelta::microseconds(left.min(right)),
        to: first() + TimeDelta::microseconds(left.max(right)),
        end: if included { End::Included } else { End::Successors },
        shared: Shared::default(),
        period_days,
    })
}

fn any_metric() -> impl Strategy<Value = Metric> {
    let regions = ["eu", "us"];
    let groups = vec![
        None,
        Some(one("region", &regions)),
        Some(two("cloud", &[("aws", "region", &regions), ("gcp", "region", &["eu"])])),
    ];
    (prop::sample::select(AggregationType::ALL.to_vec()), prop::bool::ANY, prop::sample::select(groups)).prop_map(
        |(aggregation, recurring, groups)| {
            let plain = metric(aggregation);
            let plain = Metric { created_seq: at("2025-01-01").timestamp_micros(), ..plain };
            let plain = if recurring && aggregation.may_recur() { plain.recurring() } else { plain };
            match &groups {
                Some(groups) => plain.by(groups),
                None => plain,
            }
        },
    )
}

/// The parts of a log: what is `undigested` and what the windows cut stays as events, hours are merged here and there.
fn parts(
    digester: &Digester<'_>,
    needs: &Needs,
    events: &[Event],
    undigested: &[bool],
    merge: &[bool],
) -> Option<Parts> {
    let mut hours: BTreeMap<Hour, Vec<&Event>> = BTreeMap::new();
    let mut parts = Parts::default();
    let mut dictionaries: BTreeMap<Block, Dictionary> = BTreeMap::new();
    for (event, is_undigested) in events.iter().zip(undigested.iter().cycle()) {
        let hour = hour_of(event.timestamp);
        if *is_undigested || needs.are_events_of(hour) {
            if digester.counts(event) {
                parts.events.push(event.clone());
            }
        } else if needs.touch(hour, hour) {
            hours.entry(hour).or_default().push(event);
        }
    }
    for ((hour, events), is_merged) in hours.into_iter().zip(merge.iter().cycle()) {
        // In two steps, as a fold adds to an hour that has been folded.
        let (left, right) = events.split_at(events.len() / 2);
        let dictionary = dictionaries.entry(block_of(hour)).or_default();
        let mut digest = |events: &[&Event]| digester.digest(hour, events.iter().copied(), dictionary);
        let digest = digest(left)?.and(&digest(right)?)?;
        let is_of_block = |last: &Digest| block_of(last.first) == block_of(hour);
        match parts.digests.last() {
            Some(last) if *is_merged && needs.may_be_one(last.first, hour) && is_of_block(last) => {
                let merged = Digest::merged(last.first, hour, [last, &digest])?;
                *parts.digests.last_mut().unwrap() = merged;
            }
            Some(_) | None => parts.digests.push(digest),
        }
    }
    // Only what readers load is there.
    let blocks = parts.blocks();
    parts.dictionaries = dictionaries
        .into_iter()
        .filter(|(block, _)| blocks.contains(block))
        .map(|(block, dictionary)| (block, dictionary.texts().clone()))
        .collect();
    Some(parts)
}

/// Whether nothing speaks against digests: no removal, no number of absurd length, and of two addings always one first.
fn must_do(metric: &Metric, uses: &[Use]) -> bool {
    let is_plain = |used: &Use| {
        let is_removal = metric.aggregation == UniqueCount && used.operation == Some("remove");
        !is_removal
            && used
                .value
                .is_none_or(|value| value.len() < 20 && (value.len() < 15 || metric.aggregation != WeightedSum))
    };
    let mut instants: Vec<(i64, bool)> = uses.iter().map(|used| (used.received, used.is_new)).collect();
    instants.sort_unstable();
    let count = instants.len();
    instants.dedup();
    let needs_order = metric.aggregation == UniqueCount && metric.groups != Groups::None;
    uses.iter().all(is_plain) && (!needs_order || instants.len() == count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn digests_give_what_the_events_give(
        uses in any_uses(0..60),
        metric in any_metric(),
        windows in prop::collection::vec(any_window(), 1..3),
        undigested in prop::collection::vec(prop::bool::weighted(0.2), 1..9),
        merge in prop::collection::vec(prop::bool::weighted(0.7), 1..9),
        is_heir in prop::bool::weighted(0.2),
        (free_events, free_total) in (0_u64..4, -2_i64..30),
    ) {
        let events = events(&uses);
        let free = Free { events: free_events, total: Decimal::from(free_total.max(0)) };
        let digester = Digester::new(&metric, if is_heir { Code::Inherited } else { Code::Own });
        let needs = Needs::of(&metric, &windows);
        let own: Vec<&Event> = events.iter().filter(|event| digester.counts(event)).collect();
        let parts = parts(&digester, &needs, &events, &undigested, &merge);
        for window in &windows {
            let expected = super::super::aggregate_by_group(&metric, own.iter().copied(), window);
            let found = parts.as_ref().ok_or(NeedsEvents).and_then(|parts| aggregate_by_group(&metric, parts, window));
            if let Some(parts) = &parts {
                prop_assert_eq!(tells(&metric, parts, window), found.is_ok());
            }
            match found {
                Ok(found) => prop_assert_eq!(Ok(found), expected),
                Err(NeedsEvents) => prop_assert!(!must_do(&metric, &uses)),
            }
            // Counts run by ones: nobody asks for their running totals here.
            let Some(parts) = parts.as_ref().filter(|_| !percentage::runs_by_ones(&metric)) else { continue };
            let leaves: Vec<Option<GroupId>> = match metric.groups.leaves() {
                leaves if leaves.is_empty() => vec![None],
                leaves => leaves.iter().map(|leaf| Some(leaf.id)).collect(),
            };
            let mut tells = true;
            for group in leaves {
                let found = running(&metric, group, parts, window, free);
                tells &= found.is_ok();
                if let Ok(found) = found {
                    prop_assert_eq!(Ok(found), percentage::running(&metric, group, own.iter().copied(), window, free));
                }
            }
            prop_assert_eq!(tells, tells_running(&metric, parts, window, free));
        }
    }

    #[test]
    fn digests_merge_in_any_order(
        uses in any_uses(0..40),
        metric in any_metric(),
        split in 0_i64..60,
    ) {
        let mut events = events(&uses);
        let digester = Digester::new(&metric, Code::Own);
        let block = block_of(hour_of(first()));
        events.retain(|event| !digester.needs_dictionary() || block_of(hour_of(event.timestamp)) == block);
        let mut dictionary = Dictionary::default();
        let hours: BTreeSet<Hour> = events.iter().map(|event| hour_of(event.timestamp)).collect();
        let of = |hour: &Hour| {
            let events = events.iter().filter(|event| hour_of(event.timestamp) == *hour);
            digester.digest(*hour, events, &mut dictionary)
        };
        let digests: Option<Vec<Digest>> = hours.iter().map(of).collect();
        let (Some(digests), Some(first), Some(last)) = (digests, hours.first(), hours.last()) else { return Ok(()) };
        prop_assume!(must_do(&metric, &uses));
        let merged = Digest::merged(*first, *last, &digests);
        let backwards = Digest::merged(*first, *last, digests.iter().rev());
        prop_assert_eq!(&merged, &backwards);
        let middle = first + split.min(last - first);
        let (left, right): (Vec<&Digest>, Vec<&Digest>) = digests.iter().partition(|digest| digest.first < middle);
        let left = Digest::merged(*first, middle - 1, left).unwrap();
        let right = Digest::merged(middle, *last, right).unwrap();
        prop_assert_eq!(merged, Digest::merged(*first, *last, [&left, &right]));
    }
}

#[test]
fn the_first_events_tell_what_is_free() {
    let sum = metric(SumOf);
    let july = window("2022-07-01", "2022-07-31");
    let of = |number: usize, hour: i64, value: &str| {
        let properties = Properties::new(vec![("value".into(), Value::Number(value.into()))]);
        event(number, first() + TimeDelta::hours(hour), properties)
    };
    let digester = Digester::new(&sum, Code::Own);
    let digest = digester.digest(hour_of(first()) + 2, &[of(3, 2, "100")], &mut Dictionary::default()).unwrap();
    let events = vec![of(9, 5, "7"), of(2, 1, "4"), of(1, 0, "3")];
    let parts = Parts { digests: vec![digest], events, ..Parts::default() };
    let running = |events, total: i64| {
        running(&sum, None, &parts, &july, Free { events, total: Decimal::from(total) })
            .map(|sums| sums.iter().map(Decimal::to_string).collect::<Vec<_>>().join(" "))
    };
    // Two events come before the digest; the one after it may not be the third.
    assert_eq!(running(0, 0), Ok(String::new()));
    assert_eq!(running(1, 0), Ok("3".to_owned()));
    assert_eq!(running(2, 9), Ok("3 7".to_owned()));
    assert_eq!(running(3, 0), Err(NeedsEvents));
    assert_eq!(running(0, 6), Ok("3 7".to_owned()));
    assert_eq!(running(0, 7), Err(NeedsEvents));
    assert!(tells_running(&sum, &parts, &july, Free { events: 2, total: dec!(0) }));
    assert!(!tells_running(&sum, &parts, &july, Free { events: 3, total: dec!(0) }));
}

#[test]
fn an_hour_is_that_of_the_rounded_second() {
    let check = |timestamp: &str, hour: &str| assert_eq!(hour_of(at(timestamp)), at(hour).timestamp() / 3600);
    check("2022-07-09T09:59:59.499999", "2022-07-09T09:00");
    check("2022-07-09T09:59:59.5", "2022-07-09T10:00");
    check("2022-07-09T10:00", "2022-07-09T10:00");
    assert_eq!(hour_of(at("1969-12-31T23:59:59")), -1);
}

#[test]
fn months_in_utc_need_no_events_and_half_hour_zones_those_of_two_hours() {
    let plain = metric(SumOf);
    let july = window("2022-07-01", "2022-07-31");
    let needs = Needs::of(&plain, &[july]);
    assert_eq!(needs.edges().count(), 0);
    let (first, last) = (hour_of(july.from), hour_of(at("2022-07-31T23:00")));
    assert_eq!((needs.from, needs.to), (Some(first), last));
    assert!(needs.may_be_one(first, last) && !needs.may_be_one(first - 1, last) && !needs.may_be_one(first, last + 1));
    assert!(needs.touch(last, last + 9) && !needs.touch(last + 1, last + 9) && !needs.touch(first - 9, first - 1));

    let half = TimeDelta::minutes(30);
    let cut = Window { from: july.from - half, to: july.to - half, ..july };
    let needs = Needs::of(&plain, &[cut]);
    assert_eq!(needs.edges().collect::<Vec<_>>(), [first - 1, last]);
    assert!(!needs.may_be_one(first - 1, first) && needs.may_be_one(first, last - 1));

    // What was before carries on.
    let recurring = plain.recurring();
    let needs = Needs::of(&recurring, &[july]);
    assert!(needs.may_be_one(Hour::MIN / 2, first - 1) && !needs.may_be_one(first - 1, first));
    assert!(!Needs::of(&recurring, &[]).touch(0, 1));
}

#[test]
fn what_digests_cannot_tell_they_do_not_guess() {
    let hour = hour_of(first());
    let used = |value: &'static str| Use {
        hour: 0,
        micros: 0,
        value: Some(value),
        operation: None,
        cloud: None,
        region: None,
        received: 0,
        is_new: true,
    };
    let sum = metric(SumOf);
    let digest = |metric: &Metric, events: &[Event]| {
        Digester::new(metric, Code::Own).digest(hour, events, &mut Dictionary::default())
    };
    assert!(digest(&sum, &events(&[used("1"), used("2")])).is_some());
    // A sum of 29 digits, one that would lose a digit, and one that does not fit.
    let wide = [used("7777777777777777777777777777"), used("0.01")];
    assert_eq!(digest(&sum, &events(&wide)), None);
    let removal = Use { operation: Some("remove"), ..used("1") };
    let unique = metric(UniqueCount);
    assert_eq!(digest(&unique, &events(&[removal])), None);
    let many: Vec<Event> = (0..=VALUES_MAX)
        .map(|number| {
            event(number, first(), Properties::new(vec![("value".into(), Value::Number(number.to_string()))]))
        })
        .collect();
    assert_eq!(digest(&unique, &many), None);
    assert!(digest(&unique, &many[1..]).is_some());
    // Two at one instant, in different leaves: their ids decide.
    let by_region = unique.clone().by(&one("region", &["eu", "us"]));
    let of_region = |region| Use { region: Some(region), ..used("1") };
    assert_eq!(digest(&by_region, &events(&[of_region("eu"), of_region("us")])), None);
    assert!(digest(&by_region, &events(&[of_region("eu"), of_region("eu")])).is_some());
    // Values of two blocks are no one digest.
    let values = |hours: i64| {
        let one = Use { hour: hours, ..used("1") };
        Digester::new(&unique, Code::Own).digest(hour + hours, &events(&[one]), &mut Dictionary::default()).unwrap()
    };
    assert_ne!(Digest::merged(hour, hour + 47, [&values(0), &values(47)]), None);
    assert_eq!(Digest::merged(hour, hour + 48, [&values(0), &values(48)]), None);
    // A digest of another aggregation, and one that the window cuts.
    let july = window("2022-07-01", "2022-07-31");
    let parts = |digest: Option<Digest>| Parts { digests: digest.into_iter().collect(), ..Parts::default() };
    let counted = digest(&metric(Count), &events(&[used("1")]));
    for other in [SumOf, Max, Latest, WeightedSum] {
        assert_eq!(aggregate_by_group(&metric(other), &parts(counted.clone()), &july), Err(NeedsEvents));
    }
    let cut = Window { to: first() + TimeDelta::minutes(1), ..july };
    assert_eq!(aggregate_by_group(&metric(Count), &parts(counted.clone()), &cut), Err(NeedsEvents));
    let whole = aggregate_by_group(&metric(Count), &parts(counted), &july);
    assert_eq!(whole, Ok(vec![(None, Aggregated { units: dec!(1), events_count: 1 })]));
}

#[test]
fn a_definition_is_what_digests_depend_on() {
    let plain = metric(SumOf);
    let definition = |metric: &Metric, code| Digester::new(metric, code).definition();
    let of = |metric: &Metric| definition(metric, Code::Own);
    let other_field = Metric { field_name: Some("other".into()), ..plain.clone() };
    let grouped = plain.clone().by(&one("region", &["eu"]));
    let all = [of(&plain), of(&metric(Max)), of(&other_field), of(&grouped), definition(&plain, Code::Inherited)];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    // Neither names nor periods matter.
    assert_eq!(of(&plain), of(&Metric { name: "other".into(), ..plain.clone().recurring() }));
}
