//! Fees that never reach an invoice, and the payment of a fee by itself (chapter 03, 6.6 and 7.4).

use super::{Fee, FeePayment, FeePaymentStatus};
use crate::id::CustomerId;
use crate::money::Currency;
use crate::time::Instant;

/// A fee of a charge in advance that is not invoiceable: it stands for itself.
#[derive(Debug, Clone, PartialEq)]
pub struct UninvoicedFee {
    /// The fee.
    pub fee: Fee,
    /// The customer of its subscription.
    pub customer_id: CustomerId,
    /// Currency of its amounts.
    pub currency: Currency,
    /// Order of creation, for ties.
    pub created_seq: i64,
}

impl FeePayment {
    /// What a client's word makes of it: the status's own instant is `now`, the others stay; any status may follow any.
    #[must_use]
    pub fn said(self, status: FeePaymentStatus, now: Instant) -> FeePayment {
        let mut payment = FeePayment { status, ..self };
        match status {
            FeePaymentStatus::Pending => {}
            FeePaymentStatus::Succeeded => payment.succeeded_at = Some(now),
            FeePaymentStatus::Failed => payment.failed_at = Some(now),
            FeePaymentStatus::Refunded => payment.refunded_at = Some(now),
        }
        payment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_instant_and_the_others_stay() {
        let at = |seconds| Instant::from_timestamp(seconds, 0).unwrap_or_default();
        let paid = FeePayment::default().said(FeePaymentStatus::Succeeded, at(1));
        let refunded = paid.said(FeePaymentStatus::Refunded, at(2));
        let failed = refunded.said(FeePaymentStatus::Failed, at(3));
        let pending = failed.said(FeePaymentStatus::Pending, at(4));
        assert_eq!(paid.succeeded_at, Some(at(1)));
        assert_eq!((refunded.status, refunded.succeeded_at), (FeePaymentStatus::Refunded, Some(at(1))));
        assert_eq!((failed.failed_at, failed.refunded_at), (Some(at(3)), Some(at(2))));
        assert_eq!(pending, FeePayment { status: FeePaymentStatus::Pending, ..failed });
    }
}
