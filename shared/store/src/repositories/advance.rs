//! Charges in advance: what they remember, and the fees that stand without invoice.

use std::ops::Range;

use chrono::NaiveDate;
use domain::id::{ChargeId, CustomerId, FeeId, GroupId, OrganizationId, SubscriptionId};
use domain::invoice::UninvoicedFee;

use super::{Listed, Store};
use crate::items::{AdvanceMark, AdvanceMetrics, AdvanceValue, AdvanceWindow};
use crate::keys;
use crate::record::{LoadError, Versioned, from_item};
use crate::table::{Index, Order, Query};

impl Store {
    /// The metrics that charges in advance price; none if no plan ever had such a charge. One read.
    pub async fn advance_metrics(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<Versioned<AdvanceMetrics>>, LoadError> {
        self.load(&keys::advance_metrics(organization)).await
    }

    /// What a window has billed; none if it has not. One read.
    pub async fn advance_window(
        &self,
        organization: OrganizationId,
        external_subscription_id: &str,
        charge: ChargeId,
        subscription: SubscriptionId,
        first_day: NaiveDate,
        group: Option<GroupId>,
    ) -> Result<Option<Versioned<AdvanceWindow>>, LoadError> {
        let key = keys::advance_window(organization, external_subscription_id, charge, subscription, first_day, group);
        self.load(&key).await
    }

    /// The windows of every leaf of a charge in a period of a record. One query.
    pub async fn advance_windows(
        &self,
        organization: OrganizationId,
        external_subscription_id: &str,
        charge: ChargeId,
        subscription: SubscriptionId,
        first_day: NaiveDate,
    ) -> Result<Vec<AdvanceWindow>, LoadError> {
        let (partition, prefix) =
            keys::advance_windows(organization, external_subscription_id, charge, subscription, first_day);
        let items = self.items(Query::prefix(partition, &prefix)).await?;
        let windows = items.iter().map(from_item).collect::<Result<Vec<Versioned<AdvanceWindow>>, _>>()?;
        Ok(windows.into_iter().map(|window| window.value).collect())
    }

    /// How a value stands, for a charge; none if no event of it was taken up. One read.
    pub async fn advance_value(
        &self,
        organization: OrganizationId,
        external_subscription_id: &str,
        charge: ChargeId,
        window: Option<(SubscriptionId, NaiveDate)>,
        fingerprint: &str,
    ) -> Result<Option<Versioned<AdvanceValue>>, LoadError> {
        self.load(&keys::advance_value(organization, external_subscription_id, charge, window, fingerprint)).await
    }

    /// Which of these events (by fingerprint) were taken up, in their order. One batch of reads.
    pub async fn advance_marks(
        &self,
        organization: OrganizationId,
        external_subscription_id: &str,
        fingerprints: &[String],
    ) -> Result<Vec<bool>, LoadError> {
        let key = |fingerprint: &String| keys::advance_mark(organization, external_subscription_id, fingerprint);
        let keys: Vec<_> = fingerprints.iter().map(key).collect();
        let marks: Vec<Option<Versioned<AdvanceMark>>> = self.load_many(&keys).await?;
        Ok(marks.iter().map(Option::is_some).collect())
    }

    /// A fee without invoice. One read.
    pub async fn uninvoiced_fee(
        &self,
        organization: OrganizationId,
        id: FeeId,
    ) -> Result<Option<Versioned<UninvoicedFee>>, LoadError> {
        self.load(&keys::fee(organization, id)).await
    }

    /// A part of the fees without invoice of an organization, or of one customer, oldest first.
    pub async fn list_uninvoiced_fees(
        &self,
        organization: OrganizationId,
        customer: Option<CustomerId>,
        range: impl FnOnce(usize) -> Range<usize>,
    ) -> Result<Listed<UninvoicedFee>, LoadError> {
        let (index, partition) = match customer {
            Some(customer) => (Index::ByParent, keys::children_of(organization, customer.0, keys::FEES)),
            None => (Index::ByOrganization, keys::list_of(organization, keys::FEES)),
        };
        self.list(index, partition, Order::Ascending, range).await
    }
}
