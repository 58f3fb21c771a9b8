//! Ids: one type per entity, and ids that are derived from what they stand for.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use sha1::{Digest, Sha1};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map($name)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                $name(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

ids! {
    /// An organization: the tenant. It stands in every key.
    OrganizationId;
    /// A customer of an organization.
    CustomerId;
    /// A billable metric.
    MetricId;
    /// A leaf group (one combination of dimension values) of a metric.
    GroupId;
    /// A plan, parent or child.
    PlanId;
    /// A charge of a plan.
    ChargeId;
    /// A tax.
    TaxId;
    /// One subscription record (a link of an upgrade or downgrade chain).
    SubscriptionId;
    /// A usage event.
    EventId;
    /// An invoice.
    InvoiceId;
    /// A fee.
    FeeId;
    /// An applied tax: the snapshot of a tax on a fee or an invoice.
    AppliedTaxId;
    /// A metadata entry of a customer or an invoice.
    MetadataId;
    /// A webhook endpoint.
    EndpointId;
    /// One delivery of one message to one endpoint: a webhook log entry.
    WebhookId;
    /// An API key (its record, not the secret).
    ApiKeyId;
    /// An add-on.
    AddOnId;
    /// A coupon.
    CouponId;
    /// A coupon applied to a customer.
    AppliedCouponId;
    /// A credit note.
    CreditNoteId;
    /// An item of a credit note.
    CreditNoteItemId;
    /// A credit line of an invoice: what a coupon or a credit note took off it.
    CreditId;
    /// A wallet.
    WalletId;
    /// A transaction of a wallet.
    WalletTransactionId;
    /// A recurring rule of a wallet.
    WalletRuleId;
}

/// The name space of Weir's derived ids. Changing it would make every retry meet strangers.
const NAME_SPACE: Uuid = Uuid::from_u128(0x5765_6972_0000_5000_8000_6964_656e_7469);

/// An id derived from what it stands for, so that a second try meets the first (DESIGN, 4).
///
/// `kind` says what the id is of; `parts` identify it within the kind. Parts are length-prefixed: no two different
/// lists give the same name.
#[must_use]
pub fn derived(kind: &str, parts: &[&[u8]]) -> Uuid {
    // What `Uuid::new_v5` does, by a hash that uses the processor's own instructions: every event has such an id.
    let mut name = Sha1::new_with_prefix(NAME_SPACE);
    for part in std::iter::once(&kind.as_bytes()).chain(parts) {
        name.update((part.len() as u64).to_be_bytes());
        name.update(part);
    }
    let [hash @ .., _, _, _, _] = <[u8; 20]>::from(name.finalize());
    uuid::Builder::from_sha1_bytes(hash).into_uuid()
}

/// The real instant at which an id was made, to the millisecond; none for derived ids.
#[must_use]
pub fn made_at(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_are_name_based_uuids() {
        let name = [&5_u64.to_be_bytes()[..], b"event", &2_u64.to_be_bytes()[..], b"ab"].concat();
        assert_eq!(derived("event", &[b"ab"]), Uuid::new_v5(&NAME_SPACE, &name));
    }

    #[test]
    fn derived_ids_depend_on_every_part_and_its_borders() {
        let id = |parts: &[&[u8]]| derived("event", parts);
        assert_eq!(id(&[b"a", b"b"]), id(&[b"a", b"b"]));
        assert_ne!(id(&[b"ab", b""]), id(&[b"a", b"b"]));
        assert_ne!(derived("fee", &[b"a"]), id(&[b"a"]));
    }
}
