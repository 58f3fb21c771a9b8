//! What a customer can pay invoices with: loaded for a settlement, and stored as it leaves it (chapter 04, 3.2).
//!
//! Each kind of means is one field of `Purse`, loaded by the customer's live marks and spent in the invoice's own commit
//! under the versions that were read: two invoices never use the same coupon, note or credits.

use domain::coupon::AppliedCoupon;
use domain::credit_note::CreditNote;
use domain::id::{AppliedCouponId, CouponId, CreditNoteId, OrganizationId};
use domain::invoice::Invoice;
use domain::invoice::settlement::{Means, Prepaid, Used, UsedCoupon};
use domain::time::Zone;
use domain::wallet::{Change, Wallet};
use store::items::{CouponCredit, Live, LiveKind};
use store::{Commit, Versioned};

use crate::billing::Account;
use crate::{App, Failure, Outcome, wallet};

/// Most applied coupons that one invoice looks at: each may need two writes of its transaction. Those beyond it, in order of
/// application, wait for the next invoice.
/// (Credit notes, of which an invoice uses `domain::credit_note::consumption::NOTES_PER_INVOICE_MAX`, are in the same one.)
const COUPONS_MAX: usize = 20;

/// A customer's means, in the versions that were read.
pub(crate) struct Purse {
    coupons: Vec<Versioned<AppliedCoupon>>,
    credit_notes: Vec<Versioned<CreditNote>>,
    wallet: Option<Versioned<Wallet>>,
    /// Order of creation of what the wallet's use makes.
    wallet_seq: i64,
    zone: Zone,
}

impl Purse {
    /// Everything that can reduce an invoice of the account now.
    pub(crate) async fn load(app: &App, account: &Account) -> Outcome<Purse> {
        let ids = |kind| account.live.iter().filter(move |mark| mark.kind == kind).map(|mark| mark.id);
        let coupons: Vec<_> = ids(LiveKind::AppliedCoupon).map(AppliedCouponId).take(COUPONS_MAX).collect();
        // All of them: which are the oldest, only they know.
        let notes: Vec<_> = ids(LiveKind::CreditNote).map(CreditNoteId).collect();
        let organization = account.organization.id;
        Ok(Purse {
            coupons: coupons_of(app, organization, &coupons).await?,
            credit_notes: app.store.credit_notes_by_id(organization, &notes).await?,
            wallet: wallet::active(app, organization, &account.live).await?,
            wallet_seq: app.ids.sequence(),
            zone: account.zone(),
        })
    }

    /// As the settlement takes them.
    pub(crate) fn means(&self) -> Means {
        let (coupons, notes, wallet) = (self.coupons.iter(), self.credit_notes.iter(), self.wallet.as_ref());
        Means {
            coupons: coupons.map(|coupon| coupon.value.clone()).collect(),
            credit_notes: notes.map(|note| note.value.clone()).collect(),
            wallet: wallet.map(|wallet| Prepaid { wallet: wallet.value.clone(), created_seq: self.wallet_seq }),
        }
    }

    /// Adds what the invoice used to its commit. What is used up loses its mark.
    pub(crate) fn spend(&self, mut commit: Commit, invoice: &Invoice, used: &Used) -> Outcome<Commit> {
        for UsedCoupon { coupon, .. } in &used.coupons {
            let read = self.coupons.iter().find(|read| read.id == coupon.id);
            let read = read.ok_or_else(|| Failure::Bug(format!("coupon {} was used but not loaded", coupon.id)))?;
            commit = commit.update(read, coupon);
            commit = commit.bulk_record(&CouponCredit { applied_coupon: coupon.id, invoice: invoice.id });
            if !coupon.is_active() {
                commit = commit.remove(&mark_of(coupon));
            }
        }
        for note in &used.credit_notes {
            let read = self.credit_notes.iter().find(|read| read.id == note.id);
            let read = read.ok_or_else(|| Failure::Bug(format!("credit note {} was used but not loaded", note.id)))?;
            commit = commit.update_credit_note(read, note);
        }
        if let Some(change) = &used.wallet {
            let read =
                self.wallet.as_ref().ok_or_else(|| Failure::Bug("a wallet was used but not loaded".to_owned()))?;
            let scheduled = change.wallet.clone().scheduled(self.zone);
            commit = wallet::written(commit, read, &Change { wallet: scheduled, ..change.clone() }, &[]);
        }
        Ok(commit)
    }
}

/// Applied coupons under the names that their coupons have now. One whose coupon was deleted is as good as ended: the job
/// that ends it may still be on its way.
async fn coupons_of(
    app: &App,
    organization: OrganizationId,
    ids: &[AppliedCouponId],
) -> Outcome<Vec<Versioned<AppliedCoupon>>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut applied = app.store.applied_coupons_by_id(organization, ids).await?;
    let mut of: Vec<CouponId> = applied.iter().map(|applied| applied.coupon_id).collect();
    of.sort_unstable();
    of.dedup();
    let coupons = app.store.coupons_by_id(organization, &of).await?;
    applied.retain_mut(|applied| {
        let coupon = coupons.iter().find(|coupon| coupon.id == applied.coupon_id && coupon.deleted_at.is_none());
        if let Some(coupon) = coupon {
            applied.value.coupon_name.clone_from(&coupon.name);
        }
        coupon.is_some()
    });
    Ok(applied)
}

/// The mark of an active applied coupon.
pub(crate) fn mark_of(coupon: &AppliedCoupon) -> Live {
    Live {
        customer: coupon.customer_id,
        kind: LiveKind::AppliedCoupon,
        id: coupon.id.0,
        created_seq: coupon.created_seq,
    }
}
