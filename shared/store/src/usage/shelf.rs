//! Shelves: the head's pages, once there are too many to name them all.
//!
//! A log whose hours are rich in digests has a page an hour. The head is read by everybody and written three times a fold, so
//! it names `Limits::head_pages` pages itself; the oldest others stand on **shelves**, items of `Limits::shelf_pages` pages that
//! follow each other, which it names in their stead. A reader opens the shelves of its hours. A fold that has events for a shelf's hours
//! takes its pages back into the head, and what is too much goes onto a new shelf, under its own generation.

use domain::usage::digest::Hour;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::head::{Folded, Head, Log, PageRef, Trouble};
use super::seen::named;
use crate::record::{DecodeError, pack, unpack};
use crate::table::{Item, Table};

/// Kind of shelves.
pub(super) const SHELF: &str = "log_shelf";
const SCHEMA: u32 = 1;

/// Pages that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShelfRef {
    /// Its pages take events of this hour and later, before `to`.
    pub(super) from: Hour,
    pub(super) to: Hour,
    /// First and last hour that has events.
    pub(super) first: Hour,
    pub(super) last: Hour,
    pub(super) place: Folded,
    /// The definition of its digests; none if there are several.
    pub(super) definition: Option<Uuid>,
}

/// Schema 1. Never change it: a change is a new struct and schema.
#[derive(Serialize, Deserialize)]
struct StoredShelf(Vec<PageRef>);

pub(super) fn encode(log: &Log<'_>, place: Folded, pages: &[PageRef]) -> Result<Item, DecodeError> {
    let plain = postcard::to_allocvec(&StoredShelf(pages.to_vec()))
        .map_err(|error| DecodeError::new(SHELF, error.to_string()))?;
    Ok(Item::new(log.folded(place), SHELF, SCHEMA, pack(&plain)))
}

pub(super) fn decode(item: &Item) -> Result<Vec<PageRef>, DecodeError> {
    if item.kind != SHELF || item.schema > SCHEMA {
        return Err(DecodeError::new(SHELF, format!("`{}` of schema {}", item.kind, item.schema)));
    }
    let StoredShelf(pages) = postcard::from_bytes(&unpack(SHELF, &item.body)?)
        .map_err(|error| DecodeError::new(SHELF, error.to_string()))?;
    Ok(pages)
}

impl Head {
    /// The pages of the hours that `touch` says of a first and a last one, in order.
    pub(super) async fn pages_of(
        &self,
        table: &dyn Table,
        log: &Log<'_>,
        touch: impl Fn(Hour, Hour) -> bool,
    ) -> Result<Vec<PageRef>, Trouble> {
        let places: Vec<Folded> =
            self.shelves.iter().filter(|shelf| touch(shelf.first, shelf.last)).map(|shelf| shelf.place).collect();
        let mut pages = self.pages.clone();
        for item in named(table, log, &places).await? {
            pages.extend(decode(&item)?);
        }
        pages.retain(|page| touch(page.first, page.last));
        pages.sort_by_key(|page| page.from);
        Ok(pages)
    }

    /// Whether any digests are of another definition.
    pub(super) fn is_outdated(&self, definition: Uuid) -> bool {
        self.pages.iter().any(|page| page.definition != definition)
            || self.shelves.iter().any(|shelf| shelf.definition != Some(definition))
    }

    /// Takes the pages of some shelves back into the head.
    pub(super) async fn unshelve(
        &mut self,
        table: &dyn Table,
        log: &Log<'_>,
        is_wanted: impl Fn(&ShelfRef) -> bool,
    ) -> Result<(), Trouble> {
        let (wanted, others): (Vec<ShelfRef>, Vec<ShelfRef>) = self.shelves.iter().partition(|shelf| is_wanted(shelf));
        let places: Vec<Folded> = wanted.iter().map(|shelf| shelf.place).collect();
        for item in named(table, log, &places).await? {
            self.pages.extend(decode(&item)?);
        }
        self.pages.sort_by_key(|page| page.from);
        self.shelves = others;
        self.superseded.extend(places);
        Ok(())
    }

    /// Puts the oldest pages onto shelves until the head names few enough.
    pub(super) fn shelve(
        &mut self,
        log: &Log<'_>,
        generation: u64,
        number: &mut u32,
    ) -> Result<Vec<Item>, DecodeError> {
        let mut items = Vec::new();
        while self.pages.len() > log.limits.head_pages {
            // Fewer than what is too much, so that some are left.
            let shelf = log.limits.shelf_pages.min(log.limits.head_pages * 2 / 3).max(1);
            // Pages up to the next shelf follow each other.
            let oldest = self.pages[0].from;
            let border = self.shelves.iter().map(|shelf| shelf.from).filter(|from| *from > oldest).min();
            let together =
                border.map_or(self.pages.len(), |border| self.pages.partition_point(|page| page.from < border));
            let count = if together * 2 <= shelf * 3 { together } else { shelf };
            let rest = self.pages.split_off(count);
            let pages = std::mem::replace(&mut self.pages, rest);
            let next = self.pages.first().map_or(Hour::MAX, |page| page.from);
            let place = Folded { generation, number: *number };
            *number += 1;
            items.push(encode(log, place, &pages)?);
            let definition = pages[0].definition;
            self.shelves.push(ShelfRef {
                from: oldest,
                to: border.map_or(next, |border| border.min(next)),
                first: pages[0].first,
                last: pages[pages.len() - 1].last,
                place,
                definition: pages.iter().all(|page| page.definition == definition).then_some(definition),
            });
        }
        self.shelves.sort_by_key(|shelf| shelf.from);
        Ok(items)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::items::samples::{id, organization_id};

    #[test]
    fn the_head_stays_small_for_ten_years_of_a_page_an_hour() {
        let log = Log::new(organization_id(), ("s", "c"));
        let mut head = Head::new(&log);
        let mut largest = 0;
        for hour in 0..87_600_i64 {
            // What a fold writes stands under numbers of its own.
            let place = |number| Folded { generation: hour.unsigned_abs() * 20, number };
            let (first, last) = (470_000 + hour, 470_000 + hour);
            let from = if hour == 0 { Hour::MIN } else { first };
            let page = PageRef { from, first, last, hours: place(3), summary: Some(place(4)), definition: id(7) };
            head.pages.push(page);
            for item in head.shelve(&log, hour.unsigned_abs() * 20, &mut 5).unwrap() {
                largest = largest.max(item.body.len());
            }
        }
        let shelved: i64 = head.shelves.iter().map(|shelf| shelf.last - shelf.first + 1).sum();
        assert_eq!(shelved + head.pages.len() as i64, 87_600);
        assert!(head.shelves.windows(2).all(|pair| pair[0].to == pair[1].from));
        let bytes = head.body().unwrap().len();
        println!("a head of {bytes} bytes, shelves of {largest}");
        assert!(bytes < 50_000 && largest < 12_000, "a head of {bytes} bytes, shelves of {largest}");
    }
}
