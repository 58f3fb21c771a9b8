//! What may still be given back of an invoice, and the checks of a new note (chapter 04, 10.3, 10.4, 10.7, 10.8).

use rust_decimal::Decimal;

use super::{Amounts, CreditNote, Line, amounts};
use crate::id::FeeId;
use crate::invoice::{AmountOverflow, Fee, Invoice, Kind, PaymentStatus, Status};
use crate::number;
use crate::problem::{Problems, codes};

/// Why a note is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 405 `invalid_type_or_status`: of this invoice nothing is given back.
    #[error("the invoice's type or status forbids it")]
    TypeOrStatus,
    /// 404 `fee_not_found`: the fee is not on the invoice.
    #[error("a fee is not on the invoice")]
    FeeNotFound,
    /// 422.
    #[error("the input is not valid")]
    Invalid(Problems),
    /// The amounts leave the range of exact decimals.
    #[error(transparent)]
    Overflow(#[from] AmountOverflow),
}

impl Refusal {
    fn of(field: &str, code: &str) -> Refusal {
        Refusal::Invalid(Problems::one(field, code))
    }
}

/// An item as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The fee; none if the text was no id.
    pub fee_id: Option<FeeId>,
    /// Without tax, before coupons, minor units; or what is wrong with it.
    pub amount_cents: Result<i64, &'static str>,
}

/// An invoice with its credit notes, drafts included.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// The invoice.
    pub invoice: &'a Invoice,
    /// Its notes.
    pub notes: &'a [CreditNote],
}

impl<'a> Limits<'a> {
    /// Whether notes can be made of the invoice at all: not of a purchase of credits, not of a voided one (00-index).
    ///
    /// # Errors
    /// `TypeOrStatus`.
    pub fn check_invoice(&self) -> Result<(), Refusal> {
        let is_voided = matches!(self.invoice.status, Status::Voided { .. });
        if self.invoice.kind == Kind::Credit || is_voided { Err(Refusal::TypeOrStatus) } else { Ok(()) }
    }

    /// The parts of fees that were asked for: the first one that is not possible ends it (chapter 04, 10.3).
    ///
    /// # Errors
    /// `FeeNotFound`, or one code under `amount_cents`.
    pub fn check_items(&self, wanted: &[Wanted]) -> Result<Vec<Line<'a>>, Refusal> {
        let left = self.left_cents()?;
        let mut lines: Vec<Line<'a>> = Vec::with_capacity(wanted.len());
        for item in wanted {
            let fee = self.invoice.fees.iter().find(|fee| Some(fee.id) == item.fee_id).ok_or(Refusal::FeeNotFound)?;
            let amount = item.amount_cents.map_err(|code| Refusal::of("amount_cents", code))?;
            let earlier: Decimal = lines.iter().filter(|line| line.fee.id == fee.id).map(|line| line.amount).sum();
            let line = Line { fee, amount: amount.into() };
            self.check_item(&line, earlier, left)?;
            lines.push(line);
        }
        Ok(lines)
    }

    /// One item: above 0, within the fee, within the invoice.
    fn check_item(&self, line: &Line<'_>, earlier: Decimal, left_cents: i64) -> Result<(), Refusal> {
        if line.amount <= Decimal::ZERO {
            return Err(Refusal::of("amount_cents", codes::INVALID_VALUE));
        }
        if line.amount > self.left_of(line.fee) - earlier {
            return Err(Refusal::of("amount_cents", codes::ABOVE_FEE));
        }
        let tax = number::mul_div(line.amount, line.fee.taxes_rate, Decimal::ONE_HUNDRED);
        if amounts::cents(amounts::sum([line.amount, tax])?) > left_cents {
            return Err(Refusal::of("amount_cents", codes::ABOVE_INVOICE));
        }
        Ok(())
    }

    /// The note as a whole: everything that is wrong at once (chapter 04, 10.3).
    ///
    /// # Errors
    /// `Invalid`.
    pub fn check_note(&self, priced: &Amounts, credit_cents: i64, refund_cents: i64) -> Result<(), Refusal> {
        let mut problems = Problems::default();
        let total = i128::from(credit_cents) + i128::from(refund_cents);
        if refund_cents > 0 && self.invoice.payment_status != PaymentStatus::Succeeded {
            problems.add("refund_amount_cents", codes::UNPAID);
        }
        if total != i128::from(priced.total_cents) {
            problems.add("base", codes::MISMATCH);
        }
        if refund_cents > self.invoice.totals.total.saturating_sub(self.refunded_cents()) {
            problems.add("refund_amount_cents", codes::ABOVE_INVOICE);
        }
        let gross = self.gross_cents()?;
        if credit_cents > gross.saturating_sub(self.credited_cents()) {
            problems.add("credit_amount_cents", codes::ABOVE_INVOICE);
        }
        if total > i128::from(self.left_cents()?) {
            problems.add("base", codes::ABOVE_INVOICE);
        }
        problems.or(()).map_err(Refusal::Invalid)
    }

    /// `G`: the invoice's fees with their taxes, coupons ignored (chapter 04, 10.3).
    ///
    /// # Errors
    /// The sum leaves the range of exact decimals.
    pub fn gross_cents(&self) -> Result<i64, AmountOverflow> {
        let fees = &self.invoice.fees;
        let tax = |fee: &Fee| number::mul_div(fee.amount_cents.into(), fee.taxes_rate, Decimal::ONE_HUNDRED);
        let taxes = number::round(amounts::sum(fees.iter().map(tax))?, 0);
        let amount = amounts::sum(fees.iter().map(|fee| Decimal::from(fee.amount_cents)))?;
        Ok(amounts::cents(amounts::sum([amount, taxes])?))
    }

    /// `G - K`: what no note has given back yet. Drafts count: nothing else would keep two of them within the invoice.
    ///
    /// # Errors
    /// See `gross_cents`.
    pub fn left_cents(&self) -> Result<i64, AmountOverflow> {
        Ok(self.gross_cents()?.saturating_sub(self.total_of(CreditNote::counted_total_cents)))
    }

    /// What no item has given back of a fee yet.
    #[must_use]
    pub fn left_of(&self, fee: &Fee) -> Decimal {
        Decimal::from(fee.amount_cents) - self.given_back_of(fee.id)
    }

    /// What items have given back of a fee.
    #[must_use]
    pub fn given_back_of(&self, fee: FeeId) -> Decimal {
        self.notes.iter().map(|note| note.counted_of(fee)).sum()
    }

    fn credited_cents(&self) -> i64 {
        self.total_of(CreditNote::counted_credit_cents)
    }

    fn refunded_cents(&self) -> i64 {
        self.total_of(|note| note.refund_amount_cents)
    }

    fn total_of(&self, amount: impl Fn(&CreditNote) -> i64) -> i64 {
        self.notes.iter().map(amount).fold(0, i64::saturating_add)
    }

    /// What can still be credited of the invoice after coupons and with taxes, minor units (chapter 04, 10.7).
    ///
    /// # Errors
    /// An amount leaves the range of exact decimals.
    pub fn creditable(&self) -> Result<Decimal, AmountOverflow> {
        let invoice = self.invoice;
        if invoice.status == Status::Draft || invoice.kind == Kind::Credit {
            return Ok(Decimal::ZERO);
        }
        let left: Vec<(&Fee, Decimal)> = invoice.fees.iter().map(|fee| (fee, self.left_of(fee))).collect();
        let sum = amounts::sum(left.iter().map(|(_, left)| *left))?;
        if sum.is_zero() {
            return Ok(Decimal::ZERO);
        }
        let coupons = number::mul_div(invoice.totals.coupons.into(), sum, invoice.totals.fees.into());
        let taxes = amounts::sum(left.iter().map(|(fee, left)| {
            let net = left - number::mul_div(coupons, *left, sum);
            number::mul_div(net, fee.taxes_rate, Decimal::ONE_HUNDRED)
        }))?;
        amounts::sum([sum - coupons, number::round(taxes, 0)])
    }

    /// What can still be paid out of the invoice, minor units: nothing unless it was paid, and never what credit notes and
    /// prepaid credits paid (chapter 04, 10.7).
    ///
    /// # Errors
    /// As `creditable`.
    pub fn refundable(&self) -> Result<Decimal, AmountOverflow> {
        if self.invoice.payment_status != PaymentStatus::Succeeded {
            return Ok(Decimal::ZERO);
        }
        let paid_with_credits =
            Decimal::from(self.invoice.totals.credit_notes) + Decimal::from(self.invoice.totals.prepaid_credits);
        Ok((self.creditable()? - paid_with_credits).max(Decimal::ZERO))
    }

    /// The most that a note of these amounts may pay out (chapter 04, 10.8).
    ///
    /// # Errors
    /// As `creditable`.
    pub fn max_refundable_cents(&self, priced: &Amounts) -> Result<i64, AmountOverflow> {
        let refundable = amounts::cents(number::trunc(self.refundable()?, 0));
        Ok(priced.total_cents.min(refundable))
    }
}

/// What becomes of a credit for unused days that is above what is left of its invoice by a rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// The end of the subscription is refused (chapter 02, 9): somebody asked for it, and is told.
    Refuse,
    /// The credit is what is left: nobody is there to be told, and the end must happen.
    Limit,
}

/// The line, amounts and credit of an automatic note (chapter 04, 10.4, steps 5 and 6); none if nothing is left of its
/// invoice. Days that a coupon paid for are given back with a credit of nothing.
///
/// # Errors
/// `Invalid` with `Excess::Refuse` only.
pub fn automatic<'a>(
    limits: &Limits<'a>,
    fee: &'a Fee,
    amount: Decimal,
    excess: Excess,
) -> Result<Option<(Line<'a>, Amounts, i64)>, Refusal> {
    let line = Line { fee, amount };
    let priced = amounts(&[line])?;
    let credit = match excess {
        Excess::Refuse => {
            limits.check_item(&line, Decimal::ZERO, limits.left_cents()?)?;
            limits.check_note(&priced, priced.total_cents, 0)?;
            priced.total_cents
        }
        Excess::Limit => priced.total_cents.min(limits.left_cents()?),
    };
    let is_left = credit > 0 || priced.total_cents == 0;
    Ok(is_left.then_some((line, priced, credit.max(0))))
}
