//! What is due, and what a sandbox has still to do.

use domain::id::OrganizationId;
use domain::time::Instant;

use super::Store;
use crate::keys::{self, Owner};
use crate::record::{DecodeError, LoadError};
use crate::table::{Found, Index, Key, Query};

/// Something that is due. The index may lag: whoever acts on it reads the item again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The item that is due.
    pub key: Key,
    /// When: the nominal instant, or a settling time later (`items::SETTLING`) where usage is closed on the real clock.
    pub at: Instant,
    /// Whose it is; none for items that this program does not know.
    pub owner: Option<(OrganizationId, Owner)>,
}

fn due(found: Found) -> Result<Due, DecodeError> {
    let at =
        keys::from_sortable(&found.index_sort).ok_or_else(|| DecodeError::new("due", "its place is no instant"))?;
    Ok(Due { owner: keys::owner(&found.key), key: found.key, at })
}

impl Store {
    /// What is due in a partition (`keys::due_shard`, `keys::due_in_sandbox`) up to `until`, inclusive, earliest first; at
    /// most `limit`.
    pub async fn due(&self, partition: &str, until: Instant, limit: usize) -> Result<Vec<Due>, LoadError> {
        let to = Some(keys::sortable(until));
        let mut query = Query { to, limit: Some(limit.max(1)), ..Query::partition(partition) };
        let mut dues = Vec::new();
        while dues.len() < limit {
            let page = self.table().query_index(Index::ByDue, &query).await?;
            for found in page.found {
                dues.push(due(found)?);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        dues.truncate(limit);
        Ok(dues)
    }

    /// Whether a sandbox organization still has work under way whose id begins with `prefix`. Read consistently.
    pub async fn unfinished_work(&self, organization: OrganizationId, prefix: &str) -> Result<bool, LoadError> {
        let mut query = Query { limit: Some(1), ..Query::prefix(keys::works(organization), prefix) };
        loop {
            let page = self.table().query(&query).await?;
            match page.next {
                _ if !page.items.is_empty() => return Ok(true),
                Some(next) => query.after = Some(next),
                None => return Ok(false),
            }
        }
    }
}
