//! Marks of draft invoices: which drafts a customer has and in what order, and how many concern a plan or a metric, without
//! reading any invoice.

use domain::id::{CustomerId, InvoiceId, MetricId, PlanId};
use domain::invoice::Invoice;
use domain::time::Instant;
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// A draft invoice, by what stands on it. Made with the draft, gone when it is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The invoice.
    pub invoice: InvoiceId,
    /// Whose it is.
    pub customer: CustomerId,
    /// When the invoice was created: the customer's drafts become final in this order, ...
    pub created_at: Instant,
    /// ... and within one instant in this one.
    pub created_seq: i64,
    /// Plans of the subscriptions on it.
    pub plans: Vec<PlanId>,
    /// Metrics of the charge fees on it.
    pub metrics: Vec<MetricId>,
}

impl Draft {
    /// The mark of a draft.
    #[must_use]
    pub fn of(invoice: &Invoice) -> Draft {
        let mut plans: Vec<PlanId> = invoice.subscriptions.iter().map(|billed| billed.plan_id).collect();
        let mut metrics: Vec<MetricId> =
            invoice.fees.iter().filter_map(|fee| fee.charge().map(|charge| charge.metric_id)).collect();
        plans.sort_unstable();
        plans.dedup();
        metrics.sort_unstable();
        metrics.dedup();
        Draft {
            invoice: invoice.id,
            customer: invoice.customer_id,
            created_at: invoice.created_at,
            created_seq: invoice.created_seq,
            plans,
            metrics,
        }
    }
}

/// The stored form of a draft's mark.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredDraft {
    invoice: Text<InvoiceId>,
    customer: Text<CustomerId>,
    created_at: Micros,
    created_seq: i64,
    plans: Vec<Text<PlanId>>,
    metrics: Vec<Text<MetricId>>,
}

impl Record for Draft {
    const KIND: &'static str = "draft";
    const SCHEMA: u32 = 1;
    type Stored = StoredDraft;

    fn key(&self, scope: Scope) -> Key {
        keys::draft(scope.organization, self.customer, self.created_at, self.created_seq, self.invoice)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredDraft {
        StoredDraft {
            invoice: Text(self.invoice),
            customer: Text(self.customer),
            created_at: Micros(self.created_at),
            created_seq: self.created_seq,
            plans: self.plans.iter().copied().map(Text).collect(),
            metrics: self.metrics.iter().copied().map(Text).collect(),
        }
    }

    fn from_stored(stored: StoredDraft) -> Result<Self, DecodeError> {
        Ok(Draft {
            invoice: stored.invoice.0,
            customer: stored.customer.0,
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
            plans: stored.plans.into_iter().map(|plan| plan.0).collect(),
            metrics: stored.metrics.into_iter().map(|metric| metric.0).collect(),
        })
    }
}
