//! Dimensions of a metric: the declared values by which usage is split (chapter 03, 2.3 and 2.5).
//!
//! Owns: the shape of a definition, the ids of leaves, and which leaf an event belongs to.
//!
//! Does not own: prices per leaf (they hang on the ids), and leaves that were deleted.
//!
//! Invariants:
//! - Only live leaves are here, in order of creation; there is at least one per dimension.
//! - Values are distinct within a dimension or parent; parents are distinct by name and key.

use std::collections::HashMap;

use crate::id::GroupId;
use crate::value::Value;

use super::properties::Properties;

/// What a client declares: dimensions without ids. Built by [`Definition::parse`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Definition {
    /// No dimension.
    #[default]
    None,
    /// One dimension.
    One {
        /// The property that holds the value.
        key: String,
        /// Its values, distinct, in the order sent.
        values: Vec<String>,
    },
    /// Two dimensions: each value of the first has its own second one.
    Two {
        /// The property that holds the parent's name.
        key: String,
        /// The values of the first dimension, distinct by name and key, in the order sent.
        parents: Vec<ParentDefinition>,
    },
}

/// A value of the first of two dimensions, with the second dimension below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentDefinition {
    /// The value of the first dimension.
    pub name: String,
    /// The property that holds the value of the second dimension.
    pub key: String,
    /// The values of the second dimension, distinct, in the order sent.
    pub values: Vec<String>,
}

/// The definition has none of the two shapes of chapter 03, 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("dimensions have none of the allowed shapes")]
pub struct MalformedGroups;

impl Definition {
    /// A definition from the wire's `group`: `{}` is no dimension; repeated values collapse (chapter 03, 2.3).
    ///
    /// Null is no definition at all and malformed here: whoever reads a request decides what absence means.
    pub fn parse(group: &Value) -> Result<Self, MalformedGroups> {
        let Value::Map(entries) = group else { return Err(MalformedGroups) };
        if entries.is_empty() {
            return Ok(Definition::None);
        }
        let key = text(group, "key")?;
        let values = list(group, "values")?;
        if values.iter().all(|value| value.as_text().is_some()) {
            return Ok(Definition::One { key, values: texts(values)? });
        }
        let mut parents: Vec<ParentDefinition> = Vec::with_capacity(values.len());
        for value in values {
            let parent = ParentDefinition {
                name: text(value, "name")?,
                key: text(value, "key")?,
                values: texts(list(value, "values")?)?,
            };
            match parents.iter_mut().find(|known| known.name == parent.name && known.key == parent.key) {
                Some(known) => known.values = distinct(known.values.drain(..).chain(parent.values)),
                None => parents.push(parent),
            }
        }
        Ok(Definition::Two { key, parents })
    }
}

fn text(map: &Value, name: &str) -> Result<String, MalformedGroups> {
    map.get(name).and_then(Value::as_text).map(str::to_owned).ok_or(MalformedGroups)
}

fn list<'a>(map: &'a Value, name: &str) -> Result<&'a [Value], MalformedGroups> {
    match map.get(name) {
        Some(Value::List(values)) if !values.is_empty() => Ok(values),
        _ => Err(MalformedGroups),
    }
}

fn texts(values: &[Value]) -> Result<Vec<String>, MalformedGroups> {
    let texts: Option<Vec<String>> = values.iter().map(|value| value.as_text().map(str::to_owned)).collect();
    Ok(distinct(texts.ok_or(MalformedGroups)?))
}

fn distinct(values: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    values.into_iter().filter(|value| seen.insert(value.clone())).collect()
}

/// The live dimensions of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Groups {
    /// No dimension.
    #[default]
    None,
    /// One dimension.
    One {
        /// The property that holds the value.
        key: String,
        /// Its values in order of creation.
        leaves: Vec<Leaf>,
    },
    /// Two dimensions.
    Two {
        /// The property that holds the parent's name.
        key: String,
        /// The values of the first dimension in order of creation.
        parents: Vec<Parent>,
    },
}

/// A value that usage is counted and priced by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The id that prices and fees refer to.
    pub id: GroupId,
    /// The value.
    pub value: String,
}

/// A value of the first of two dimensions. It is never priced itself and has no id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The value of the first dimension.
    pub name: String,
    /// The property that holds the value of the second dimension.
    pub key: String,
    /// The values of the second dimension in order of creation.
    pub leaves: Vec<Leaf>,
}

/// The display name of a leaf: `value`, or `<parent value> • <value>` (chapter 03, 2.3).
#[must_use]
pub fn leaf_name(parent: Option<&str>, value: &str) -> String {
    match parent {
        Some(parent) => format!("{parent} • {value}"),
        None => value.to_owned(),
    }
}

/// A leaf with the place it has among the dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafView<'a> {
    /// The leaf's id.
    pub id: GroupId,
    /// With two dimensions: the property of the first one, and the value it must have.
    pub parent: Option<(&'a str, &'a str)>,
    /// The property that holds the leaf's value.
    pub key: &'a str,
    /// The leaf's value.
    pub value: &'a str,
}

impl<'a> LeafView<'a> {
    /// The value of the first of two dimensions.
    #[must_use]
    pub fn parent_value(&self) -> Option<&'a str> {
        self.parent.map(|(_, value)| value)
    }

    /// `groups[].key` on the wire: the parent's value with two dimensions, the group's key with one (00-index).
    #[must_use]
    pub fn wire_key(&self) -> &'a str {
        self.parent_value().unwrap_or(self.key)
    }

    /// `value`, or `<parent value> • <value>` (chapter 03, 2.3).
    #[must_use]
    pub fn display_name(&self) -> String {
        leaf_name(self.parent_value(), self.value)
    }

    /// Whether an event with these properties is counted here: exact texts only (chapter 03, 2.3).
    #[must_use]
    pub fn matches(&self, properties: &Properties) -> bool {
        let has = |key: &str, value: &str| properties.text(key) == Some(value);
        self.parent.is_none_or(|(key, value)| has(key, value)) && has(self.key, self.value)
    }
}

impl Groups {
    /// Dimensions of a new metric; `new_id` is asked once per leaf, in the order sent.
    #[must_use]
    pub fn new(definition: Definition, new_id: impl FnMut() -> GroupId) -> Self {
        Groups::None.edited(definition, new_id)
    }

    /// `Definition::parse` and `Groups::new` in one.
    pub fn parse(group: &Value, new_id: impl FnMut() -> GroupId) -> Result<Self, MalformedGroups> {
        Definition::parse(group).map(|definition| Groups::new(definition, new_id))
    }

    /// These dimensions after an edit: a leaf of the same key and value (and parent) keeps its id, and what the new
    /// definition lacks is gone (chapter 03, 2.5).
    ///
    /// A change of the number of dimensions, or of the first key, keeps no id. Leaves that stay come first, in their
    /// old order; then the new ones as sent: this is the order of creation.
    #[must_use]
    pub fn edited(&self, definition: Definition, mut new_id: impl FnMut() -> GroupId) -> Self {
        match definition {
            Definition::None => Groups::None,
            Definition::One { key, values } => {
                let old = match self {
                    Groups::One { key: old, leaves } if *old == key => leaves.as_slice(),
                    Groups::None | Groups::One { .. } | Groups::Two { .. } => &[],
                };
                let leaves = edited_leaves(old, values, &mut new_id);
                Groups::One { key, leaves }
            }
            Definition::Two { key, parents } => {
                let old = match self {
                    Groups::Two { key: old, parents } if *old == key => parents.as_slice(),
                    Groups::None | Groups::One { .. } | Groups::Two { .. } => &[],
                };
                Groups::Two { key, parents: edited_parents(old, parents, &mut new_id) }
            }
        }
    }

    /// The wire's `group`: `{}` without dimensions, values in order of creation (chapter 06, 3).
    #[must_use]
    pub fn to_value(&self) -> Value {
        let text = |text: &str| Value::Text(text.to_owned());
        let values = |leaves: &[Leaf]| Value::List(leaves.iter().map(|leaf| text(&leaf.value)).collect());
        match self {
            Groups::None => Value::Map(Vec::new()),
            Groups::One { key, leaves } => {
                Value::Map(vec![("key".to_owned(), text(key)), ("values".to_owned(), values(leaves))])
            }
            Groups::Two { key, parents } => {
                let parent = |parent: &Parent| {
                    Value::Map(vec![
                        ("name".to_owned(), text(&parent.name)),
                        ("key".to_owned(), text(&parent.key)),
                        ("values".to_owned(), values(&parent.leaves)),
                    ])
                };
                let parents = Value::List(parents.iter().map(parent).collect());
                Value::Map(vec![("key".to_owned(), text(key)), ("values".to_owned(), parents)])
            }
        }
    }

    /// The live leaves in order of creation.
    #[must_use]
    pub fn leaves(&self) -> Vec<LeafView<'_>> {
        match self {
            Groups::None => Vec::new(),
            Groups::One { key, leaves } => {
                leaves.iter().map(|leaf| LeafView { id: leaf.id, parent: None, key, value: &leaf.value }).collect()
            }
            Groups::Two { key, parents } => parents
                .iter()
                .flat_map(|parent| {
                    let place = Some((key.as_str(), parent.name.as_str()));
                    parent.leaves.iter().map(move |leaf| LeafView {
                        id: leaf.id,
                        parent: place,
                        key: &parent.key,
                        value: &leaf.value,
                    })
                })
                .collect(),
        }
    }

    /// The live leaves by parent's value, then value: the order of the groups list and of fees (chapter 03, 2.3, 6.1).
    #[must_use]
    pub fn leaves_by_value(&self) -> Vec<LeafView<'_>> {
        let mut leaves = self.leaves();
        leaves.sort_by_key(|leaf| (leaf.parent_value(), leaf.value));
        leaves
    }

    /// The live leaves by display name: the order of current usage (chapter 03, 9).
    #[must_use]
    pub fn leaves_by_name(&self) -> Vec<LeafView<'_>> {
        let mut leaves = self.leaves();
        leaves.sort_by_cached_key(LeafView::display_name);
        leaves
    }

    /// The dimensions as the newest clients see them (chapter 09, `filters`): one entry per key, values distinct, in
    /// order of creation; with two dimensions the first one comes first.
    #[must_use]
    pub fn filters(&self) -> Vec<(&str, Vec<&str>)> {
        let mut filters: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut note = |key, value| match filters.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) if values.contains(&value) => {}
            Some((_, values)) => values.push(value),
            None => filters.push((key, vec![value])),
        };
        let leaves = self.leaves();
        leaves.iter().filter_map(|leaf| leaf.parent).for_each(|(key, value)| note(key, value));
        leaves.iter().for_each(|leaf| note(leaf.key, leaf.value));
        filters
    }

    /// The leaf that an event with these properties is counted in, if any (chapter 03, 2.3).
    ///
    /// An event is counted at most once: should two leaves match (one parent name under two keys), the older one has
    /// it. Looks at every leaf; for many events use [`Groups::index`].
    #[must_use]
    pub fn leaf_of(&self, properties: &Properties) -> Option<GroupId> {
        self.leaves().into_iter().find(|leaf| leaf.matches(properties)).map(|leaf| leaf.id)
    }

    /// An index that answers [`Groups::leaf_of`] without looking at every leaf.
    #[must_use]
    pub fn index(&self) -> LeafIndex<'_> {
        let leaves = self.leaves();
        let mut index = LeafIndex { ids: leaves.iter().map(|leaf| leaf.id).collect(), places: Vec::new() };
        for (position, leaf) in leaves.into_iter().enumerate() {
            let place = index.place(leaf.parent.map(|(key, _)| key), leaf.key);
            place.positions.entry((leaf.parent_value(), leaf.value)).or_insert(position);
        }
        index
    }
}

fn edited_leaves(old: &[Leaf], values: Vec<String>, new_id: &mut impl FnMut() -> GroupId) -> Vec<Leaf> {
    let mut leaves: Vec<Leaf> = old.iter().filter(|leaf| values.contains(&leaf.value)).cloned().collect();
    for value in values {
        if !old.iter().any(|leaf| leaf.value == value) {
            leaves.push(Leaf { id: new_id(), value });
        }
    }
    leaves
}

fn edited_parents(
    old: &[Parent],
    definitions: Vec<ParentDefinition>,
    new_id: &mut impl FnMut() -> GroupId,
) -> Vec<Parent> {
    let same =
        |parent: &Parent, definition: &ParentDefinition| parent.name == definition.name && parent.key == definition.key;
    let place = |definition: &ParentDefinition| old.iter().position(|parent| same(parent, definition));
    let mut parents: Vec<(Option<usize>, Parent)> = Vec::with_capacity(definitions.len());
    for definition in definitions {
        let position = place(&definition);
        let known = position.and_then(|position| old.get(position)).map_or(&[][..], |parent| &parent.leaves);
        let leaves = edited_leaves(known, definition.values, new_id);
        parents.push((position, Parent { name: definition.name, key: definition.key, leaves }));
    }
    // Stable: new parents stay in the order sent, behind those that were there.
    parents.sort_by_key(|(position, _)| position.unwrap_or(usize::MAX));
    parents.into_iter().map(|(_, parent)| parent).collect()
}

/// Finds the leaf of an event by its values; see [`Groups::index`].
#[derive(Debug)]
pub struct LeafIndex<'a> {
    ids: Vec<GroupId>,
    places: Vec<Place<'a>>,
}

/// The leaves whose values stand in the same properties.
#[derive(Debug)]
struct Place<'a> {
    parent_key: Option<&'a str>,
    key: &'a str,
    /// By the parent's value, if any, and the leaf's.
    positions: HashMap<(Option<&'a str>, &'a str), usize>,
}

impl<'a> LeafIndex<'a> {
    fn place(&mut self, parent_key: Option<&'a str>, key: &'a str) -> &mut Place<'a> {
        let known = self.places.iter().position(|place| place.parent_key == parent_key && place.key == key);
        let position = known.unwrap_or_else(|| {
            self.places.push(Place { parent_key, key, positions: HashMap::new() });
            self.places.len() - 1
        });
        &mut self.places[position] // Found there, or just pushed.
    }

    /// The ids of all live leaves in order of creation.
    #[must_use]
    pub fn ids(&self) -> &[GroupId] {
        &self.ids
    }

    /// The position, in order of creation, of the leaf that these properties belong to.
    #[must_use]
    pub fn position_of(&self, properties: &Properties) -> Option<usize> {
        let position = |place: &Place<'a>| {
            let parent = match place.parent_key {
                Some(key) => Some(properties.text(key)?),
                None => None,
            };
            place.positions.get(&(parent, properties.text(place.key)?)).copied()
        };
        self.places.iter().filter_map(position).min()
    }

    /// The id of the leaf that these properties belong to.
    #[must_use]
    pub fn leaf_of(&self, properties: &Properties) -> Option<GroupId> {
        self.position_of(properties).and_then(|position| self.ids.get(position)).copied()
    }
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
