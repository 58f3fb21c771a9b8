//! Values for tests: one of every kind with every field set, and one with nothing that may be absent.

use domain::analytics::{Figure, Month, RevenueOf, Row, Rows, Shape};
use domain::billing::{Boundaries, Change, Formula, LastRecord, Situation};
use domain::charge::{
    AmountDetails, ChargeModel, GraduatedPercentageRangeDetails, GraduatedRangeDetails, Limited, PackageDetails,
    PercentageDetails, Price, RunningTotals, VolumeDetails,
};
use domain::credit_note::{self, AppliedTax, CreditNote, CreditStatus, Reason, RefundStatus};
use domain::customer::{Customer, Metadata, Provider, ProviderLink};
use domain::id::{
    AddOnId, ApiKeyId, AppliedCouponId, AppliedTaxId, ChargeId, CouponId, CreditId, CreditNoteId, CreditNoteItemId,
    CustomerId, EndpointId, EventId, FeeId, GroupId, InvoiceId, MetadataId, MetricId, OrganizationId, PlanId,
    SubscriptionId, TaxId, WalletId, WalletRuleId, WalletTransactionId, WebhookId,
};
use domain::invoice::{
    AdvanceBasis, Basis, BilledSubscription, ChargeItem, CouponValue, CreditLine, CreditSource, Fee, FeeEvent,
    FeeGroup, FeeItem, FeePayment, FeePaymentStatus, Invoice, Kind, Level, MinimumBasis, PaymentStatus, PrepaidUse,
    Status, SubscriptionBasis, Totals, UsageBasis,
};
use domain::ledger::{Account, AccountKind, Document, DocumentKind, Entry, Event, InvoiceName, Posting, Side};
use domain::metric::groups::{Groups, Leaf, Parent};
use domain::metric::{AggregationType, Metric, WeightedInterval};
use domain::money::Currency;
use domain::organization::{
    DocumentNumbering, EmailSetting, Endpoint, Identity, Organization, SignatureAlgorithm, TestClock,
};
use domain::plan::{Charge, GroupPrice, Plan, Pricing};
use domain::subscription::{LastFee, Link, Progress, Seam, SentAlert, State, Subscription};
use domain::tax::{FeeTax, InvoiceTax, Tax};
use domain::time::{BillingTime, Instant, Interval, Zone};
use domain::usage::in_advance::State as WindowState;
use domain::usage::window::{End, Shared, Window};
use domain::value::Value;
use domain::wallet::{self, Wallet, WalletTransaction};
use rust_decimal_macros::dec;
use uuid::Uuid;

use super::{
    AddedRows, AnswerBody, ApiKey, Attribution, Chain, CustomerRows, Draft, DraftNotes, EventHour, FormerCustomers,
    IdempotentRequest, KeyHolder, LedgerTransaction, Live, LiveKind, Member, MonthRows, RequestState, RunningNumber,
    StoredAnswer, Webhook, WebhookStatus,
};
use crate::alias::Alias;
use crate::keys::Timeline;
use crate::record::Scope;

mod advance;
mod coupon;

pub use advance::{advance_mark, advance_metrics, advance_value, advance_window, uninvoiced_fee};
pub use coupon::{add_on, applied_coupon, coupon, coupon_credit, coupon_use};

pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x1234_5678_9abc_4def_8123_0000_0000_0000 + number)
}

pub fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub fn organization_id() -> OrganizationId {
    OrganizationId(id(1))
}

pub fn scope() -> Scope {
    Scope { organization: organization_id(), timeline: Timeline::Real }
}

fn identity() -> Identity {
    Identity {
        country: text("FR"),
        address_line1: text("5 rue de l'Été"),
        address_line2: text("2nd floor"),
        state: text("Île-de-France"),
        zipcode: text("75001"),
        email: text("a@example.com,b@example.com"),
        city: text("Paris"),
        legal_name: text("Acme \"SA\""),
        legal_number: text("0123"),
        tax_identification_number: text("FR 12"),
    }
}

fn metadata(number: u128) -> Metadata {
    Metadata {
        id: MetadataId(id(number)),
        key: "key".into(),
        value: "välue".into(),
        display_in_invoice: true,
        created_at: at("2024-01-02T03:04:05.678901Z"),
    }
}

pub fn organization(full: bool) -> Organization {
    let set = |word: &str| full.then(|| word.to_owned());
    Organization {
        id: organization_id(),
        name: "Acme".into(),
        identity: if full { identity() } else { Identity::default() },
        default_currency: Currency::EUR,
        timezone: Zone::parse("Europe/Paris").unwrap(),
        net_payment_term: 30,
        invoice_grace_period: 3,
        email_settings: if full {
            vec![EmailSetting::InvoiceFinalized, EmailSetting::CreditNoteCreated]
        } else {
            Vec::new()
        },
        document_locale: "fr".into(),
        invoice_footer: set("Merci"),
        document_numbering: if full { DocumentNumbering::PerOrganization } else { DocumentNumbering::PerCustomer },
        document_number_prefix: "ACM-1A2B".into(),
        endpoints: [SignatureAlgorithm::Jwt, SignatureAlgorithm::Hmac]
            .into_iter()
            .filter(|_| full)
            .map(|signature_algorithm| Endpoint {
                id: EndpointId(id(2)),
                url: "https://example.com/hooks".into(),
                signature_algorithm,
                created_at: at("2024-01-01T00:00:00Z"),
            })
            .collect(),
        test_clock: full.then(|| TestClock {
            frozen_time: at("1969-12-31T23:59:59.999999Z"),
            advancing_to: Some(at("2024-03-01T00:00:00Z")),
        }),
        created_at: at("2024-01-01T00:00:00.000001Z"),
    }
}

fn provider_links() -> Vec<ProviderLink> {
    let link = |provider, customer_id: Option<&str>, is_synced, methods: &[&str]| ProviderLink {
        provider,
        customer_id: customer_id.map(str::to_owned),
        is_synced,
        payment_methods: methods.iter().map(|method| (*method).to_owned()).collect(),
    };
    vec![
        link(Provider::GoCardless, None, true, &[]),
        link(Provider::Stripe, Some("cus_1"), false, &["card", "sepa_debit"]),
    ]
}

pub fn customer(full: bool) -> Customer {
    let set = |word: &str| full.then(|| word.to_owned());
    Customer {
        id: CustomerId(id(3)),
        external_id: "acme #1/é".into(),
        sequential_id: 7,
        slug: "ACM-1A2B-007".into(),
        name: set("Acme"),
        identity: if full { identity() } else { Identity::default() },
        url: set("https://example.com"),
        phone: set("+33 1"),
        logo_url: set("https://example.com/logo.png"),
        external_salesforce_id: set("sf-1"),
        currency: full.then_some(Currency::USD),
        is_currency_fixed: full,
        timezone: full.then(|| Zone::parse("America/St_Johns").unwrap()),
        net_payment_term: full.then_some(0),
        invoice_grace_period: full.then_some(0),
        document_locale: set("nb"),
        payment_provider: full.then_some(Provider::Stripe),
        provider_links: if full { provider_links() } else { Vec::new() },
        tax_ids: if full { vec![TaxId(id(4)), TaxId(id(5))] } else { Vec::new() },
        metadata: if full { vec![metadata(6), metadata(7)] } else { Vec::new() },
        last_invoice_sequence: 12,
        created_at: at("2024-01-01T00:00:00Z"),
        updated_at: at("2024-01-02T00:00:00Z"),
        created_seq: 1_704_067_200_000_000,
        deleted_at: full.then(|| at("2024-05-01T00:00:00Z")),
    }
}

pub fn tax(full: bool) -> Tax {
    Tax {
        id: TaxId(id(4)),
        name: "VAT".into(),
        code: "vat".into(),
        rate: dec!(20.10),
        description: full.then(|| "TVA".into()),
        applied_to_organization: full,
        created_at: at("2024-01-01T00:00:00Z"),
        created_seq: 5,
    }
}

pub fn metric(groups: Groups, full: bool) -> Metric {
    Metric {
        id: MetricId(id(8)),
        name: "Calls".into(),
        code: "calls".into(),
        description: full.then(|| "API calls".into()),
        aggregation: if full { AggregationType::WeightedSum } else { AggregationType::Count },
        weighted_interval: full.then_some(WeightedInterval::Seconds),
        recurring: full,
        field_name: full.then(|| "seconds".into()),
        groups,
        created_at: at("2024-01-01T00:00:00Z"),
        created_seq: 6,
        deleted_at: full.then(|| at("2024-05-01T00:00:00Z")),
    }
}

pub fn groups() -> [Groups; 3] {
    let leaves =
        || vec![Leaf { id: GroupId(id(9)), value: "eu".into() }, Leaf { id: GroupId(id(10)), value: "".into() }];
    [
        Groups::None,
        Groups::One { key: "region".into(), leaves: leaves() },
        Groups::Two {
            key: "cloud".into(),
            parents: vec![Parent { name: "aws".into(), key: "region".into(), leaves: leaves() }],
        },
    ]
}

fn word(word: &str) -> Value {
    Value::Text(word.to_owned())
}

fn number(digits: &str) -> Value {
    Value::Number(digits.to_owned())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

pub fn pricing(model: ChargeModel, properties: Value) -> Pricing {
    Pricing { price: Price::parse(model, &properties).unwrap(), properties }
}

/// A price of every model.
pub fn pricings() -> Vec<Pricing> {
    let bounds = |from: &str, to: Value| vec![("from_value", number(from)), ("to_value", to)];
    let ranges = |amounts: &[(&str, Value)]| {
        let range = |from, to| map(&[bounds(from, to), amounts.to_vec()].concat());
        Value::List(vec![range("0", number("10")), range("11", Value::Null)])
    };
    let units = ranges(&[("per_unit_amount", word("0.10")), ("flat_amount", word("5"))]);
    let rates = ranges(&[("rate", word("1.5")), ("flat_amount", word("0"))]);
    vec![
        pricing(ChargeModel::Standard, map(&[("unknown", number("1.50e3")), ("amount", word("12.000"))])),
        pricing(ChargeModel::Graduated, map(&[("graduated_ranges", units.clone())])),
        pricing(ChargeModel::Volume, map(&[("volume_ranges", units)])),
        pricing(ChargeModel::GraduatedPercentage, map(&[("graduated_percentage_ranges", rates)])),
        pricing(
            ChargeModel::Package,
            map(&[("amount", word("30")), ("free_units", number("1000")), ("package_size", number("1000"))]),
        ),
        pricing(
            ChargeModel::Percentage,
            map(&[
                ("rate", word("1.2")),
                ("fixed_amount", word("0.5")),
                ("free_units_per_events", number("3")),
                ("free_units_per_total_aggregation", word("500")),
                ("per_transaction_min_amount", word("0.1")),
                ("per_transaction_max_amount", word("10")),
            ]),
        ),
    ]
}

fn charge(number: u128, price: Pricing, full: bool) -> Charge {
    let group_price =
        GroupPrice { group_id: GroupId(id(9)), price: price.clone(), invoice_display_name: Some("Europe".into()) };
    let bare = GroupPrice { group_id: GroupId(id(10)), price: price.clone(), invoice_display_name: None };
    Charge {
        id: ChargeId(id(number)),
        parent_id: full.then(|| ChargeId(id(99))),
        metric_id: MetricId(id(8)),
        invoice_display_name: full.then(|| "Calls".into()),
        pay_in_advance: full,
        invoiceable: !full,
        prorated: full,
        min_amount_cents: 500,
        price,
        group_prices: if full { vec![group_price, bare] } else { Vec::new() },
        tax_ids: if full { vec![TaxId(id(4))] } else { Vec::new() },
        created_at: at("2024-01-01T00:00:00Z"),
    }
}

pub fn plan(full: bool) -> Plan {
    let set = |word: &str| full.then(|| word.to_owned());
    let charges = pricings().into_iter().zip(100..).map(|(price, number)| charge(number, price, full));
    Plan {
        id: PlanId(id(11)),
        parent_id: full.then(|| PlanId(id(12))),
        name: "Pro".into(),
        invoice_display_name: set("Professional"),
        code: "pro".into(),
        description: set("for teams"),
        interval: if full { Interval::Yearly } else { Interval::Weekly },
        amount_cents: -9_007_199_254_740_993,
        currency: Currency::EUR,
        trial_period: full.then_some(dec!(14.5)),
        pay_in_advance: full,
        bill_charges_monthly: full.then_some(true),
        tax_ids: if full { vec![TaxId(id(4))] } else { Vec::new() },
        charges: if full { charges.collect() } else { Vec::new() },
        created_at: at("2024-01-01T00:00:00Z"),
        created_seq: 8,
        pending_deletion: full,
        deleted_at: full.then(|| at("2024-05-01T00:00:00Z")),
    }
}

pub fn boundaries() -> Boundaries {
    Boundaries {
        from: at("2024-02-01T00:00:00Z"),
        to: at("2024-02-29T23:59:59.999999Z"),
        charges_from: at("2024-01-01T00:00:00Z"),
        charges_to: at("2024-01-31T23:59:59.999999Z"),
    }
}

pub fn states() -> [State; 5] {
    let started_at = at("2024-01-01T00:00:00Z");
    let terminated_at = at("2024-02-01T00:00:00Z");
    [
        State::Pending,
        State::Active { started_at },
        State::Terminated { started_at: Some(started_at), terminated_at },
        State::Terminated { started_at: None, terminated_at },
        State::Canceled { canceled_at: started_at },
    ]
}

pub fn subscription(state: State, full: bool) -> Subscription {
    let link = |number, change| Link { id: SubscriptionId(id(number)), plan_code: "basic".into(), change };
    Subscription {
        id: SubscriptionId(id(13)),
        external_id: "sub-1".into(),
        customer_id: CustomerId(id(3)),
        plan_id: PlanId(id(11)),
        plan_code: "pro".into(),
        name: full.then(String::new),
        state,
        billing_time: if full { BillingTime::Anniversary } else { BillingTime::Calendar },
        subscription_at: at("2024-01-01T00:00:00Z"),
        ending_at: full.then(|| at("2025-01-01T00:00:00Z")),
        created_at: at("2024-01-01T00:00:00Z"),
        created_seq: 9,
        previous: full.then(|| link(14, Change::Upgrade)),
        next: full.then(|| link(15, Change::Downgrade)),
        trial_started_at: at("2024-01-01T00:00:00Z"),
        progress: if full {
            Progress {
                last_recurring_at: Some(at("2024-02-01T00:00:00Z")),
                last_record: Some(LastRecord { zone: Zone::UTC, charges_to: at("2024-01-31T23:59:59.999999Z") }),
                last_recurring: Some(boundaries()),
                last_fee: Some(LastFee {
                    id: FeeId(id(16)),
                    invoice_id: InvoiceId(id(17)),
                    amount_cents: 123,
                    created_at: at("2024-02-01T00:00:00Z"),
                    to: at("2024-02-29T23:59:59.999999Z"),
                }),
                invoiced: true,
                start_invoice_at: Some(at("2024-01-01T00:00:00Z")),
                final_invoice_at: Some(at("2024-03-01T00:00:00Z")),
                activated_at: Some(at("2024-01-01T00:00:00.000001Z")),
                replanned_at: Some(at("2024-01-02T00:00:00Z")),
                alerts_sent: vec![SentAlert { ending_date: at("2025-01-01T00:00:00Z").date_naive(), days_before: 45 }],
                taken_over: Some(Seam { at: at("2024-01-01T12:00:00Z"), received: at("2024-01-01T12:00:00.000007Z") }),
                handed_over: Some(at("2024-03-01T00:00:00.000008Z")),
            }
        } else {
            Progress::default()
        },
        next_due: full.then(|| at("2024-03-01T00:00:00Z")),
    }
}

pub fn details() -> Vec<AmountDetails> {
    vec![
        AmountDetails::None,
        AmountDetails::Graduated(vec![GraduatedRangeDetails {
            from_value: 0,
            to_value: Some(10),
            flat_unit_amount: dec!(1),
            per_unit_amount: dec!(0.5),
            units: dec!(10),
            per_unit_total_amount: dec!(5.0),
            total_with_flat_amount: dec!(6),
        }]),
        AmountDetails::GraduatedPercentage(vec![GraduatedPercentageRangeDetails {
            from_value: 11,
            to_value: None,
            flat_unit_amount: dec!(1),
            rate: dec!(1.25),
            units: dec!(0.000000000000001),
            per_unit_total_amount: dec!(0),
            total_with_flat_amount: dec!(1),
        }]),
        AmountDetails::Package(PackageDetails {
            free_units: dec!(100),
            paid_units: dec!(50),
            per_package_size: 100,
            per_package_unit_amount: dec!(30),
        }),
        AmountDetails::Percentage(PercentageDetails {
            units: dec!(1),
            free_units: dec!(2),
            free_events: 3,
            paid_units: dec!(4),
            rate: dec!(5),
            per_unit_total_amount: dec!(6),
            paid_events: 7,
            fixed_fee_unit_amount: dec!(8),
            fixed_fee_total_amount: dec!(9),
            min_max_adjustment_total_amount: dec!(-10),
        }),
        AmountDetails::Volume(VolumeDetails {
            flat_unit_amount: dec!(1),
            per_unit_amount: dec!(2),
            per_unit_total_amount: dec!(3),
        }),
    ]
}

fn fee_tax() -> FeeTax {
    FeeTax {
        id: AppliedTaxId(id(18)),
        tax_id: TaxId(id(4)),
        code: "vat".into(),
        name: "VAT".into(),
        rate: dec!(20),
        description: Some("TVA".into()),
        amount_cents: 20,
    }
}

pub fn fee(number: u128, item: FeeItem, full: bool) -> Fee {
    Fee {
        id: FeeId(id(number)),
        item,
        subscription_id: full.then(|| SubscriptionId(id(13))),
        external_subscription_id: full.then(|| "sub-1".into()),
        amount_cents: 100,
        coupon_share: dec!(0.12345),
        units: dec!(123456789.123456789),
        precise_unit_amount: dec!(0.000000000000001),
        unit_amount_cents: 0,
        taxes: if full { vec![fee_tax(), FeeTax { description: None, ..fee_tax() }] } else { Vec::new() },
        taxes_amount_cents: 40,
        taxes_rate: dec!(40),
        from: at("2024-01-01T00:00:00Z"),
        to: at("2024-01-31T23:59:59.999999Z"),
        description: full.then(|| "What was agreed".into()),
        payment: FeePayment {
            status: if full { FeePaymentStatus::Refunded } else { FeePaymentStatus::Pending },
            succeeded_at: full.then(|| at("2024-02-02T00:00:00Z")),
            failed_at: full.then(|| at("2024-02-03T00:00:00Z")),
            refunded_at: full.then(|| at("2024-02-04T00:00:00Z")),
        },
        created_at: at("2024-02-01T00:00:00Z"),
    }
}

pub fn charge_item(details: AmountDetails, full: bool) -> FeeItem {
    FeeItem::Charge(Box::new(ChargeItem {
        charge_id: ChargeId(id(19)),
        metric_id: MetricId(id(8)),
        metric_code: "calls".into(),
        metric_name: "Calls".into(),
        display_name: "Calls".into(),
        invoiceable: true,
        event: full.then(|| FeeEvent { id: EventId(id(30)), transaction_id: "call-1".into() }),
        prorated: full,
        weighted: full,
        min_amount_cents: if full { 5000 } else { 0 },
        group: full.then(|| FeeGroup { id: GroupId(id(9)), display_name: "aws • eu".into() }),
        true_up_parent: full.then(|| FeeId(id(20))),
        true_up: full.then(|| FeeId(id(21))),
        events_count: 1_000_000,
        basis: full.then(|| basis(&details)),
        details,
    }))
}

fn level(events: i64) -> Level {
    Level {
        units: dec!(12.5),
        events,
        state: WindowState { net: dec!(-2.5), highest: dec!(4), prorated: dec!(0.12903) },
        running: RunningTotals { count: 3, last: dec!(12.5), at_free_events: dec!(7), below_total: 1 },
        limited: Limited { values: 2, free_used: dec!(1.5), amount: dec!(0.75) },
    }
}

fn basis(details: &AmountDetails) -> Basis {
    match details {
        AmountDetails::None => Basis::Minimum(MinimumBasis { days: 17, period_days: 31, fees_amount_cents: -200 }),
        AmountDetails::Graduated(_)
        | AmountDetails::GraduatedPercentage(_)
        | AmountDetails::Package(_)
        | AmountDetails::Percentage(_)
        | AmountDetails::Volume(_) => Basis::Usage(Box::new(UsageBasis {
            model: ChargeModel::Percentage,
            properties: Value::Map(vec![
                ("rate".into(), Value::Text("1.20".into())),
                ("free_units_per_events".into(), Value::Number("3".into())),
            ]),
            aggregation: AggregationType::UniqueCount,
            recurring: true,
            field_name: Some("user".into()),
            dimensions: vec![("cloud".into(), "aws".into()), ("region".into(), "eu".into())],
            window: Window {
                from: at("2024-01-01T00:00:00Z"),
                to: at("2024-01-16T14:00:00Z"),
                end: End::Successors,
                shared: Shared {
                    since: Some(at("2024-01-01T12:00:00.000007Z")),
                    until: Some(at("2024-01-16T14:00:00.000008Z")),
                },
                period_days: 31,
            },
            prorated: true,
            read_at: at("2024-02-01T00:05:00.000001Z"),
            units: dec!(1.67742),
            amount: dec!(16.774200000000000001),
            advance: Some(AdvanceBasis { before: level(1), after: level(2) }),
        })),
    }
}

fn subscription_item(full: bool) -> FeeItem {
    FeeItem::Subscription {
        plan_code: "pro".into(),
        plan_name: "Pro".into(),
        invoice_display_name: full.then(|| "Professional".into()),
        pay_in_advance: full,
        basis: full.then_some(SubscriptionBasis {
            formula: Formula::First,
            plan_amount_cents: 10_000,
            days: 17,
            period_days: 31,
        }),
    }
}

fn add_on_item() -> FeeItem {
    FeeItem::AddOn {
        add_on_id: AddOnId(id(31)),
        code: "setup".into(),
        name: "Setup".into(),
        display_name: "Set up".into(),
    }
}

fn credit_item(full: bool) -> FeeItem {
    FeeItem::Credit { transaction_id: WalletTransactionId(id(32)), wallet_name: full.then(|| "Main".into()) }
}

fn credits() -> Vec<CreditLine> {
    let coupon = |value| CreditSource::Coupon {
        applied_coupon_id: AppliedCouponId(id(33)),
        coupon_id: CouponId(id(34)),
        code: "welcome".into(),
        name: "Welcome".into(),
        value,
    };
    let note = CreditSource::CreditNote {
        credit_note_id: CreditNoteId(id(35)),
        number: "ACM-1A2B-007-011-CN001".into(),
        invoice_number: "ACM-1A2B-007-011".into(),
    };
    let sources = [coupon(CouponValue::Fixed(500)), coupon(CouponValue::Percentage(dec!(12.5))), note];
    let line = |(source, number)| CreditLine {
        id: CreditId(id(number)),
        amount_cents: 2,
        source,
        created_at: at("2024-02-04T00:20:00Z"),
    };
    sources.into_iter().zip(36..).map(line).collect()
}

pub fn invoice(full: bool) -> Invoice {
    let charges = details().into_iter().map(|details| charge_item(details, full));
    let items = std::iter::once(subscription_item(full)).chain(charges).chain([add_on_item(), credit_item(full)]);
    let fees = items.zip(200..).map(|(item, number)| fee(number, item, full)).filter(|_| full).collect();
    Invoice {
        id: InvoiceId(id(17)),
        customer_id: CustomerId(id(3)),
        sequential_id: 12,
        number: "ACM-1A2B-007-012".into(),
        kind: if full { Kind::Subscription } else { Kind::OneOff },
        status: if full { Status::Voided { voided_at: at("2024-02-09T00:00:00Z") } } else { Status::Draft },
        payment_status: PaymentStatus::Succeeded,
        currency: Currency::EUR,
        zone: Zone::parse("Europe/Paris").unwrap(),
        issuing_date: "2024-02-01".parse().unwrap(),
        payment_due_date: "2024-03-02".parse().unwrap(),
        net_payment_term: 30,
        subscriptions: [Situation::First, Situation::Recurring]
            .into_iter()
            .filter(|_| full)
            .map(|situation| BilledSubscription {
                subscription_id: SubscriptionId(id(13)),
                external_id: "sub-1".into(),
                name: "Pro".into(),
                plan_id: PlanId(id(11)),
                plan_name: "Pro".into(),
                interval: Interval::Quarterly,
                situation,
                at: at("2024-02-01T00:00:00Z"),
                boundaries: boundaries(),
                recurring: true,
            })
            .collect(),
        fees,
        taxes: if full { vec![InvoiceTax { tax: fee_tax(), fees_amount_cents: 100 }] } else { Vec::new() },
        credits: if full { credits() } else { Vec::new() },
        prepaid: full.then(|| PrepaidUse {
            wallet_id: WalletId(id(40)),
            transaction_id: WalletTransactionId(id(41)),
            amount_cents: 7,
            credits: dec!(0.07),
        }),
        totals: Totals {
            fees: 1,
            coupons: 2,
            sub_total_excluding_taxes: 3,
            taxes: 4,
            sub_total_including_taxes: 5,
            credit_notes: 6,
            prepaid_credits: 7,
            total: 8,
            taxes_rate: dec!(19.60000),
        },
        metadata: if full { vec![metadata(22)] } else { Vec::new() },
        file: full.then(|| "invoices/17.pdf".into()),
        next_due: full.then(|| at("2024-02-04T00:20:00Z")),
        needs_refresh: full,
        last_credit_note_sequence: if full { 3 } else { 0 },
        created_at: at("2024-02-01T00:00:00Z"),
        created_seq: 10,
        updated_at: at("2024-02-09T00:00:00Z"),
    }
}

pub fn credit_note(full: bool) -> CreditNote {
    let voided = CreditStatus::Voided { voided_at: at("2024-02-09T00:00:00Z"), given_up_cents: 40 };
    CreditNote {
        id: CreditNoteId(id(35)),
        customer_id: CustomerId(id(3)),
        invoice_id: InvoiceId(id(17)),
        invoice_number: "ACM-1A2B-007-011".into(),
        sequential_id: 1,
        number: "ACM-1A2B-007-011-CN001".into(),
        currency: Currency::EUR,
        status: if full { credit_note::Status::Finalized } else { credit_note::Status::Draft },
        credit_status: if full { voided } else { CreditStatus::Available },
        refund_status: full.then_some(RefundStatus::Succeeded),
        refunded_at: full.then(|| at("2024-02-08T00:00:00Z")),
        reason: if full { Reason::OrderCancellation } else { Reason::Other },
        description: full.then(|| "What went wrong".into()),
        items: if full {
            let (id, fee_id) = (CreditNoteItemId(id(43)), FeeId(id(16)));
            vec![credit_note::Item { id, fee_id, amount: dec!(499.50001), amount_cents: 500 }]
        } else {
            Vec::new()
        },
        coupons_adjustment: dec!(1.60000),
        taxes_amount: dec!(2.88),
        taxes_rate: dec!(17.71429),
        taxes: if full { vec![AppliedTax { tax: fee_tax(), base_amount_cents: 14 }] } else { Vec::new() },
        credit_amount_cents: 100,
        refund_amount_cents: 20,
        balance_amount_cents: 0,
        issuing_date: "2024-02-05".parse().unwrap(),
        file: full.then(|| "credit_notes/35.pdf".into()),
        created_at: at("2024-02-05T00:00:00Z"),
        created_seq: 44,
        updated_at: at("2024-02-09T00:00:00Z"),
    }
}

pub fn draft_notes() -> DraftNotes {
    DraftNotes { invoice: InvoiceId(id(17)), notes: vec![credit_note(false)] }
}

pub fn webhook(full: bool) -> Webhook {
    Webhook {
        id: WebhookId(id(23)),
        endpoint_id: EndpointId(id(2)),
        endpoint: "https://example.com/hooks".into(),
        webhook_type: "invoice.created".into(),
        object_type: "Invoice".into(),
        object_id: id(17).to_string(),
        status: if full { WebhookStatus::Failed } else { WebhookStatus::Pending },
        retries: 3,
        last_retried_at: full.then(|| at("2024-02-01T00:00:10Z")),
        http_status: full.then_some(503),
        response: full.then(|| "busy\n".into()),
        payload: r#"{"webhook_type":"invoice.created","invoice":{"total":1.0}}"#.into(),
        sequence: 2,
        created_at: at("2024-02-01T00:00:00Z"),
        updated_at: at("2024-02-01T00:00:20Z"),
        created_seq: 1_706_745_600_000_011,
        next_due: full.then(|| at("2024-02-01T00:00:30Z")),
    }
}

pub fn api_key(full: bool) -> ApiKey {
    ApiKey {
        id: ApiKeyId(id(24)),
        organization: organization_id(),
        hash: "ab".repeat(32),
        sealed: vec![0, 255, 7],
        created_at: at("2024-01-01T00:00:00Z"),
        created_seq: 12,
        revoked_at: full.then(|| at("2024-02-01T00:00:00Z")),
        name: full.then(|| "Köln".to_owned()),
        expires_at: full.then(|| at("2026-11-22T20:00:00Z")),
    }
}

pub fn key_holder(full: bool) -> KeyHolder {
    let expires_at = full.then(|| at("2026-11-22T20:00:00Z"));
    KeyHolder { hash: "ab".repeat(32), organization: organization_id(), key_id: ApiKeyId(id(24)), expires_at }
}

pub fn running_number() -> RunningNumber {
    RunningNumber { name: "invoices 2024-01".into(), value: 41 }
}

pub fn chain() -> Chain {
    let member = |number, created_seq| Member {
        customer_id: CustomerId(id(3)),
        subscription_id: SubscriptionId(id(number)),
        created_seq,
    };
    Chain { external_id: "sub-1".into(), members: vec![member(13, 9), member(14, 10)] }
}

pub fn draft() -> Draft {
    Draft::of(&invoice(true))
}

pub fn event_hour(checked: bool) -> EventHour {
    let day = |text: &str| text.parse().unwrap();
    EventHour { start: at("2024-02-29T23:00:00Z"), received: (day("2026-01-31"), day("2026-02-01")), checked }
}

pub fn former_customers() -> FormerCustomers {
    FormerCustomers { external_id: "acme #1/é".into(), customers: vec![CustomerId(id(3)), CustomerId(id(25))] }
}

pub fn ledger_transaction(full: bool) -> LedgerTransaction {
    let entry = |account, side, amount_cents| Entry { account, side, amount_cents };
    let (kind, number) = (DocumentKind::CreditNote, full.then(|| "ACME-001-001-CN001".to_owned()));
    let posting = Posting {
        event: Event::CreditNoteUsed,
        at: at("2024-01-31T12:00:00Z"),
        currency: "EUR".parse().unwrap(),
        document: Document { kind, id: id(30), number },
        invoice: full.then(|| InvoiceName { id: InvoiceId(id(17)), number: "ACME-001-002".into() }),
        entries: vec![
            entry(Account::of_object(AccountKind::CreditNote, id(30)), Side::Debit, 1200),
            entry(Account::of(AccountKind::Receivable), Side::Credit, 1200),
        ],
    };
    LedgerTransaction { customer: CustomerId(id(3)), seq: 1_706_702_400_000_000, postings: vec![posting] }
}

pub fn idempotent_request(full: bool) -> IdempotentRequest {
    let state = if full {
        RequestState::Answered(StoredAnswer {
            status: 200,
            content_type: text("application/json; charset=utf-8"),
            body: AnswerBody::Whole("{\"tax\":{\"code\":\"é\"}}".into()),
        })
    } else {
        RequestState::Reserved { until: at("2024-01-31T12:01:00Z") }
    };
    IdempotentRequest {
        key: "order 17/é".into(),
        fingerprint: "0f".repeat(32),
        changed_seq: at("2024-01-31T12:00:00Z").timestamp_micros(),
        state,
    }
}

pub fn alias() -> Alias {
    Alias::new("customer", "acme #1/é", id(3))
}

pub fn live() -> Live {
    Live { customer: CustomerId(id(3)), kind: LiveKind::CreditNote, id: id(35), created_seq: 44 }
}

fn rows() -> Rows {
    let (month, currency) = (Month::of("2024-01-31".parse().unwrap()), Currency::EUR);
    let figure = |amount| Figure { amount, count: 2 };
    let mut rows = Rows::none();
    rows.add(Row::Revenue { month, currency, of: RevenueOf::Invoices }, figure(12_000));
    rows.add(Row::Revenue { month, currency, of: RevenueOf::Fees }, figure(-5));
    rows.add(Row::Collection { month, status: PaymentStatus::Failed, currency }, figure(12_000));
    rows.add(Row::Usage { month, code: "calls".into(), currency }, figure(300));
    let shape = Shape {
        issuing_date: "2024-01-31".parse().unwrap(),
        interval: Interval::Yearly,
        in_advance: true,
        minutes: 525_599,
        currency,
    };
    rows.add(Row::Recurring(shape), figure(1_080_000_000));
    rows
}

pub fn added_rows() -> AddedRows {
    AddedRows { sequence: 45, customer: CustomerId(id(3)), rows: rows() }
}

pub fn month_rows() -> MonthRows {
    MonthRows { month: Month::of("2024-01-31".parse().unwrap()), rows: rows() }
}

pub fn customer_rows() -> CustomerRows {
    CustomerRows { customer: CustomerId(id(3)), rows: rows() }
}

pub fn wallet(full: bool) -> Wallet {
    let now = at("2024-01-01T00:00:00.000001Z");
    Wallet {
        id: WalletId(id(40)),
        customer_id: CustomerId(id(3)),
        currency: Currency::EUR,
        name: full.then(|| "Prépayé".to_owned()),
        rate: dec!(1.50000),
        state: if full {
            wallet::State::Terminated { terminated_at: at("2024-02-01T00:45:00Z") }
        } else {
            wallet::State::Active
        },
        balance: wallet::Balance {
            cents: if full { 2900 } else { 0 },
            credits: if full { dec!(9.66667) } else { dec!(0) },
            consumed: if full { dec!(0.33333) } else { dec!(0) },
        },
        expiration_at: full.then(|| at("2024-02-01T00:30:00Z")),
        rule: full.then(|| wallet::Rule {
            id: WalletRuleId(id(41)),
            trigger: wallet::Trigger::Interval,
            interval: Some(Interval::Quarterly),
            threshold: dec!(1.5),
            paid: dec!(10),
            granted: dec!(0.5),
            created_at: now,
            since: at("2024-01-02T00:00:00Z"),
        }),
        owed: full
            .then(|| wallet::OwedTopUp {
                at: at("2024-01-01T00:00:02Z"),
                occasion: id(26),
                source: wallet::Source::Threshold,
                paid: dec!(1),
                granted: dec!(2),
            })
            .into_iter()
            .collect(),
        look_at: full.then(|| at("2024-01-19T00:00:00Z")),
        is_low_by_usage: full,
        last_interval_at: full.then(|| at("2024-01-20T00:55:00Z")),
        last_balance_sync_at: full.then(|| at("2024-01-21T00:55:00Z")),
        last_consumed_at: full.then(|| at("2024-01-22T00:55:00Z")),
        next_due: full.then(|| at("2024-01-23T00:55:00Z")),
        created_at: now,
        created_seq: 50,
    }
}

pub fn wallet_transaction(full: bool) -> WalletTransaction {
    WalletTransaction {
        id: WalletTransactionId(id(42)),
        wallet_id: WalletId(id(40)),
        purpose: if full { wallet::Purpose::Invoiced } else { wallet::Purpose::Granted },
        source: if full { wallet::Source::Interval } else { wallet::Source::Manual },
        amount: dec!(1.00),
        credits: dec!(0.33333),
        rate: dec!(3),
        cents: 100,
        settled_at: full.then(|| at("2024-01-01T00:00:01Z")),
        invoice_id: full.then(|| InvoiceId(id(26))),
        created_at: at("2024-01-01T00:00:00.000001Z"),
        created_seq: 51,
    }
}

pub fn attribution() -> Attribution {
    Attribution {
        fingerprint: crate::keys::fingerprint(&["acme", "calls", "tx-1"]),
        external_subscription_id: "sub-1".into(),
    }
}
