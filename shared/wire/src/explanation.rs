//! The explanation of a fee (ours): every figure between what was reported and the amount, as it was at billing.
//!
//! Decimals are strings. An independent program can recompute the amount from this object alone: see
//! `docs/fee-explanations.md`.

use domain::billing::Formula;
use domain::billing::explain::Told;
use domain::id::{FeeId, InvoiceId};
use domain::invoice::{ChargeItem, Fee, Level, MinimumBasis, SubscriptionBasis, UsageBasis};
use domain::money::Currency;
use domain::time::Zone;
use domain::usage::prorated::Prorated;
use domain::usage::weighted_sum::Variations;
use domain::usage::window::{Days, End};
use domain::value::Value;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::format;
use crate::value::Json;

/// Most entries of each list; the events behind a longer one are paged through at `/fees/:id/events`.
const ENTRIES_MAX: usize = 10_000;

/// `explanation`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "FeeExplanation")]
pub struct Output {
    lago_fee_id: Uuid,
    lago_invoice_id: Option<Uuid>,
    /// `usage`, `event`, `true_up`, `subscription`, `add_on` or `credit`.
    kind: &'static str,
    /// Where the terms come from: `billing`, or null on fees of programs that did not keep them.
    terms: Option<&'static str>,
    /// Whether the log still gives the figures of the fee; null where no log is concerned.
    log_matches: Option<bool>,
    units: String,
    amount_cents: i64,
    amount_currency: &'static str,
    rounding: Rounding,
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregation: Option<Aggregation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calculation: Option<Calculation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<Minimum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<Subscription>,
}

/// How the exact amount became minor units.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationRounding")]
struct Rounding {
    /// The amount before rounding, in currency units; null where terms were not kept.
    exact_amount: Option<String>,
    rule: &'static str,
    decimals: u32,
    subunits: String,
    amount_cents: i64,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationAggregation")]
struct Aggregation {
    lago_billable_metric_id: Uuid,
    code: String,
    aggregation_type: &'static str,
    field_name: Option<String>,
    recurring: bool,
    /// What events of the group had to have, the first dimension first.
    dimensions: Vec<Dimension>,
    window: WindowOutput,
    events: Events,
    /// The count that the fee shows.
    events_count: i64,
    full_units: String,
    units: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    proration: Option<ProrationOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weighting: Option<Weighting>,
    running_totals: List<String>,
    values_per_event: Option<List<String>>,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationDimension")]
struct Dimension {
    key: String,
    value: String,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationWindow")]
struct WindowOutput {
    from: String,
    to: String,
    /// Whether an event in the second of `to` is in, or its successor's.
    end: &'static str,
    /// Of the second of `from`, only events received from then on are in: another record of the external id ended in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_second_received_from: Option<String>,
    /// Of the second of `to`, only events received before are in: another record of the external id began in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_second_received_before: Option<String>,
    timestamps: &'static str,
    timezone: &'static str,
    days: i64,
    period_days: i64,
    /// Events received later are not in the fee.
    received_until: String,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationEvents")]
struct Events {
    count: usize,
    digest: String,
    digest_rule: &'static str,
}

/// A list that says whether it is whole.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "{T}List")]
struct List<T> {
    is_complete: bool,
    entries: Vec<T>,
}

impl<T> List<T> {
    fn of<S>(entries: &[S], output: impl Fn(&S) -> T) -> List<T> {
        List {
            is_complete: entries.len() <= ENTRIES_MAX,
            entries: entries.iter().take(ENTRIES_MAX).map(output).collect(),
        }
    }
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationProration")]
struct ProrationOutput {
    rule: &'static str,
    period_days: i64,
    carried: Carried,
    movements: List<MovementOutput>,
    units_before: String,
    units: String,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationCarried")]
struct Carried {
    units: String,
    days: i64,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationMovement")]
struct MovementOutput {
    at: String,
    units: String,
    days: i64,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationWeighting")]
struct Weighting {
    rule: &'static str,
    start_level: String,
    seconds: String,
    period_seconds: String,
    variations: List<Variation>,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationVariation")]
struct Variation {
    at: String,
    value: String,
    seconds_left: String,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationPrice")]
struct Price {
    lago_charge_id: Uuid,
    charge_model: &'static str,
    prorated: bool,
    pay_in_advance: bool,
    #[serde(serialize_with = "as_json")]
    #[schemars(with = "crate::schema::ChargeProperties")]
    properties: Value,
}

fn as_json<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    Json(value).serialize(serializer)
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationCalculation")]
struct Calculation {
    /// The parts of the amount, as the fee shows them.
    #[serde(serialize_with = "as_json")]
    #[schemars(with = "crate::schema::AmountDetails")]
    amount_details: Value,
    exact_amount: String,
    exact_unit_amount: String,
}

/// The event that made the fee, and its window.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationEvent")]
struct EventOutput {
    lago_event_id: Uuid,
    transaction_id: String,
    /// Units above the highest level that the window had billed; by days on a prorated charge.
    billed_units: String,
    from: String,
    to: String,
    period_days: i64,
    /// The window as the event found it, and as it left it.
    before: Option<LevelOutput>,
    after: Option<LevelOutput>,
}

/// What the window of an event's fee had come to.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationLevel")]
struct LevelOutput {
    /// `A`, with what was carried into the window.
    units: String,
    /// `N`.
    events_count: i64,
    /// `c`.
    net_units: String,
    /// `m`.
    highest_billed_units: String,
    /// `pm`.
    prorated_billed_units: String,
    /// `R` in short.
    running_totals: RunningOutput,
    /// What values priced one by one came to.
    values_one_by_one: LimitedOutput,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationRunning")]
struct RunningOutput {
    count: i64,
    last: String,
    at_free_events: String,
    below_free_total: i64,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationLimited")]
struct LimitedOutput {
    count: i64,
    free_units_used: String,
    amount: String,
}

impl From<Level> for LevelOutput {
    fn from(level: Level) -> LevelOutput {
        LevelOutput {
            units: format::decimal(level.units),
            events_count: level.events,
            net_units: format::decimal(level.state.net),
            highest_billed_units: format::decimal(level.state.highest),
            prorated_billed_units: format::decimal(level.state.prorated),
            running_totals: RunningOutput {
                count: level.running.count,
                last: format::decimal(level.running.last),
                at_free_events: format::decimal(level.running.at_free_events),
                below_free_total: level.running.below_total,
            },
            values_one_by_one: LimitedOutput {
                count: level.limited.values,
                free_units_used: format::decimal(level.limited.free_used),
                amount: format::decimal(level.limited.amount),
            },
        }
    }
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationMinimum")]
struct Minimum {
    rule: &'static str,
    minimum_amount_cents: i64,
    days: i64,
    period_days: i64,
    prorated_minimum_amount_cents: String,
    fees_amount_cents: i64,
    lago_true_up_parent_fee_id: Option<Uuid>,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ExplanationSubscription")]
struct Subscription {
    rule: &'static str,
    formula: &'static str,
    plan_amount_cents: i64,
    days: i64,
    period_days: i64,
}

const ROUNDING: &str = "half away from zero at the currency's decimals, times subunits, then towards zero";
const CENTS: &str = "half away from zero to minor units";
const TRUNCATION: &str = "towards zero to minor units";

impl Output {
    /// What is known of any fee: its amount, and nothing of how it came about.
    #[must_use]
    pub fn bare(fee: &Fee, invoice: Option<InvoiceId>, currency: Currency, kind: &'static str) -> Output {
        let FeeId(id) = fee.id;
        Output {
            lago_fee_id: id,
            lago_invoice_id: invoice.map(Uuid::from),
            kind,
            terms: None,
            log_matches: None,
            units: format::decimal(fee.units),
            amount_cents: fee.amount_cents,
            amount_currency: currency.code(),
            rounding: Rounding {
                exact_amount: None,
                rule: ROUNDING,
                decimals: currency.exponent(),
                subunits: format::decimal(currency.subunits()),
                amount_cents: fee.amount_cents,
            },
            aggregation: None,
            price: None,
            calculation: None,
            event: None,
            minimum: None,
            subscription: None,
        }
    }

    fn rounded(mut self, exact: Decimal, rule: &'static str) -> Output {
        self.terms = Some("billing");
        (self.rounding.exact_amount, self.rounding.rule) = (Some(format::decimal(exact)), rule);
        self
    }

    /// A fee of usage: its terms as of billing, and the log told again.
    #[must_use]
    pub fn of_usage(self, item: &ChargeItem, basis: &UsageBasis, told: &Told, zone: Zone) -> Output {
        Output {
            log_matches: Some(told.matches),
            aggregation: Some(aggregation(item, basis, told, zone)),
            price: Some(price(item, basis)),
            calculation: Some(Calculation {
                amount_details: told.outcome.details.to_value(),
                exact_amount: format::decimal(told.outcome.amount),
                exact_unit_amount: format::decimal(told.outcome.unit_amount),
            }),
            ..self.rounded(basis.amount, ROUNDING)
        }
    }

    /// A fee that an event made: what the event adds to its window. The log as it stands today says nothing of the order in
    /// which events were billed, so it is not told again.
    #[must_use]
    pub fn of_event(self, item: &ChargeItem, basis: &UsageBasis) -> Output {
        Output {
            price: Some(price(item, basis)),
            event: item.event.as_ref().map(|event| EventOutput {
                lago_event_id: event.id.0,
                transaction_id: event.transaction_id.clone(),
                billed_units: format::decimal(basis.units),
                from: format::timestamp(basis.window.from),
                to: format::timestamp(basis.window.to),
                period_days: basis.window.period_days,
                before: basis.advance.map(|advance| advance.before.into()),
                after: basis.advance.map(|advance| advance.after.into()),
            }),
            ..self.rounded(basis.amount, ROUNDING)
        }
    }

    /// A true-up.
    #[must_use]
    pub fn of_minimum(self, item: &ChargeItem, basis: &MinimumBasis, currency: Currency) -> Output {
        let minimum = domain::billing::prorated_minimum(item.min_amount_cents, basis.days, basis.period_days);
        let gap = minimum - Decimal::from(basis.fees_amount_cents);
        Output {
            minimum: Some(Minimum {
                rule: "minimum_amount_cents * days / period_days - fees_amount_cents, towards zero",
                minimum_amount_cents: item.min_amount_cents,
                days: basis.days,
                period_days: basis.period_days,
                prorated_minimum_amount_cents: format::decimal(minimum),
                fees_amount_cents: basis.fees_amount_cents,
                lago_true_up_parent_fee_id: item.true_up_parent.map(Uuid::from),
            }),
            ..self.rounded(gap / currency.subunits(), TRUNCATION)
        }
    }

    /// A subscription fee.
    #[must_use]
    pub fn of_subscription(self, basis: &SubscriptionBasis, currency: Currency) -> Output {
        let share = domain::number::mul_div(
            Decimal::from(basis.plan_amount_cents),
            Decimal::from(basis.days),
            Decimal::from(basis.period_days),
        );
        Output {
            subscription: Some(Subscription {
                rule: "plan_amount_cents * days / period_days, half away from zero",
                formula: formula(basis.formula),
                plan_amount_cents: basis.plan_amount_cents,
                days: basis.days,
                period_days: basis.period_days,
            }),
            ..self.rounded(share / currency.subunits(), CENTS)
        }
    }
}

fn price(item: &ChargeItem, basis: &UsageBasis) -> Price {
    Price {
        lago_charge_id: item.charge_id.0,
        charge_model: basis.model.as_str(),
        prorated: basis.prorated,
        pay_in_advance: item.event.is_some(),
        properties: basis.properties.clone(),
    }
}

fn formula(formula: Formula) -> &'static str {
    match formula {
        Formula::Terminated => "days used of an ended period",
        Formula::Upgraded => "days from an upgrade to the end of the period",
        Formula::Full => "whole period",
        Formula::First => "days from the start to the end of the period",
    }
}

fn aggregation(item: &ChargeItem, basis: &UsageBasis, told: &Told, zone: Zone) -> Aggregation {
    let window = &basis.window;
    let decimals = |values: &[Decimal]| List::of(values, |value| format::decimal(*value));
    Aggregation {
        lago_billable_metric_id: item.metric_id.0,
        code: item.metric_code.clone(),
        aggregation_type: basis.aggregation.as_str(),
        field_name: basis.field_name.clone(),
        recurring: basis.recurring,
        dimensions: basis
            .dimensions
            .iter()
            .map(|(key, value)| Dimension { key: key.clone(), value: value.clone() })
            .collect(),
        window: WindowOutput {
            from: format::timestamp(window.from),
            to: format::timestamp(window.to),
            end: match window.end {
                End::Included => "included",
                End::Successors => "the successor's",
            },
            first_second_received_from: window.shared.since.map(format::timestamp_ms),
            last_second_received_before: window.shared.until.map(format::timestamp_ms),
            timestamps: "rounded half up to the second",
            timezone: zone.name(),
            days: Days::days(&zone, window.from, window.to),
            period_days: window.period_days,
            received_until: format::timestamp_ms(basis.read_at),
        },
        events: Events {
            count: told.inputs.count,
            digest: told.inputs.digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            digest_rule: "SHA-256 of the ids as text, sorted, each followed by a line feed",
        },
        events_count: told.events_count,
        full_units: format::decimal(told.full_units),
        units: format::decimal(told.units),
        proration: told.proration.as_ref().map(|usage| proration(usage, window.period_days)),
        weighting: told.variations.as_ref().map(weighting),
        running_totals: decimals(&told.running),
        values_per_event: told.per_event.as_deref().map(decimals),
    }
}

fn proration(usage: &Prorated, period_days: i64) -> ProrationOutput {
    // What the window starts with stands apart: below 0 it counts, too, and is no movement.
    let own: Vec<_> = usage.movements.iter().filter_map(|movement| Some((movement.at?, movement))).collect();
    ProrationOutput {
        rule: "sum of units * days / period_days, up to 5 decimals",
        period_days,
        carried: Carried { units: format::decimal(usage.carried), days: usage.carried_days },
        movements: List::of(&own, |(at, movement)| MovementOutput {
            at: format::timestamp_ms(*at),
            units: format::decimal(movement.full),
            days: movement.days,
        }),
        units_before: format::decimal(usage.full),
        units: format::decimal(usage.units),
    }
}

fn weighting(found: &Variations) -> Weighting {
    Weighting {
        rule: "(start_level * seconds + sum of value * seconds_left) / period_seconds, up to 20 decimals",
        start_level: format::decimal(found.start_level),
        seconds: format::decimal(found.seconds),
        period_seconds: format::decimal(found.period_seconds),
        variations: List::of(&found.variations, |(at, value, seconds_left)| Variation {
            at: format::timestamp_ms(*at),
            value: format::decimal(*value),
            seconds_left: format::decimal(*seconds_left),
        }),
    }
}
