//! Subscriptions (chapter 05, 2.9; chapter 02, 3, 4.2 and 4.7; chapter 06, 9).

use chrono::NaiveDate;
use domain::plan::{PlanOverrides, PlanUpdate};
use domain::problem::{Problems, codes};
use domain::subscription::{State, Subscription};
use domain::time::{BillingTime, Instant, Zone};
use serde::Serialize;
use serde_json::Value;

use crate::input::{Field, Fields};
use crate::{customer, format, plan};

/// `subscription` of `POST /subscriptions`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewSubscription {
    /// `external_customer_id`, trimmed; `""` if it is missing.
    pub external_customer_id: String,
    /// `plan_code`.
    pub plan_code: Option<String>,
    /// `external_id`, trimmed; `""` if it is missing.
    pub external_id: String,
    /// `name`, trimmed; `""` if it is missing.
    pub name: String,
    /// `billing_time` as sent: looked at only if a subscription is really made.
    pub billing_time: Option<String>,
    /// When it is to start, if that was said.
    pub start: Start,
    /// `ending_at`.
    pub ending_at: Field<Instant>,
    /// `plan_overrides`; an empty object overrides, too: it makes a child plan.
    pub plan_overrides: Option<PlanOverrides>,
    /// Dates that could not be read.
    pub unread: Problems,
}

/// `subscription` of `PUT /subscriptions/:external_id`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SubscriptionUpdate {
    /// `name`; null clears.
    pub name: Field<String>,
    /// When it is to start, if that was said.
    pub start: Start,
    /// `ending_at`; null clears.
    pub ending_at: Field<Instant>,
    /// `plan_overrides`: an edit of the child plan.
    pub plan_overrides: Option<PlanUpdate>,
    /// Dates that could not be read.
    pub unread: Problems,
}

/// The requested start: `subscription_at`, else the legacy `subscription_date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// Neither was sent.
    #[default]
    Unsaid,
    /// An instant.
    At(Instant),
    /// A day: its first instant in the organization's zone.
    On(NaiveDate),
}

impl Start {
    fn parse(fields: Fields<'_>, unread: &mut Problems) -> Start {
        match fields.instant("subscription_at", unread) {
            Field::Set(at) => return Start::At(at),
            Field::Absent if unread.has("subscription_at") => return Start::Unsaid,
            Field::Absent | Field::Null => {}
        }
        match fields.date("subscription_date", unread) {
            Field::Set(date) => Start::On(date),
            Field::Absent | Field::Null => Start::Unsaid,
        }
    }

    /// The instant that was asked for, if one was.
    #[must_use]
    pub fn resolve(self, organization: Zone) -> Option<Instant> {
        match self {
            Start::Unsaid => None,
            Start::At(at) => Some(at),
            Start::On(date) => Some(organization.start_of(date)),
        }
    }
}

/// `subscription` of `POST /subscriptions`.
#[must_use]
pub fn parse_new(fields: Fields<'_>) -> NewSubscription {
    let mut unread = Problems::default();
    let trimmed = |name| fields.text(name).value().map(|text| text.trim().to_owned()).unwrap_or_default();
    NewSubscription {
        external_customer_id: trimmed("external_customer_id"),
        plan_code: fields.text("plan_code").value(),
        external_id: trimmed("external_id"),
        name: trimmed("name"),
        billing_time: fields.text("billing_time").value(),
        start: Start::parse(fields, &mut unread),
        ending_at: fields.instant("ending_at", &mut unread),
        plan_overrides: fields.object("plan_overrides").value().map(plan::parse_overrides),
        unread,
    }
}

/// `subscription` of `PUT /subscriptions/:external_id`.
#[must_use]
pub fn parse_update(fields: Fields<'_>) -> SubscriptionUpdate {
    let mut unread = Problems::default();
    SubscriptionUpdate {
        name: fields.text("name"),
        start: Start::parse(fields, &mut unread),
        ending_at: fields.instant("ending_at", &mut unread),
        plan_overrides: fields.object("plan_overrides").value().map(plan::parse_update),
        unread,
    }
}

/// `status` of a `PUT` body: beside the root key, or within it.
#[must_use]
pub fn wanted_status(body: &Value) -> Option<&str> {
    let inside = body.get("subscription").and_then(|root| root.get("status"));
    body.get("status").or(inside).and_then(Value::as_str)
}

impl NewSubscription {
    /// Ids that are blank, of the customer, too: both are reported as `external_id` (chapter 02, 4.2).
    ///
    /// # Errors
    /// One of them is blank.
    pub fn check_ids(&self) -> Result<(), Problems> {
        let blank = self.external_customer_id.is_empty() || self.external_id.is_empty();
        if blank { Err(Problems::one("external_id", codes::MANDATORY)) } else { Ok(()) }
    }

    /// The billing time, `calendar` if none was sent.
    ///
    /// # Errors
    /// The word is unknown.
    pub fn billing_time(&self) -> Result<BillingTime, Problems> {
        match self.billing_time.as_deref() {
            None | Some("") => Ok(BillingTime::Calendar),
            Some(word) => word.parse().map_err(|_| Problems::one("billing_time", codes::INVALID)),
        }
    }

    /// Both dates, reported together. A start that was not asked for is now.
    ///
    /// # Errors
    /// A date that could not be read, or an end that is too early.
    pub fn check_dates(&self, organization: Zone, now: Instant) -> Result<(), Problems> {
        check_dates(&self.unread, &self.ending_at, self.start.resolve(organization).unwrap_or(now), now)
    }
}

impl SubscriptionUpdate {
    /// Both dates, reported together. `subscription_at` is the stored start, which counts unless another was sent.
    ///
    /// # Errors
    /// A date that could not be read, or an end that is too early.
    pub fn check_dates(&self, subscription_at: Instant, organization: Zone, now: Instant) -> Result<(), Problems> {
        let start = self.start.resolve(organization).unwrap_or(subscription_at);
        check_dates(&self.unread, &self.ending_at, start, now)
    }
}

/// The end's UTC date must be later than today's and than the start's (chapter 02, 4.2).
fn check_dates(
    unread: &Problems,
    ending_at: &Field<Instant>,
    subscription_at: Instant,
    now: Instant,
) -> Result<(), Problems> {
    let mut problems = unread.clone();
    if let Field::Set(ending_at) = ending_at {
        let end = ending_at.date_naive();
        if end <= now.date_naive() || end <= subscription_at.date_naive() {
            problems.add("ending_at", codes::INVALID_DATE);
        }
    }
    problems.or(())
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Subscription")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 9.
pub struct Output {
    pub lago_id: String,
    pub external_id: String,
    pub lago_customer_id: String,
    pub external_customer_id: String,
    pub name: Option<String>,
    pub plan_code: String,
    pub status: &'static str,
    pub billing_time: &'static str,
    pub subscription_at: String,
    pub started_at: Option<String>,
    pub ending_at: Option<String>,
    pub terminated_at: Option<String>,
    pub canceled_at: Option<String>,
    pub created_at: String,
    pub previous_plan_code: Option<String>,
    pub next_plan_code: Option<String>,
    pub downgrade_plan_date: Option<String>,
    pub subscription_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<customer::Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<plan::Output>,
}

impl Output {
    /// A subscription as the API shows it, without customer and plan.
    #[must_use]
    pub fn new(
        subscription: &Subscription,
        external_customer_id: &str,
        downgrade_plan_date: Option<NaiveDate>,
    ) -> Output {
        let canceled_at = match subscription.state {
            State::Canceled { canceled_at } => Some(canceled_at),
            State::Pending | State::Active { .. } | State::Terminated { .. } => None,
        };
        Output {
            lago_id: subscription.id.to_string(),
            external_id: subscription.external_id.clone(),
            lago_customer_id: subscription.customer_id.to_string(),
            external_customer_id: external_customer_id.to_owned(),
            name: subscription.name.clone(),
            plan_code: subscription.plan_code.clone(),
            status: subscription.state.word(),
            billing_time: subscription.billing_time.as_str(),
            subscription_at: format::timestamp(subscription.subscription_at),
            started_at: subscription.started_at().map(format::timestamp),
            ending_at: subscription.ending_at.map(format::timestamp),
            terminated_at: subscription.terminated_at().map(format::timestamp),
            canceled_at: canceled_at.map(format::timestamp),
            created_at: format::timestamp(subscription.created_at),
            previous_plan_code: subscription.previous.as_ref().map(|link| link.plan_code.clone()),
            next_plan_code: subscription.next.as_ref().map(|link| link.plan_code.clone()),
            downgrade_plan_date: downgrade_plan_date.map(format::date),
            subscription_date: format::date(subscription.subscription_at.date_naive()),
            customer: None,
            plan: None,
        }
    }

    /// The same with its plan, charges and taxes included.
    #[must_use]
    pub fn with_plan(self, plan: plan::Output) -> Output {
        Output { plan: Some(plan), ..self }
    }

    /// The same with its customer, without taxes: webhooks only.
    #[must_use]
    pub fn with_customer(self, customer: customer::Output) -> Output {
        Output { customer: Some(customer), ..self }
    }
}

#[cfg(test)]
mod tests;
