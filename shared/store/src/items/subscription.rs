//! Stored form of a subscription record.

use chrono::NaiveDate;
use chrono::TimeDelta;
use domain::billing::{Boundaries, Change, LastRecord};
use domain::id::{CustomerId, FeeId, InvoiceId, PlanId, SubscriptionId};
use domain::subscription::{LastFee, Link, Progress, Seam, SentAlert, State, Subscription};
use domain::time::{BillingTime, Instant, Zone};
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text, at};
use crate::keys::{self, Timeline};
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// How long after its nominal instant a period closes on the real clock, so that events accepted in its last seconds
/// have reached the log (DESIGN, 6).
pub const SETTLING: TimeDelta = TimeDelta::minutes(5);

/// The stored form of a subscription.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredSubscription {
    id: Text<SubscriptionId>,
    external_id: String,
    customer_id: Text<CustomerId>,
    plan_id: Text<PlanId>,
    plan_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    state: StoredState,
    billing_time: Text<BillingTime>,
    subscription_at: Micros,
    #[serde(skip_serializing_if = "Option::is_none")]
    ending_at: Option<Micros>,
    created_at: Micros,
    created_seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<StoredLink>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<StoredLink>,
    trial_started_at: Micros,
    progress: StoredProgress,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_due: Option<Micros>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredState {
    Pending,
    Active {
        started_at: Micros,
    },
    Terminated {
        #[serde(skip_serializing_if = "Option::is_none")]
        started_at: Option<Micros>,
        terminated_at: Micros,
    },
    Canceled {
        canceled_at: Micros,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLink {
    id: Text<SubscriptionId>,
    plan_code: String,
    change: Text<Change>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredProgress {
    #[serde(skip_serializing_if = "Option::is_none")]
    last_recurring_at: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_record: Option<StoredLastRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_recurring: Option<StoredBoundaries>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_fee: Option<StoredLastFee>,
    invoiced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_invoice_at: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_invoice_at: Option<Micros>,
    /// From schema 2 on, like the two after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    activated_at: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replanned_at: Option<Micros>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    alerts_sent: Vec<StoredAlert>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken_over: Option<StoredSeam>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handed_over: Option<Micros>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSeam {
    at: Micros,
    received: Micros,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAlert {
    ending_date: Text<NaiveDate>,
    days_before: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLastRecord {
    zone: Text<Zone>,
    charges_to: Micros,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLastFee {
    id: Text<FeeId>,
    invoice_id: Text<InvoiceId>,
    amount_cents: i64,
    created_at: Micros,
    to: Micros,
}

/// The stored form of the bounds of a billing record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredBoundaries {
    from: Micros,
    to: Micros,
    charges_from: Micros,
    charges_to: Micros,
}

impl From<Boundaries> for StoredBoundaries {
    fn from(boundaries: Boundaries) -> Self {
        let Boundaries { from, to, charges_from, charges_to } = boundaries;
        StoredBoundaries {
            from: Micros(from),
            to: Micros(to),
            charges_from: Micros(charges_from),
            charges_to: Micros(charges_to),
        }
    }
}

impl From<StoredBoundaries> for Boundaries {
    fn from(stored: StoredBoundaries) -> Self {
        Boundaries {
            from: stored.from.0,
            to: stored.to.0,
            charges_from: stored.charges_from.0,
            charges_to: stored.charges_to.0,
        }
    }
}

impl From<State> for StoredState {
    fn from(state: State) -> Self {
        match state {
            State::Pending => StoredState::Pending,
            State::Active { started_at } => StoredState::Active { started_at: Micros(started_at) },
            State::Terminated { started_at, terminated_at } => {
                StoredState::Terminated { started_at: started_at.map(Micros), terminated_at: Micros(terminated_at) }
            }
            State::Canceled { canceled_at } => StoredState::Canceled { canceled_at: Micros(canceled_at) },
        }
    }
}

impl From<StoredState> for State {
    fn from(stored: StoredState) -> Self {
        match stored {
            StoredState::Pending => State::Pending,
            StoredState::Active { started_at } => State::Active { started_at: started_at.0 },
            StoredState::Terminated { started_at, terminated_at } => {
                State::Terminated { started_at: at(started_at), terminated_at: terminated_at.0 }
            }
            StoredState::Canceled { canceled_at } => State::Canceled { canceled_at: canceled_at.0 },
        }
    }
}

impl From<&Link> for StoredLink {
    fn from(link: &Link) -> Self {
        let Link { id, plan_code, change } = link.clone();
        StoredLink { id: Text(id), plan_code, change: Text(change) }
    }
}

impl From<StoredLink> for Link {
    fn from(stored: StoredLink) -> Self {
        Link { id: stored.id.0, plan_code: stored.plan_code, change: stored.change.0 }
    }
}

impl From<&Progress> for StoredProgress {
    fn from(progress: &Progress) -> Self {
        let Progress {
            last_recurring_at,
            last_record,
            last_recurring,
            last_fee,
            invoiced,
            start_invoice_at,
            final_invoice_at,
            activated_at,
            replanned_at,
            alerts_sent,
            taken_over,
            handed_over,
        } = progress.clone();
        StoredProgress {
            last_recurring_at: last_recurring_at.map(Micros),
            last_record: last_record.map(|LastRecord { zone, charges_to }| StoredLastRecord {
                zone: Text(zone),
                charges_to: Micros(charges_to),
            }),
            last_recurring: last_recurring.map(StoredBoundaries::from),
            last_fee: last_fee.map(|LastFee { id, invoice_id, amount_cents, created_at, to }| StoredLastFee {
                id: Text(id),
                invoice_id: Text(invoice_id),
                amount_cents,
                created_at: Micros(created_at),
                to: Micros(to),
            }),
            invoiced,
            start_invoice_at: start_invoice_at.map(Micros),
            final_invoice_at: final_invoice_at.map(Micros),
            activated_at: activated_at.map(Micros),
            replanned_at: replanned_at.map(Micros),
            alerts_sent: alerts_sent
                .into_iter()
                .map(|SentAlert { ending_date, days_before }| StoredAlert {
                    ending_date: Text(ending_date),
                    days_before,
                })
                .collect(),
            taken_over: taken_over
                .map(|Seam { at, received }| StoredSeam { at: Micros(at), received: Micros(received) }),
            handed_over: handed_over.map(Micros),
        }
    }
}

impl From<StoredProgress> for Progress {
    fn from(stored: StoredProgress) -> Self {
        Progress {
            last_recurring_at: at(stored.last_recurring_at),
            last_record: stored
                .last_record
                .map(|record| LastRecord { zone: record.zone.0, charges_to: record.charges_to.0 }),
            last_recurring: stored.last_recurring.map(Boundaries::from),
            last_fee: stored.last_fee.map(|fee| LastFee {
                id: fee.id.0,
                invoice_id: fee.invoice_id.0,
                amount_cents: fee.amount_cents,
                created_at: fee.created_at.0,
                to: fee.to.0,
            }),
            invoiced: stored.invoiced,
            start_invoice_at: at(stored.start_invoice_at),
            final_invoice_at: at(stored.final_invoice_at),
            activated_at: at(stored.activated_at),
            replanned_at: at(stored.replanned_at),
            alerts_sent: stored
                .alerts_sent
                .into_iter()
                .map(|alert| SentAlert { ending_date: alert.ending_date.0, days_before: alert.days_before })
                .collect(),
            taken_over: stored.taken_over.map(|seam| Seam { at: seam.at.0, received: seam.received.0 }),
            handed_over: at(stored.handed_over),
        }
    }
}

impl From<&Subscription> for StoredSubscription {
    fn from(subscription: &Subscription) -> Self {
        let Subscription {
            id,
            external_id,
            customer_id,
            plan_id,
            plan_code,
            name,
            state,
            billing_time,
            subscription_at,
            ending_at,
            created_at,
            created_seq,
            previous,
            next,
            trial_started_at,
            progress,
            next_due,
        } = subscription;
        StoredSubscription {
            id: Text(*id),
            external_id: external_id.clone(),
            customer_id: Text(*customer_id),
            plan_id: Text(*plan_id),
            plan_code: plan_code.clone(),
            name: name.clone(),
            state: (*state).into(),
            billing_time: Text(*billing_time),
            subscription_at: Micros(*subscription_at),
            ending_at: ending_at.map(Micros),
            created_at: Micros(*created_at),
            created_seq: *created_seq,
            previous: previous.as_ref().map(StoredLink::from),
            next: next.as_ref().map(StoredLink::from),
            trial_started_at: Micros(*trial_started_at),
            progress: progress.into(),
            next_due: next_due.map(Micros),
        }
    }
}

impl From<StoredSubscription> for Subscription {
    fn from(stored: StoredSubscription) -> Self {
        Subscription {
            id: stored.id.0,
            external_id: stored.external_id,
            customer_id: stored.customer_id.0,
            plan_id: stored.plan_id.0,
            plan_code: stored.plan_code,
            name: stored.name,
            state: stored.state.into(),
            billing_time: stored.billing_time.0,
            subscription_at: stored.subscription_at.0,
            ending_at: at(stored.ending_at),
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
            previous: stored.previous.map(Link::from),
            next: stored.next.map(Link::from),
            trial_started_at: stored.trial_started_at.0,
            progress: stored.progress.into(),
            next_due: at(stored.next_due),
        }
    }
}

/// When the clock finds the subscription: at the nominal instant, or a settling time later on the real clock when the
/// action closes usage, as billing days and last invoices do.
fn found_at(state: State, timeline: Timeline, nominal: Instant) -> Instant {
    match (timeline, state) {
        (Timeline::Real, State::Active { .. } | State::Terminated { .. }) => {
            nominal.checked_add_signed(SETTLING).unwrap_or(nominal)
        }
        (Timeline::Real, State::Pending | State::Canceled { .. }) | (Timeline::Sandbox, _) => nominal,
    }
}

impl Record for Subscription {
    const KIND: &'static str = "subscription";
    const SCHEMA: u32 = 2;
    type Stored = StoredSubscription;

    fn key(&self, scope: Scope) -> Key {
        keys::subscription(scope.organization, self.customer_id, self.created_seq, self.id)
    }

    /// In the lists of its organization and its plan, and among what is due if something is. Active ones have a list of their
    /// own in the plan: counting them reads keys only.
    ///
    /// All that is due of one customer stands in one shard.
    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        let Scope { organization, timeline } = scope;
        let (kind, created_at, seq) = (keys::SUBSCRIPTION_RECORDS, self.created_at, self.created_seq);
        let in_plan = if self.is_active() { keys::ACTIVE_SUBSCRIPTIONS } else { kind };
        let mut entries = vec![
            keys::in_list(organization, kind, created_at, seq),
            keys::in_children(organization, self.plan_id.0, in_plan, created_at, seq),
        ];
        entries.extend(self.next_due.map(|nominal| {
            keys::due(organization, timeline, self.customer_id.0, found_at(self.state, timeline, nominal))
        }));
        entries
    }

    fn to_stored(&self) -> StoredSubscription {
        self.into()
    }

    fn from_stored(stored: StoredSubscription) -> Result<Self, DecodeError> {
        Ok(stored.into())
    }
}
