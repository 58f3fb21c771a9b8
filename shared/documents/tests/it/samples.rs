//! Invoices to make documents of. Their figures show the form; what is right is decided elsewhere.

use chrono::NaiveDate;
use documents::locale::Locale;
use documents::source::*;
use rust_decimal::Decimal;
use rust_decimal_macros::dec;

pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub fn period(from: &str, to: &str) -> Period {
    Period { from: date(from), to: date(to) }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// An invoice from Paris to Berlin, without anything billed yet.
pub fn invoice(body: Body) -> InvoiceSource {
    InvoiceSource {
        locale: Locale::En,
        currency: "EUR".parse().unwrap(),
        number: "HOO-1A2B-001-042".into(),
        issuing_date: date("2024-02-01"),
        payment_due_date: Some(date("2024-03-02")),
        net_payment_term_days: 30,
        seller: Seller {
            party: Party {
                name: "Hooli".into(),
                legal_name: some("Hooli SAS"),
                legal_number: some("RCS Paris 892 345 678"),
                address_line1: some("12 rue de la Paix"),
                address_line2: None,
                zipcode: some("75002"),
                city: some("Paris"),
                state: None,
                country: some("FR"),
                email: some("billing@hooli.example"),
                tax_id: some("FR32892345678"),
            },
            logo: None,
        },
        buyer: Buyer {
            party: Party {
                name: "Gavin".into(),
                legal_name: some("Nordwind Logistik GmbH"),
                legal_number: None,
                address_line1: some("Friedrichstraße 68"),
                address_line2: some("Hinterhaus, 3. Etage"),
                zipcode: some("10117"),
                city: some("Berlin"),
                state: some(" "),
                country: some("DE"),
                email: some("rechnungen@nordwind.example"),
                tax_id: some("DE299012345"),
            },
            metadata: vec![
                Metadata { key: "Purchase order".into(), value: "PO-2024-0117".into() },
                Metadata { key: "Cost centre".into(), value: "4711".into() },
            ],
        },
        body,
        totals: Totals::default(),
        tax_notices: Vec::new(),
        footer: Some(
            "Thank you for your business.\nHooli SAS, share capital €50,000. IBAN FR76 3000 6000 0112 3456 7890 189."
                .into(),
        ),
    }
}

/// A monthly subscription in arrears, for January.
pub fn subscription(charge_fees: Vec<ChargeFee>) -> SubscriptionSource {
    SubscriptionSource {
        name: None,
        plan_name: "Premium".into(),
        interval: Interval::Monthly,
        plan_in_advance: false,
        period: period("2024-01-01", "2024-01-31"),
        charges_period: period("2024-01-01", "2024-01-31"),
        coming_period: Some(period("2024-02-01", "2024-02-29")),
        subscription_fee: Some(SubscriptionFee { amount_cents: 4900, tax_rates: vec![dec!(20)] }),
        charge_fees,
        breakdowns: Vec::new(),
    }
}

pub fn usage(name: &str, amount_cents: i64, usage: Usage) -> ChargeFee {
    ChargeFee {
        charge: name.to_lowercase(),
        name: name.into(),
        group: None,
        timing: ChargeTiming::InArrears,
        amount_cents,
        tax_rates: vec![dec!(20)],
        kind: ChargeFeeKind::Usage(usage),
    }
}

pub fn standard(name: &str, units: Decimal, price: Decimal, amount_cents: i64) -> ChargeFee {
    usage(name, amount_cents, Usage { units, precise_unit_amount: price, ..Usage::default() })
}

pub fn in_group(group: &str, fee: ChargeFee) -> ChargeFee {
    ChargeFee { group: some(group), ..fee }
}

pub fn true_up(name: &str, amount_cents: i64, minimum_cents: i64) -> ChargeFee {
    ChargeFee { kind: ChargeFeeKind::TrueUp { minimum_cents }, ..standard(name, dec!(1), dec!(0), amount_cents) }
}

fn range(from_value: u64, to_value: Option<u64>, prices: (Decimal, Decimal), units: Decimal) -> GraduatedRange {
    let (per_unit_amount, flat_unit_amount) = prices;
    let per_unit_total_amount = units * per_unit_amount;
    GraduatedRange { from_value, to_value, flat_unit_amount, per_unit_amount, units, per_unit_total_amount }
}

pub fn graduated() -> ChargeFee {
    let ranges = vec![
        range(0, Some(1000), (dec!(0.01), dec!(2)), dec!(1000)),
        range(1001, Some(10000), (dec!(0.005), dec!(0)), dec!(9000)),
        range(10001, None, (dec!(0.0025), dec!(5)), dec!(2500)),
    ];
    usage(
        "API calls",
        6825,
        Usage {
            units: dec!(12500),
            precise_unit_amount: dec!(0.00546),
            details: AmountDetails::Graduated(ranges),
            ..Usage::default()
        },
    )
}

pub fn graduated_percentage() -> ChargeFee {
    let range = |from_value, to_value, rate: Decimal, flat_unit_amount, units: Decimal| GraduatedPercentageRange {
        from_value,
        to_value,
        flat_unit_amount,
        rate,
        units,
        per_unit_total_amount: units * rate / dec!(100),
    };
    let ranges = vec![
        range(0, Some(10), dec!(1), dec!(200), dec!(10)),
        range(11, Some(20), dec!(2), dec!(300), dec!(10)),
        range(21, None, dec!(3), dec!(400), dec!(1)),
    ];
    usage(
        "Payouts",
        90033,
        Usage {
            units: dec!(21),
            precise_unit_amount: dec!(42.872857142857143),
            details: AmountDetails::GraduatedPercentage(ranges),
            ..Usage::default()
        },
    )
}

pub fn package() -> ChargeFee {
    usage(
        "E-mails",
        1000,
        Usage {
            units: dec!(201),
            precise_unit_amount: dec!(0.099009900990099),
            details: AmountDetails::Package {
                free_units: dec!(100),
                paid_units: dec!(101),
                per_package_size: 100,
                per_package_unit_amount: dec!(5),
            },
            ..Usage::default()
        },
    )
}

pub fn percentage(min_max_adjustment_total_amount: Decimal, amount_cents: i64) -> ChargeFee {
    usage(
        "Card payments",
        amount_cents,
        Usage {
            units: dec!(800),
            precise_unit_amount: dec!(0.0139375),
            events_count: Some(4),
            details: AmountDetails::Percentage {
                free_units: dec!(250),
                free_events: 2,
                paid_units: dec!(550),
                rate: dec!(1.3),
                per_unit_total_amount: dec!(7.15),
                paid_events: 2,
                fixed_fee_unit_amount: dec!(2),
                fixed_fee_total_amount: dec!(4),
                min_max_adjustment_total_amount,
            },
            ..Usage::default()
        },
    )
}

pub fn volume() -> ChargeFee {
    usage(
        "Messages",
        4900,
        Usage {
            units: dec!(65000),
            precise_unit_amount: dec!(0.000753846153846),
            details: AmountDetails::Volume {
                flat_unit_amount: dec!(10),
                per_unit_amount: dec!(0.0006),
                per_unit_total_amount: dec!(39),
            },
            ..Usage::default()
        },
    )
}

/// A charge of every model.
pub fn all_models() -> Vec<ChargeFee> {
    vec![
        standard("Storage GB", dec!(120.5), dec!(0.125), 1506),
        graduated(),
        graduated_percentage(),
        package(),
        percentage(dec!(0), 1115),
        volume(),
    ]
}

/// The sums of fees that bear one tax of 20 %.
pub fn totals(fees_cents: i64) -> Totals {
    let tax_cents = fees_cents / 5;
    Totals {
        sub_total_excluding_taxes_cents: fees_cents,
        taxes: vec![AppliedTax { name: "TVA".into(), rate: dec!(20), base_cents: fees_cents, amount_cents: tax_cents }],
        sub_total_including_taxes_cents: fees_cents + tax_cents,
        total_cents: fees_cents + tax_cents,
        ..Totals::default()
    }
}

/// An invoice of subscriptions, with plain totals.
pub fn subscriptions(subscriptions: Vec<SubscriptionSource>) -> InvoiceSource {
    let fees_cents = subscriptions.iter().map(SubscriptionSource::amount_cents).sum();
    InvoiceSource { totals: totals(fees_cents), ..invoice(Body::Subscriptions(subscriptions)) }
}

/// The invoice of the manuals: one subscription, a charge of every model, and everything that a totals block may hold.
pub fn full() -> InvoiceSource {
    let source = subscriptions(vec![subscription(all_models())]);
    let fees_cents = source.totals.sub_total_excluding_taxes_cents;
    let net = fees_cents - 15_000;
    InvoiceSource {
        totals: Totals {
            coupons: vec![
                CouponCredit { name: "Welcome".into(), value: CouponValue::Fixed(10_000), amount_cents: 10_000 },
                CouponCredit {
                    name: "Early adopters".into(),
                    value: CouponValue::Percentage(dec!(5)),
                    amount_cents: 5_000,
                },
            ],
            credit_notes_cents: 2_000,
            prepaid_credits_cents: Some(3_000),
            total_cents: net + net / 5 - 5_000,
            ..totals(net)
        },
        ..source
    }
}

/// Three subscriptions of one customer.
pub fn several() -> InvoiceSource {
    subscriptions(vec![
        SubscriptionSource { name: some("Production"), ..subscription(vec![graduated(), package()]) },
        SubscriptionSource {
            plan_name: "Basic".into(),
            interval: Interval::Yearly,
            plan_in_advance: true,
            period: period("2024-02-01", "2025-01-31"),
            ..subscription(vec![volume()])
        },
        SubscriptionSource { name: some("Staging"), subscription_fee: None, ..subscription(vec![]) },
    ])
}

pub fn one_off() -> InvoiceSource {
    let fees = vec![
        AddOnFee {
            name: "Onboarding".into(),
            description: some("Two days on site\nincluding travel"),
            units: dec!(2),
            precise_unit_amount: dec!(1200),
            amount_cents: 240_000,
            tax_rates: vec![dec!(20)],
        },
        AddOnFee {
            name: "Data export".into(),
            description: None,
            units: dec!(1),
            precise_unit_amount: dec!(400),
            amount_cents: 40_000,
            tax_rates: vec![],
        },
    ];
    let taxes = vec![AppliedTax { name: "TVA".into(), rate: dec!(20), base_cents: 240_000, amount_cents: 48_000 }];
    InvoiceSource {
        totals: Totals { sub_total_including_taxes_cents: 328_000, total_cents: 328_000, taxes, ..totals(280_000) },
        ..invoice(Body::OneOff(fees))
    }
}

pub fn credit(wallet_name: Option<&str>) -> InvoiceSource {
    let purchase = CreditPurchase {
        wallet_name: wallet_name.map(str::to_owned),
        credits: dec!(1500),
        rate: dec!(0.01),
        amount_cents: 1500,
    };
    let totals = Totals {
        sub_total_excluding_taxes_cents: 1500,
        sub_total_including_taxes_cents: 1500,
        total_cents: 1500,
        ..Totals::default()
    };
    InvoiceSource { totals, ..invoice(Body::Credit(purchase)) }
}

pub fn advance_charges() -> InvoiceSource {
    let fee = |name: &str, amount_cents, units, days| AdvanceFee {
        name: name.into(),
        group: None,
        units,
        precise_unit_amount: dec!(0),
        amount_cents,
        tax_rates: vec![dec!(5.5), dec!(20)],
        days,
    };
    let fees = vec![
        AdvanceFee { group: some("Europe"), ..fee("Messages", 7, dec!(1), None) },
        fee("Seats", 1_452, dec!(3), Some(DaysUsed { used: 15, total: 31 })),
        fee("Lookups", 0, dec!(12), None),
    ];
    InvoiceSource { totals: totals(1_459), ..invoice(Body::AdvanceCharges(fees)) }
}

/// A customer with a thousand metered products.
pub fn thousand_fees() -> InvoiceSource {
    let fee = |number: i64| {
        let units = Decimal::from(number);
        standard(&format!("Product {number:04}"), units, dec!(0.25), number * 25)
    };
    subscriptions(vec![subscription((1..=1000).map(fee).collect())])
}

/// Every model several times: about three pages.
pub fn long() -> InvoiceSource {
    let fees = ["Frankfurt", "Paris", "Dublin", "Oregon", "Singapore", "Sydney"];
    let named = |region: &str| {
        let mut fees = vec![graduated(), package(), percentage(dec!(0.5), 1165), volume()];
        for fee in &mut fees {
            fee.group = some(region);
        }
        fees
    };
    let mut fees: Vec<ChargeFee> = fees.into_iter().flat_map(named).collect();
    fees.push(true_up("E-mails", 4_000, 10_000));
    subscriptions(vec![subscription(fees)])
}

/// Whole yen.
pub fn yen() -> InvoiceSource {
    let fees =
        vec![standard("Requests", dec!(1234567), dec!(0.5), 617_284), standard("Seats", dec!(12), dec!(1500), 18_000)];
    let subscription = SubscriptionSource {
        subscription_fee: Some(SubscriptionFee { amount_cents: 50_000, tax_rates: vec![dec!(10)] }),
        ..subscription(fees)
    };
    let fees_cents = subscription.amount_cents();
    let tax = AppliedTax { name: "JCT".into(), rate: dec!(10), base_cents: fees_cents, amount_cents: fees_cents / 10 };
    InvoiceSource {
        currency: "JPY".parse().unwrap(),
        totals: Totals {
            sub_total_including_taxes_cents: fees_cents + fees_cents / 10,
            total_cents: fees_cents + fees_cents / 10,
            taxes: vec![tax],
            ..totals(fees_cents)
        },
        ..invoice(Body::Subscriptions(vec![subscription]))
    }
}
