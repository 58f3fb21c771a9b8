//! The real clock: finds what is due and puts it on the billing queue. No arithmetic here: a job says up to when, and the
//! closing decides.

use std::collections::BTreeSet;

use store::keys::{self, DUE_SHARDS, Owner};

use crate::jobs::{self, BillingJob};
use crate::ports::Queue;
use crate::{App, Outcome};

/// Most due entries of one shard that one tick takes up; the rest is due at the next.
const DUE_PER_SHARD_MAX: usize = 5000;
/// Messages handed to the queue at once.
const MESSAGES_AT_ONCE: usize = 100;

/// Enqueues a job for everything that is due by now. Doing it twice is harmless.
///
/// # Errors
/// `Unavailable`: the next tick finds the same again.
pub async fn enqueue_due(app: &App) -> Outcome<()> {
    let now = app.clock.now();
    let mut enqueued = 0;
    for shard in 0..DUE_SHARDS {
        let due = app.store.due(&keys::due_shard(shard), now, DUE_PER_SHARD_MAX).await?;
        // Several subscriptions of one customer are one job.
        let mut seen = BTreeSet::new();
        let mut messages = Vec::new();
        for (organization, owner) in due.into_iter().filter_map(|entry| entry.owner) {
            if !seen.insert((organization, owner)) {
                continue;
            }
            let job = match owner {
                Owner::Customer(customer) => {
                    BillingJob::CloseCustomer { organization_id: organization.0, customer_id: customer.0, until: now }
                }
                Owner::Invoice(invoice) => {
                    BillingJob::FinalizeInvoice { organization_id: organization.0, invoice_id: invoice.0, at: now }
                }
                Owner::EventHour(hour) => BillingJob::CheckEvents { organization_id: organization.0, hour },
                Owner::Wallet(wallet) => BillingJob::RunWallet {
                    organization_id: organization.0,
                    wallet_id: wallet.0,
                    until: now,
                    work: None,
                },
                Owner::Coupon(coupon) => {
                    BillingJob::ExpireCoupon { organization_id: organization.0, coupon_id: coupon.0, at: now }
                }
                // Retries of webhooks wait in their queue on the real clock.
                Owner::Webhook(_) => continue,
            };
            messages.push(jobs::outgoing(Queue::Billing, &job, 0));
        }
        enqueued += messages.len();
        for part in messages.chunks(MESSAGES_AT_ONCE) {
            app.queues.send(part.to_vec()).await?;
        }
    }
    tracing::info!(jobs.enqueued = enqueued, "{enqueued} billing jobs are due");
    Ok(())
}
