//! Journeys through months and years: every interval, billing time and timing with every kind of change, in zones east and
//! west, against a calendar walked day by day (chapter 02, 4 to 8).
//!
//! The oracle shares no code with the product: it knows wall clocks, the day rules of chapter 02, 6.1, and counts days on
//! its fingers. Credits for unused days are another story.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::World;

type Instant = DateTime<Utc>;

/// Cents of one call.
const CALL_CENTS: i64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interval {
    Weekly,
    Monthly,
    Quarterly,
    Yearly,
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    code: &'static str,
    interval: Interval,
    /// Charges of a yearly plan are billed monthly.
    monthly: bool,
    advance: bool,
    cents: i64,
    trial_days: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Nothing,
    /// To a plan of the same interval, as many hours after the start.
    Upgrade {
        after_hours: i64,
    },
    /// To a plan of another interval and timing.
    UpgradeAcross {
        after_hours: i64,
    },
    Downgrade {
        after_hours: i64,
    },
    Terminate {
        after_hours: i64,
    },
    /// On the last local day of the second period.
    TerminateOnLastDay,
    /// A planned end so many days after the start.
    End {
        after_days: i64,
    },
    /// A planned end on the first day of the third period.
    EndOnBillingDay,
    /// Starts in the future.
    StartLater {
        after_hours: i64,
    },
    /// Started so many days before it is created.
    Backdate {
        days: i64,
    },
}

struct Story {
    id: String,
    zone: Tz,
    plan: Plan,
    anniversary: bool,
    change: Change,
    created: Instant,
    /// Seconds after the creation.
    calls: Vec<i64>,
}

fn per_year(interval: Interval) -> i64 {
    match interval {
        Interval::Weekly => 52,
        Interval::Monthly => 12,
        Interval::Quarterly => 4,
        Interval::Yearly => 1,
    }
}

fn word(interval: Interval) -> &'static str {
    match interval {
        Interval::Weekly => "weekly",
        Interval::Monthly => "monthly",
        Interval::Quarterly => "quarterly",
        Interval::Yearly => "yearly",
    }
}

/// Days of about one and a half periods.
fn period_and_a_half(plan: Plan) -> i64 {
    match plan.interval {
        Interval::Weekly => 10,
        Interval::Monthly => 45,
        Interval::Quarterly => 131,
        Interval::Yearly => 520,
    }
}

// The calendar.

fn date(zone: Tz, at: Instant) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

fn start(zone: Tz, day: NaiveDate) -> Instant {
    let midnight = day.and_time(NaiveTime::MIN);
    // Where midnight is skipped, the day begins at one.
    let first = |wall| zone.from_local_datetime(&wall).earliest();
    first(midnight).or_else(|| first(midnight + TimeDelta::hours(1))).unwrap().to_utc()
}

/// Whether a period starts on a day, by the day rules.
fn starts(interval: Interval, anchor: Option<NaiveDate>, day: NaiveDate) -> bool {
    let Some(anchor) = anchor else {
        return match interval {
            Interval::Weekly => day.weekday() == Weekday::Mon,
            Interval::Monthly => day.day() == 1,
            Interval::Quarterly => day.day() == 1 && [1, 4, 7, 10].contains(&day.month()),
            Interval::Yearly => day.day() == 1 && day.month() == 1,
        };
    };
    let last_of_month = day.succ_opt().unwrap().day() == 1;
    let monthly = day.day() == anchor.day() || (last_of_month && anchor.day() > day.day());
    match interval {
        Interval::Weekly => day.weekday() == anchor.weekday(),
        Interval::Monthly => monthly,
        Interval::Quarterly => monthly && (i64::from(day.month()) - i64::from(anchor.month())) % 3 == 0,
        Interval::Yearly => monthly && day.month() == anchor.month(),
    }
}

/// First day of the period that holds `day`, and first day of the next one.
fn period(interval: Interval, anchor: Option<NaiveDate>, day: NaiveDate) -> (NaiveDate, NaiveDate) {
    let mut first = day;
    while !starts(interval, anchor, first) {
        first = first.pred_opt().unwrap();
    }
    let mut next = day.succ_opt().unwrap();
    while !starts(interval, anchor, next) {
        next = next.succ_opt().unwrap();
    }
    (first, next)
}

// The oracle.

/// One record of a chain as the oracle follows it.
struct Record {
    plan: Plan,
    started: Instant,
    /// Whether its plan year, quarter ... was ever paid.
    paid: bool,
}

struct Oracle<'s> {
    story: &'s Story,
    anchor: Option<NaiveDate>,
    trial_start: Instant,
    calls: Vec<Instant>,
    invoices: Vec<(NaiveDate, Vec<String>)>,
}

fn shown(at: Instant) -> String {
    at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

impl Oracle<'_> {
    fn zone(&self) -> Tz {
        self.story.zone
    }

    fn charges_interval(plan: Plan) -> Interval {
        if plan.monthly { Interval::Monthly } else { plan.interval }
    }

    /// The fee of the days from `first` to before `end` of the period `[from, next)`.
    fn fee(&self, record: &Record, (from, next): (NaiveDate, NaiveDate), end: NaiveDate, shown_to: Instant) -> String {
        let first = from.max(date(self.zone(), record.started));
        let trial_end = self.trial_start + TimeDelta::days(record.plan.trial_days);
        let counts =
            |day: NaiveDate| day >= first && (record.plan.trial_days == 0 || day >= date(self.zone(), trial_end));
        let days = from.iter_days().take_while(|day| *day < end).filter(|day| counts(*day)).count() as i64;
        let all = (next - from).num_days();
        let cents = (2 * record.plan.cents * days + all) / (2 * all);
        format!("{} {}..{} {cents}", record.plan.code, shown(start(self.zone(), first)), shown(shown_to))
    }

    fn charge(&self, record: &Record, first: NaiveDate, to: Instant) -> String {
        let from = start(self.zone(), first).max(record.started);
        let units = self.calls.iter().filter(|at| **at >= from && **at <= to).count() as i64;
        format!("calls {}..{} {units} {}", shown(from), shown(to), units * CALL_CENTS)
    }

    fn last_second(&self, next: NaiveDate) -> Instant {
        start(self.zone(), next) - TimeDelta::seconds(1)
    }

    /// The first invoice of a plan in advance.
    fn first(&mut self, record: &mut Record, at: Instant) {
        if record.plan.advance {
            let (from, next) = period(record.plan.interval, self.anchor, date(self.zone(), at));
            let line = self.fee(record, (from, next), next, self.last_second(next));
            record.paid = true;
            self.invoices.push((date(self.zone(), at), vec![line]));
        }
    }

    /// A billing day. With `rotated` the record ends there, and pays for nothing to come.
    fn bill(&mut self, record: &mut Record, day: NaiveDate, rotated: bool) {
        let plan = record.plan;
        let eve = day.pred_opt().unwrap();
        let mut lines = Vec::new();
        let is_start = starts(plan.interval, self.anchor, day);
        if plan.advance && !rotated && (is_start || !record.paid) {
            let (from, next) = period(plan.interval, self.anchor, day);
            lines.push(self.fee(record, (from, next), next, self.last_second(next)));
            record.paid = true;
        }
        if !plan.advance && is_start {
            let (from, next) = period(plan.interval, self.anchor, eve);
            lines.push(self.fee(record, (from, next), next, self.last_second(next)));
        }
        let (from, next) = period(Self::charges_interval(plan), self.anchor, eve);
        lines.push(self.charge(record, from, self.last_second(next)));
        self.invoices.push((day, lines));
    }

    /// The last invoice: at `at`, days before `end` are paid for.
    fn last(&mut self, record: &Record, at: Instant, end: NaiveDate) {
        let (zone, plan) = (self.zone(), record.plan);
        let mut lines = Vec::new();
        if !plan.advance {
            lines.push(self.fee(record, period(plan.interval, self.anchor, date(zone, at)), end, at));
        }
        let (from, _) = period(Self::charges_interval(plan), self.anchor, date(zone, at));
        lines.push(self.charge(record, from, at));
        self.invoices.push((date(zone, at), lines));
    }

    /// The end by plan, five minutes into `day`: on a billing day, for the period that has just ended.
    fn planned_end(&mut self, record: &mut Record, day: NaiveDate) {
        let (zone, plan) = (self.zone(), record.plan);
        let at = start(zone, day) + TimeDelta::minutes(5);
        let whole_day = at - TimeDelta::hours(24) >= record.started;
        if !whole_day || !starts(Self::charges_interval(plan), self.anchor, day) {
            return self.last(record, at, day.succ_opt().unwrap());
        }
        let mut lines = Vec::new();
        let eve = day.pred_opt().unwrap();
        if !plan.advance {
            lines.push(if starts(plan.interval, self.anchor, day) {
                let (from, next) = period(plan.interval, self.anchor, eve);
                self.fee(record, (from, next), next, self.last_second(next))
            } else {
                self.fee(record, period(plan.interval, self.anchor, day), day.succ_opt().unwrap(), at)
            });
        }
        let (from, next) = period(Self::charges_interval(plan), self.anchor, eve);
        lines.push(self.charge(record, from, self.last_second(next)));
        self.invoices.push((day, lines));
    }
}

impl Story {
    fn changes_at(&self) -> Option<Instant> {
        let after = |hours: i64| Some(self.created + TimeDelta::hours(hours));
        match self.change {
            Change::Upgrade { after_hours }
            | Change::UpgradeAcross { after_hours }
            | Change::Downgrade { after_hours }
            | Change::Terminate { after_hours } => after(after_hours),
            Change::TerminateOnLastDay => {
                let (_, second) = self.grid(date(self.zone, self.created));
                let (_, third) = self.grid(second);
                Some(start(self.zone, third.pred_opt().unwrap()) + TimeDelta::minutes(18 * 60 + 7))
            }
            Change::Nothing
            | Change::End { .. }
            | Change::EndOnBillingDay
            | Change::StartLater { .. }
            | Change::Backdate { .. } => None,
        }
    }

    fn asked_start(&self) -> Instant {
        match self.change {
            Change::StartLater { after_hours } => self.created + TimeDelta::hours(after_hours),
            Change::Backdate { days } => self.created - TimeDelta::days(days),
            _ => self.created,
        }
    }

    fn anchor(&self) -> Option<NaiveDate> {
        self.anniversary.then(|| date(self.zone, self.asked_start()))
    }

    fn grid(&self, day: NaiveDate) -> (NaiveDate, NaiveDate) {
        period(Oracle::charges_interval(self.plan), self.anchor(), day)
    }

    fn ends_at(&self) -> Option<Instant> {
        match self.change {
            Change::End { after_days } => Some(self.created + TimeDelta::days(after_days)),
            Change::EndOnBillingDay => {
                let (_, second) = self.grid(date(self.zone, self.created));
                let (_, third) = self.grid(second);
                Some(start(self.zone, third) + TimeDelta::hours(15))
            }
            _ => None,
        }
    }

    fn target(&self) -> Plan {
        let plan = self.plan;
        let other =
            |code, interval, advance, cents| Plan { code, interval, monthly: false, advance, cents, trial_days: 0 };
        match self.change {
            Change::Downgrade { .. } => other("down", plan.interval, !plan.advance, plan.cents / 3),
            Change::UpgradeAcross { .. } => {
                let interval = match plan.interval {
                    Interval::Weekly => Interval::Monthly,
                    Interval::Monthly => Interval::Yearly,
                    Interval::Quarterly => Interval::Monthly,
                    Interval::Yearly => Interval::Quarterly,
                };
                let cents = plan.cents * per_year(plan.interval) / per_year(interval) + 777;
                other("across", interval, !plan.advance, cents)
            }
            _ => other("up", plan.interval, plan.advance, plan.cents * 2 + 1),
        }
    }

    /// What must be billed until `horizon`.
    fn expected(&self, horizon: Instant) -> Vec<(NaiveDate, Vec<String>)> {
        let zone = self.zone;
        let started = match self.change {
            // With the first instant of its local day, if that is still to come; else at the next mark.
            Change::StartLater { .. } => {
                let day = start(zone, date(zone, self.asked_start()));
                let mark = 300 * (self.created.timestamp() / 300 + 1);
                if day >= self.created {
                    day
                } else {
                    DateTime::from_timestamp(mark, 0).unwrap().min(self.asked_start())
                }
            }
            _ => self.asked_start(),
        };
        let calls = self.calls.iter().map(|after| self.created + TimeDelta::seconds(*after)).collect();
        let mut oracle =
            Oracle { story: self, anchor: self.anchor(), trial_start: started, calls, invoices: Vec::new() };
        let mut record = Record { plan: self.plan, started, paid: false };
        let mut waiting: Option<Plan> = None;
        let mut ended = false;
        if !matches!(self.change, Change::Backdate { .. }) {
            oracle.first(&mut record, started);
        }
        let change_at = self.changes_at();
        let mut changed = false;
        // A backdated start is billed from the day of its creation on, if that is a billing day.
        let mut day = date(zone, started.max(self.created - TimeDelta::days(1)));
        loop {
            day = day.succ_opt().unwrap();
            let at = start(zone, day);
            if let Some(change_at) = change_at.filter(|change_at| !changed && *change_at < at && *change_at <= horizon)
            {
                changed = true;
                let today = date(zone, change_at);
                match self.change {
                    Change::Downgrade { .. } => waiting = Some(self.target()),
                    Change::Terminate { .. } | Change::TerminateOnLastDay => {
                        oracle.last(&record, change_at, today.succ_opt().unwrap());
                        ended = true;
                    }
                    _ => {
                        // The day of the switch belongs to the new plan.
                        oracle.last(&record, change_at, today);
                        record = Record { plan: self.target(), started: change_at, paid: false };
                        oracle.first(&mut record, change_at);
                    }
                }
            }
            if at > horizon || ended {
                return oracle.invoices;
            }
            if self.ends_at().is_some_and(|end| date(zone, end) == day) {
                oracle.planned_end(&mut record, day);
                ended = true;
                continue;
            }
            let due =
                starts(Oracle::charges_interval(record.plan), oracle.anchor, day) && day > date(zone, record.started);
            if !due {
                continue;
            }
            match waiting.filter(|_| starts(record.plan.interval, oracle.anchor, day)) {
                Some(plan) => {
                    waiting = None;
                    oracle.bill(&mut record, day, true);
                    record = Record { plan, started: at, paid: false };
                    oracle.first(&mut record, at);
                }
                None => oracle.bill(&mut record, day, false),
            }
        }
    }
}

// The world.

fn iso(at: Instant) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn make_plan(world: &World, code: &str, plan: Plan) {
    let charge = world.charge("calls", "standard", json!({"amount": "0.10"}));
    world.post(
        "/plans",
        json!({"plan": {
            "name": code, "code": code, "interval": word(plan.interval), "amount_cents": plan.cents,
            "amount_currency": "EUR", "pay_in_advance": plan.advance, "bill_charges_monthly": plan.monthly,
            "trial_period": plan.trial_days, "charges": [charge],
        }}),
    );
}

/// A fee as the oracle writes it; plan codes of the world carry the story's id.
fn fee_line(story: &Story, fee: &Value) -> String {
    let text = |name: &str| fee[name].as_str().unwrap().to_owned();
    let code = fee["item"]["code"].as_str().unwrap();
    let code = code.strip_prefix(&format!("{}-", story.id)).unwrap_or(code);
    let units = match code {
        "calls" => format!(" {}", text("units").trim_end_matches(".0")),
        _ => String::new(),
    };
    format!("{code} {}..{}{units} {}", text("from_date"), text("to_date"), fee["amount_cents"])
}

fn billed(world: &World, story: &Story) -> Vec<(NaiveDate, Vec<String>)> {
    let invoices = world.all_invoices(&story.id);
    let one = |invoice: &Value| {
        let issued = invoice["issuing_date"].as_str().unwrap().parse().unwrap();
        (issued, invoice["fees"].as_array().unwrap().iter().map(|fee| fee_line(story, fee)).collect())
    };
    invoices.iter().map(one).collect()
}

const ZONES: [Tz; 6] = [
    Tz::UTC,
    Tz::America__Los_Angeles,
    Tz::Asia__Tokyo,
    Tz::Europe__Paris,
    Tz::America__Santiago,
    Tz::Pacific__Auckland,
];

/// Every billing time, timing and change for one interval: zones and starts go round.
fn stories(interval: Interval, monthly: bool, from: Instant) -> Vec<Story> {
    let plan = Plan { code: "plan", interval, monthly, advance: false, cents: 10_000, trial_days: 0 };
    let mid = period_and_a_half(plan);
    let changes = [
        Change::Nothing,
        Change::Upgrade { after_hours: 3 },
        Change::Upgrade { after_hours: mid * 24 + 5 },
        Change::UpgradeAcross { after_hours: mid * 24 - 7 },
        Change::Downgrade { after_hours: mid * 24 + 1 },
        Change::Terminate { after_hours: 2 },
        Change::Terminate { after_hours: mid * 24 },
        Change::TerminateOnLastDay,
        Change::End { after_days: mid - 1 },
        Change::EndOnBillingDay,
        Change::StartLater { after_hours: 9 },
        Change::StartLater { after_hours: 80 },
        Change::Backdate { days: mid },
        Change::Backdate { days: 3 },
    ];
    let mut stories = Vec::new();
    for (number, (change, (anniversary, advance))) in changes
        .into_iter()
        .flat_map(|change| [(false, false), (false, true), (true, false), (true, true)].map(|kind| (change, kind)))
        .enumerate()
    {
        // Every second one, each change with two of its four kinds; `WEIR_SWEEP` plays them all.
        if (number / 4 + number) % 2 == 1 && std::env::var_os("WEIR_SWEEP").is_none() {
            continue;
        }
        let round = i64::try_from(number).unwrap();
        stories.push(Story {
            id: format!("s{number}"),
            zone: ZONES[number % ZONES.len()],
            plan: Plan {
                advance,
                trial_days: if number % 5 == 4 { 12 } else { 0 },
                cents: 9_973 + 100 * round,
                ..plan
            },
            anniversary,
            change,
            // Over three days, at any time of day, never on a full minute.
            created: from + TimeDelta::seconds(round * 4_651 + 13),
            calls: (0..9).map(|call| 1_800 + call * (period_and_a_half(plan) * 86_400 / 5) + round * 61).collect(),
        });
    }
    stories
}

fn play(interval: Interval, monthly: bool, from: &str, to: &str) {
    let (from, horizon): (Instant, Instant) = (from.parse().unwrap(), to.parse().unwrap());
    let world = World::new(&from.format("%Y-%m-%dT%H:%M:%S").to_string());
    world.metric("calls", "count");
    let stories = stories(interval, monthly, from);
    let mut moments: BTreeMap<Instant, Vec<&Story>> = BTreeMap::new();
    for story in &stories {
        world.customer(&story.id, json!({"timezone": story.zone.name()}));
        make_plan(&world, &format!("{}-plan", story.id), story.plan);
        if story.changes_at().is_some() {
            let target = story.target();
            make_plan(&world, &format!("{}-{}", story.id, target.code), target);
        }
        for at in [Some(story.created), story.changes_at()].into_iter().flatten() {
            moments.entry(at).or_default().push(story);
        }
    }
    for (at, stories) in moments {
        world.travel_to(&at.format("%Y-%m-%dT%H:%M:%S").to_string());
        for story in stories {
            if at == story.created { begin(&world, story) } else { change(&world, story) }
        }
    }
    world.travel_to(&horizon.format("%Y-%m-%dT%H:%M:%S").to_string());
    let mut invoices = 0;
    for story in &stories {
        let (expected, billed) = (story.expected(horizon), billed(&world, story));
        invoices += billed.len();
        let about = format!(
            "{} {:?} anniversary {} {:?} {}",
            story.zone, story.plan, story.anniversary, story.change, story.created
        );
        assert_eq!(billed, expected, "\n{about}\nbilled: {billed:#?}\nexpected: {expected:#?}");
    }
    assert!(invoices >= 2 * stories.len(), "{invoices} invoices");
}

fn begin(world: &World, story: &Story) {
    let mut more = json!({
        "subscription_at": iso(story.asked_start()),
        "billing_time": if story.anniversary { "anniversary" } else { "calendar" },
    });
    if let Some(end) = story.ends_at() {
        more["ending_at"] = json!(iso(end));
    }
    world.subscribe_with(&story.id, &format!("{}-plan", story.id), more);
    let at = |after: &i64| (story.created + TimeDelta::seconds(*after)).format("%Y-%m-%dT%H:%M:%S").to_string();
    let calls: Vec<String> = story.calls.iter().map(at).collect();
    let calls: Vec<(&str, Value)> = calls.iter().map(|at| (at.as_str(), json!({}))).collect();
    world.usage(&story.id, "calls", &calls);
}

fn change(world: &World, story: &Story) {
    match story.change {
        Change::Terminate { .. } | Change::TerminateOnLastDay => {
            assert_eq!(world.ask(Method::DELETE, &format!("/subscriptions/{}", story.id), None).status, 200);
        }
        _ => drop(world.subscribe_with(&story.id, &format!("{}-{}", story.id, story.target().code), json!({}))),
    }
}

#[test]
fn weeks() {
    play(Interval::Weekly, false, "2024-02-28T20:00:00Z", "2024-04-20T12:00:00Z");
}

#[test]
fn months() {
    play(Interval::Monthly, false, "2024-01-29T20:00:00Z", "2024-06-20T12:00:00Z");
}

#[test]
fn quarters() {
    play(Interval::Quarterly, false, "2023-11-28T20:00:00Z", "2024-12-20T12:00:00Z");
}

#[test]
fn years() {
    play(Interval::Yearly, false, "2023-02-26T20:00:00Z", "2025-04-20T12:00:00Z");
}

#[test]
fn years_with_monthly_charges() {
    play(Interval::Yearly, true, "2023-12-29T20:00:00Z", "2025-08-20T12:00:00Z");
}
