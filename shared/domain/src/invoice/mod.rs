//! Invoices and fees, their totals and their numbers. Rules: chapter 04, 2, 3, 5 and 6.

mod basis;
pub mod credit;
mod issue;
pub mod one_off;
pub mod settlement;

pub use basis::{AdvanceBasis, Basis, Level, MinimumBasis, SubscriptionBasis, UsageBasis, dimensions};
mod uninvoiced;

pub use issue::{Issue, Place, issue};
pub use uninvoiced::UninvoicedFee;

use chrono::{Days, NaiveDate, TimeDelta};
use rust_decimal::Decimal;

use crate::billing::{Boundaries, Situation};
use crate::charge::AmountDetails;
use crate::customer::{Customer, Metadata};
use crate::id::{
    AddOnId, AppliedCouponId, ChargeId, CouponId, CreditId, CreditNoteId, CustomerId, EventId, FeeId, GroupId,
    InvoiceId, MetricId, PlanId, SubscriptionId, WalletId, WalletTransactionId, derived,
};
use crate::metric::AggregationType;
use crate::money::Currency;
use crate::organization::{DocumentNumbering, Organization};
use crate::tax::{self, FeeTax, InvoiceTax};
use crate::time::Instant;
use crate::time::Zone;

/// The calculation method that invoices name (chapter 04, 3.1).
pub const VERSION_NUMBER: i64 = 4;

/// What an invoice is for (chapter 04, 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Subscription and charge fees.
    Subscription,
    /// Add-ons, on request.
    OneOff,
    /// A purchase of prepaid credits.
    Credit,
}

/// Where an invoice stands (chapter 04, 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// May still change.
    Draft,
    /// Final.
    Finalized,
    /// Given up.
    Voided {
        /// When.
        voided_at: Instant,
    },
}

/// Whether it was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PaymentStatus {
    /// Not yet.
    Pending,
    /// Yes, or nothing was to pay.
    Succeeded,
    /// An attempt failed.
    Failed,
}

/// A subscription on an invoice: one billing record (chapter 02, 6.3).
#[derive(Debug, Clone, PartialEq)]
pub struct BilledSubscription {
    /// The record.
    pub subscription_id: SubscriptionId,
    /// Its external id then.
    pub external_id: String,
    /// Its printed name then.
    pub name: String,
    /// Its plan then.
    pub plan_id: PlanId,
    /// The plan's printed name then.
    pub plan_name: String,
    /// The plan's interval then.
    pub interval: crate::time::Interval,
    /// Why it was billed.
    pub situation: Situation,
    /// The billing instant.
    pub at: Instant,
    /// Bounds of fee and charges.
    pub boundaries: Boundaries,
    /// Whether the billing clock made it.
    pub recurring: bool,
}

impl BilledSubscription {
    /// Whether a fee of the subscription pays for the coming window: a recurring charge in advance, renewed with the period.
    #[must_use]
    pub fn is_renewed_by(&self, fee: &Fee) -> bool {
        fee.charge().is_some() && fee.from > self.boundaries.charges_from && fee.to > self.boundaries.charges_to
    }
}

/// What a fee is for.
#[derive(Debug, Clone, PartialEq)]
pub enum FeeItem {
    /// A subscription's fee of a period.
    Subscription {
        /// The plan's code then.
        plan_code: String,
        /// The plan's name then.
        plan_name: String,
        /// The plan's display name then.
        invoice_display_name: Option<String>,
        /// Whether the plan is billed in advance.
        pay_in_advance: bool,
        /// What it was computed from; none on fees of earlier programs.
        basis: Option<SubscriptionBasis>,
    },
    /// Usage of a charge.
    Charge(Box<ChargeItem>),
    /// An add-on of a one-off invoice (chapter 04, 8.2).
    AddOn {
        /// The add-on.
        add_on_id: AddOnId,
        /// Its code then.
        code: String,
        /// Its name then.
        name: String,
        /// The fee's own display name, else the add-on's, else its name.
        display_name: String,
    },
    /// A purchase of prepaid credits (chapter 04, 11.5).
    Credit {
        /// The purchase.
        transaction_id: WalletTransactionId,
        /// The wallet's name then.
        wallet_name: Option<String>,
    },
}

/// The charge side of a charge fee, with names as they were.
#[derive(Debug, Clone, PartialEq)]
pub struct ChargeItem {
    /// The charge.
    pub charge_id: ChargeId,
    /// Its metric.
    pub metric_id: MetricId,
    /// The metric's code then.
    pub metric_code: String,
    /// The metric's name then.
    pub metric_name: String,
    /// The charge's display name, else the metric's name.
    pub display_name: String,
    /// The charge's flag.
    pub invoiceable: bool,
    /// The event that made the fee; none on fees of a period.
    pub event: Option<FeeEvent>,
    /// Whether units counted by days.
    pub prorated: bool,
    /// Whether units are levels weighted by time.
    pub weighted: bool,
    /// The charge's minimum spend then, minor units of a whole period; 0 for none.
    pub min_amount_cents: i64,
    /// The leaf group, on metrics with dimensions.
    pub group: Option<FeeGroup>,
    /// On a true-up fee: the fee that it fills up.
    pub true_up_parent: Option<FeeId>,
    /// On a fee that a true-up fills up: the true-up.
    pub true_up: Option<FeeId>,
    /// Distinct events counted.
    pub events_count: i64,
    /// How the amount came about.
    pub details: AmountDetails,
    /// What it was computed from; none on fees of earlier programs.
    pub basis: Option<Basis>,
}

/// The event that made a fee in advance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeEvent {
    /// The event.
    pub id: EventId,
    /// Its transaction id.
    pub transaction_id: String,
}

/// Whether a fee was paid (chapter 03, 6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FeePaymentStatus {
    /// Not yet.
    #[default]
    Pending,
    /// Yes.
    Succeeded,
    /// An attempt failed.
    Failed,
    /// It was, and the money went back.
    Refunded,
}

impl From<PaymentStatus> for FeePaymentStatus {
    fn from(status: PaymentStatus) -> FeePaymentStatus {
        match status {
            PaymentStatus::Pending => FeePaymentStatus::Pending,
            PaymentStatus::Succeeded => FeePaymentStatus::Succeeded,
            PaymentStatus::Failed => FeePaymentStatus::Failed,
        }
    }
}

/// The payment of a fee. A fee on an invoice follows the invoice and keeps no instants (chapter 04, 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeePayment {
    /// Where it stands.
    pub status: FeePaymentStatus,
    /// When a client last said that it succeeded.
    pub succeeded_at: Option<Instant>,
    /// When a client last said that it failed.
    pub failed_at: Option<Instant>,
    /// When a client last said that it was refunded.
    pub refunded_at: Option<Instant>,
}

/// A credit line: what a coupon or a credit note took off an invoice (chapter 04, 7.6).
#[derive(Debug, Clone, PartialEq)]
pub struct CreditLine {
    /// Id.
    pub id: CreditId,
    /// Minor units, not negative.
    pub amount_cents: i64,
    /// What it comes from.
    pub source: CreditSource,
    /// When it was used.
    pub created_at: Instant,
}

/// What a credit line comes from, with names as they were.
#[derive(Debug, Clone, PartialEq)]
pub enum CreditSource {
    /// A coupon, before taxes.
    Coupon {
        /// The coupon as applied to the customer.
        applied_coupon_id: AppliedCouponId,
        /// The coupon.
        coupon_id: CouponId,
        /// Its code.
        code: String,
        /// Its name.
        name: String,
        /// What it is worth, as documents print it.
        value: CouponValue,
    },
    /// A credit note, after taxes.
    CreditNote {
        /// The note.
        credit_note_id: CreditNoteId,
        /// Its number.
        number: String,
        /// The number of the invoice that it credits.
        invoice_number: String,
    },
}

impl CreditLine {
    /// The applied coupon that made it; none if it was a credit note.
    #[must_use]
    pub fn applied_coupon(&self) -> Option<AppliedCouponId> {
        match self.source {
            CreditSource::Coupon { applied_coupon_id, .. } => Some(applied_coupon_id),
            CreditSource::CreditNote { .. } => None,
        }
    }

    /// Whether a coupon made it: before taxes then (chapter 04, 7.6).
    #[must_use]
    pub fn is_coupon(&self) -> bool {
        matches!(self.source, CreditSource::Coupon { .. })
    }
}

/// What an applied coupon is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponValue {
    /// An amount, minor units of the invoice's currency.
    Fixed(i64),
    /// Percent.
    Percentage(Decimal),
}

/// The part of an invoice that prepaid credits paid (chapter 04, 11.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepaidUse {
    /// The wallet.
    pub wallet_id: WalletId,
    /// The outbound transaction.
    pub transaction_id: WalletTransactionId,
    /// Minor units taken.
    pub amount_cents: i64,
    /// Credits taken, 5 decimals.
    pub credits: Decimal,
}

/// The group of a charge fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeGroup {
    /// The leaf.
    pub id: GroupId,
    /// The group price's display name, else the leaf's.
    pub display_name: String,
}

/// An amount computed for a plan, a charge or an add-on.
#[derive(Debug, Clone, PartialEq)]
pub struct Fee {
    /// Id.
    pub id: FeeId,
    /// What it is for.
    pub item: FeeItem,
    /// The subscription record that it belongs to.
    pub subscription_id: Option<SubscriptionId>,
    /// That record's external id.
    pub external_subscription_id: Option<String>,
    /// Before tax and coupons, minor units.
    pub amount_cents: i64,
    /// Part of the coupons that falls on it, minor units with 5 decimals.
    pub coupon_share: Decimal,
    /// Quantity shown.
    pub units: Decimal,
    /// Currency units per unit, 15 decimals.
    pub precise_unit_amount: Decimal,
    /// Minor units per unit, truncated.
    pub unit_amount_cents: i64,
    /// Its taxes.
    pub taxes: Vec<FeeTax>,
    /// Rounded sum of its taxes' unrounded amounts, minor units.
    pub taxes_amount_cents: i64,
    /// Sum of its taxes' rates, percent.
    pub taxes_rate: Decimal,
    /// First instant of what it pays for; the instant of creation for add-ons and credits, which pay for no period.
    pub from: Instant,
    /// Last instant of what it pays for.
    pub to: Instant,
    /// The line's description, on one-off invoices.
    pub description: Option<String>,
    /// Whether it was paid.
    pub payment: FeePayment,
    /// When it was made.
    pub created_at: Instant,
}

impl Fee {
    /// Amount less coupons: the base of its taxes.
    #[must_use]
    pub fn net(&self) -> Decimal {
        Decimal::from(self.amount_cents) - self.coupon_share
    }

    /// Amount and taxes, not reduced by coupons (chapter 04, 5.2).
    #[must_use]
    pub fn total_amount_cents(&self) -> i64 {
        self.amount_cents.saturating_add(self.taxes_amount_cents)
    }

    /// The charge side, on a charge fee.
    #[must_use]
    pub fn charge(&self) -> Option<&ChargeItem> {
        match &self.item {
            FeeItem::Charge(item) => Some(item),
            FeeItem::Subscription { .. } | FeeItem::AddOn { .. } | FeeItem::Credit { .. } => None,
        }
    }
}

/// The sums of an invoice, minor units. Computed by `totals` only.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Totals {
    /// Sum of the fees.
    pub fees: i64,
    /// Coupons, before tax.
    pub coupons: i64,
    /// Fees less coupons.
    pub sub_total_excluding_taxes: i64,
    /// Taxes.
    pub taxes: i64,
    /// With taxes.
    pub sub_total_including_taxes: i64,
    /// Credit notes used as payment.
    pub credit_notes: i64,
    /// Prepaid credits used as payment.
    pub prepaid_credits: i64,
    /// Amount due.
    pub total: i64,
    /// Average tax rate, percent, 5 decimals.
    pub taxes_rate: Decimal,
}

/// An invoice.
#[derive(Debug, Clone, PartialEq)]
pub struct Invoice {
    /// Id.
    pub id: InvoiceId,
    /// The customer.
    pub customer_id: CustomerId,
    /// 1, 2, 3 ... per customer.
    pub sequential_id: i64,
    /// Number.
    pub number: String,
    /// What it is for.
    pub kind: Kind,
    /// Where it stands.
    pub status: Status,
    /// Whether it was paid.
    pub payment_status: PaymentStatus,
    /// Currency of every amount on it.
    pub currency: Currency,
    /// The customer's zone when it was made.
    pub zone: Zone,
    /// Local date of issue.
    pub issuing_date: NaiveDate,
    /// Issue plus term.
    pub payment_due_date: NaiveDate,
    /// Days from issue to due date.
    pub net_payment_term: u32,
    /// The records billed.
    pub subscriptions: Vec<BilledSubscription>,
    /// The fees, in order of creation.
    pub fees: Vec<Fee>,
    /// Taxes of the whole.
    pub taxes: Vec<InvoiceTax>,
    /// What coupons and credit notes took off, in order of use. None while it is a draft.
    pub credits: Vec<CreditLine>,
    /// What prepaid credits paid. None while it is a draft.
    pub prepaid: Option<PrepaidUse>,
    /// Sums.
    pub totals: Totals,
    /// The client's own pairs.
    pub metadata: Vec<Metadata>,
    /// Key of the PDF in the blob store, once made.
    pub file: Option<String>,
    /// When the clock finalizes it, while it is a draft.
    pub next_due: Option<Instant>,
    /// Something that its fees depend on has changed since they were computed: a draft that waits for the clock to refresh
    /// it (chapter 04, 6.4).
    pub needs_refresh: bool,
    /// The sequence of its last credit note; 0 if it has none.
    pub last_credit_note_sequence: i64,
    /// When it was made.
    pub created_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
    /// When it last changed.
    pub updated_at: Instant,
}

impl Invoice {
    /// Whether it is final, and so fixed for ever but for payment and metadata.
    #[must_use]
    pub fn is_finalized(&self) -> bool {
        self.status == Status::Finalized
    }

    /// The fees whose units are shown day by day: recurring sums and unique counts in arrears, with units (chapter 04, 13.3).
    pub fn fees_by_day(&self) -> impl Iterator<Item = (&Fee, &ChargeItem, &UsageBasis)> {
        self.fees.iter().filter(|fee| fee.units > Decimal::ZERO).filter_map(|fee| {
            let item = fee.charge().filter(|item| item.event.is_none())?;
            let Some(Basis::Usage(basis)) = &item.basis else { return None };
            let by_day = matches!(basis.aggregation, AggregationType::Sum | AggregationType::UniqueCount);
            let is_of = |billed: &&BilledSubscription| Some(billed.subscription_id) == fee.subscription_id;
            let is_renewal = self.subscriptions.iter().filter(is_of).any(|billed| billed.is_renewed_by(fee));
            (by_day && basis.recurring && !is_renewal).then_some((fee, item, &**basis))
        })
    }

    /// What is left to pay: nothing once paid or voided (chapter 09).
    #[must_use]
    pub fn total_due_cents(&self) -> i64 {
        match (self.status, self.payment_status) {
            (Status::Voided { .. }, _) | (_, PaymentStatus::Succeeded) => 0,
            (Status::Draft | Status::Finalized, PaymentStatus::Pending | PaymentStatus::Failed) => self.totals.total,
        }
    }

    /// The credit notes that paid a part of it, and how much of each, minor units.
    pub fn credit_note_uses(&self) -> impl Iterator<Item = (CreditNoteId, i64)> + '_ {
        self.credits.iter().filter_map(|line| match &line.source {
            CreditSource::CreditNote { credit_note_id, .. } => Some((*credit_note_id, line.amount_cents)),
            CreditSource::Coupon { .. } => None,
        })
    }

    /// Finalized, unpaid and past its due date on `today` (chapter 09).
    #[must_use]
    pub fn is_overdue(&self, today: NaiveDate) -> bool {
        self.is_finalized() && self.payment_status != PaymentStatus::Succeeded && self.payment_due_date < today
    }
}

/// Amounts are too large for 64 bits of minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amounts are too large to be billed")]
pub struct AmountOverflow;

/// The sums of an invoice and its tax rows, in the chapter's order (chapter 04, 3.2, steps 1 and 4 to 7), before credit
/// notes and prepaid credits. `credits` are its credit lines so far: only those of coupons count here.
///
/// # Errors
/// A sum leaves 64 bits.
pub fn totals(
    id: InvoiceId,
    fees: &[Fee],
    credits: &[CreditLine],
) -> Result<(Totals, Vec<InvoiceTax>), AmountOverflow> {
    let add = |sum: i64, amount: i64| sum.checked_add(amount).ok_or(AmountOverflow);
    let fees_amount = fees.iter().map(|fee| fee.amount_cents).try_fold(0, add)?;
    let coupons = credits.iter().filter(|line| line.is_coupon()).map(|line| line.amount_cents).try_fold(0, add)?;
    let excluding = fees_amount.checked_sub(coupons).ok_or(AmountOverflow)?;
    let lines: Vec<(&[FeeTax], Decimal)> = fees.iter().map(|fee| (fee.taxes.as_slice(), fee.net())).collect();
    let taxes = tax::on_invoice(id.0, &lines);
    let including = excluding.checked_add(taxes.amount_cents).ok_or(AmountOverflow)?;
    let totals = Totals {
        fees: fees_amount,
        coupons,
        sub_total_excluding_taxes: excluding,
        taxes: taxes.amount_cents,
        sub_total_including_taxes: including,
        credit_notes: 0,
        prepaid_credits: 0,
        total: including.max(0),
        taxes_rate: taxes.rate,
    };
    Ok((totals, taxes.taxes))
}

/// The payment status that an invoice is born with (chapter 04, 3.2, step 11).
#[must_use]
pub fn initial_payment_status(total_cents: i64) -> PaymentStatus {
    if total_cents > 0 { PaymentStatus::Pending } else { PaymentStatus::Succeeded }
}

/// Dates of an invoice (chapter 02, 1.2; chapter 04, 6.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    /// Local date of the billing instant, plus grace days.
    pub issuing_date: NaiveDate,
    /// Issue plus payment term.
    pub payment_due_date: NaiveDate,
}

/// Dates of an invoice made at `at`; `grace_days` is 0 for invoices that know no grace period.
#[must_use]
pub fn dates(zone: Zone, at: Instant, grace_days: u32, net_payment_term: u32) -> Dates {
    // Far ends of the calendar saturate: a date past the year 262142 cannot be shown anyway.
    let plus = |date: NaiveDate, days: u32| date.checked_add_days(Days::new(days.into())).unwrap_or(NaiveDate::MAX);
    let issuing_date = plus(zone.date(at), grace_days);
    Dates { issuing_date, payment_due_date: plus(issuing_date, net_payment_term) }
}

/// When the clock finalizes a draft made at `created_at`: the first minute 20 of an hour strictly later than the end of
/// its grace period, in absolute time (chapter 04, 6.5).
#[must_use]
pub fn finalization_at(created_at: Instant, grace_days: u32) -> Instant {
    let end = created_at.checked_add_signed(TimeDelta::days(grace_days.into())).unwrap_or(created_at);
    let hour = end.timestamp().div_euclid(3600);
    (hour..=hour + 1)
        .filter_map(|hour| Instant::from_timestamp(hour * 3600 + 20 * 60, 0))
        .find(|mark| *mark > end)
        .unwrap_or(end)
}

/// When the clock refreshes a draft that was flagged at `now`: the next full five minutes (chapter 04, 6.4).
#[must_use]
pub fn refresh_at(now: Instant) -> Instant {
    Instant::from_timestamp((now.timestamp().div_euclid(300) + 1) * 300, 0).unwrap_or(now)
}

/// The id of an invoice derived from what it stands for; its last 16 bits are left for its fees.
#[must_use]
pub fn derived_id(parts: &[&[u8]]) -> InvoiceId {
    room_for_fees(derived("invoice", parts))
}

/// An id whose last 16 bits are left for fees.
#[must_use]
pub fn room_for_fees(id: uuid::Uuid) -> InvoiceId {
    InvoiceId(uuid::Uuid::from_u128(id.as_u128() & !0xffff))
}

/// The id of the fee at `position` (from 0) of an invoice. It names its invoice, so that a fee is found without an index.
#[must_use]
pub fn fee_id(invoice: InvoiceId, position: usize) -> FeeId {
    // Positions above 65,534 would wrap into the invoice's own bits; such an invoice breaks the law of distinct ids.
    let place = u128::try_from(position).unwrap_or_default() + 1;
    FeeId(uuid::Uuid::from_u128(invoice.0.as_u128() | (place & 0xffff)))
}

/// The invoice that a fee's id names, and the fee's position on it.
#[must_use]
pub fn invoice_of(fee: FeeId) -> Option<(InvoiceId, usize)> {
    let place = usize::try_from(fee.0.as_u128() & 0xffff).ok()?;
    Some((room_for_fees(fee.0), place.checked_sub(1)?))
}

/// What a number is made of, besides the organization's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// The invoice's place among the customer's.
    pub of_customer: i64,
    /// The invoice's place among the organization's invoices of the month.
    pub of_month: i64,
}

/// The number of an invoice created at `created_at` (chapter 04, 6.7).
#[must_use]
pub fn number(organization: &Organization, customer: &Customer, sequence: Sequence, created_at: Instant) -> String {
    let prefix = &organization.document_number_prefix;
    match organization.document_numbering {
        DocumentNumbering::PerCustomer => {
            format!("{prefix}-{:03}-{:03}", customer.sequential_id, sequence.of_customer)
        }
        DocumentNumbering::PerOrganization => {
            format!("{prefix}-{}-{:03}", created_at.format("%Y%m"), sequence.of_month)
        }
    }
}

/// The laws that every invoice obeys; an invoice that breaks one is never written (STYLE, 3).
///
/// Returns the broken laws in words, for the alarm.
#[must_use]
pub fn violations(invoice: &Invoice) -> Vec<String> {
    let totals = &invoice.totals;
    let mut broken = Vec::new();
    let mut law = |holds: bool, words: &str| {
        if !holds {
            broken.push(format!("invoice {}: {words}", invoice.id));
        }
    };
    let fees: i128 = invoice.fees.iter().map(|fee| i128::from(fee.amount_cents)).sum();
    law(fees == i128::from(totals.fees), "the fees do not sum to `fees_amount_cents`");
    law(
        totals.fees.checked_sub(totals.coupons) == Some(totals.sub_total_excluding_taxes),
        "fees less coupons are not the sub total",
    );
    law(
        totals.sub_total_excluding_taxes.checked_add(totals.taxes) == Some(totals.sub_total_including_taxes),
        "the sub total with taxes is not the sum",
    );
    let used = i128::from(totals.credit_notes) + i128::from(totals.prepaid_credits);
    let due = i128::from(totals.sub_total_including_taxes) - used;
    law(due.max(0) == i128::from(totals.total), "the total is not what is left after credits");
    law(used == 0 || due >= 0, "credits pay more than there is to pay");
    let credited = |coupons: bool| -> i128 {
        let lines = invoice.credits.iter().filter(|line| line.is_coupon() == coupons);
        lines.map(|line| i128::from(line.amount_cents)).sum()
    };
    law(credited(true) == i128::from(totals.coupons), "the coupon lines do not sum to `coupons_amount_cents`");
    law(credited(false) == i128::from(totals.credit_notes), "the credit note lines do not sum up");
    law(invoice.credits.iter().all(|line| line.amount_cents >= 0), "a credit line is negative");
    let prepaid = invoice.prepaid.map_or(0, |prepaid| prepaid.amount_cents);
    law(prepaid == totals.prepaid_credits, "the prepaid credits are not what the wallet gave");
    let within = |fee: &Fee| {
        let whole = Decimal::from(fee.amount_cents);
        fee.coupon_share.abs() <= whole.abs()
            && (fee.coupon_share.is_zero() || fee.coupon_share * whole > Decimal::ZERO)
    };
    law(invoice.fees.iter().all(within), "a fee's coupon share is more than the fee");
    if invoice.status == Status::Draft {
        law(invoice.credits.is_empty() && invoice.prepaid.is_none(), "a draft shows coupons or credits");
    }
    law(invoice.sequential_id > 0, "it has no place among the customer's invoices");
    law(!invoice.number.is_empty(), "it has no number");
    let mut ids: Vec<FeeId> = invoice.fees.iter().map(|fee| fee.id).collect();
    ids.sort_unstable();
    ids.dedup();
    law(ids.len() == invoice.fees.len(), "two fees share an id");
    law(
        invoice.fees.iter().all(|fee| {
            fee.subscription_id.is_none_or(|id| invoice.subscriptions.iter().any(|billed| billed.subscription_id == id))
        }),
        "a fee belongs to a subscription that is not on it",
    );
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_become_final_at_minute_twenty_after_their_grace_period() {
        let check = |created: &str, days, expected: &str| {
            let at = |text: &str| text.parse::<Instant>().unwrap();
            assert_eq!(finalization_at(at(created), days), at(expected), "{created} + {days}");
        };
        check("2024-02-01T00:00:00Z", 3, "2024-02-04T00:20:00Z");
        check("2024-02-01T00:19:59Z", 3, "2024-02-04T00:20:00Z");
        check("2024-02-01T00:20:00Z", 3, "2024-02-04T01:20:00Z");
        check("2024-02-01T00:45:00Z", 1, "2024-02-02T01:20:00Z");
    }

    #[test]
    fn flagged_drafts_are_refreshed_at_the_next_full_five_minutes() {
        let check = |now: &str, expected: &str| {
            let at = |text: &str| text.parse::<Instant>().unwrap();
            assert_eq!(refresh_at(at(now)), at(expected), "{now}");
        };
        check("2024-02-01T00:00:00Z", "2024-02-01T00:05:00Z");
        check("2024-02-01T00:04:59.9Z", "2024-02-01T00:05:00Z");
        check("2024-02-01T23:59:00Z", "2024-02-02T00:00:00Z");
    }

    #[test]
    fn a_fee_names_its_invoice() {
        let invoice = derived_id(&[b"x"]);
        for position in [0, 1, 999, 65_533] {
            assert_eq!(invoice_of(fee_id(invoice, position)), Some((invoice, position)));
        }
        assert_eq!(invoice_of(FeeId(invoice.0)), None);
    }

    #[test]
    fn grace_days_count_from_the_local_date() {
        let zone = Zone::parse("America/Los_Angeles").unwrap();
        let dates = dates(zone, "2022-11-25T01:00:00Z".parse().unwrap(), 3, 10);
        assert_eq!(
            (dates.issuing_date.to_string(), dates.payment_due_date.to_string()),
            ("2022-11-27".into(), "2022-12-07".into())
        );
    }
}
