//! Pages: the hours of a stretch of a log with their digests, and where the events of these hours stand.
//!
//! A page takes the hours from its `from` until the next page's, and is split when it grows. It is written anew, with its
//! summary, by every fold that has events for it. Its events stand in segments, which belong to this page alone: see `segment`.

use std::collections::BTreeMap;

use chrono::DateTime;
use domain::id::GroupId;
use domain::time::Instant;
use domain::usage::dictionary::{Added, Values, block_of};
use domain::usage::digest::{Digest, Hour, Kept, Newest, Received, Sum};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::head::Folded;
use crate::record::{DecodeError, pack, unpack};
use crate::table::{Item, Key};

/// Kind of pages.
pub(super) const PAGE: &str = "log_page";
/// Kind of the digests of whole pages.
pub(super) const SUMMARY: &str = "log_summary";
/// Kind of segments.
pub(super) const SEGMENT: &str = "segment";
const SCHEMA: u32 = 1;

/// An hour of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HourOf {
    /// Events of the hour, of whatever definition.
    pub(super) events: u64,
    /// None if only the events tell.
    pub(super) digest: Option<Digest>,
}

/// A segment: events of the hours `first` to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SegmentRef {
    pub(super) place: Folded,
    pub(super) first: Hour,
    pub(super) last: Hour,
    /// First and last reception, microseconds.
    pub(super) received: (i64, i64),
    pub(super) events: u64,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Page {
    pub(super) hours: BTreeMap<Hour, HourOf>,
    pub(super) segments: Vec<SegmentRef>,
}

/// Schema 1. Never change it: a change is a new struct and schema.
#[derive(Serialize, Deserialize)]
struct StoredPage {
    hours: Vec<StoredHour>,
    segments: Vec<SegmentRef>,
}

#[derive(Serialize, Deserialize)]
struct StoredHour {
    hour: Hour,
    events: u64,
    digest: Option<StoredDigest>,
}

#[derive(Serialize, Deserialize)]
struct StoredDigest {
    groups: Vec<(Option<Uuid>, StoredKept)>,
    values: StoredValues,
}

#[derive(Serialize, Deserialize)]
enum StoredValues {
    /// A bit for each value, from the lowest of the first byte on.
    Any(Vec<u8>),
    /// By number, each less the one before.
    First(Vec<(u32, StoredAdded)>),
}

#[derive(Serialize, Deserialize)]
struct StoredAdded {
    /// Microseconds after the start of the digest's first hour.
    after: i64,
    position: u32,
    group: Option<Uuid>,
}

#[derive(Serialize, Deserialize)]
struct StoredSummary {
    first: Hour,
    last: Hour,
    digest: StoredDigest,
}

/// Mantissa and scale.
#[derive(Serialize, Deserialize)]
struct StoredNumber(i128, u32);

#[derive(Serialize, Deserialize)]
struct StoredSum {
    events: i64,
    total: StoredNumber,
    reach: StoredNumber,
}

#[derive(Serialize, Deserialize)]
struct StoredReceived {
    at: i64,
    position: u32,
    transaction_id: String,
}

#[derive(Serialize, Deserialize)]
enum StoredKept {
    Count(i64),
    Sum(StoredSum),
    Max(i64, StoredNumber),
    Latest(i64, i64, StoredReceived, StoredNumber),
    Weighted(StoredSum, StoredNumber, StoredNumber, u32),
}

impl From<Decimal> for StoredNumber {
    fn from(number: Decimal) -> StoredNumber {
        // Digits that say nothing are not stored.
        let number = number.normalize();
        StoredNumber(number.mantissa(), number.scale())
    }
}

impl StoredNumber {
    fn number(&self) -> Option<Decimal> {
        Decimal::try_from_i128_with_scale(self.0, self.1).ok()
    }
}

impl From<&Sum> for StoredSum {
    fn from(sum: &Sum) -> StoredSum {
        StoredSum { events: sum.events, total: sum.total.into(), reach: sum.reach.into() }
    }
}

impl StoredSum {
    fn sum(&self) -> Option<Sum> {
        Some(Sum { events: self.events, total: self.total.number()?, reach: self.reach.number()? })
    }
}

impl From<&Received> for StoredReceived {
    fn from(received: &Received) -> StoredReceived {
        StoredReceived {
            at: received.at.timestamp_micros(),
            position: received.position,
            transaction_id: received.transaction_id.clone(),
        }
    }
}

fn instant(micros: i64) -> Option<Instant> {
    DateTime::from_timestamp_micros(micros)
}

impl StoredReceived {
    fn received(self) -> Option<Received> {
        Some(Received { at: instant(self.at)?, position: self.position, transaction_id: self.transaction_id })
    }
}

impl From<&Kept> for StoredKept {
    fn from(kept: &Kept) -> StoredKept {
        match kept {
            Kept::Count(events) => StoredKept::Count(*events),
            Kept::Sum(sum) => StoredKept::Sum(sum.into()),
            Kept::Max { events, greatest } => StoredKept::Max(*events, (*greatest).into()),
            Kept::Latest { events, newest } => {
                let at = newest.timestamp.timestamp_micros();
                StoredKept::Latest(*events, at, (&newest.reception).into(), newest.value.into())
            }
            Kept::Weighted { sum, moment, early, fine } => {
                StoredKept::Weighted(sum.into(), (*moment).into(), (*early).into(), *fine)
            }
        }
    }
}

impl StoredKept {
    fn kept(self) -> Option<Kept> {
        Some(match self {
            StoredKept::Count(events) => Kept::Count(events),
            StoredKept::Sum(sum) => Kept::Sum(sum.sum()?),
            StoredKept::Max(events, greatest) => Kept::Max { events, greatest: greatest.number()? },
            StoredKept::Latest(events, at, reception, value) => {
                let newest =
                    Newest { timestamp: instant(at)?, reception: reception.received()?, value: value.number()? };
                Kept::Latest { events, newest }
            }
            StoredKept::Weighted(sum, moment, early, fine) => {
                Kept::Weighted { sum: sum.sum()?, moment: moment.number()?, early: early.number()?, fine }
            }
        })
    }
}

impl StoredValues {
    fn of(values: &Values, first: Hour) -> StoredValues {
        match values {
            Values::Any(bits) => StoredValues::Any(bits.clone()),
            Values::First(first_of) => {
                let mut before = 0;
                let stored = first_of.iter().map(|(number, Added { at, position, group })| {
                    let after = at.timestamp_micros().wrapping_sub(start_of(first));
                    let added = StoredAdded { after, position: *position, group: group.map(|group| group.0) };
                    (number - std::mem::replace(&mut before, *number), added)
                });
                StoredValues::First(stored.collect())
            }
        }
    }

    fn values(self, first: Hour) -> Option<Values> {
        match self {
            StoredValues::Any(bits) => Some(Values::Any(bits)),
            StoredValues::First(stored) => {
                let mut number = 0_u32;
                let first_of = stored.into_iter().map(|(difference, StoredAdded { after, position, group })| {
                    number = number.checked_add(difference)?;
                    let at = instant(start_of(first).wrapping_add(after))?;
                    Some((number, Added { at, position, group: group.map(GroupId) }))
                });
                Some(Values::First(first_of.collect::<Option<_>>()?))
            }
        }
    }
}

/// The start of an hour, microseconds. Hours of events are far within what there is.
fn start_of(hour: Hour) -> i64 {
    hour.wrapping_mul(3_600_000_000)
}

impl From<&Digest> for StoredDigest {
    fn from(digest: &Digest) -> StoredDigest {
        StoredDigest {
            groups: digest.groups.iter().map(|(group, kept)| (group.map(|group| group.0), kept.into())).collect(),
            values: StoredValues::of(&digest.values, digest.first),
        }
    }
}

impl StoredDigest {
    fn digest(self, first: Hour, last: Hour) -> Option<Digest> {
        let groups = self.groups.into_iter().map(|(group, kept)| Some((group.map(GroupId), kept.kept()?)));
        Some(Digest { first, last, groups: groups.collect::<Option<_>>()?, values: self.values.values(first)? })
    }
}

fn encoded<T: Serialize>(kind: &'static str, stored: &T) -> Result<Vec<u8>, DecodeError> {
    postcard::to_allocvec(stored).map_err(|error| DecodeError::new(kind, error.to_string()))
}

fn decoded<T: serde::de::DeserializeOwned>(kind: &'static str, item: &Item) -> Result<T, DecodeError> {
    if item.kind != kind || item.schema > SCHEMA {
        return Err(DecodeError::new(kind, format!("`{}` of schema {}", item.kind, item.schema)));
    }
    postcard::from_bytes(&unpack(kind, &item.body)?).map_err(|error| DecodeError::new(kind, error.to_string()))
}

fn unfitting(kind: &'static str) -> DecodeError {
    DecodeError::new(kind, "a number or an instant in it is none")
}

impl Page {
    /// First and last hour with events; none of an empty page.
    pub(super) fn span(&self) -> Option<(Hour, Hour)> {
        Some((*self.hours.first_key_value()?.0, *self.hours.last_key_value()?.0))
    }

    /// As an item, and so that it fits into one: the largest digests are left out until it does. The events of their
    /// hours tell as well, and the log is folded whatever its events are.
    pub(super) fn fitted(mut self, key: Key, bytes_max: usize) -> Result<(Page, Item), DecodeError> {
        loop {
            let body = pack(&self.encoded()?);
            let mut sizes = Vec::new();
            if body.len() > bytes_max {
                for (hour, of) in &self.hours {
                    if let Some(digest) = &of.digest {
                        sizes.push((encoded(PAGE, &StoredDigest::from(digest))?.len(), *hour));
                    }
                }
            }
            let Some(of) = sizes.into_iter().max().and_then(|(_, hour)| self.hours.get_mut(&hour)) else {
                return Ok((self, Item::new(key, PAGE, SCHEMA, body)));
            };
            of.digest = None;
        }
    }

    fn encoded(&self) -> Result<Vec<u8>, DecodeError> {
        let hour = |(hour, of): (&Hour, &HourOf)| StoredHour {
            hour: *hour,
            events: of.events,
            digest: of.digest.as_ref().map(StoredDigest::from),
        };
        let stored = StoredPage { hours: self.hours.iter().map(hour).collect(), segments: self.segments.clone() };
        encoded(PAGE, &stored)
    }

    pub(super) fn decode(item: &Item) -> Result<Page, DecodeError> {
        let stored: StoredPage = decoded(PAGE, item)?;
        let mut page = Page { segments: stored.segments, hours: BTreeMap::new() };
        for StoredHour { hour, events, digest } in stored.hours {
            let digest = match digest {
                Some(digest) => Some(digest.digest(hour, hour).ok_or_else(|| unfitting(PAGE))?),
                None => None,
            };
            page.hours.insert(hour, HourOf { events, digest });
        }
        Ok(page)
    }

    /// Where a page that is too large or of two blocks is to be split: an hour of it.
    fn border(&self, bytes_max: usize) -> Result<Option<Hour>, DecodeError> {
        let Some((first, last)) = self.span().filter(|(first, last)| first < last) else { return Ok(None) };
        if block_of(first) != block_of(last) {
            return Ok(self.hours.keys().copied().find(|hour| block_of(*hour) != block_of(first)));
        }
        let is_small = self.encoded()?.len() <= bytes_max;
        Ok(self.hours.keys().nth(self.hours.len() / 2).copied().filter(|_| !is_small))
    }

    /// As many pages as are small enough, in order, each of one block; a page of a single hour may be as large as it must.
    /// Segments across a border belong to none of them any more: they are returned, to be cut.
    pub(super) fn split(self, bytes_max: usize) -> Result<(Vec<Page>, Vec<Folded>), DecodeError> {
        let Some(middle) = self.border(bytes_max)? else { return Ok((vec![self], Vec::new())) };
        let Page { mut hours, segments } = self;
        let later = hours.split_off(&middle);
        let (early, others): (Vec<SegmentRef>, Vec<SegmentRef>) =
            segments.into_iter().partition(|segment| segment.last < middle);
        let (late, across): (Vec<SegmentRef>, Vec<SegmentRef>) =
            others.into_iter().partition(|segment| segment.first >= middle);
        let mut cut: Vec<Folded> = across.iter().map(|segment| segment.place).collect();
        let mut pages = Vec::new();
        for half in [Page { hours, segments: early }, Page { hours: later, segments: late }] {
            let (its, cut_too) = half.split(bytes_max)?;
            pages.extend(its);
            cut.extend(cut_too);
        }
        Ok((pages, cut))
    }

    /// All hours as one digest.
    pub(super) fn summary(&self) -> Option<Digest> {
        let (first, last) = self.span()?;
        let digests = self.hours.values().map(|hour| hour.digest.as_ref()).collect::<Option<Vec<&Digest>>>()?;
        Digest::merged(first, last, digests)
    }
}

/// None if it does not fit into an item: then the page's hours tell.
pub(super) fn summary_item(key: Key, digest: &Digest, bytes_max: usize) -> Result<Option<Item>, DecodeError> {
    let stored = StoredSummary { first: digest.first, last: digest.last, digest: digest.into() };
    let body = pack(&encoded(SUMMARY, &stored)?);
    Ok((body.len() <= bytes_max).then(|| Item::new(key, SUMMARY, SCHEMA, body)))
}

pub(super) fn decode_summary(item: &Item) -> Result<Digest, DecodeError> {
    let stored: StoredSummary = decoded(SUMMARY, item)?;
    stored.digest.digest(stored.first, stored.last).ok_or_else(|| unfitting(SUMMARY))
}

/// The body of a segment that this program can read.
pub(super) fn segment_body(item: &Item) -> Result<&[u8], DecodeError> {
    if item.kind != SEGMENT || item.schema > super::chunk::SCHEMA {
        return Err(DecodeError::new(SEGMENT, format!("`{}` of schema {}", item.kind, item.schema)));
    }
    Ok(&item.body)
}
