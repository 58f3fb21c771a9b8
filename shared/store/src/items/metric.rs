//! Stored form of a billable metric.

use domain::id::{GroupId, MetricId};
use domain::metric::groups::{Groups, Leaf, Parent};
use domain::metric::{AggregationType, Metric, WeightedInterval};
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text, all, at, of_text};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The stored form of a metric.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredMetric {
    id: Text<MetricId>,
    name: String,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    aggregation: Text<AggregationType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weighted_interval: Option<Text<WeightedInterval>>,
    recurring: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_name: Option<String>,
    groups: StoredGroups,
    created_at: Micros,
    created_seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Micros>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredGroups {
    None,
    One { key: String, leaves: Vec<StoredLeaf> },
    Two { key: String, parents: Vec<StoredParent> },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLeaf {
    id: Text<GroupId>,
    value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredParent {
    name: String,
    key: String,
    leaves: Vec<StoredLeaf>,
}

impl From<&Leaf> for StoredLeaf {
    fn from(leaf: &Leaf) -> Self {
        let Leaf { id, value } = leaf.clone();
        StoredLeaf { id: Text(id), value }
    }
}

impl From<StoredLeaf> for Leaf {
    fn from(stored: StoredLeaf) -> Self {
        Leaf { id: stored.id.0, value: stored.value }
    }
}

impl From<&Parent> for StoredParent {
    fn from(parent: &Parent) -> Self {
        let Parent { name, key, leaves } = parent;
        StoredParent { name: name.clone(), key: key.clone(), leaves: all(leaves) }
    }
}

impl From<StoredParent> for Parent {
    fn from(stored: StoredParent) -> Self {
        Parent { name: stored.name, key: stored.key, leaves: stored.leaves.into_iter().map(Leaf::from).collect() }
    }
}

impl From<&Groups> for StoredGroups {
    fn from(groups: &Groups) -> Self {
        match groups {
            Groups::None => StoredGroups::None,
            Groups::One { key, leaves } => StoredGroups::One { key: key.clone(), leaves: all(leaves) },
            Groups::Two { key, parents } => StoredGroups::Two { key: key.clone(), parents: all(parents) },
        }
    }
}

impl From<StoredGroups> for Groups {
    fn from(stored: StoredGroups) -> Self {
        match stored {
            StoredGroups::None => Groups::None,
            StoredGroups::One { key, leaves } => {
                Groups::One { key, leaves: leaves.into_iter().map(Leaf::from).collect() }
            }
            StoredGroups::Two { key, parents } => {
                Groups::Two { key, parents: parents.into_iter().map(Parent::from).collect() }
            }
        }
    }
}

impl From<&Metric> for StoredMetric {
    fn from(metric: &Metric) -> Self {
        let Metric {
            id,
            name,
            code,
            description,
            aggregation,
            weighted_interval,
            recurring,
            field_name,
            groups,
            created_at,
            created_seq,
            deleted_at,
        } = metric;
        StoredMetric {
            id: Text(*id),
            name: name.clone(),
            code: code.clone(),
            description: description.clone(),
            aggregation: Text(*aggregation),
            weighted_interval: weighted_interval.map(Text),
            recurring: *recurring,
            field_name: field_name.clone(),
            groups: groups.into(),
            created_at: Micros(*created_at),
            created_seq: *created_seq,
            deleted_at: deleted_at.map(Micros),
        }
    }
}

impl From<StoredMetric> for Metric {
    fn from(stored: StoredMetric) -> Self {
        Metric {
            id: stored.id.0,
            name: stored.name,
            code: stored.code,
            description: stored.description,
            aggregation: stored.aggregation.0,
            weighted_interval: of_text(stored.weighted_interval),
            recurring: stored.recurring,
            field_name: stored.field_name,
            groups: stored.groups.into(),
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
            deleted_at: at(stored.deleted_at),
        }
    }
}

impl Record for Metric {
    const KIND: &'static str = "metric";
    const SCHEMA: u32 = 1;
    type Stored = StoredMetric;

    fn key(&self, scope: Scope) -> Key {
        keys::metric(scope.organization, self.id)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredMetric {
        self.into()
    }

    fn from_stored(stored: StoredMetric) -> Result<Self, DecodeError> {
        Ok(stored.into())
    }
}
