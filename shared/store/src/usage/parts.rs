//! Reading usage as parts: digests for whole hours, events for the rest.

use std::collections::BTreeSet;

use domain::id::OrganizationId;
use domain::usage::digest::{Digester, Hour, Needs, Parts, hour_of};
use domain::usage::event::Event;

use super::chunk::Unpacked;
use super::head::{self, Folded, Found, Head, Log, PageRef, Trouble};
use super::page::{Page, decode_summary, segment_body};
use super::seen::named;
use super::tail::Chunk;
use super::{LogName, Wanted, dictionary, unfolded};
use crate::record::LoadError;
use crate::table::Table;

/// Whose question it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Somebody looks.
    ForShow,
    /// An invoice is made of the answer: what it counts stays counted. Costs a write if anything has arrived since the
    /// last time.
    ForBilling,
}

/// The usage of a log, and what the reader noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The usage.
    pub parts: Parts,
    /// Chunks that are not folded yet.
    pub unfolded_chunks: usize,
    /// Whether digests are of an older definition: then the events were read in their place.
    pub is_outdated: bool,
}

/// The usage of a log as windows need it: every event that counts, in one digest or as itself.
///
/// Events come with the properties that `wanted` says; its instants do not matter. Costs two reads of the head, a query of
/// the chunks that are not folded, one read per page (some hundred hours) and the segments of cut hours, and of the first
/// hours if their events are needed.
///
/// None if more is unfolded than a closing may look at: fold first.
///
/// # Errors
/// The table did not answer, folds overtook the reader again and again, or an item cannot be read.
pub async fn parts<'a>(
    table: &dyn Table,
    organization: OrganizationId,
    log: impl Into<LogName<'a>>,
    digester: &Digester<'_>,
    needs: &Needs,
    properties: &[&str],
    asked: Asked,
) -> Result<Option<Counted>, LoadError> {
    let log = Log::new(organization, log);
    for _ in 0..head::ATTEMPTS_MAX {
        let mut found = Found::load(table, &log).await?;
        match attempt(table, &log, &mut found, digester, needs, properties, asked).await {
            Ok((counted, tail)) if found.still_stands(table, &log, &tail).await? => return Ok(Some(counted)),
            Ok(_) | Err(Trouble::Changed) => {}
            Err(Trouble::TooMuch) => return Ok(None),
            Err(Trouble::Load(error)) => return Err(error),
        }
    }
    Err(head::overtaken())
}

/// The usage by this head, and the tail that it was counted by.
async fn attempt(
    table: &dyn Table,
    log: &Log<'_>,
    found: &mut Found,
    digester: &Digester<'_>,
    needs: &Needs,
    properties: &[&str],
    asked: Asked,
) -> Result<(Counted, Vec<Chunk>), Trouble> {
    let mut tail = found.tail(table, log, asked == Asked::ForBilling).await?;
    if asked == Asked::ForBilling {
        found.seal(table, log, &mut tail).await?;
    }
    let wanted = Wanted { properties: Some(properties), ..Wanted::ALL };
    let mut events = unfolded(table, log, found, &tail, &wanted).await?;
    events.retain(|event| {
        let hour = hour_of(event.timestamp);
        needs.touch(hour, hour) && digester.counts(event)
    });
    let mut parts = Parts { events, ..Parts::default() };

    let definition = digester.definition();
    let pages = found.head.pages_of(table, log, |first, last| needs.touch(first, last)).await?;
    let is_current = |page: &PageRef| page.definition == definition;
    let mut open: Vec<&PageRef> = Vec::new();
    let mut summaries: Vec<Folded> = Vec::new();
    let mut first_events = needs.first_events;
    for (place, page) in pages.iter().enumerate() {
        let begins = place == 0 && first_events > 0;
        match page.summary.filter(|_| !begins && is_current(page) && needs.may_be_one(page.first, page.last)) {
            Some(summary) => summaries.push(summary),
            None => open.push(page),
        }
    }
    for item in named(table, log, &summaries).await? {
        parts.digests.push(decode_summary(&item)?);
    }
    let places: Vec<Folded> = open.iter().map(|page| page.hours).collect();
    let mut hours: BTreeSet<Hour> = BTreeSet::new();
    let mut segments: BTreeSet<Folded> = BTreeSet::new();
    for (page, item) in open.iter().zip(named(table, log, &places).await?) {
        let Page { hours: of, segments: its } = Page::decode(&item)?;
        let mut raw: BTreeSet<Hour> = BTreeSet::new();
        for (hour, of) in of {
            if !needs.touch(hour, hour) {
                continue;
            }
            let is_first = first_events > 0;
            first_events = first_events.saturating_sub(of.events);
            match of.digest.filter(|_| is_current(page) && !is_first && !needs.are_events_of(hour)) {
                Some(digest) => parts.digests.push(digest),
                None => {
                    raw.insert(hour);
                }
            }
        }
        let has_any = |first, last| raw.range(first..=last).next().is_some();
        segments.extend(its.iter().filter(|it| has_any(it.first, it.last)).map(|segment| segment.place));
        hours.append(&mut raw);
    }
    let places: Vec<Folded> = segments.into_iter().collect();
    for item in named(table, log, &places).await? {
        let mut events = Unpacked::new(0, segment_body(&item)?)?.wanted(log.organization, &wanted)?;
        events.retain(|event| hours.contains(&hour_of(event.timestamp)) && digester.counts(event));
        parts.events.append(&mut events);
    }
    parts.dictionaries = dictionary::texts(table, log, &found.head, definition, &parts.blocks()).await?;
    let is_outdated = pages.iter().any(|page| !is_current(page));
    Ok((Counted { parts, unfolded_chunks: tail.len(), is_outdated }, tail))
}

/// The events in the segments of the hours that `touch` says of a first and a last one; those that a reader wants.
pub(super) async fn folded_events(
    table: &dyn Table,
    log: &Log<'_>,
    head: &Head,
    wanted: &Wanted<'_>,
    touch: impl Fn(Hour, Hour) -> bool,
) -> Result<Vec<Event>, Trouble> {
    let pages: Vec<Folded> = head.pages_of(table, log, &touch).await?.iter().map(|page| page.hours).collect();
    let mut places: BTreeSet<Folded> = BTreeSet::new();
    for item in named(table, log, &pages).await? {
        let segments = Page::decode(&item)?.segments;
        places.extend(segments.iter().filter(|it| touch(it.first, it.last)).map(|segment| segment.place));
    }
    let places: Vec<Folded> = places.into_iter().collect();
    let mut events = Vec::new();
    for item in named(table, log, &places).await? {
        events.extend(Unpacked::new(0, segment_body(&item)?)?.wanted(log.organization, wanted)?);
    }
    Ok(events)
}
