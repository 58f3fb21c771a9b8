//! Digests: what the events of whole hours come to, so that a window can be counted without looking at each event.
//!
//! Owns: what a digest holds, how digests of neighbouring hours merge, which hours a window needs event by event, and the
//! figures that come out. Does not own: where digests stand, and what is too much to keep.
//!
//! Invariants:
//! - [`aggregate_by_group`] gives exactly what [`super::aggregate_by_group`] gives over the same events, or says that it
//!   needs the events: it never rounds where the other would not, and never guesses.
//! - An event belongs to the UTC hour of its timestamp, rounded half up to the second, as windows see it.
//! - A digest says of what definition it is ([`Digester::definition`]); under another one it means nothing.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::id::{GroupId, derived};
use crate::metric::groups::Groups;
use crate::metric::{AggregationType, Metric};
use crate::number;
use crate::time::Instant;

use super::dictionary::{Added, Block, Dictionary, Texts, Values, block_of};
use super::event::{Event, came_after};
use super::percentage::{self, Free};
use super::unique_count::{Operation, counted_value, operation};
use super::window::{Place, Window, hour_start, rounded_second};
use super::{Aggregated, ByGroup, Slots, number_of};

/// Hours since the epoch; negative before it.
pub type Hour = i64;

/// Most groups of a digest: more say no less event by event.
const GROUPS_MAX: usize = 2000;

/// The hour that an event of this timestamp belongs to.
#[must_use]
pub fn hour_of(timestamp: Instant) -> Hour {
    rounded_second(timestamp).div_euclid(3600)
}

/// What the events of the hours `first` to `last` (both included) come to. Those of a digest with values are of one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// First hour.
    pub first: Hour,
    /// Last hour.
    pub last: Hour,
    /// Per leaf; per none without dimensions. Events of no leaf are in no group.
    pub groups: BTreeMap<Option<GroupId>, Kept>,
    /// Unique counts only: the values that were added, whatever their leaf, by their numbers in the block's dictionary.
    pub values: Values,
}

/// What is kept of the events of one group, by the metric's aggregation. Counts are of the events that it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// A count, and the operations of a unique count.
    Count(i64),
    /// Of a sum.
    Sum(Sum),
    /// Of a maximum.
    Max {
        /// Events with a number.
        events: i64,
        /// The greatest of the numbers.
        greatest: Decimal,
    },
    /// Of the newest value.
    Latest {
        /// Events with a number.
        events: i64,
        /// The newest of them.
        newest: Newest,
    },
    /// Of a level weighted by time.
    Weighted {
        /// The variations.
        sum: Sum,
        /// The sum of each value times its seconds after the first hour's start.
        moment: Decimal,
        /// The part of `moment` of events that are rounded into the first hour from before it; not positive times.
        early: Decimal,
        /// Most digits of a second's fraction among the timestamps, 0 to 6.
        fine: u32,
    },
}

/// Numbers added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Events with a number.
    pub events: i64,
    /// Their sum, exact.
    pub total: Decimal,
    /// The sum of their absolute values, exact: no partial sum, in whatever order, needs more digits than this has.
    pub reach: Decimal,
}

/// The newest event of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Newest {
    /// Its timestamp.
    pub timestamp: Instant,
    /// Breaks ties.
    pub reception: Received,
    /// Its number. Two events never differ in this alone.
    pub value: Decimal,
}

/// Where an event stands in the order of reception.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Received {
    /// When it was received.
    pub at: Instant,
    /// Its place within its batch.
    pub position: u32,
    /// Makes the order total.
    pub transaction_id: String,
}

impl Received {
    fn of(event: &Event) -> Received {
        Received { at: event.received_at, position: event.position, transaction_id: event.transaction_id.clone() }
    }
}

/// The adding of a value by an event; without dimensions it does not matter which one.
fn added_by(metric: &Metric, event: &Event, group: Option<GroupId>) -> Option<Added> {
    match metric.groups {
        Groups::None => None,
        Groups::One { .. } | Groups::Two { .. } => {
            Some(Added { at: event.received_at, position: event.position, group })
        }
    }
}

/// The digests do not tell: the events do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the digests do not tell, the events do")]
pub struct NeedsEvents;

/// The sum, if it needs no more digits than there are.
fn exact_sum(left: Decimal, right: Decimal) -> Option<Decimal> {
    let sum = left.checked_add(right)?;
    let is_exact = sum.scale() >= left.scale().max(right.scale())
        || sum.scale() >= left.normalize().scale().max(right.normalize().scale());
    is_exact.then_some(sum)
}

/// The product, if it needs no more digits than there are.
fn exact_product(left: Decimal, right: Decimal) -> Option<Decimal> {
    let product = left.checked_mul(right)?;
    let is_exact = product.scale() >= left.scale() + right.scale()
        || product.scale() >= left.normalize().scale() + right.normalize().scale();
    (is_exact || left.is_zero() || right.is_zero()).then_some(product)
}

/// Microseconds as seconds, with no more decimals than needed.
fn seconds(micros: i64) -> Decimal {
    Decimal::new(micros, 6).normalize()
}

impl Sum {
    fn of(value: Decimal) -> Sum {
        Sum { events: 1, total: value, reach: value.abs() }
    }

    fn and(self, other: Sum) -> Option<Sum> {
        Some(Sum {
            events: self.events + other.events,
            total: exact_sum(self.total, other.total)?,
            reach: exact_sum(self.reach, other.reach)?,
        })
    }
}

impl Kept {
    /// What an event of the hours from `first` on counts for; none if it counts for nothing, `Err` if only it can tell.
    fn of(metric: &Metric, event: &Event, first: Hour) -> Result<Option<Kept>, NeedsEvents> {
        let number = || number_of(metric, event);
        Ok(match metric.aggregation {
            AggregationType::Count => Some(Kept::Count(1)),
            AggregationType::UniqueCount => operation(event).map(|_| Kept::Count(1)),
            AggregationType::Sum => number().map(|value| Kept::Sum(Sum::of(value))),
            AggregationType::Max => number().map(|greatest| Kept::Max { events: 1, greatest }),
            AggregationType::Latest => number().map(|value| {
                let newest = Newest { timestamp: event.timestamp, reception: Received::of(event), value };
                Kept::Latest { events: 1, newest }
            }),
            AggregationType::WeightedSum => match number() {
                Some(value) => {
                    let after =
                        hour_start(first).and_then(|start| event.timestamp.timestamp_micros().checked_sub(start));
                    let after = seconds(after.ok_or(NeedsEvents)?);
                    let moment = exact_product(value, after).ok_or(NeedsEvents)?;
                    let early = if after.is_sign_negative() { moment } else { Decimal::ZERO };
                    Some(Kept::Weighted { sum: Sum::of(value), moment, early, fine: after.scale() })
                }
                None => None,
            },
        })
    }

    /// Both together; `later` are the seconds by which the other one's first hour starts later. None if digits are lost,
    /// or if they are of different aggregations.
    fn and(self, other: &Kept, later: Decimal) -> Option<Kept> {
        Some(match (self, other) {
            (Kept::Count(left), Kept::Count(right)) => Kept::Count(left + right),
            (Kept::Sum(left), Kept::Sum(right)) => Kept::Sum(left.and(*right)?),
            (Kept::Max { events, greatest }, Kept::Max { events: more, greatest: other }) => {
                Kept::Max { events: events + more, greatest: greatest.max(*other) }
            }
            (Kept::Latest { events, newest }, Kept::Latest { events: more, newest: other }) => {
                let newest = if newest < *other { other.clone() } else { newest };
                Kept::Latest { events: events + more, newest }
            }
            (
                Kept::Weighted { sum, moment, early, fine },
                Kept::Weighted { sum: other, moment: its_moment, early: its_early, fine: its_fine },
            ) => {
                let moved = exact_sum(*its_moment, exact_product(other.total, later)?)?;
                let early = if later.is_zero() { exact_sum(early, *its_early)? } else { early };
                Kept::Weighted {
                    sum: sum.and(*other)?,
                    moment: exact_sum(moment, moved)?,
                    early,
                    fine: fine.max(*its_fine),
                }
            }
            (Kept::Count(_) | Kept::Sum(_) | Kept::Max { .. } | Kept::Latest { .. } | Kept::Weighted { .. }, _) => {
                return None;
            }
        })
    }

    fn is_of(&self, aggregation: AggregationType) -> bool {
        match self {
            Kept::Count(_) => matches!(aggregation, AggregationType::Count | AggregationType::UniqueCount),
            Kept::Sum(_) => aggregation == AggregationType::Sum,
            Kept::Max { .. } => aggregation == AggregationType::Max,
            Kept::Latest { .. } => aggregation == AggregationType::Latest,
            Kept::Weighted { .. } => aggregation == AggregationType::WeightedSum,
        }
    }
}

impl Digest {
    fn empty(first: Hour, last: Hour) -> Digest {
        Digest { first, last, groups: BTreeMap::new(), values: Values::default() }
    }

    fn keep(&mut self, group: Option<GroupId>, kept: &Kept, later: Decimal) -> Option<()> {
        let sum = match self.groups.remove(&group) {
            Some(known) => known.and(kept, later)?,
            None if later.is_zero() => kept.clone(),
            None => kept.moved(later)?,
        };
        self.groups.insert(group, sum);
        (self.groups.len() <= GROUPS_MAX).then_some(())
    }

    /// What the hours `first` to `last` come to, from digests of hours among them; none if it needs the events. No hour
    /// may be in two digests, and values are of one block.
    #[must_use]
    pub fn merged<'a>(first: Hour, last: Hour, digests: impl IntoIterator<Item = &'a Digest>) -> Option<Digest> {
        let mut merged = Digest::empty(first, last);
        for digest in digests {
            let later = Decimal::from(digest.first.checked_sub(first)?.checked_mul(3600)?);
            for (group, kept) in &digest.groups {
                merged.keep(*group, kept, later)?;
            }
            if !digest.values.is_empty() && block_of(digest.first) != block_of(first) {
                // Other numbers.
                return None;
            }
            merged.values.merge(&digest.values)?;
        }
        Some(merged)
    }

    /// The digest of these events and of others of the same hour.
    #[must_use]
    pub fn and(&self, other: &Digest) -> Option<Digest> {
        Digest::merged(self.first, self.last.max(other.last), [self, other])
    }
}

impl Kept {
    /// The same, told from a first hour that starts `later` seconds earlier.
    fn moved(&self, later: Decimal) -> Option<Kept> {
        Some(match self {
            Kept::Weighted { sum, moment, early: _, fine } => Kept::Weighted {
                sum: *sum,
                moment: exact_sum(*moment, exact_product(sum.total, later)?)?,
                early: Decimal::ZERO,
                fine: *fine,
            },
            Kept::Count(_) | Kept::Sum(_) | Kept::Max { .. } | Kept::Latest { .. } => self.clone(),
        })
    }
}

/// Makes the digests of a metric.
pub struct Digester<'m> {
    metric: &'m Metric,
    slots: Slots<'m>,
    code: Code,
}

/// Whether the metric's code was another one's before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// All events of the code are the metric's.
    Own,
    /// It starts empty: earlier events were those of a metric that is deleted (chapter 03, 2.6).
    Inherited,
}

impl<'m> Digester<'m> {
    /// The digests of this metric's events.
    #[must_use]
    pub fn new(metric: &'m Metric, code: Code) -> Digester<'m> {
        Digester { metric, slots: Slots::each_leaf(metric), code }
    }

    /// What the digests depend on, as an id: digests of another one must be made anew from the events.
    #[must_use]
    pub fn definition(&self) -> Uuid {
        let metric = self.metric;
        let since = match self.code {
            Code::Own => i64::MIN,
            Code::Inherited => metric.created_seq,
        };
        let mut parts: Vec<Vec<u8>> = vec![
            b"2".to_vec(), // What digests of a definition hold: count it up when this file keeps something else.
            metric.aggregation.as_str().into(),
            metric.field_name.as_ref().map_or(Vec::new(), |name| format!("={name}").into()),
            since.to_be_bytes().into(),
        ];
        match &metric.groups {
            Groups::None => {}
            Groups::One { .. } | Groups::Two { .. } => {
                for leaf in metric.groups.leaves() {
                    parts.push(leaf.id.0.as_bytes().to_vec());
                    let (key, value) = leaf.parent.unwrap_or_default();
                    parts.extend([key, value, leaf.key, leaf.value].map(|text| text.as_bytes().to_vec()));
                }
            }
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        derived("digest", &parts)
    }

    /// Whether the event is the metric's own.
    #[must_use]
    pub fn counts(&self, event: &Event) -> bool {
        match self.code {
            Code::Own => true,
            Code::Inherited => came_after(event, self.metric),
        }
    }

    /// Whether digests have values, by number.
    #[must_use]
    pub fn needs_dictionary(&self) -> bool {
        self.metric.aggregation == AggregationType::UniqueCount
    }

    /// What the events of an hour come to; none if only they can tell. Each id must be there once; others' are left out.
    ///
    /// New values are added to the dictionary of the hour's block.
    #[must_use]
    pub fn digest<'e>(
        &self,
        hour: Hour,
        events: impl IntoIterator<Item = &'e Event>,
        dictionary: &mut Dictionary,
    ) -> Option<Digest> {
        let mut digest = Digest::empty(hour, hour);
        for event in events {
            if !self.counts(event) {
                continue;
            }
            let leaf = self.slots.of(event);
            let group = leaf.and_then(|leaf| self.slots.group(leaf));
            if leaf.is_some()
                && let Some(kept) = Kept::of(self.metric, event, hour).ok()?
            {
                digest.keep(group, &kept, Decimal::ZERO)?;
            }
            if self.metric.aggregation == AggregationType::UniqueCount {
                match operation(event) {
                    Some(Operation::Add) => {
                        let number = dictionary.number(&counted_value(self.metric, event))?;
                        digest.values.add(number, added_by(self.metric, event, group))?;
                    }
                    // What a removal does depends on the order among all events of its value.
                    Some(Operation::Remove) => return None,
                    None => {}
                }
            }
        }
        Some(digest)
    }
}

/// Which hours windows of one log need, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// First hour; none for everything before `to`.
    pub from: Option<Hour>,
    /// Last hour.
    pub to: Hour,
    /// Hours that a window's bounds cut: their events are needed.
    edges: BTreeSet<Hour>,
    /// Hours that a new part must begin with.
    cuts: BTreeSet<Hour>,
    /// So many of the first events are needed, about: running totals begin with them.
    pub first_events: u64,
}

impl Needs {
    /// What these windows need of a metric's log. Without windows nothing is needed.
    #[must_use]
    pub fn of(metric: &Metric, windows: &[Window]) -> Needs {
        let mut needs = Needs { from: Some(Hour::MAX), to: Hour::MIN, ..Needs::default() };
        for window in windows {
            let (first, last) = (window.first_second(), window.to.timestamp());
            let hour = |second: i64| second.div_euclid(3600);
            needs.to = needs.to.max(hour(last));
            needs.from = if metric.recurring { None } else { needs.from.map(|from| from.min(hour(first))) };
            for near in [hour(first.saturating_sub(1)), hour(first), hour(last), hour(last.saturating_add(1))] {
                if window.place_of_hours(near, near).is_none() {
                    needs.edges.insert(near);
                }
                let place = |hour| window.place_of_hours(hour, hour);
                needs.cuts.extend([near, near + 1].into_iter().filter(|hour| place(hour - 1) != place(*hour)));
            }
        }
        needs
    }

    /// The same with about so many of the first events.
    #[must_use]
    pub fn with_first_events(self, first_events: u64) -> Needs {
        Needs { first_events, ..self }
    }

    /// Whether anything of the hours `first` to `last` is needed.
    #[must_use]
    pub fn touch(&self, first: Hour, last: Hour) -> bool {
        first <= self.to && self.from.is_none_or(|from| from <= last)
    }

    /// Whether the hour's events are needed.
    #[must_use]
    pub fn are_events_of(&self, hour: Hour) -> bool {
        self.edges.contains(&hour)
    }

    /// The hours whose events are needed.
    pub fn edges(&self) -> impl Iterator<Item = Hour> + '_ {
        self.edges.iter().copied().filter(|hour| self.touch(*hour, *hour))
    }

    /// Whether one digest may stand for all of the hours `first` to `last`.
    #[must_use]
    pub fn may_be_one(&self, first: Hour, last: Hour) -> bool {
        self.from.is_none_or(|from| from <= first)
            && last <= self.to
            && self.edges.range(first..=last).next().is_none()
            && first
                .checked_add(1)
                .is_none_or(|second| second > last || self.cuts.range(second..=last).next().is_none())
    }
}

/// The usage of one log: whole hours as digests, the rest event by event. Every event is in it once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// Digests of different hours.
    pub digests: Vec<Digest>,
    /// Events: of cut hours, and those not digested yet, of any hour.
    pub events: Vec<Event>,
    /// The values of the digests' blocks, by number.
    pub dictionaries: BTreeMap<Block, Texts>,
}

impl Parts {
    /// The blocks whose dictionaries the digests need.
    #[must_use]
    pub fn blocks(&self) -> BTreeSet<Block> {
        let with_values = self.digests.iter().filter(|digest| !digest.values.is_empty());
        with_values.map(|digest| block_of(digest.first)).collect()
    }
}

/// The usage of a log as a reader has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// Each event.
    Events(Vec<Event>),
    /// Digests and some events: enough for what needs sums only.
    Parts(Parts),
}

/// A [`Counted`], borrowed.
#[derive(Debug, Clone, Copy)]
pub enum Usage<'a> {
    /// Each event.
    Events(&'a [Event]),
    /// Digests and some events.
    Parts(&'a Parts),
}

impl<'a> From<&'a Counted> for Usage<'a> {
    fn from(counted: &'a Counted) -> Usage<'a> {
        match counted {
            Counted::Events(events) => Usage::Events(events),
            Counted::Parts(parts) => Usage::Parts(parts),
        }
    }
}

impl<'a> From<&'a [Event]> for Usage<'a> {
    fn from(events: &'a [Event]) -> Usage<'a> {
        Usage::Events(events)
    }
}

impl<'a> From<&'a Vec<Event>> for Usage<'a> {
    fn from(events: &'a Vec<Event>) -> Usage<'a> {
        Usage::Events(events)
    }
}

impl<'a> Usage<'a> {
    /// Each event.
    ///
    /// # Errors
    /// There are digests only.
    pub fn events(self) -> Result<&'a [Event], NeedsEvents> {
        match self {
            Usage::Events(events) => Ok(events),
            Usage::Parts(_) => Err(NeedsEvents),
        }
    }
}

/// Units of every live leaf from digests: what [`super::aggregate_by_group`] gives over the same events.
///
/// # Errors
/// The parts do not tell: a window cuts the hours of a digest, a value was removed, a figure has too many digits.
pub fn aggregate_by_group(metric: &Metric, parts: &Parts, window: &Window) -> Result<ByGroup<Aggregated>, NeedsEvents> {
    let slots = Slots::each_leaf(metric);
    let mut totals = vec![Total::default(); slots.count()];
    let mut values: BTreeMap<Block, Values> = BTreeMap::new();
    for digest in &parts.digests {
        let place = window.place_of_hours(digest.first, digest.last).ok_or(NeedsEvents)?;
        if !place.is_in_reach(metric) {
            continue;
        }
        for (group, kept) in &digest.groups {
            if let Some(total) = slots.of_group(*group).and_then(|slot| totals.get_mut(slot)) {
                total.take(metric, kept, place, digest.first, window).ok_or(NeedsEvents)?;
            }
        }
        if !digest.values.is_empty() {
            values.entry(block_of(digest.first)).or_default().merge(&digest.values).ok_or(NeedsEvents)?;
        }
    }
    // By their texts: blocks number their values each for itself.
    let count = values.values().map(Values::count).sum();
    let mut first: HashMap<Cow<'_, str>, Added, foldhash::fast::RandomState> =
        HashMap::with_capacity_and_hasher(count, foldhash::fast::RandomState::default());
    let mut note = |value, added: Added| {
        match first.entry(value) {
            Entry::Occupied(mut known) => {
                let earlier = known.get().earlier(added)?;
                known.insert(earlier);
            }
            Entry::Vacant(unknown) => {
                unknown.insert(added);
            }
        }
        Some(())
    };
    for (block, values) in &values {
        let texts = parts.dictionaries.get(block).ok_or(NeedsEvents)?;
        for (number, added) in values.each() {
            let value = texts.get(number as usize).ok_or(NeedsEvents)?;
            note(Cow::Borrowed(value), added).ok_or(NeedsEvents)?;
        }
    }
    for event in &parts.events {
        let place = window.place(event.timestamp);
        if !place.is_in_reach(metric) {
            continue;
        }
        let slot = slots.of(event);
        if let Some(total) = slot.and_then(|slot| totals.get_mut(slot)) {
            total.take_event(metric, event, place, window)?;
        }
        if metric.aggregation == AggregationType::UniqueCount {
            match operation(event) {
                Some(Operation::Add) => {
                    let added = added_by(metric, event, slot.and_then(|slot| slots.group(slot))).unwrap_or_default();
                    note(counted_value(metric, event), added).ok_or(NeedsEvents)?;
                }
                Some(Operation::Remove) => return Err(NeedsEvents),
                None => {}
            }
        }
    }
    for added in first.values() {
        if let Some(total) = slots.of_group(added.group).and_then(|slot| totals.get_mut(slot)) {
            total.values += 1;
        }
    }
    let outcomes = totals.iter().map(|total| total.aggregated(metric, window)).collect::<Option<Vec<_>>>();
    Ok(slots.named(outcomes.ok_or(NeedsEvents)?))
}

/// Running totals of a leaf, as far as free units need them: what [`percentage::running`] gives over the same events.
///
/// # Errors
/// There are digests before the events suffice.
pub fn running(
    metric: &Metric,
    group: Option<GroupId>,
    parts: &Parts,
    window: &Window,
    free: Free,
) -> Result<Vec<Decimal>, NeedsEvents> {
    let matters = |digest: &&Digest| match window.place_of_hours(digest.first, digest.last) {
        Some(Place::After) => false,
        Some(Place::Before) => metric.recurring,
        Some(Place::Inside) | None => true,
    };
    let digested = parts.digests.iter().filter(matters).map(|digest| digest.first).min();
    // Hours follow each other as their events do: before the first digest, the events are all there is.
    let events = parts.events.iter().filter(|event| digested.is_none_or(|first| hour_of(event.timestamp) < first));
    let running = percentage::running(metric, group, events, window, free).map_err(|_| NeedsEvents)?;
    let suffices = if free.events > 0 {
        running.len() as u64 >= free.events
    } else {
        running.last().is_some_and(|sum| *sum > free.total)
    };
    let has_none =
        matches!(metric.aggregation, AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum);
    if digested.is_none() || suffices || has_none || free == Free::default() { Ok(running) } else { Err(NeedsEvents) }
}

/// Whether [`running`] tells of every leaf.
#[must_use]
pub fn tells_running(metric: &Metric, parts: &Parts, window: &Window, free: Free) -> bool {
    let slots = Slots::each_leaf(metric);
    (0..slots.count()).all(|slot| running(metric, slots.group(slot), parts, window, free).is_ok())
}

/// Whether [`aggregate_by_group`] tells, at less expense where values are many.
#[must_use]
pub fn tells(metric: &Metric, parts: &Parts, window: &Window) -> bool {
    if metric.aggregation != AggregationType::UniqueCount || metric.groups != Groups::None {
        return aggregate_by_group(metric, parts, window).is_ok();
    }
    // Without dimensions it does not matter who added a value: only cut hours and removals do.
    let is_in_reach = |event: &&Event| window.place(event.timestamp).is_in_reach(metric);
    parts.digests.iter().all(|digest| window.place_of_hours(digest.first, digest.last).is_some())
        && parts.blocks().iter().all(|block| parts.dictionaries.contains_key(block))
        && !parts.events.iter().filter(is_in_reach).any(|event| operation(event) == Some(Operation::Remove))
}

/// A leaf's figures so far.
#[derive(Debug, Clone, Default)]
struct Total {
    events: i64,
    values: i64,
    sum: Sum,
    greatest: Option<Decimal>,
    newest: Option<Newest>,
    /// Of a weighted sum: value times seconds, of what is inside.
    integral: Decimal,
    /// Of a weighted sum: the level that the window starts with.
    start: Decimal,
    fine: u32,
}

impl Total {
    fn take_event(&mut self, metric: &Metric, event: &Event, place: Place, window: &Window) -> Result<(), NeedsEvents> {
        if metric.aggregation == AggregationType::WeightedSum {
            let Some(value) = number_of(metric, event) else { return Ok(()) };
            let left = seconds(window.micros_left(event.timestamp));
            return self.weigh(Sum::of(value), place, exact_product(value, left), left.scale()).ok_or(NeedsEvents);
        }
        match Kept::of(metric, event, hour_of(event.timestamp))? {
            Some(kept) => self.take(metric, &kept, place, 0, window).ok_or(NeedsEvents),
            None => Ok(()),
        }
    }

    /// Variations and their area, if they are inside.
    fn weigh(&mut self, sum: Sum, place: Place, area: Option<Decimal>, fine: u32) -> Option<()> {
        if place == Place::Inside {
            self.integral = exact_sum(self.integral, area?)?;
            self.events += sum.events;
        } else {
            self.start = exact_sum(self.start, sum.total)?;
        }
        self.sum = self.sum.and(sum)?;
        self.fine = self.fine.max(fine);
        Some(())
    }

    /// Takes in what is kept of hours from `first` on that are inside or, of a recurring metric, before.
    fn take(&mut self, metric: &Metric, kept: &Kept, place: Place, first: Hour, window: &Window) -> Option<()> {
        let is_inside = place == Place::Inside;
        if !kept.is_of(metric.aggregation) {
            return None;
        }
        match kept {
            Kept::Count(events) if is_inside => self.events += events,
            Kept::Count(_) => {}
            Kept::Sum(sum) => {
                // A recurring sum has no start.
                self.events += sum.events;
                self.sum = self.sum.and(*sum)?;
            }
            Kept::Max { events, greatest } if is_inside => {
                self.events += events;
                self.greatest = self.greatest.max(Some(*greatest));
            }
            Kept::Latest { events, newest } if is_inside => {
                self.events += events;
                if self.newest.as_ref().is_none_or(|known| known < newest) {
                    self.newest = Some(newest.clone());
                }
            }
            Kept::Max { .. } | Kept::Latest { .. } => {}
            Kept::Weighted { sum, moment, early, fine } => {
                let area = || {
                    let start = hour_start(first)?;
                    let whole = seconds(window.end_micros().checked_sub(start)?);
                    let area = exact_sum(exact_product(sum.total, whole)?, -*moment)?;
                    // What is rounded into the window's first hour from before it lasts from that hour's start.
                    let is_first = start == window.first_second().checked_mul(1_000_000)?;
                    if is_first { exact_sum(area, *early) } else { Some(area) }
                };
                let area = if is_inside { Some(area()?) } else { None };
                self.weigh(*sum, place, area, *fine)?;
            }
        }
        Some(())
    }

    fn aggregated(&self, metric: &Metric, window: &Window) -> Option<Aggregated> {
        let units = match metric.aggregation {
            AggregationType::Count => Decimal::from(self.events),
            AggregationType::Sum => self.sum.total,
            AggregationType::Max => self.greatest.unwrap_or_default(),
            // A negative level is nothing to bill.
            AggregationType::Latest => {
                self.newest.as_ref().map_or(Decimal::ZERO, |newest| newest.value.max(Decimal::ZERO))
            }
            AggregationType::UniqueCount => Decimal::from(self.values),
            AggregationType::WeightedSum => self.weighted(window)?,
        };
        Some(Aggregated { units, events_count: self.events })
    }

    /// As `weighted_sum`: `ceil(integral / (D * 86400), 20)`, if nothing on the way there is rounded whatever the order.
    fn weighted(&self, window: &Window) -> Option<Decimal> {
        let whole = seconds(window.micros());
        let longest = i128::from(window.micros() / 1_000_000 + 1).checked_mul(10_i128.checked_pow(self.fine)?)?;
        // Every product and every partial sum of them is below this, in units of the last digit that any of them has.
        let bound = self.sum.reach.mantissa().checked_mul(longest)?;
        if bound >= 1 << 96 || self.sum.reach.scale() + self.fine > Decimal::MAX_SCALE {
            return None;
        }
        let integral = exact_sum(self.integral, exact_product(self.start, whole)?)?;
        let period = Decimal::from(window.period_days().checked_mul(86_400)?);
        Some(number::ceil(integral.checked_div(period)?, 20))
    }
}

#[cfg(test)]
#[path = "digest_tests.rs"]
mod tests;
