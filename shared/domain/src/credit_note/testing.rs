//! Invoices and fees for the tests of credit notes.

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::id::{AppliedTaxId, CustomerId, InvoiceId, SubscriptionId, TaxId};
use crate::invoice::{self, Fee, FeeItem, FeePayment, Invoice, Kind, PaymentStatus, Status};
use crate::money::Currency;
use crate::tax::FeeTax;
use crate::time::{Instant, Zone};

/// Noon of the first of January 2024.
pub(crate) fn noon() -> Instant {
    "2024-01-01T12:00:00Z".parse().unwrap_or_default()
}

/// A subscription fee at a position of the invoice 0; each rate is a tax of its own, the same on every fee.
pub(crate) fn fee(position: usize, amount_cents: i64, coupon_share: Decimal, rates: &[Decimal]) -> Fee {
    let taxes: Vec<FeeTax> = rates
        .iter()
        .map(|rate| FeeTax {
            id: AppliedTaxId(Uuid::from_u128(position as u128)),
            tax_id: TaxId(crate::id::derived("tax", &[rate.normalize().to_string().as_bytes()])),
            code: format!("tax_{rate}"),
            name: format!("tax {rate}"),
            rate: *rate,
            description: None,
            amount_cents: 0,
        })
        .collect();
    Fee {
        id: invoice::fee_id(InvoiceId(Uuid::nil()), position),
        item: FeeItem::Subscription {
            plan_code: "p".into(),
            plan_name: "P".into(),
            invoice_display_name: None,
            pay_in_advance: true,
            basis: None,
        },
        subscription_id: Some(SubscriptionId(Uuid::from_u128(position as u128))),
        external_subscription_id: None,
        amount_cents,
        coupon_share,
        units: Decimal::ONE,
        precise_unit_amount: Decimal::ZERO,
        unit_amount_cents: amount_cents,
        taxes_rate: rates.iter().sum(),
        taxes_amount_cents: 0,
        taxes,
        from: noon(),
        to: noon(),
        description: None,
        payment: FeePayment::default(),
        created_at: noon(),
    }
}

/// A final, unpaid invoice of fees, its totals computed.
pub(crate) fn invoice(id: u128, fees: Vec<Fee>) -> Invoice {
    let id = invoice::room_for_fees(Uuid::from_u128(id << 16));
    let coupons: Decimal = fees.iter().map(|fee| fee.coupon_share).sum();
    let (mut totals, taxes) = invoice::totals(id, &fees, &[]).unwrap_or_default();
    totals.coupons = i64::try_from(crate::number::round(coupons, 0)).unwrap_or_default();
    totals.sub_total_excluding_taxes = totals.fees - totals.coupons;
    totals.sub_total_including_taxes = totals.sub_total_excluding_taxes + totals.taxes;
    totals.total = totals.sub_total_including_taxes;
    Invoice {
        id,
        customer_id: CustomerId(Uuid::nil()),
        sequential_id: 2,
        number: "LAG-1A2B-001-002".into(),
        kind: Kind::Subscription,
        status: Status::Finalized,
        payment_status: PaymentStatus::Pending,
        currency: Currency::EUR,
        zone: Zone::UTC,
        issuing_date: noon().date_naive(),
        payment_due_date: noon().date_naive(),
        net_payment_term: 0,
        subscriptions: Vec::new(),
        fees,
        taxes,
        credits: Vec::new(),
        prepaid: None,
        totals,
        metadata: Vec::new(),
        file: None,
        next_due: None,
        needs_refresh: false,
        last_credit_note_sequence: 0,
        created_at: noon(),
        created_seq: 1,
        updated_at: noon(),
    }
}
