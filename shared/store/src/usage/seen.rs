//! Which transaction ids have been counted: fingerprints of every id in the log's segments, for ever.
//!
//! Each fold writes a **run** of the ids that it counted: a 40-bit fingerprint and the hour of its event, sorted, in pages
//! of about `Limits::run_page_ids`, each a read unit. A page holds an equal stretch of all fingerprints, so an id is looked for in one
//! page of each run. A fingerprint only suspects: the segments of its hour tell.
//!
//! Runs are of **classes** of size: the ids of one are up to `GROWTH` times as many as those of the class below. When there
//! are `GROWTH` runs of a class, they are **merged** into one of the next, over many folds, a stretch of fingerprints at a time
//! (`Merge`): no fold writes more of that than one partition takes in a second. So an id is written once per class, the
//! logarithm of the log, and a look reads fewer than `GROWTH` pages per id and class.
//!
//! The pages of a merge stand under the generation that began it, whoever writes them: they follow from the runs that they
//! are made of, which never change, so that every attempt writes the same. Everything else stands under its writer's own.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::usage::digest::Hour;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::chunk::Unpacked;
use super::head::{Folded, Head, Log, Merge, RunRef, Trouble};
use super::page::{Page, segment_body};
use crate::record::{DecodeError, pack, unpack};
use crate::table::{Item, Key, Table};

/// Kind of pages of runs.
pub(super) const RUN: &str = "log_run";
const SCHEMA: u32 = 1;

/// Fingerprints are below this.
const FINGERPRINTS: u64 = 1 << 40;
/// A class of runs has this many times the ids of the one below, and so many runs of one become one of the next.
const GROWTH: u64 = 8;
/// A fold that counts many ids writes this many times as many again, because merges must keep up with it: more than a log
/// has classes. But at most so many times what one of few does.
const MERGED_TIMES: u64 = 8;
/// Pages in memory at once.
const PAGES_AT_ONCE: usize = 1_000;

/// A counted id: its fingerprint and the hour of its event.
pub(super) type Seen = (u64, Hour);

/// The fingerprint of an id: the first 40 bits of its SHA-256.
pub(super) fn of(transaction_id: &str) -> u64 {
    let [a, b, c, d, e, ..] = <[u8; 32]>::from(Sha256::digest(transaction_id));
    u64::from_be_bytes([0, 0, 0, a, b, c, d, e])
}

/// Schema 1. Never change it: a change is a new struct and schema.
#[derive(Serialize, Deserialize)]
struct StoredRun {
    /// Each less the one before.
    fingerprints: Vec<u64>,
    first_hour: Hour,
    /// Each less the first.
    hours: Vec<u64>,
}

pub(super) fn encode(key: Key, seen: &[Seen]) -> Result<Item, DecodeError> {
    let first_hour = seen.iter().map(|(_, hour)| *hour).min().unwrap_or_default();
    let mut before = 0;
    let stored = StoredRun {
        fingerprints: seen
            .iter()
            .map(|(fingerprint, _)| fingerprint - std::mem::replace(&mut before, *fingerprint))
            .collect(),
        first_hour,
        hours: seen.iter().map(|(_, hour)| hour.abs_diff(first_hour)).collect(),
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
    if stored.fingerprints.len() != stored.hours.len() {
        return Err(unfitting());
    }
    let mut fingerprint = 0_u64;
    let mut seen = Vec::with_capacity(stored.fingerprints.len());
    for (difference, hour) in stored.fingerprints.iter().zip(&stored.hours) {
        fingerprint = fingerprint.checked_add(*difference).ok_or_else(unfitting)?;
        seen.push((fingerprint, stored.first_hour.checked_add_unsigned(*hour).ok_or_else(unfitting)?));
    }
    Ok(seen)
}

/// The class of a run of so many ids.
fn class(log: &Log<'_>, ids: u64) -> u32 {
    (ids / log.limits.small_run_ids.max(1)).checked_ilog(GROWTH).map_or(0, |class| class + 1)
}

impl RunRef {
    /// A run of so many ids.
    fn new(log: &Log<'_>, first: Folded, ids: u64) -> RunRef {
        // A log has far fewer ids than 2^32 pages hold.
        let pages = u32::try_from(ids.div_ceil(log.limits.run_page_ids.max(1)).max(1)).unwrap_or(u32::MAX);
        RunRef { first, pages, ids }
    }

    fn page_of(&self, fingerprint: u64) -> u32 {
        // Less than `pages`, because fingerprints are less than their number.
        (u128::from(fingerprint) * u128::from(self.pages) / u128::from(FINGERPRINTS)) as u32
    }

    /// The first fingerprint of a page; of the one after the last, the number of fingerprints.
    fn start_of(&self, page: u32) -> u64 {
        // At most `FINGERPRINTS`, because `page` is at most `pages`.
        (u128::from(page) * u128::from(FINGERPRINTS)).div_ceil(u128::from(self.pages)) as u64
    }

    fn place(&self, page: u32) -> Folded {
        Folded { number: self.first.number + page, ..self.first }
    }

    /// Where a fingerprint stands.
    fn place_of(&self, fingerprint: u64) -> Folded {
        self.place(self.page_of(fingerprint))
    }

    /// The pages that hold the fingerprints of a stretch (the end is not part of it).
    fn pages_of(&self, from: u64, to: u64) -> std::ops::Range<u32> {
        if from >= to { 0..0 } else { self.page_of(from)..self.page_of(to - 1) + 1 }
    }
}

impl Merge {
    /// The pages that come next, of about so many ids, and the fingerprint before which the merge is done then.
    fn next(&self, log: &Log<'_>, ids: u64) -> (std::ops::Range<u32>, u64) {
        let first = self.into.page_of(self.done);
        let step = u32::try_from((ids / log.limits.run_page_ids.max(1)).max(1)).unwrap_or(u32::MAX);
        let end = first.saturating_add(step).min(self.into.pages);
        (first..end, self.into.start_of(end))
    }
}

impl Head {
    /// Whether any id was ever counted.
    pub(super) fn knows_ids(&self) -> bool {
        !(self.runs.is_empty() && self.merges.is_empty())
    }

    /// The pages that know a fingerprint, if any does.
    fn places_of(&self, fingerprint: u64) -> impl Iterator<Item = Folded> {
        let of_merge = move |merge: &'_ Merge| {
            let is_done = fingerprint < merge.done;
            let from = merge.from.iter().filter(move |_| !is_done).map(move |run| run.place_of(fingerprint));
            let into = is_done.then(|| merge.into.place_of(fingerprint));
            from.chain(into).collect::<Vec<_>>()
        };
        self.runs.iter().map(move |run| run.place_of(fingerprint)).chain(self.merges.iter().flat_map(of_merge))
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
/// Reads the pages that know one of them if any does, and the segments of the hours that they name.
pub(super) async fn counted(
    table: &dyn Table,
    log: &Log<'_>,
    head: &Head,
    ids: impl IntoIterator<Item = &str>,
) -> Result<HashSet<String>, Trouble> {
    let (suspects, hours) = suspects(table, log, head, ids).await?;
    let mut counted = HashSet::new();
    for segment in segments_of(table, log, head, &hours).await? {
        let known = segment.transaction_ids()?;
        counted.extend(known.into_iter().filter(|id| suspects.contains(id)).map(str::to_owned));
    }
    Ok(counted)
}

/// Which of these ids have a known fingerprint, and the hours of the events that have them.
async fn suspects<'i>(
    table: &dyn Table,
    log: &Log<'_>,
    head: &Head,
    ids: impl IntoIterator<Item = &'i str>,
) -> Result<(HashSet<&'i str>, BTreeSet<Hour>), Trouble> {
    let mut wanted: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for id in ids {
        wanted.entry(of(id)).or_default().push(id);
    }
    let places: BTreeSet<Folded> = wanted.keys().flat_map(|fingerprint| head.places_of(*fingerprint)).collect();
    let places: Vec<Folded> = places.into_iter().collect();
    let (mut suspects, mut hours) = (HashSet::new(), BTreeSet::new());
    for places in places.chunks(PAGES_AT_ONCE) {
        for item in named(table, log, places).await? {
            for (fingerprint, hour) in decode(&item)? {
                if let Some(ids) = wanted.get(&fingerprint) {
                    suspects.extend(ids);
                    hours.insert(hour);
                }
            }
        }
    }
    Ok((suspects, hours))
}

/// The segments that may hold events of these hours.
async fn segments_of(
    table: &dyn Table,
    log: &Log<'_>,
    head: &Head,
    hours: &BTreeSet<Hour>,
) -> Result<Vec<Unpacked>, Trouble> {
    let has_any = |first: Hour, last: Hour| hours.range(first..=last).next().is_some();
    let pages: Vec<Folded> = head.pages_of(table, log, has_any).await?.iter().map(|page| page.hours).collect();
    let mut places = BTreeSet::new();
    for item in named(table, log, &pages).await? {
        let segments = Page::decode(&item)?.segments;
        places.extend(segments.iter().filter(|it| has_any(it.first, it.last)).map(|segment| segment.place));
    }
    let places: Vec<Folded> = places.into_iter().collect();
    let items = named(table, log, &places).await?;
    items.iter().map(|item| Ok(Unpacked::new(0, segment_body(item)?)?)).collect()
}

/// The items of some pages of a run; `seen` is all that these pages hold.
fn written(
    log: &Log<'_>,
    run: &RunRef,
    pages: std::ops::Range<u32>,
    seen: &mut [Seen],
) -> Result<Vec<Item>, DecodeError> {
    seen.sort_unstable();
    let mut rest: &[Seen] = seen;
    pages
        .map(|page| {
            let (of_page, others) =
                rest.split_at(rest.partition_point(|(fingerprint, _)| run.page_of(*fingerprint) <= page));
            rest = others;
            encode(log.folded(run.place(page)), of_page)
        })
        .collect()
}

/// Adds the ids that a fold counts to the head's runs, and goes on with merges. Returns the items to write; what they
/// replace is noted as superseded.
pub(super) async fn add(
    table: &dyn Table,
    log: &Log<'_>,
    head: &mut Head,
    generation: u64,
    number: &mut u32,
    mut seen: Vec<Seen>,
) -> Result<Vec<Item>, Trouble> {
    let merged_ids = merged_ids(log, seen.len() as u64);
    let mut items = Vec::new();
    let mut fresh = None;
    if !seen.is_empty() {
        let run = RunRef::new(log, Folded { generation, number: *number }, seen.len() as u64);
        *number += run.pages;
        items.extend(written(log, &run, 0..run.pages, &mut seen)?);
        fresh = Some(run);
    }
    // Only what was there before can be read: runs that this fold finishes are merged by later ones.
    let share = merged_ids / (head.merges.len() as u64).max(1);
    for merge in std::mem::take(&mut head.merges) {
        let merge = advanced(table, log, head, merge, share, &mut items).await?;
        match merge.done {
            FINGERPRINTS => head.runs.push(merge.into),
            _ => head.merges.push(merge),
        }
    }
    head.runs.extend(fresh);
    begin_merges(log, head, generation, number);
    Ok(items)
}

/// Ids that a fold with so many fresh ones writes again for the merges under way.
fn merged_ids(log: &Log<'_>, fresh: u64) -> u64 {
    let few = log.limits.merged_ids;
    (MERGED_TIMES * fresh).clamp(few, MERGED_TIMES * few)
}

/// Has runs of one class become one if they are enough: of each class one set at a time.
fn begin_merges(log: &Log<'_>, head: &mut Head, generation: u64, number: &mut u32) {
    let under_way: BTreeSet<u32> =
        head.merges.iter().flat_map(|merge| &merge.from).map(|run| class(log, run.ids)).collect();
    let mut classes: BTreeMap<u32, Vec<RunRef>> = BTreeMap::new();
    for run in std::mem::take(&mut head.runs) {
        classes.entry(class(log, run.ids)).or_default().push(run);
    }
    for (class, runs) in classes {
        if (runs.len() as u64) < GROWTH || under_way.contains(&class) {
            head.runs.extend(runs);
            continue;
        }
        let into = RunRef::new(log, Folded { generation, number: *number }, runs.iter().map(|run| run.ids).sum());
        *number += into.pages;
        head.merges.push(Merge { from: runs, into, done: 0 });
    }
}

/// A merge that has gone on by about `ids`.
async fn advanced(
    table: &dyn Table,
    log: &Log<'_>,
    head: &mut Head,
    merge: Merge,
    ids: u64,
    items: &mut Vec<Item>,
) -> Result<Merge, Trouble> {
    let (pages, until) = merge.next(log, ids);
    let Merge { from, into, done } = merge;
    let mut seen = Vec::new();
    for run in &from {
        let places: Vec<Folded> = run.pages_of(done, until).map(|page| run.place(page)).collect();
        for item in named(table, log, &places).await? {
            seen.extend(decode(&item)?.into_iter().filter(|(fingerprint, _)| (done..until).contains(fingerprint)));
        }
        // A page that reaches further is needed once more.
        let finished = run.pages_of(done, until).filter(|page| run.start_of(page + 1) <= until);
        head.superseded.extend(finished.map(|page| run.place(page)));
    }
    items.extend(written(log, &into, pages, &mut seen)?);
    Ok(Merge { from, into, done: until })
}

#[cfg(all(test, feature = "sqlite"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::items::samples::organization_id;
    use crate::table::capacity::item_bytes;
    use crate::usage::tests::table;

    fn log() -> Log<'static> {
        Log::new(organization_id(), ("s", "c"))
    }

    /// The `number`th of many fingerprints, evenly spread (SplitMix64).
    fn fingerprint(number: u64) -> u64 {
        let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % FINGERPRINTS
    }

    #[test]
    fn a_run_finds_every_id_in_one_page_of_one_read_unit() {
        for count in [1_u64, 600, 5_999, 50_000] {
            let mut seen: Vec<Seen> = (0..count).map(|id| (fingerprint(id), (id % 9_000) as i64 - 3)).collect();
            let run = RunRef::new(&log(), Folded { generation: 3, number: 7 }, count);
            let items = written(&log(), &run, 0..run.pages, &mut seen).unwrap();
            assert_eq!(items.len() as u32, run.pages);
            let pages: BTreeMap<Key, Vec<Seen>> =
                items.iter().map(|item| (item.key.clone(), decode(item).unwrap())).collect();
            assert_eq!(pages.values().map(Vec::len).sum::<usize>(), seen.len());
            for seen in &seen {
                assert!(pages[&log().folded(run.place_of(seen.0))].contains(seen));
            }
            let largest = items.iter().map(item_bytes).max().unwrap();
            assert!(largest <= 4096, "{largest} bytes");
        }
    }

    #[test]
    fn pages_are_stretches_of_all_fingerprints() {
        for pages in [1, 2, 3, 7, 1_000, 170_001] {
            let run = RunRef { first: Folded { generation: 1, number: 0 }, pages, ids: 1 };
            assert_eq!((run.start_of(0), run.start_of(pages)), (0, FINGERPRINTS));
            assert_eq!((run.page_of(0), run.page_of(FINGERPRINTS - 1)), (0, pages - 1));
            for page in (1..pages).step_by(1 + pages as usize / 100) {
                let start = run.start_of(page);
                assert_eq!((run.page_of(start - 1), run.page_of(start)), (page - 1, page), "{page} of {pages}");
                assert_eq!(run.pages_of(start - 1, start + 1), page - 1..page + 1);
                assert_eq!(run.pages_of(start, start), 0..0);
            }
        }
    }

    /// The laws of growth, over the table: what a look at 100 ids reads grows as the logarithm of the log's ids, no fold
    /// writes more of fingerprints than one partition takes in a second, and no id is ever forgotten, whatever merges are
    /// under way.
    #[tokio::test]
    async fn a_look_reads_a_page_per_class_and_no_fold_writes_too_much() {
        const PER_FOLD: u64 = 1_500;
        let (table, log) = (table(), log());
        let mut head = Head::new(&log);
        let mut known: Vec<String> = Vec::new();
        let (mut merging, mut written) = (0, 0);
        for generation in 1..=100_u64 {
            let mut seen: Vec<Seen> =
                (0..PER_FOLD).map(|id| (fingerprint(generation * PER_FOLD + id), generation as i64)).collect();
            let id = format!("known {generation}");
            seen.push((of(&id), -5));
            known.push(id);
            let before = table.consumed().write_units;
            let items = add(&table, &log, &mut head, generation, &mut 0, seen).await.unwrap();
            table.put_all(items).await.unwrap();
            let gone: Vec<Key> =
                std::mem::take(&mut head.superseded).into_iter().map(|place| log.folded(place)).collect();
            table.delete_all(&gone).await.unwrap();
            written = written.max(table.consumed().write_units - before);
            merging += head.merges.len();
            if generation % 10 != 0 {
                continue;
            }
            let (found, hours) = suspects(&table, &log, &head, known.iter().map(String::as_str)).await.unwrap();
            assert_eq!((found.len(), hours.contains(&-5)), (known.len(), true), "after {generation} folds");
            let ids = generation * (PER_FOLD + 1);
            assert_eq!(
                head.runs.iter().chain(head.merges.iter().flat_map(|it| &it.from)).map(|it| it.ids).sum::<u64>(),
                ids
            );
            let before = table.consumed().read_half_units;
            let fresh: Vec<String> = (0..100).map(|id| format!("fresh {id}")).collect();
            let (found, _) = suspects(&table, &log, &head, fresh.iter().map(String::as_str)).await.unwrap();
            assert!(found.is_empty());
            let units = (table.consumed().read_half_units - before) / 2;
            assert!(units <= 100 * u64::from(class(&log, ids) + 2), "{units} read units in a log of {ids} ids");
        }
        assert!(merging > 0, "nothing was merged over several folds");
        assert!(written <= 1_000, "{written} write units");
    }

    /// Pages that a look at so many ids reads: a read unit each.
    fn looked_at(head: &Head, ids: u64) -> u64 {
        let of_run = |run: &RunRef| ids.min(u64::from(run.pages));
        let of_merge = |merge: &Merge| {
            let done = |count: u64| (u128::from(count) * u128::from(merge.done) / u128::from(FINGERPRINTS)) as u64;
            let from: u64 = merge.from.iter().map(|run| of_run(run) - done(of_run(run))).sum();
            from + done(of_run(&merge.into))
        };
        head.runs.iter().map(of_run).sum::<u64>() + head.merges.iter().map(of_merge).sum::<u64>()
    }

    /// Folds of `fresh` ids until the log has `ids`, without a table: sizes of runs are all that matters. Returns the ids
    /// that were written again and the greatest number of pages that a look at 100, 600 and 5,000 ids has met in the last
    /// half.
    fn grown(fresh: u64, ids: u64) -> (u64, [u64; 3]) {
        let log = log();
        let mut head = Head::new(&log);
        let (mut again, mut most) = (0, [0; 3]);
        for fold in 0..ids / fresh {
            let share = merged_ids(&log, fresh) / (head.merges.len() as u64).max(1);
            for mut merge in std::mem::take(&mut head.merges) {
                let (pages, until) = merge.next(&log, share);
                again += pages.len() as u64 * log.limits.run_page_ids;
                merge.done = until;
                if until == FINGERPRINTS { head.runs.push(merge.into) } else { head.merges.push(merge) }
            }
            head.runs.push(RunRef::new(&log, Folded { generation: fold, number: 0 }, fresh));
            begin_merges(&log, &mut head, fold, &mut 1);
            if fold > ids / fresh / 2 {
                for (most, looked) in most.iter_mut().zip([100, 600, 5_000]) {
                    *most = (*most).max(looked_at(&head, looked));
                }
            }
        }
        (again, most)
    }

    /// The figures of docs/adr/0020: `cargo test -p store --all-features hundred_million -- --nocapture`.
    #[test]
    fn a_log_of_a_hundred_million_ids_is_looked_up_by_few_pages() {
        // Ids of a fold, ids of the log; most pages for 100, 600 and 5,000 ids; times that an id is written again.
        let cases = [
            (600, 12_000_000, [1_700, 6_000, 16_000], 5),
            (600, 112_000_000, [2_600, 11_000, 55_000], 6),
            (20_000, 112_000_000, [2_600, 11_000, 56_000], 4),
            (100_000, 112_000_000, [5_500, 16_000, 70_000], 3),
        ];
        for (fresh, ids, most, times) in cases {
            let (again, looked) = grown(fresh, ids);
            println!("{fresh} ids a fold, {ids} in all: {looked:?} pages, written again {} times", again / ids);
            assert!(looked.iter().zip(&most).all(|(looked, most)| looked <= most), "{fresh} {ids}: {looked:?}");
            assert!(again / ids <= times, "{fresh} {ids}: {again}");
        }
    }
}
