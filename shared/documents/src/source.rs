//! What a document is made of: everything that a page may show, and nothing to look up.
//!
//! Amounts are minor units of the invoice's currency; dates are local dates of the customer, already converted;
//! prices and units are exact. Orders that the chapter fixes (fees, taxes, groups) are made by [`crate::invoice`];
//! lists whose order comes from time (coupons, metadata) come oldest first.

use chrono::NaiveDate;
use domain::money::Currency;
use rust_decimal::Decimal;

use crate::locale::Locale;

/// A finalized invoice, complete.
#[derive(Debug, Clone, PartialEq)]
pub struct InvoiceSource {
    /// Language and formats of the document.
    pub locale: Locale,
    /// The currency of every amount.
    pub currency: Currency,
    /// The invoice's number.
    pub number: String,
    /// The day that the invoice bears.
    pub issuing_date: NaiveDate,
    /// The last day to pay, if the invoice has one.
    pub payment_due_date: Option<NaiveDate>,
    /// Days between the two.
    pub net_payment_term_days: u32,
    /// Who sends the invoice.
    pub seller: Seller,
    /// Who pays it.
    pub buyer: Buyer,
    /// What is billed; it decides the layout.
    pub body: Body,
    /// The sums below.
    pub totals: Totals,
    /// Sentences that European tax rules ask for; none without EU tax management.
    pub tax_notices: Vec<TaxNotice>,
    /// The organization's own closing text; its line breaks are kept.
    pub footer: Option<String>,
}

/// The organization as a document shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seller {
    /// Name, address and numbers.
    pub party: Party,
    /// Printed at the top right.
    pub logo: Option<Logo>,
}

/// The customer as a document shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Buyer {
    /// Name, address and numbers.
    pub party: Party,
    /// Metadata with `display_in_invoice`, oldest first.
    pub metadata: Vec<Metadata>,
}

/// Name, address and numbers of one side. What is none or blank is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// The usual name, printed where there is no legal one.
    pub name: String,
    /// The name in the register.
    pub legal_name: Option<String>,
    /// The number in the register.
    pub legal_number: Option<String>,
    /// First address line.
    pub address_line1: Option<String>,
    /// Second address line.
    pub address_line2: Option<String>,
    /// Postal code.
    pub zipcode: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// ISO 3166 code of two letters; printed as the country's name.
    pub country: Option<String>,
    /// Address for mail.
    pub email: Option<String>,
    /// Tax identification number.
    pub tax_id: Option<String>,
}

/// A picture, as it was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// How to read the bytes.
    pub kind: LogoKind,
    /// The file.
    pub bytes: Vec<u8>,
}

/// The accepted picture formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoKind {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
}

/// One entry of a customer's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Printed as the label.
    pub key: String,
    /// Printed beside it.
    pub value: String,
}

/// A sentence that a tax rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaxNotice {
    /// The recipient accounts for the tax.
    ReverseCharge,
    /// The supply bears no tax.
    Exempt,
}

/// What is billed.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Subscriptions of one billing run. One is printed in detail at once; several get a summary and a page each.
    Subscriptions(Vec<SubscriptionSource>),
    /// Nothing but charges that an event made payable at once.
    AdvanceCharges(Vec<AdvanceFee>),
    /// Add-ons.
    OneOff(Vec<AddOnFee>),
    /// Prepaid credits, bought for a wallet.
    Credit(CreditPurchase),
}

/// One billed subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriptionSource {
    /// The subscription's own name.
    pub name: Option<String>,
    /// The plan's display name, or else its name.
    pub plan_name: String,
    /// How often the plan bills.
    pub interval: Interval,
    /// Whether the plan is paid at the start of its periods.
    pub plan_in_advance: bool,
    /// Bounds of the subscription fee.
    pub period: Period,
    /// Bounds of the charges.
    pub charges_period: Period,
    /// Bounds of charges that are paid in advance with the period; needed if there are any and the plan is in arrears.
    pub coming_period: Option<Period>,
    /// The fee of the plan itself, if one is due.
    pub subscription_fee: Option<SubscriptionFee>,
    /// The fees of its charges, in any order.
    pub charge_fees: Vec<ChargeFee>,
    /// Daily movements of recurring charges in arrears, those with units only.
    pub breakdowns: Vec<Breakdown>,
}

impl SubscriptionSource {
    /// Sum of the subscription's fees, without tax, in minor units.
    #[must_use]
    pub fn amount_cents(&self) -> i64 {
        let plan = self.subscription_fee.as_ref().map_or(0, |fee| fee.amount_cents);
        // Saturation is out of reach: the fees of an invoice sum up to an amount that was stored as 64 bits.
        self.charge_fees.iter().fold(plan, |sum, fee| sum.saturating_add(fee.amount_cents))
    }
}

/// First and last day, both billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

/// Length of a plan's period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// A week.
    Weekly,
    /// A month.
    Monthly,
    /// Three months.
    Quarterly,
    /// A year.
    Yearly,
}

/// The fee of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriptionFee {
    /// Without tax.
    pub amount_cents: i64,
    /// Rates of its applied taxes, in percent.
    pub tax_rates: Vec<Decimal>,
}

/// A fee of a charge, billed with a period.
#[derive(Debug, Clone, PartialEq)]
pub struct ChargeFee {
    /// Identifies the charge: fees of one charge are printed together.
    pub charge: String,
    /// The fee's display name, else the charge's, else the metric's name.
    pub name: String,
    /// The group's display name, else its name.
    pub group: Option<String>,
    /// Which period it pays for.
    pub timing: ChargeTiming,
    /// Without tax.
    pub amount_cents: i64,
    /// Rates of its applied taxes, in percent.
    pub tax_rates: Vec<Decimal>,
    /// What it pays for.
    pub kind: ChargeFeeKind,
}

/// Which period a charge fee pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeTiming {
    /// The period that ended.
    InArrears,
    /// The period that begins: a recurring charge paid in advance, renewed with the period.
    InAdvance,
}

/// What a charge fee pays for.
#[derive(Debug, Clone, PartialEq)]
pub enum ChargeFeeKind {
    /// Usage.
    Usage(Usage),
    /// The gap to the charge's minimum.
    TrueUp {
        /// The whole minimum, before it is prorated.
        minimum_cents: i64,
    },
}

/// Usage of one charge, or of one group of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Usage {
    /// Billed units.
    pub units: Decimal,
    /// Price of one unit, in units of the currency.
    pub precise_unit_amount: Decimal,
    /// Events behind the units.
    pub events_count: Option<u64>,
    /// Whether the units are prorated by days, so that the unit price is an average.
    pub prorated: bool,
    /// For a weighted sum: the interval that the units are prorated over, second by second.
    pub weighted_over: Option<Interval>,
    /// How the amount came about.
    pub details: AmountDetails,
}

/// How an amount came about, by charge model (chapter 03, 6.5). Prices and amounts are in units of the currency.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum AmountDetails {
    /// Units times price: standard, prorated graduated, and fees of events.
    #[default]
    None,
    /// The tiers that the units reach, each unit at its own tier's price.
    Graduated(Vec<GraduatedRange>),
    /// The same with a percentage per tier.
    GraduatedPercentage(Vec<GraduatedPercentageRange>),
    /// Whole packages, after free units.
    Package {
        /// Units that cost nothing.
        free_units: Decimal,
        /// Units above them.
        paid_units: Decimal,
        /// Units in a package.
        per_package_size: u64,
        /// Price of a package.
        per_package_unit_amount: Decimal,
    },
    /// A rate on the units, and a fixed fee per event.
    Percentage {
        /// Units that cost nothing.
        free_units: Decimal,
        /// Events that cost nothing.
        free_events: u64,
        /// Units above.
        paid_units: Decimal,
        /// In percent.
        rate: Decimal,
        /// The rate's share of the amount.
        per_unit_total_amount: Decimal,
        /// Events that pay the fixed fee.
        paid_events: u64,
        /// The fixed fee.
        fixed_fee_unit_amount: Decimal,
        /// The fixed fees' share of the amount.
        fixed_fee_total_amount: Decimal,
        /// What bounds per transaction added or took away.
        min_max_adjustment_total_amount: Decimal,
    },
    /// All units at the price of the tier that they reach.
    Volume {
        /// The tier's flat fee.
        flat_unit_amount: Decimal,
        /// The tier's price of a unit.
        per_unit_amount: Decimal,
        /// Units times price.
        per_unit_total_amount: Decimal,
    },
}

/// One walked tier of a graduated charge.
#[derive(Debug, Clone, PartialEq)]
pub struct GraduatedRange {
    /// First unit of the tier; the first tier starts at 0.
    pub from_value: u64,
    /// Last unit; none if the tier is open.
    pub to_value: Option<u64>,
    /// Flat fee for entering the tier.
    pub flat_unit_amount: Decimal,
    /// Price of a unit.
    pub per_unit_amount: Decimal,
    /// Units within the tier.
    pub units: Decimal,
    /// Units times price.
    pub per_unit_total_amount: Decimal,
}

/// One walked tier of a graduated percentage charge.
#[derive(Debug, Clone, PartialEq)]
pub struct GraduatedPercentageRange {
    /// First unit of the tier; the first tier starts at 0.
    pub from_value: u64,
    /// Last unit; none if the tier is open.
    pub to_value: Option<u64>,
    /// Flat fee for entering the tier.
    pub flat_unit_amount: Decimal,
    /// In percent.
    pub rate: Decimal,
    /// Units within the tier.
    pub units: Decimal,
    /// The rate's share of them.
    pub per_unit_total_amount: Decimal,
}

/// Daily movements of a recurring charge, or of one group of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Breakdown {
    /// The charge's display name.
    pub name: String,
    /// The group's display name.
    pub group: Option<String>,
    /// Whether the charge prorates its units.
    pub prorated: bool,
    /// By date, oldest first.
    pub movements: Vec<Movement>,
}

/// A change of the units in use, and how long the period bore it.
#[derive(Debug, Clone, PartialEq)]
pub struct Movement {
    /// The day of the change; the first day of the period for units carried into it.
    pub date: NaiveDate,
    /// What changed.
    pub change: Change,
    /// Days of use.
    pub days: DaysUsed,
}

/// What changed; the number is never negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// Units came.
    Added(Decimal),
    /// Units went.
    Removed(Decimal),
    /// Units came and went on the same day.
    AddedAndRemoved(Decimal),
}

/// A share of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaysUsed {
    /// Days of use.
    pub used: u32,
    /// Days of the whole period.
    pub total: u32,
}

/// A fee that an event made payable at once.
#[derive(Debug, Clone, PartialEq)]
pub struct AdvanceFee {
    /// The fee's display name, else the charge's, else the metric's name.
    pub name: String,
    /// The group's display name, else its name.
    pub group: Option<String>,
    /// Billed units.
    pub units: Decimal,
    /// Price of one unit; 0 if the fee keeps none, and then none is printed.
    pub precise_unit_amount: Decimal,
    /// Without tax.
    pub amount_cents: i64,
    /// Rates of its applied taxes, in percent.
    pub tax_rates: Vec<Decimal>,
    /// The share of the period that a prorated charge pays for.
    pub days: Option<DaysUsed>,
}

/// A line of a one-off invoice.
#[derive(Debug, Clone, PartialEq)]
pub struct AddOnFee {
    /// The fee's display name, else the add-on's, else its name.
    pub name: String,
    /// Printed under the name.
    pub description: Option<String>,
    /// Billed units.
    pub units: Decimal,
    /// Price of one unit.
    pub precise_unit_amount: Decimal,
    /// Without tax.
    pub amount_cents: i64,
    /// Rates of its applied taxes, in percent.
    pub tax_rates: Vec<Decimal>,
}

/// Prepaid credits, bought for a wallet.
#[derive(Debug, Clone, PartialEq)]
pub struct CreditPurchase {
    /// The wallet's name.
    pub wallet_name: Option<String>,
    /// Credits bought.
    pub credits: Decimal,
    /// Price of a credit, in units of the currency.
    pub rate: Decimal,
    /// The price.
    pub amount_cents: i64,
}

/// The sums of an invoice, in minor units. Deductions are positive here.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Totals {
    /// Coupon credits, oldest first.
    pub coupons: Vec<CouponCredit>,
    /// Fees less coupons.
    pub sub_total_excluding_taxes_cents: i64,
    /// The taxes, in any order.
    pub taxes: Vec<AppliedTax>,
    /// The sub total with tax.
    pub sub_total_including_taxes_cents: i64,
    /// Paid from credit notes.
    pub credit_notes_cents: i64,
    /// Paid from a wallet; none if no wallet transaction exists.
    pub prepaid_credits_cents: Option<i64>,
    /// What remains to be paid.
    pub total_cents: i64,
}

/// What one coupon took off.
#[derive(Debug, Clone, PartialEq)]
pub struct CouponCredit {
    /// The coupon's name.
    pub name: String,
    /// What the coupon promises.
    pub value: CouponValue,
    /// What it took off.
    pub amount_cents: i64,
}

/// What a coupon promises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CouponValue {
    /// A share, in percent.
    Percentage(Decimal),
    /// An amount in minor units.
    Fixed(i64),
}

/// A tax over all fees that bear it.
#[derive(Debug, Clone, PartialEq)]
pub struct AppliedTax {
    /// The tax's name.
    pub name: String,
    /// In percent.
    pub rate: Decimal,
    /// What the rate applies to.
    pub base_cents: i64,
    /// The tax.
    pub amount_cents: i64,
}

/// A final credit note, complete.
#[derive(Debug, Clone, PartialEq)]
pub struct CreditNoteSource {
    /// Language and formats of the document.
    pub locale: Locale,
    /// The currency of every amount.
    pub currency: Currency,
    /// The note's number.
    pub number: String,
    /// The number of the invoice that it gives back of.
    pub invoice_number: String,
    /// The day that the note bears.
    pub issuing_date: NaiveDate,
    /// Who issues the note.
    pub seller: Seller,
    /// Who gets it.
    pub buyer: Buyer,
    /// Items on fees of subscriptions, in the order of the invoice.
    pub subscriptions: Vec<CreditedSubscription>,
    /// Items on other fees.
    pub add_ons: Vec<CreditedItem>,
    /// The items' part of the invoice's coupons; positive here.
    pub coupons_adjustment_cents: i64,
    /// Items less coupons.
    pub sub_total_excluding_taxes_cents: i64,
    /// The taxes, in any order.
    pub taxes: Vec<AppliedTax>,
    /// What goes to the customer's balance.
    pub credit_cents: i64,
    /// What is paid out.
    pub refund_cents: i64,
    /// Both.
    pub total_cents: i64,
    /// Sentences that European tax rules ask for; none without EU tax management.
    pub tax_notices: Vec<TaxNotice>,
    /// The organization's own closing text; its line breaks are kept.
    pub footer: Option<String>,
}

/// What a note gives back of one subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct CreditedSubscription {
    /// The subscription's own name, or else the plan's.
    pub name: String,
    /// Items on its own fee.
    pub items: Vec<CreditedItem>,
    /// Items on fees of its charges, by charge.
    pub charges: Vec<CreditedCharge>,
}

/// What a note gives back of one charge.
#[derive(Debug, Clone, PartialEq)]
pub struct CreditedCharge {
    /// Display name.
    pub name: String,
    /// Items on a fee without a group.
    pub items: Vec<CreditedItem>,
    /// Items on fees of groups, under the groups' names.
    pub groups: Vec<CreditedItem>,
    /// Items on its true-up.
    pub true_ups: Vec<CreditedItem>,
}

/// An item of a note.
#[derive(Debug, Clone, PartialEq)]
pub struct CreditedItem {
    /// Name of its group or add-on.
    pub name: String,
    /// Without tax.
    pub amount_cents: i64,
    /// Rates of the note's taxes that the item's fee bears, in percent.
    pub tax_rates: Vec<Decimal>,
}
