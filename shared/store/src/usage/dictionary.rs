//! Dictionaries: the values that digests of unique counts name by number (`domain::usage::dictionary`).
//!
//! Owns: where the values of a block stand. A dictionary only grows: its values stand in items of about
//! `Limits::dictionary_bytes`, by number, of which a fold writes the last one again and adds others. It belongs to a definition;
//! that of an older one stays, because pages that have not been made anew name its numbers.

use std::collections::{BTreeMap, BTreeSet};

use domain::usage::dictionary::{Block, Dictionary, Texts};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::head::{Folded, Head, Log, Trouble};
use super::seen::named;
use crate::record::{DecodeError, pack, unpack};
use crate::table::{Item, Key, Table};

/// Kind of the items of dictionaries.
pub(super) const DICTIONARY: &str = "log_dictionary";
const SCHEMA: u32 = 1;

/// The dictionary of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DictionaryRef {
    pub(super) block: Block,
    /// Of the digests that name its numbers.
    pub(super) definition: Uuid,
    /// By number.
    pub(super) parts: Vec<PartRef>,
}

/// Some values of a dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartRef {
    pub(super) place: Folded,
    pub(super) values: u32,
}

/// Schema 1. Never change it: a change is a new struct and schema.
#[derive(Serialize, Deserialize)]
struct StoredDictionary<'a> {
    #[serde(borrow)]
    texts: Vec<&'a str>,
}

pub(super) fn encode(key: Key, texts: &[&str]) -> Result<Item, DecodeError> {
    let plain = postcard::to_allocvec(&StoredDictionary { texts: texts.to_vec() })
        .map_err(|error| DecodeError::new(DICTIONARY, error.to_string()))?;
    Ok(Item::new(key, DICTIONARY, SCHEMA, pack(&plain)))
}

/// Adds the values of an item.
pub(super) fn decode(item: &Item, to: &mut Texts) -> Result<(), DecodeError> {
    if item.kind != DICTIONARY || item.schema > SCHEMA {
        return Err(DecodeError::new(DICTIONARY, format!("`{}` of schema {}", item.kind, item.schema)));
    }
    let plain = unpack(DICTIONARY, &item.body)?;
    let stored: StoredDictionary<'_> =
        postcard::from_bytes(&plain).map_err(|error| DecodeError::new(DICTIONARY, error.to_string()))?;
    stored.texts.into_iter().for_each(|text| to.push(text));
    Ok(())
}

/// The values of some blocks, by number.
pub(super) async fn texts(
    table: &dyn Table,
    log: &Log<'_>,
    head: &Head,
    definition: Uuid,
    blocks: &BTreeSet<Block>,
) -> Result<BTreeMap<Block, Texts>, Trouble> {
    let wanted = head.dictionaries.iter().filter(|it| it.definition == definition && blocks.contains(&it.block));
    let places: Vec<(Block, Folded)> =
        wanted.flat_map(|it| it.parts.iter().map(|part| (it.block, part.place))).collect();
    let keys: Vec<Folded> = places.iter().map(|(_, place)| *place).collect();
    let mut texts: BTreeMap<Block, Texts> = BTreeMap::new();
    for ((block, _), item) in places.iter().zip(named(table, log, &keys).await?) {
        decode(&item, texts.entry(*block).or_default())?;
    }
    Ok(texts)
}

/// The dictionaries that a fold needs and adds to.
#[derive(Default)]
pub(super) struct Open {
    definition: Uuid,
    blocks: BTreeMap<Block, Opened>,
}

#[derive(Default)]
struct Opened {
    dictionary: Dictionary,
    /// Values that it had before; none if nobody looked.
    known: Option<usize>,
}

impl Open {
    /// None is open yet.
    pub(super) fn new(definition: Uuid) -> Open {
        Open { definition, blocks: BTreeMap::new() }
    }

    /// Opens those of some blocks, as far as they are not.
    pub(super) async fn open(
        &mut self,
        table: &dyn Table,
        log: &Log<'_>,
        head: &Head,
        blocks: impl Iterator<Item = Block>,
    ) -> Result<(), Trouble> {
        let blocks: BTreeSet<Block> = blocks.filter(|block| !self.blocks.contains_key(block)).collect();
        let mut texts = texts(table, log, head, self.definition, &blocks).await?;
        for block in blocks {
            let texts = texts.remove(&block).unwrap_or_default();
            let known = Some(texts.len());
            self.blocks.insert(block, Opened { dictionary: Dictionary::new(texts), known });
        }
        Ok(())
    }

    /// The dictionary of a block. It may only be added to if it is open.
    pub(super) fn of(&mut self, block: Block) -> &mut Dictionary {
        &mut self.blocks.entry(block).or_default().dictionary
    }

    /// The items of what has grown, which the head names from now on; what they replace is noted as superseded.
    pub(super) fn written(
        self,
        log: &Log<'_>,
        head: &mut Head,
        generation: u64,
        number: &mut u32,
    ) -> Result<Vec<Item>, DecodeError> {
        let mut items = Vec::new();
        for (block, Opened { dictionary, known }) in self.blocks {
            let texts = dictionary.texts();
            if texts.len() == known.unwrap_or_default() {
                continue;
            }
            if known.is_none() {
                return Err(DecodeError::new(DICTIONARY, "one that was not open has grown"));
            }
            let at = head.dictionaries.iter().position(|it| it.block == block && it.definition == self.definition);
            let mut parts = at.map(|at| head.dictionaries.swap_remove(at).parts).unwrap_or_default();
            // The last one is written again.
            head.superseded.extend(parts.pop().map(|last| last.place));
            let kept: usize = parts.iter().map(|part| part.values as usize).sum();
            let rest: Vec<&str> = texts.from(kept).collect();
            for part in cut(&rest, log.limits.dictionary_bytes) {
                let place = Folded { generation, number: *number };
                *number += 1;
                items.push(encode(log.folded(place), part)?);
                // Far fewer than `domain::usage::dictionary::VALUES_MAX`.
                parts.push(PartRef { place, values: part.len() as u32 });
            }
            head.dictionaries.push(DictionaryRef { block, definition: self.definition, parts });
        }
        head.dictionaries.sort_by_key(|it| (it.block, it.definition));
        Ok(items)
    }
}

/// Values in parts of about so many bytes; the last one may be smaller.
fn cut<'r, 't>(texts: &'r [&'t str], bytes_min: usize) -> Vec<&'r [&'t str]> {
    let (mut parts, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (place, text) in texts.iter().enumerate() {
        bytes += text.len();
        if bytes >= bytes_min || place + 1 == texts.len() {
            parts.push(&texts[from..=place]);
            (from, bytes) = (place + 1, 0);
        }
    }
    parts
}
