//! The port that use cases ask for documents: from the domain's invoice or credit note to the bytes of a PDF.

use app::document::{CreditNoteDocument, InvoiceDocument};
use app::ports::{PortError, Renderer};
use async_trait::async_trait;
use domain::charge;
use domain::credit_note::{self as note, CreditNote};
use domain::customer::Customer;
use domain::id::ChargeId;
use domain::invoice::{Basis, BilledSubscription, ChargeItem, CreditLine, CreditSource, Fee, FeeItem, Invoice, Kind};
use domain::organization::{Identity, Organization};
use domain::tax::FeeTax;
use domain::time::{Instant, Interval as DomainInterval, Zone};
use domain::usage::daily;
use rust_decimal::Decimal;

use crate::locale::Locale;
use crate::source::{
    AddOnFee, AdvanceFee, AmountDetails, AppliedTax, Body, Breakdown, Buyer, Change, ChargeFee, ChargeFeeKind,
    ChargeTiming, CouponCredit, CouponValue, CreditNoteSource, CreditPurchase, CreditedCharge, CreditedItem,
    CreditedSubscription, DaysUsed, GraduatedPercentageRange, GraduatedRange, Interval, InvoiceSource, Metadata,
    Movement, Party, Period, Seller, SubscriptionFee, SubscriptionSource, Totals, Usage,
};
use crate::{credit_note, invoice, pdf};

/// Renders with Typst. Rendering is work for a core, not waiting: it runs on a thread for blocking work.
#[derive(Debug, Clone, Copy, Default)]
pub struct TypstRenderer;

#[async_trait]
impl Renderer for TypstRenderer {
    async fn invoice(&self, document: &InvoiceDocument) -> Result<Vec<u8>, PortError> {
        let source = source(document);
        let rendered = tokio::task::spawn_blocking(move || pdf::bytes(&invoice::page(&source))).await;
        rendered.map_err(|error| PortError::new("renderer", error))?.map_err(|error| PortError::new("renderer", error))
    }

    async fn credit_note(&self, document: &CreditNoteDocument) -> Result<Vec<u8>, PortError> {
        let source = note_source(document);
        let rendered = tokio::task::spawn_blocking(move || pdf::bytes(&credit_note::page(&source))).await;
        rendered.map_err(|error| PortError::new("renderer", error))?.map_err(|error| PortError::new("renderer", error))
    }
}

/// What the page shows of a credit note: nothing computed anew.
#[must_use]
pub fn note_source(document: &CreditNoteDocument) -> CreditNoteSource {
    let CreditNoteDocument { organization, customer, note, invoice } = document;
    let mut subscriptions = Vec::new();
    for billed in &invoice.subscriptions {
        let found = credited_subscription(note, invoice, billed);
        if !found.items.is_empty() || !found.charges.is_empty() {
            subscriptions.push(found);
        }
    }
    let others = items_of(note, invoice, |fee| fee.subscription_id.is_none());
    CreditNoteSource {
        locale: Locale::from_code(customer.locale(organization)).unwrap_or(Locale::En),
        currency: note.currency,
        number: note.number.clone(),
        invoice_number: note.invoice_number.clone(),
        issuing_date: note.issuing_date,
        seller: seller(organization),
        buyer: buyer(customer),
        subscriptions,
        add_ons: others.map(|(fee, item)| credited(note, fee, item, fee_name(fee))).collect(),
        coupons_adjustment_cents: note.coupons_adjustment_cents(),
        sub_total_excluding_taxes_cents: note.sub_total_excluding_taxes_cents(),
        taxes: note
            .taxes
            .iter()
            .map(|row| AppliedTax {
                name: row.tax.name.clone(),
                rate: row.tax.rate,
                base_cents: row.base_amount_cents,
                amount_cents: row.tax.amount_cents,
            })
            .collect(),
        credit_cents: note.credit_amount_cents,
        refund_cents: note.refund_amount_cents,
        total_cents: note.total_amount_cents(),
        tax_notices: Vec::new(),
        footer: organization.invoice_footer.clone(),
    }
}

/// The items of a note on the fees that `is_wanted` says, with these.
fn items_of<'a>(
    note: &'a CreditNote,
    invoice: &'a Invoice,
    is_wanted: impl Fn(&Fee) -> bool + 'a,
) -> impl Iterator<Item = (&'a Fee, &'a note::Item)> {
    let fee = |item: &'a note::Item| invoice.fees.iter().find(|fee| fee.id == item.fee_id).map(|fee| (fee, item));
    note.items.iter().filter_map(fee).filter(move |(fee, _)| is_wanted(fee))
}

fn credited(note: &CreditNote, fee: &Fee, item: &note::Item, name: String) -> CreditedItem {
    let on_fee = |row: &&note::AppliedTax| fee.taxes.iter().any(|tax| tax.tax_id == row.tax.tax_id);
    CreditedItem {
        name,
        amount_cents: item.amount_cents,
        tax_rates: note.taxes.iter().filter(on_fee).map(|row| row.tax.rate).collect(),
    }
}

fn fee_name(fee: &Fee) -> String {
    match &fee.item {
        FeeItem::Subscription { plan_name, invoice_display_name, .. } => {
            invoice_display_name.clone().unwrap_or_else(|| plan_name.clone())
        }
        FeeItem::Charge(item) => item.display_name.clone(),
        FeeItem::AddOn { display_name, .. } => display_name.clone(),
        FeeItem::Credit { wallet_name, .. } => wallet_name.clone().unwrap_or_default(),
    }
}

fn credited_subscription(note: &CreditNote, invoice: &Invoice, billed: &BilledSubscription) -> CreditedSubscription {
    let mut found = CreditedSubscription { name: billed.name.clone(), items: Vec::new(), charges: Vec::new() };
    let mut charges: Vec<(ChargeId, CreditedCharge)> = Vec::new();
    for (fee, item) in items_of(note, invoice, |fee| fee.subscription_id == Some(billed.subscription_id)) {
        let Some(charge) = fee.charge() else {
            found.items.push(credited(note, fee, item, fee_name(fee)));
            continue;
        };
        let place = charges.iter().position(|(id, _)| *id == charge.charge_id).unwrap_or_else(|| {
            let (items, groups, true_ups) = (Vec::new(), Vec::new(), Vec::new());
            let name = charge.display_name.clone();
            charges.push((charge.charge_id, CreditedCharge { name, items, groups, true_ups }));
            charges.len() - 1
        });
        let of_charge = &mut charges[place].1;
        match &charge.group {
            _ if charge.true_up_parent.is_some() => {
                of_charge.true_ups.push(credited(note, fee, item, fee_name(fee)));
            }
            Some(group) => of_charge.groups.push(credited(note, fee, item, group.display_name.clone())),
            None => of_charge.items.push(credited(note, fee, item, fee_name(fee))),
        }
    }
    found.charges = charges.into_iter().map(|(_, charge)| charge).collect();
    found
}

fn seller(organization: &Organization) -> Seller {
    Seller { party: party(&organization.name, &organization.identity), logo: None }
}

fn buyer(customer: &Customer) -> Buyer {
    let shown = customer.metadata.iter().filter(|entry| entry.display_in_invoice);
    Buyer {
        party: party(customer.name.as_deref().unwrap_or(&customer.external_id), &customer.identity),
        metadata: shown.map(|entry| Metadata { key: entry.key.clone(), value: entry.value.clone() }).collect(),
    }
}

/// What the page shows of an invoice: local dates, and nothing computed anew.
#[must_use]
pub fn source(document: &InvoiceDocument) -> InvoiceSource {
    let InvoiceDocument { organization, customer, invoice, .. } = document;
    InvoiceSource {
        // Codes were checked when they were set; another one would print English.
        locale: Locale::from_code(customer.locale(organization)).unwrap_or(Locale::En),
        currency: invoice.currency,
        number: invoice.number.clone(),
        issuing_date: invoice.issuing_date,
        payment_due_date: Some(invoice.payment_due_date),
        net_payment_term_days: invoice.net_payment_term,
        seller: seller(organization),
        buyer: buyer(customer),
        body: body(document),
        totals: totals(invoice),
        tax_notices: Vec::new(),
        footer: organization.invoice_footer.clone(),
    }
}

fn body(document: &InvoiceDocument) -> Body {
    let InvoiceDocument { invoice, purchase, .. } = document;
    let sold = invoice.fees.iter().find_map(|fee| match &fee.item {
        FeeItem::Credit { wallet_name, .. } => Some((fee.amount_cents, wallet_name.clone())),
        FeeItem::Subscription { .. } | FeeItem::Charge(_) | FeeItem::AddOn { .. } => None,
    });
    if invoice.kind == Kind::OneOff {
        return Body::OneOff(invoice.fees.iter().filter_map(add_on).collect());
    }
    match (sold, purchase) {
        (Some((amount_cents, wallet_name)), Some(purchase)) => {
            let (credits, rate) = (purchase.credits, purchase.rate);
            Body::Credit(CreditPurchase { wallet_name, credits, rate, amount_cents })
        }
        // Fees that events made stand for themselves; everything else is told subscription by subscription.
        (None, _) | (_, None) if is_of_events(invoice) => Body::AdvanceCharges(
            invoice.fees.iter().filter_map(|fee| Some(advance_fee(invoice, fee, fee.charge()?))).collect(),
        ),
        (None, _) | (_, None) => {
            Body::Subscriptions(invoice.subscriptions.iter().map(|billed| subscription(document, billed)).collect())
        }
    }
}

fn add_on(fee: &Fee) -> Option<AddOnFee> {
    let FeeItem::AddOn { display_name, .. } = &fee.item else { return None };
    Some(AddOnFee {
        name: display_name.clone(),
        description: fee.description.clone(),
        units: fee.units,
        precise_unit_amount: fee.precise_unit_amount,
        amount_cents: fee.amount_cents,
        tax_rates: rates(&fee.taxes),
    })
}

fn party(name: &str, identity: &Identity) -> Party {
    let identity = identity.clone();
    Party {
        name: name.to_owned(),
        legal_name: identity.legal_name,
        legal_number: identity.legal_number,
        address_line1: identity.address_line1,
        address_line2: identity.address_line2,
        zipcode: identity.zipcode,
        city: identity.city,
        state: identity.state,
        country: identity.country,
        email: identity.email,
        tax_id: identity.tax_identification_number,
    }
}

fn period(zone: Zone, from: Instant, to: Instant) -> Period {
    Period { from: zone.date(from), to: zone.date(to) }
}

/// Whether every fee is one of a charge in advance (chapter 04, 13.3).
fn is_of_events(invoice: &Invoice) -> bool {
    let is_of_event = |fee: &Fee| fee.charge().is_some_and(|charge| charge.event.is_some());
    !invoice.fees.is_empty() && invoice.fees.iter().all(is_of_event)
}

fn advance_fee(invoice: &Invoice, fee: &Fee, item: &ChargeItem) -> AdvanceFee {
    // The invoice of an event is dated by it.
    let at = invoice.subscriptions.first().map(|billed| billed.at);
    let days = match (&item.basis, at) {
        (Some(Basis::Usage(basis)), Some(at)) if item.prorated => {
            Some(DaysUsed { used: days(invoice.zone.days(at, basis.window.to)), total: days(basis.window.period_days) })
        }
        _ => None,
    };
    AdvanceFee {
        name: item.display_name.clone(),
        group: item.group.as_ref().map(|group| group.display_name.clone()),
        days,
        units: fee.units,
        precise_unit_amount: fee.precise_unit_amount,
        tax_rates: rates(&fee.taxes),
        amount_cents: fee.amount_cents,
    }
}

fn subscription(document: &InvoiceDocument, billed: &BilledSubscription) -> SubscriptionSource {
    let invoice = &document.invoice;
    let (zone, bounds) = (invoice.zone, &billed.boundaries);
    let fees: Vec<&Fee> =
        invoice.fees.iter().filter(|fee| fee.subscription_id == Some(billed.subscription_id)).collect();
    let own = fees.iter().find_map(|fee| match &fee.item {
        FeeItem::Subscription { pay_in_advance, .. } => Some((*fee, *pay_in_advance)),
        FeeItem::Charge(_) | FeeItem::AddOn { .. } | FeeItem::Credit { .. } => None,
    });
    let charge_fees: Vec<ChargeFee> =
        fees.iter().filter_map(|fee| fee.charge().map(|item| charge_fee(fee, item, billed))).collect();
    // A renewal shows the coming period as UTC dates already.
    let coming = fees.iter().find(|fee| billed.is_renewed_by(fee)).map(|fee| period(Zone::UTC, fee.from, fee.to));
    SubscriptionSource {
        name: Some(billed.name.clone()).filter(|name| *name != billed.plan_name),
        plan_name: billed.plan_name.clone(),
        interval: interval(billed.interval),
        plan_in_advance: own.is_some_and(|(_, in_advance)| in_advance),
        period: period(zone, bounds.from, bounds.to),
        charges_period: period(zone, bounds.charges_from, bounds.charges_to),
        coming_period: coming,
        subscription_fee: own
            .map(|(fee, _)| SubscriptionFee { amount_cents: fee.amount_cents, tax_rates: rates(&fee.taxes) }),
        charge_fees,
        breakdowns: fees.iter().filter_map(|fee| breakdown(document, fee)).collect(),
    }
}

/// The table of a fee's daily movements, if it has any.
fn breakdown(document: &InvoiceDocument, fee: &Fee) -> Option<Breakdown> {
    let (_, movements) = document.breakdowns.iter().find(|(id, _)| *id == fee.id)?;
    let item = fee.charge()?;
    let Some(Basis::Usage(basis)) = &item.basis else { return None };
    let total = days(basis.window.period_days);
    let movement = |movement: &daily::Movement| Movement {
        date: movement.date,
        change: match movement.change {
            daily::Change::Added(units) => Change::Added(units),
            daily::Change::Removed(units) => Change::Removed(units),
            daily::Change::AddedAndRemoved(units) => Change::AddedAndRemoved(units),
        },
        days: DaysUsed { used: days(movement.days), total },
    };
    Some(Breakdown {
        name: item.display_name.clone(),
        group: item.group.as_ref().map(|group| group.display_name.clone()),
        prorated: item.prorated,
        movements: movements.iter().map(movement).collect(),
    })
}

/// Days of a period are never negative.
fn days(days: i64) -> u32 {
    u32::try_from(days).unwrap_or_default()
}

fn charge_fee(fee: &Fee, item: &ChargeItem, billed: &BilledSubscription) -> ChargeFee {
    let kind = if item.true_up_parent.is_some() {
        ChargeFeeKind::TrueUp { minimum_cents: item.min_amount_cents }
    } else {
        ChargeFeeKind::Usage(Usage {
            units: fee.units,
            precise_unit_amount: fee.precise_unit_amount,
            events_count: u64::try_from(item.events_count).ok(),
            prorated: item.prorated,
            weighted_over: item.weighted.then(|| interval(billed.interval)),
            details: details(&item.details),
        })
    };
    ChargeFee {
        charge: item.charge_id.to_string(),
        name: item.display_name.clone(),
        group: item.group.as_ref().map(|group| group.display_name.clone()),
        timing: if billed.is_renewed_by(fee) { ChargeTiming::InAdvance } else { ChargeTiming::InArrears },
        amount_cents: fee.amount_cents,
        tax_rates: rates(&fee.taxes),
        kind,
    }
}

fn rates(taxes: &[FeeTax]) -> Vec<Decimal> {
    taxes.iter().map(|tax| tax.rate).collect()
}

fn interval(interval: DomainInterval) -> Interval {
    match interval {
        DomainInterval::Weekly => Interval::Weekly,
        DomainInterval::Monthly => Interval::Monthly,
        DomainInterval::Quarterly => Interval::Quarterly,
        DomainInterval::Yearly => Interval::Yearly,
    }
}

/// Counts and bounds of tiers are never negative.
fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

fn details(details: &charge::AmountDetails) -> AmountDetails {
    match details {
        charge::AmountDetails::None => AmountDetails::None,
        charge::AmountDetails::Graduated(ranges) => AmountDetails::Graduated(
            ranges
                .iter()
                .map(|range| GraduatedRange {
                    from_value: count(range.from_value),
                    to_value: range.to_value.map(count),
                    flat_unit_amount: range.flat_unit_amount,
                    per_unit_amount: range.per_unit_amount,
                    units: range.units,
                    per_unit_total_amount: range.per_unit_total_amount,
                })
                .collect(),
        ),
        charge::AmountDetails::GraduatedPercentage(ranges) => AmountDetails::GraduatedPercentage(
            ranges
                .iter()
                .map(|range| GraduatedPercentageRange {
                    from_value: count(range.from_value),
                    to_value: range.to_value.map(count),
                    flat_unit_amount: range.flat_unit_amount,
                    rate: range.rate,
                    units: range.units,
                    per_unit_total_amount: range.per_unit_total_amount,
                })
                .collect(),
        ),
        charge::AmountDetails::Package(package) => AmountDetails::Package {
            free_units: package.free_units,
            paid_units: package.paid_units,
            per_package_size: count(package.per_package_size),
            per_package_unit_amount: package.per_package_unit_amount,
        },
        charge::AmountDetails::Percentage(percentage) => AmountDetails::Percentage {
            free_units: percentage.free_units,
            free_events: count(percentage.free_events),
            paid_units: percentage.paid_units,
            rate: percentage.rate,
            per_unit_total_amount: percentage.per_unit_total_amount,
            paid_events: count(percentage.paid_events),
            fixed_fee_unit_amount: percentage.fixed_fee_unit_amount,
            fixed_fee_total_amount: percentage.fixed_fee_total_amount,
            min_max_adjustment_total_amount: percentage.min_max_adjustment_total_amount,
        },
        charge::AmountDetails::Volume(volume) => AmountDetails::Volume {
            flat_unit_amount: volume.flat_unit_amount,
            per_unit_amount: volume.per_unit_amount,
            per_unit_total_amount: volume.per_unit_total_amount,
        },
    }
}

/// A coupon's line; credit notes are printed as one sum.
fn coupon(line: &CreditLine) -> Option<CouponCredit> {
    let CreditSource::Coupon { name, value, .. } = &line.source else { return None };
    let value = match value {
        domain::invoice::CouponValue::Fixed(cents) => CouponValue::Fixed(*cents),
        domain::invoice::CouponValue::Percentage(rate) => CouponValue::Percentage(*rate),
    };
    Some(CouponCredit { name: name.clone(), value, amount_cents: line.amount_cents })
}

fn totals(invoice: &Invoice) -> Totals {
    let totals = &invoice.totals;
    Totals {
        coupons: invoice.credits.iter().filter_map(coupon).collect(),
        sub_total_excluding_taxes_cents: totals.sub_total_excluding_taxes,
        taxes: invoice
            .taxes
            .iter()
            .map(|row| AppliedTax {
                name: row.tax.name.clone(),
                rate: row.tax.rate,
                base_cents: row.fees_amount_cents,
                amount_cents: row.tax.amount_cents,
            })
            .collect(),
        sub_total_including_taxes_cents: totals.sub_total_including_taxes,
        credit_notes_cents: totals.credit_notes,
        prepaid_credits_cents: (totals.prepaid_credits != 0).then_some(totals.prepaid_credits),
        total_cents: totals.total,
    }
}
