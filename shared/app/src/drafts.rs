//! Drafts that are out of date: flagged when something that they depend on changes, refreshed by the clock at the next full
//! five minutes (chapter 04, 6.4).

use domain::billing::closing;
use domain::id::{CustomerId, InvoiceId, OrganizationId, PlanId, TaxId};
use domain::invoice::Invoice;
use domain::tax::concerns;
use serde::{Deserialize, Serialize};
use store::items::Draft;
use store::outbox::Message;
use uuid::Uuid;

use crate::billing::{Account, load_draft};
use crate::jobs::BillingJob;
use crate::{App, Attempt, Outcome, retry_on_conflict};

/// What has changed under drafts. It goes into the commit of the change as a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flag {
    /// Taxes of a customer were set: all its drafts.
    Customer(CustomerId),
    /// Charges, prices or taxes of plans were changed, or what their charges count: drafts of subscriptions on them.
    Plans(Vec<PlanId>),
    /// A tax was edited or deleted: drafts of the customers whom it concerned, or concerns now.
    Tax {
        /// Which.
        id: TaxId,
        /// Whether it is or was one of the organization's defaults.
        is_default: bool,
    },
}

impl Flag {
    /// The outbox message that flags the drafts concerned.
    pub(crate) fn message(self, organization: OrganizationId) -> Message {
        let concerns = match self {
            Flag::Customer(id) => id.to_string(),
            Flag::Plans(_) => "drafts".to_owned(),
            Flag::Tax { id, .. } => id.to_string(),
        };
        let job = BillingJob::FlagDrafts { organization_id: organization.0, flag: self, work: None };
        job.message(&concerns)
    }

    /// Whether a draft may be concerned, by its mark. Which taxes its customer has, the mark does not say.
    fn may_concern(&self, mark: &Draft) -> bool {
        match self {
            Flag::Plans(plans) => mark.plans.iter().any(|plan| plans.contains(plan)),
            Flag::Customer(customer) => mark.customer == *customer,
            Flag::Tax { .. } => true,
        }
    }
}

/// The form of a flag in a job.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sent {
    Customer(Uuid),
    Plans(Vec<Uuid>),
    Tax { id: Uuid, is_default: bool },
}

impl Serialize for Flag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sent = match self {
            Flag::Customer(id) => Sent::Customer(id.0),
            Flag::Plans(ids) => Sent::Plans(ids.iter().map(|id| id.0).collect()),
            Flag::Tax { id, is_default } => Sent::Tax { id: id.0, is_default: *is_default },
        };
        sent.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Flag, D::Error> {
        Ok(match Sent::deserialize(deserializer)? {
            Sent::Customer(id) => Flag::Customer(CustomerId(id)),
            Sent::Plans(ids) => Flag::Plans(ids.into_iter().map(PlanId).collect()),
            Sent::Tax { id, is_default } => Flag::Tax { id: TaxId(id), is_default },
        })
    }
}

/// The job: flags every draft that the change concerns. Flagging twice is flagging once.
///
/// # Errors
/// `Unavailable`: the job comes again and goes on.
pub(crate) async fn flag(app: &App, organization: OrganizationId, flag: &Flag) -> Outcome<()> {
    let customer = if let Flag::Customer(customer) = flag { Some(*customer) } else { None };
    let marks = app.store.drafts(organization, customer).await?;
    for mark in marks.iter().filter(|mark| flag.may_concern(mark)) {
        app.until_no_conflict(|| flag_one(app, organization, mark.invoice, flag)).await?;
    }
    Ok(())
}

async fn flag_one(app: &App, organization: OrganizationId, id: InvoiceId, flag: &Flag) -> Result<(), Attempt> {
    let Some(draft) = load_draft(app, organization, id).await? else { return Ok(()) };
    if draft.needs_refresh {
        return Ok(());
    }
    let account = Account::of(app, organization, draft.customer_id).await?;
    if let Flag::Tax { id, is_default } = flag
        && !is_concerned(app, &account, *id, *is_default).await?
    {
        return Ok(());
    }
    let flagged = closing::flagged(draft.value.clone(), app.now(&account.organization));
    let flagged = Invoice { updated_at: draft.updated_at, ..flagged };
    retry_on_conflict(app.execute(app.commit(&account.organization).update_invoice(&draft, &flagged)).await)
}

async fn is_concerned(app: &App, account: &Account, tax: TaxId, is_default: bool) -> Outcome<bool> {
    let living = app.store.taxes(account.organization.id).await?;
    let own = account.customer.tax_ids.iter().copied();
    // The tax itself may be gone by now: it was the customer's all the same.
    let own: Vec<TaxId> = own.filter(|id| *id == tax || living.iter().any(|tax| tax.id == *id)).collect();
    Ok(concerns(tax, is_default, &own))
}
