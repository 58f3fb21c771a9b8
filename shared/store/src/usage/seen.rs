//! Which transaction ids have been counted: fingerprints of every id in the log's segments, for ever.
//!
//! Each fold writes a **run** of the ids that it counted: a 32-bit fingerprint and the hour of its event, sorted, in pages
//! by the fingerprint's first bits. `Limits::level_runs` of a level become one of the next, so that a run's ids are written
//! again only when their number has grown by that factor. A fingerprint only suspects: the segments of its hour tell.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::usage::digest::Hour;
use serde::{Deserialize, Serialize};

use super::chunk::Unpacked;
use super::head::{Folded, Head, Log, RunRef, Trouble};
use super::page::{Page, segment_body};
use super::receipt::fingerprint;
use crate::record::{DecodeError, pack, unpack};
use crate::table::{Item, Key, Table};

/// Kind of pages of runs.
pub(super) const RUN: &str = "log_run";
const SCHEMA: u32 = 1;

/// A counted id: its fingerprint and the hour of its event.
pub(super) type Seen = (u32, Hour);

/// The fingerprint of an id as a number.
pub(super) fn of(transaction_id: &str) -> u32 {
    u32::from_be_bytes(fingerprint(transaction_id))
}

/// Schema 1. Never change it: a change is a new struct and schema.
#[derive(Serialize, Deserialize)]
struct StoredRun {
    /// Each less the one before.
    fingerprints: Vec<u32>,
    /// Distinct ones, ascending.
    hours: Vec<Hour>,
    /// Places in `hours`.
    hour_of: Vec<u32>,
}

pub(super) fn encode(key: Key, seen: &[Seen]) -> Result<Item, DecodeError> {
    let hours: Vec<Hour> = seen.iter().map(|(_, hour)| *hour).collect::<BTreeSet<_>>().into_iter().collect();
    let mut before = 0;
    let stored = StoredRun {
        fingerprints: seen
            .iter()
            .map(|(fingerprint, _)| fingerprint - std::mem::replace(&mut before, *fingerprint))
            .collect(),
        // Every hour is in the list, and a page has few thousand of them.
        hour_of: seen.iter().map(|(_, hour)| hours.binary_search(hour).unwrap_or_default() as u32).collect(),
        hours,
    };
    let plain = postcard::to_allocvec(&stored).map_err(|error| DecodeError::new(RUN, error.to_string()))?;
    Ok(Item::new(key, RUN, SCHEMA, pack(&plain)))
}

pub(super) fn decode(item: &Item) -> Result<Vec<Seen>, DecodeError> {
    if item.kind != RUN || item.schema > SCHEMA {
        return Err(DecodeError::new(RUN, format!("`{}` of schema {}", item.kind, item.schema)));
    }
    let stored: StoredRun =
        postcard::from_bytes(&unpack(RUN, &item.body)?).map_err(|error| DecodeError::new(RUN, error.to_string()))?;
    let unfitting = || DecodeError::new(RUN, "its columns do not fit together");
    if stored.fingerprints.len() != stored.hour_of.len() {
        return Err(unfitting());
    }
    let mut fingerprint = 0_u32;
    let mut seen = Vec::with_capacity(stored.fingerprints.len());
    for (difference, hour) in stored.fingerprints.iter().zip(&stored.hour_of) {
        fingerprint = fingerprint.checked_add(*difference).ok_or_else(unfitting)?;
        seen.push((fingerprint, *stored.hours.get(*hour as usize).ok_or_else(unfitting)?));
    }
    Ok(seen)
}

impl RunRef {
    fn pages(&self) -> u32 {
        1 << self.bits
    }

    /// The page of a fingerprint.
    fn page_of(&self, fingerprint: u32) -> Folded {
        let page = if self.bits == 0 { 0 } else { fingerprint >> (32 - self.bits) };
        Folded { number: self.first.number + page, ..self.first }
    }

    /// Every page of the run.
    pub(super) fn places(&self) -> impl Iterator<Item = Folded> + use<> {
        let first = self.first;
        (0..self.pages()).map(move |page| Folded { number: first.number + page, ..first })
    }
}

/// Items that are named by the head: what is missing was removed by a fold that finished meanwhile.
pub(super) async fn named(table: &dyn Table, log: &Log<'_>, places: &[Folded]) -> Result<Vec<Item>, Trouble> {
    let keys: Vec<Key> = places.iter().map(|place| log.folded(*place)).collect();
    let items = table.get_many(&keys).await?;
    items.into_iter().map(|item| item.ok_or(Trouble::Changed)).collect()
}

/// Which of these ids are in the log's segments.
///
/// Reads the pages of all runs that may know one of them, and the segments of the hours that they name.
pub(super) async fn counted(
    table: &dyn Table,
    log: &Log<'_>,
    head: &Head,
    ids: impl IntoIterator<Item = &str>,
) -> Result<HashSet<String>, Trouble> {
    let mut wanted: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for id in ids {
        wanted.entry(of(id)).or_default().push(id);
    }
    let places: BTreeSet<Folded> =
        head.runs.iter().flat_map(|run| wanted.keys().map(|fingerprint| run.page_of(*fingerprint))).collect();
    let places: Vec<Folded> = places.into_iter().collect();
    let mut suspects: HashSet<&str> = HashSet::new();
    let mut hours: BTreeSet<Hour> = BTreeSet::new();
    for item in named(table, log, &places).await? {
        for (fingerprint, hour) in decode(&item)? {
            if let Some(ids) = wanted.get(&fingerprint) {
                suspects.extend(ids);
                hours.insert(hour);
            }
        }
    }
    let mut counted = HashSet::new();
    for segment in segments_of(table, log, head, &hours).await? {
        let known = segment.transaction_ids()?;
        counted.extend(known.into_iter().filter(|id| suspects.contains(id)).map(str::to_owned));
    }
    Ok(counted)
}

/// The segments that may hold events of these hours.
async fn segments_of(
    table: &dyn Table,
    log: &Log<'_>,
    head: &Head,
    hours: &BTreeSet<Hour>,
) -> Result<Vec<Unpacked>, Trouble> {
    let has_any = |first: Hour, last: Hour| hours.range(first..=last).next().is_some();
    let pages: Vec<Folded> =
        head.pages.iter().filter(|page| has_any(page.first, page.last)).map(|page| page.hours).collect();
    let mut places = BTreeSet::new();
    for item in named(table, log, &pages).await? {
        let segments = Page::decode(&item)?.segments;
        places.extend(segments.iter().filter(|it| has_any(it.first, it.last)).map(|segment| segment.place));
    }
    let places: Vec<Folded> = places.into_iter().collect();
    let items = named(table, log, &places).await?;
    items.iter().map(|item| Ok(Unpacked::new(0, segment_body(item)?)?)).collect()
}

/// The items of a run of these ids, and its name. `number` is that of the next item of the generation.
fn written(
    log: &Log<'_>,
    generation: u64,
    number: &mut u32,
    level: u32,
    mut seen: Vec<Seen>,
) -> Result<(RunRef, Vec<Item>), DecodeError> {
    seen.sort_unstable();
    let ids = seen.len() as u64;
    let bits = ids.div_ceil(log.limits.run_page_ids).next_power_of_two().trailing_zeros();
    let run = RunRef { level, first: Folded { generation, number: *number }, bits, ids };
    *number += run.pages();
    let mut items = Vec::new();
    let mut rest = seen.as_slice();
    for place in run.places() {
        let end = rest.partition_point(|(fingerprint, _)| run.page_of(*fingerprint) <= place);
        let (page, others) = rest.split_at(end);
        items.push(encode(log.folded(place), page)?);
        rest = others;
    }
    Ok((run, items))
}

/// Adds the ids that a fold counts to the head's runs. Returns the items to write; what they replace is noted as
/// superseded.
pub(super) async fn add(
    table: &dyn Table,
    log: &Log<'_>,
    head: &mut Head,
    generation: u64,
    number: &mut u32,
    mut seen: Vec<Seen>,
) -> Result<Vec<Item>, Trouble> {
    if seen.is_empty() {
        return Ok(Vec::new());
    }
    let mut level = 0;
    loop {
        let peers: Vec<RunRef> = head.runs.iter().filter(|run| run.level == level).copied().collect();
        let ids = peers.iter().map(|run| run.ids).sum::<u64>();
        if peers.len() + 1 < log.limits.level_runs || ids > log.limits.merged_ids {
            break;
        }
        let places: Vec<Folded> = peers.iter().flat_map(RunRef::places).collect();
        for item in named(table, log, &places).await? {
            seen.extend(decode(&item)?);
        }
        head.superseded.extend(places);
        head.runs.retain(|run| run.level != level);
        level += 1;
    }
    let (run, items) = written(log, generation, number, level, seen)?;
    head.runs.push(run);
    Ok(items)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::items::samples::organization_id;

    #[test]
    fn a_run_finds_every_id_in_the_page_of_its_fingerprint() {
        let log = Log::new(organization_id(), ("s", "c"));
        for count in [1_u32, 5_999, 6_001, 50_000] {
            let seen: Vec<Seen> = (0..count).map(|id| (of(&id.to_string()), i64::from(id % 700) - 3)).collect();
            let mut number = 7;
            let (run, items) = written(&log, 3, &mut number, 2, seen.clone()).unwrap();
            assert_eq!((number, items.len() as u32), (7 + run.pages(), run.pages()));
            let pages: BTreeMap<Key, Vec<Seen>> =
                items.iter().map(|item| (item.key.clone(), decode(item).unwrap())).collect();
            assert_eq!(pages.values().map(Vec::len).sum::<usize>(), seen.len());
            for seen in &seen {
                assert!(pages[&log.folded(run.page_of(seen.0))].contains(seen));
            }
            assert!(items.iter().all(|item| item.body.len() < 60_000));
        }
    }
}
