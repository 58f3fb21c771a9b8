//! Distinct values by number: a set of them is a row of bits then, and sets are put together without looking at a text.
//!
//! Values are numbered per **block** of hours, so that what is no longer used is left behind, and a month has two or three
//! dictionaries. A number means something only together with its block and the definition of the digests (`digest`).

use std::collections::{BTreeMap, HashMap};

use super::digest::Hour;
use crate::id::GroupId;
use crate::time::Instant;

/// Hours of a block: 32 days.
const BLOCK_HOURS: i64 = 768;
/// Most values of a dictionary.
pub const VALUES_MAX: usize = 32_768;
/// Most bytes of a dictionary's values.
const BYTES_MAX: usize = 1 << 20;
/// Longest value of a dictionary, bytes.
const VALUE_BYTES_MAX: usize = 200;
/// Most values of which a digest keeps the first adding.
const FIRST_MAX: usize = 4096;

/// A stretch of hours whose values are numbered together.
pub type Block = i64;

/// The block of an hour.
#[must_use]
pub fn block_of(hour: Hour) -> Block {
    hour.div_euclid(BLOCK_HOURS)
}

/// Texts, one after the other in one piece of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text at a place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&str> {
        let from = place.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.all.get(from..*self.ends.get(place)?)
    }

    /// The texts from a place on.
    pub fn from(&self, place: usize) -> impl Iterator<Item = &str> {
        (place..self.len()).filter_map(|place| self.get(place))
    }

    /// Adds one.
    pub fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }
}

impl<'t> FromIterator<&'t str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'t str>>(texts: I) -> Texts {
        let mut all = Texts::default();
        texts.into_iter().for_each(|text| all.push(text));
        all
    }
}

/// The values of a block, numbered from 0 in the order in which they were first met. It only grows.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    texts: Texts,
    numbers: HashMap<String, u32, foldhash::fast::RandomState>,
}

impl Dictionary {
    /// The dictionary of these values.
    #[must_use]
    pub fn new(texts: Texts) -> Dictionary {
        let numbers = texts.from(0).zip(0..).map(|(text, number)| (text.to_owned(), number)).collect();
        Dictionary { numbers, texts }
    }

    /// The values by number.
    #[must_use]
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// The number of a value, a new one if it has none; none if the dictionary is full.
    pub fn number(&mut self, value: &str) -> Option<u32> {
        if let Some(number) = self.numbers.get(value) {
            return Some(*number);
        }
        let bytes = self.texts.all.len() + value.len();
        if value.len() > VALUE_BYTES_MAX || bytes > BYTES_MAX || self.texts.len() >= VALUES_MAX {
            return None;
        }
        let number = u32::try_from(self.texts.len()).ok()?;
        self.texts.push(value);
        self.numbers.insert(value.to_owned(), number);
        Some(number)
    }
}

/// The event that added a value first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Added {
    /// When it was received.
    pub at: Instant,
    /// Its place within its batch.
    pub position: u32,
    /// The leaf that the unit counts in.
    pub group: Option<GroupId>,
}

impl Added {
    /// The earlier one; none if neither is and it matters: then the events tell, by their ids.
    #[must_use]
    pub fn earlier(self, other: Added) -> Option<Added> {
        match (self.at, self.position).cmp(&(other.at, other.position)) {
            std::cmp::Ordering::Less => Some(self),
            std::cmp::Ordering::Greater => Some(other),
            std::cmp::Ordering::Equal => (self.group == other.group).then_some(self),
        }
    }
}

/// Which values of a block were added in some of its hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Of a metric without dimensions: a bit for each value, from the lowest of the first byte on. The last byte is not 0.
    Any(Vec<u8>),
    /// Of one with dimensions: by number, the first adding, which says where the unit counts. At least one.
    First(BTreeMap<u32, Added>),
}

impl Default for Values {
    fn default() -> Values {
        Values::Any(Vec::new())
    }
}

impl Values {
    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Values::Any(bits) => bits.is_empty(),
            Values::First(first) => first.is_empty(),
        }
    }

    /// Notes a value; of a metric with dimensions with its adding. None if that is too much to keep, or if it cannot be told
    /// which of two was first.
    pub fn add(&mut self, number: u32, added: Option<Added>) -> Option<()> {
        match added {
            Some(added) => self.add_first(number, added),
            None => self.add_any(number),
        }
    }

    fn add_any(&mut self, number: u32) -> Option<()> {
        let Values::Any(bits) = self else { return None };
        // A number is at most `VALUES_MAX`.
        let (byte, bit) = (number as usize / 8, number % 8);
        if bits.len() <= byte {
            bits.resize(byte + 1, 0);
        }
        bits[byte] |= 1 << bit;
        Some(())
    }

    fn add_first(&mut self, number: u32, added: Added) -> Option<()> {
        if self.is_empty() {
            *self = Values::First(BTreeMap::new());
        }
        let Values::First(first) = self else { return None };
        let earliest = match first.get(&number) {
            Some(known) => known.earlier(added)?,
            None => added,
        };
        first.insert(number, earliest);
        (first.len() <= FIRST_MAX).then_some(())
    }

    /// Takes in values of the same block.
    pub fn merge(&mut self, other: &Values) -> Option<()> {
        match (&mut *self, other) {
            (_, other) if other.is_empty() => {}
            (known, other) if known.is_empty() => *known = other.clone(),
            (Values::Any(bits), Values::Any(others)) => {
                bits.resize(bits.len().max(others.len()), 0);
                bits.iter_mut().zip(others).for_each(|(bits, others)| *bits |= others);
            }
            (Values::First(_), Values::First(others)) => {
                for (number, added) in others {
                    self.add_first(*number, *added)?;
                }
            }
            (Values::Any(_), Values::First(_)) | (Values::First(_), Values::Any(_)) => return None,
        }
        Some(())
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Values::Any(bits) => bits.iter().map(|bits| bits.count_ones() as usize).sum(),
            Values::First(first) => first.len(),
        }
    }

    /// Each value's number and adding; without dimensions it does not matter which one.
    pub fn each(&self) -> Box<dyn Iterator<Item = (u32, Added)> + '_> {
        match self {
            Values::Any(bits) => {
                let numbers = (0..).step_by(8).zip(bits).flat_map(|(from, bits): (u32, &u8)| {
                    (0..8).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| from + bit)
                });
                Box::new(numbers.map(|number| (number, Added::default())))
            }
            Values::First(first) => Box::new(first.iter().map(|(number, added)| (*number, *added))),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_keep_their_numbers_until_there_are_too_many() {
        let mut dictionary = Dictionary::new(["a", "b"].into_iter().collect());
        assert_eq!(["b", "c", "a", "c"].map(|value| dictionary.number(value)), [Some(1), Some(2), Some(0), Some(2)]);
        assert_eq!(dictionary.texts().from(0).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!([0, 1, 2, 3].map(|place| dictionary.texts().get(place)), [Some("a"), Some("b"), Some("c"), None]);
        assert_eq!(dictionary.number(&"x".repeat(VALUE_BYTES_MAX + 1)), None);
        for number in 3..VALUES_MAX {
            assert_eq!(dictionary.number(&number.to_string()), Some(number as u32));
        }
        assert_eq!((dictionary.number("one more"), dictionary.number("c")), (None, Some(2)));
        // Long ones are fewer.
        let long = |number: usize| format!("{number:0>200}");
        let mut dictionary = Dictionary::default();
        assert!((0..BYTES_MAX / 200).all(|number| dictionary.number(&long(number)) == Some(number as u32)));
        assert_eq!((dictionary.number(&long(BYTES_MAX)), dictionary.number(&long(0))), (None, Some(0)));
    }

    #[test]
    fn blocks_follow_each_other_before_and_after_the_epoch() {
        assert_eq!([-769, -768, -1, 0, 767, 768].map(block_of), [-2, -1, -1, 0, 0, 1]);
    }

    proptest! {
        #[test]
        fn sets_are_what_was_added(left in prop::collection::btree_set(0_u32..100, 0..20), right in prop::collection::btree_set(0_u32..100, 0..20)) {
            let set = |numbers: &std::collections::BTreeSet<u32>| {
                let mut set = Values::default();
                numbers.iter().for_each(|number| set.add(*number, None).unwrap());
                set
            };
            let numbers = |values: &Values| values.each().map(|(number, _)| number).collect::<Vec<_>>();
            let mut merged = set(&left);
            prop_assert_eq!(numbers(&merged), left.iter().copied().collect::<Vec<_>>());
            merged.merge(&set(&right)).unwrap();
            let both: std::collections::BTreeSet<u32> = left.union(&right).copied().collect();
            prop_assert_eq!(numbers(&merged), Vec::from_iter(both.iter().copied()));
            prop_assert_eq!(merged.count(), both.len());
            prop_assert_eq!(merged, set(&both));
        }

        #[test]
        fn the_first_adding_is_kept(addings in prop::collection::vec((0_u32..5, 0_i64..9, 0_u32..2, prop::option::of(0_u128..3)), 0..20)) {
            let added = |(_, seconds, position, group): (u32, i64, u32, Option<u128>)| Added {
                at: Instant::default() + TimeDelta::seconds(seconds),
                position,
                group: group.map(|group| GroupId(uuid::Uuid::from_u128(group))),
            };
            let mut values = Values::default();
            if addings.iter().all(|one| values.add(one.0, Some(added(*one))).is_some()) {
                let mut expected: BTreeMap<u32, Added> = BTreeMap::new();
                for one in &addings {
                    let known = expected.entry(one.0).or_insert(added(*one));
                    if (added(*one).at, one.2) < (known.at, known.position) {
                        *known = added(*one);
                    }
                }
                prop_assert_eq!(values.each().collect::<BTreeMap<_, _>>(), expected);
            }
        }
    }
}
