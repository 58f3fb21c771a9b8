//! Analytics: the sums of an organization, and what was added since they were folded.

use domain::analytics::{Month, Row, Rows};
use domain::id::{CustomerId, OrganizationId};

use super::Store;
use crate::items::{AddedRows, CustomerRows, MonthRows};
use crate::keys;
use crate::record::{LoadError, Record, Versioned, from_item};
use crate::table::{Query, TableError};

impl Store {
    /// Every row of an organization, folded and not. One query: an item per month, and what was added lately.
    pub async fn analytics(&self, organization: OrganizationId) -> Result<Rows, LoadError> {
        loop {
            let folds = self.folds(organization).await?;
            let mut rows = Rows::none();
            for item in self.items(Query::partition(keys::analytics(organization))).await? {
                if item.kind == MonthRows::KIND {
                    rows = rows.and(&from_item::<MonthRows>(&item)?.rows);
                } else if item.kind == AddedRows::KIND {
                    rows = rows.and(&from_item::<AddedRows>(&item)?.rows);
                }
            }
            // A fold meanwhile may have moved rows behind this reader's back.
            if self.folds(organization).await? == folds {
                return Ok(rows);
            }
        }
    }

    /// The revenue of some customers, folded and not.
    pub async fn revenue_of(&self, organization: OrganizationId, customers: &[CustomerId]) -> Result<Rows, LoadError> {
        let sums: Vec<_> = customers.iter().map(|id| keys::analytics_customer(organization, *id)).collect();
        loop {
            let folds = self.folds(organization).await?;
            let mut rows = Rows::none();
            for sum in self.load_many::<CustomerRows>(&sums).await?.into_iter().flatten() {
                rows = rows.and(&sum.rows);
            }
            for added in self.added_rows(organization, None).await? {
                if customers.contains(&added.customer) {
                    rows = rows.and(&revenue(&added.rows));
                }
            }
            if self.folds(organization).await? == folds {
                return Ok(rows);
            }
        }
    }

    /// What was added since the last fold, oldest first: all of it, or so much at most.
    pub async fn added_rows(
        &self,
        organization: OrganizationId,
        limit: Option<usize>,
    ) -> Result<Vec<Versioned<AddedRows>>, LoadError> {
        let query = Query::prefix(keys::analytics(organization), keys::ANALYTICS_ADDED);
        let items = match limit {
            Some(limit) => self.table.query(&Query { limit: Some(limit), ..query }).await?.items,
            None => self.items(query).await?,
        };
        items.iter().map(|item| Ok(from_item(item)?)).collect()
    }

    /// The sums of a month, as folded so far. One read.
    pub async fn analytics_month(
        &self,
        organization: OrganizationId,
        month: Month,
    ) -> Result<Option<Versioned<MonthRows>>, LoadError> {
        self.load(&keys::analytics_month(organization, &month.to_string())).await
    }

    /// The revenue of a customer, as folded so far. One read.
    pub async fn analytics_customer(
        &self,
        organization: OrganizationId,
        customer: CustomerId,
    ) -> Result<Option<Versioned<CustomerRows>>, LoadError> {
        self.load(&keys::analytics_customer(organization, customer)).await
    }

    /// How often rows were folded: two readings that agree frame a moment without folds.
    async fn folds(&self, organization: OrganizationId) -> Result<i64, TableError> {
        let head = self.table.get(&keys::analytics_folds(organization)).await?;
        Ok(head.and_then(|item| item.counter).unwrap_or_default())
    }
}

/// The rows of revenue among others.
#[must_use]
pub fn revenue(rows: &Rows) -> Rows {
    let mut revenue = Rows::none();
    for (row, figure) in rows.iter() {
        match row {
            Row::Revenue { .. } => revenue.add(row.clone(), figure),
            Row::Collection { .. } | Row::Usage { .. } | Row::Recurring(_) => {}
        }
    }
    revenue
}
