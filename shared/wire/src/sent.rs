//! How keys of a request reach the inputs of the domain, and how free-form values come back as they were stored.

use std::str::FromStr;

use domain::value::Value;
use serde::{Serialize, Serializer};

use crate::input::{Field, Fields};
use crate::value::Json;

/// A free-form value with its keys in their order and its numbers with their own digits.
pub(crate) fn as_stored<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    Json(value).serialize(serializer)
}

impl<T> Field<T> {
    /// The outer option is whether the key was sent, the inner one its value: what updates of the domain are made of.
    pub(crate) fn sent(self) -> Option<Option<T>> {
        match self {
            Field::Absent => None,
            Field::Null => Some(None),
            Field::Set(value) => Some(Some(value)),
        }
    }
}

impl Fields<'_> {
    /// An id; a text that is none names nothing, as absence does.
    pub(crate) fn id<T: FromStr>(self, name: &str) -> Option<T> {
        self.text(name).value().and_then(|text| text.parse().ok())
    }
}

#[cfg(test)]
pub(crate) mod testing;
