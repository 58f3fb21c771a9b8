//! Requests that carry a key.

use domain::id::OrganizationId;

use super::Store;
use crate::items::idempotent_request::{joined, page_keys};
use crate::items::{AnswerBody, IdempotentRequest, RequestState};
use crate::keys;
use crate::record::{LoadError, Versioned};

impl Store {
    /// What is known of the request under a key, with its whole answer. One read, and one of each page of a large answer.
    pub async fn idempotent_request(
        &self,
        organization: OrganizationId,
        key: &str,
    ) -> Result<Option<Versioned<IdempotentRequest>>, LoadError> {
        let found = self.load::<IdempotentRequest>(&keys::idempotent_request(organization, key)).await?;
        let Some(mut found) = found else { return Ok(None) };
        if let RequestState::Answered(answer) = &mut found.value.state
            && let AnswerBody::Paged { generation, pages } = &answer.body
        {
            let pages = self.table.get_many(&page_keys(organization, key, generation, *pages)).await?;
            answer.body = AnswerBody::Whole(joined(&pages)?);
        }
        Ok(Some(found))
    }
}
