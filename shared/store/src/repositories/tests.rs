//! Questions and their answers, over the real table in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::credit_note::{self, CreditNote, CreditStatus};
use domain::customer::Customer;
use domain::id::{CustomerId, FeeId, InvoiceId, MetricId, PlanId, SubscriptionId, TaxId, WebhookId};
use domain::invoice::{Fee, Invoice, PaymentStatus};
use domain::metric::Metric;
use domain::metric::groups::Groups;
use domain::plan::Plan;
use domain::subscription::Subscription;
use domain::tax::Tax;
use rust_decimal::Decimal;

use super::Store;
use crate::alias::{Alias, kinds};
use crate::commit::{Commit, CommitError};
use crate::items::samples::{self, at, id, organization_id, scope};
use crate::items::{Chain, DraftNotes, Member, RunningNumber, SETTLING, Webhook};
use crate::keys::{self, Owner, Timeline};
use crate::outbox;
use crate::record::{Record, Scope};
use crate::sqlite::{Database, SqliteTable};
use crate::table::{Condition, Query, Write};

fn store() -> Store {
    let now = Arc::new(|| at("2024-02-01T00:00:00Z").timestamp());
    Store::new(Arc::new(SqliteTable::open(Database::temporary().unwrap(), now, &[outbox::KIND])))
}

/// Each commit with a sequence of its own, as hosts give them.
fn commit() -> Commit {
    static SEQUENCE: AtomicI64 = AtomicI64::new(1_706_745_600_000_000);
    Commit::new(scope(), SEQUENCE.fetch_add(1, Ordering::Relaxed))
}

async fn create<R: Record>(store: &Store, record: &R) {
    commit().create(record).execute(store.table()).await.unwrap();
}

#[tokio::test]
async fn organizations_and_keys_are_found() {
    let store = store();
    let org = organization_id();
    assert!(store.organization(org).await.unwrap().is_none());
    create(&store, &samples::organization(true)).await;
    create(&store, &samples::key_holder(false)).await;
    let newer = crate::items::ApiKey { id: domain::id::ApiKeyId(id(0)), created_seq: 13, ..samples::api_key(true) };
    create(&store, &newer).await;
    create(&store, &samples::api_key(false)).await;
    assert_eq!(store.organization(org).await.unwrap().unwrap().value, samples::organization(true));
    let holder = store.api_key_holder(&"ab".repeat(32)).await.unwrap();
    assert_eq!(holder.map(|holder| holder.value), Some(samples::key_holder(false)));
    assert!(store.api_key_holder("cd").await.unwrap().is_none());
    let found = store.api_keys(org).await.unwrap();
    assert_eq!(found.iter().map(|key| key.created_seq).collect::<Vec<_>>(), [12, 13]);
}

#[tokio::test]
async fn saving_creates_first_and_then_replaces_what_was_read() {
    let store = store();
    let (org, name) = (organization_id(), "customers");
    for value in 1..=3 {
        let read = store.running_number(org, name).await.unwrap();
        assert_eq!(read.as_ref().map_or(0, |number| number.value.value), value - 1);
        let next = RunningNumber { name: name.into(), value };
        commit().save(read.as_ref(), &next).execute(store.table()).await.unwrap();
        // The same decision again meets the first.
        let again = commit().save(read.as_ref(), &next).execute(store.table()).await;
        assert!(matches!(again, Err(CommitError::Conflict)));
    }
    assert_eq!(store.running_number(org, name).await.unwrap().unwrap().version, 3);
}

#[tokio::test]
async fn a_commit_whose_reads_have_changed_writes_nothing() {
    let store = store();
    let org = organization_id();
    create(&store, &samples::customer(false)).await;
    create(&store, &samples::tax(false)).await;
    let customer = store.customer(org, CustomerId(id(3))).await.unwrap().unwrap();
    let renamed = Customer { name: Some("New".into()), ..customer.value.clone() };
    commit().update(&customer, &renamed).execute(store.table()).await.unwrap();
    let tax = store.tax(org).await;
    let changed = Tax { name: "GST".into(), ..tax.value.clone() };
    let late = commit().update(&tax, &changed).unchanged(&customer).execute(store.table()).await;
    assert!(matches!(late, Err(CommitError::Conflict)));
    assert_eq!(store.tax(org).await.value, samples::tax(false));
    assert_eq!(store.customer(org, CustomerId(id(3))).await.unwrap().unwrap().value, renamed);
}

impl Store {
    async fn tax(&self, org: domain::id::OrganizationId) -> crate::record::Versioned<Tax> {
        self.taxes(org).await.unwrap().remove(0)
    }
}

#[tokio::test]
async fn the_catalogue_is_found_by_code_and_listed_newest_first() {
    let store = store();
    let org = organization_id();
    for number in 0..5_i64 {
        let uuid = id(1000 + u128::from(number.unsigned_abs()));
        let code = format!("code {number}");
        let alias = |kind: &str| Alias::new(kind, &code, uuid);
        // Two of each instant: ties go by sequence.
        let created_at = at("2024-01-01T00:00:00Z") + chrono::TimeDelta::days(number / 2);
        let tax = Tax { id: TaxId(uuid), code: code.clone(), created_at, created_seq: number, ..samples::tax(true) };
        let metric = Metric {
            id: MetricId(uuid),
            code: code.clone(),
            created_at,
            created_seq: number,
            deleted_at: (number == 4).then_some(created_at),
            ..samples::metric(Groups::None, false)
        };
        let plan = Plan {
            id: PlanId(uuid),
            code: code.clone(),
            created_at,
            created_seq: number,
            pending_deletion: number == 4,
            ..samples::plan(false)
        };
        let all = commit().create(&tax).create(&metric).create(&plan);
        let all = all.claim(&alias(kinds::TAX)).claim(&alias(kinds::METRIC)).claim(&alias(kinds::PLAN));
        all.execute(store.table()).await.unwrap();
    }
    let taken = commit().claim(&Alias::new(kinds::TAX, "code 1", id(1))).execute(store.table()).await;
    assert!(matches!(taken, Err(CommitError::Conflict)));

    let seqs = |taxes: Vec<crate::record::Versioned<Tax>>| taxes.iter().map(|tax| tax.created_seq).collect::<Vec<_>>();
    assert_eq!(seqs(store.taxes(org).await.unwrap()), [4, 3, 2, 1, 0]);
    assert_eq!(store.metrics(org).await.unwrap()[0].created_seq, 4);
    assert_eq!(store.tax_by_code(org, "code 2").await.unwrap().unwrap().created_seq, 2);
    assert!(store.tax_by_code(org, "code").await.unwrap().is_none());
    assert_eq!(store.metric_by_code(org, "code 3").await.unwrap().unwrap().created_seq, 3);
    assert!(store.metric_by_code(org, "code 4").await.unwrap().is_none());
    assert!(store.metric(org, MetricId(id(1004))).await.unwrap().is_some());
    assert!(store.plan_by_code(org, "code 4").await.unwrap().is_none());
    assert_eq!(store.plan_by_code(org, "code 0").await.unwrap().unwrap().created_seq, 0);
    assert!(store.plan(org, PlanId(id(1004))).await.unwrap().is_some());

    let listed = store.list_plans(org, |total| 1..total).await.unwrap();
    assert_eq!(listed.total, 4);
    assert_eq!(listed.entries.iter().map(|plan| plan.created_seq).collect::<Vec<_>>(), [2, 1, 0]);
    assert_eq!(store.list_plans(org, |_| 10..20).await.unwrap().entries.len(), 0);
    let by_id = store.plans_by_id(org, &[PlanId(id(1003)), PlanId(id(1)), PlanId(id(1001))]).await.unwrap();
    assert_eq!(by_id.iter().map(|plan| plan.created_seq).collect::<Vec<_>>(), [3, 1]);
}

#[tokio::test]
async fn a_customers_file_is_one_query() {
    let store = store();
    let org = organization_id();
    let customer_id = CustomerId(id(3));
    assert!(store.customer_file(org, customer_id).await.unwrap().is_none());
    let alias = Alias::new(kinds::CUSTOMER, &samples::customer(false).external_id, customer_id);
    commit().create(&samples::customer(false)).claim(&alias).execute(store.table()).await.unwrap();
    let mut members = Vec::new();
    for (state, number) in samples::states().into_iter().zip([5, 3, 9, 1, 7]) {
        let subscription = Subscription {
            id: SubscriptionId(id(2000 + number)),
            created_seq: i64::try_from(number).unwrap(),
            ..samples::subscription(state, false)
        };
        create(&store, &subscription).await;
        members.push(Member { customer_id, subscription_id: subscription.id, created_seq: subscription.created_seq });
    }
    let file = store.customer_file(org, customer_id).await.unwrap().unwrap();
    assert_eq!(file.customer.value, samples::customer(false));
    let seqs = |records: &[crate::record::Versioned<Subscription>]| {
        records.iter().map(|record| record.created_seq).collect::<Vec<_>>()
    };
    assert_eq!(seqs(&file.subscriptions), [1, 3, 5, 7, 9]);
    assert_eq!(seqs(&store.list_subscriptions(org).await.unwrap()), [1, 3, 5, 7, 9]);
    assert_eq!(seqs(&store.subscriptions_of_plan(org, PlanId(id(11))).await.unwrap()), [1, 3, 5, 7, 9]);
    assert_eq!(seqs(&store.subscriptions_of_plan(org, PlanId(id(12))).await.unwrap()), [0_i64; 0]);
    let active = file.subscriptions.iter().filter(|record| record.is_active()).count();
    assert_eq!(store.active_subscribers(org, PlanId(id(11))).await.unwrap(), vec![customer_id; active]);
    assert!(active > 0 && store.is_subscribed_to(org, PlanId(id(11))).await.unwrap());
    assert!(!store.is_subscribed_to(org, PlanId(id(12))).await.unwrap());

    assert_eq!(seqs(&store.subscriptions_by_external_id(org, "sub-1").await.unwrap()), [0_i64; 0]);
    create(&store, &Chain { external_id: "sub-1".into(), members: members.clone() }).await;
    assert_eq!(seqs(&store.subscriptions_by_external_id(org, "sub-1").await.unwrap()), [5, 3, 9, 1, 7]);
    let chain = store.chain(org, "sub-1").await.unwrap().unwrap();
    members.push(Member { customer_id, subscription_id: SubscriptionId(id(1)), created_seq: 1 });
    commit().update(&chain, &Chain { members, ..chain.value.clone() }).execute(store.table()).await.unwrap();
    assert!(store.subscriptions_by_external_id(org, "sub-1").await.is_err());

    let external_id = samples::customer(false).external_id;
    let customer = store.customer_by_external_id(org, &external_id).await.unwrap().unwrap();
    assert_eq!(store.list_customers(org, |total| 0..total).await.unwrap().total, 1);
    let deleted = Customer { deleted_at: Some(at("2024-03-01T00:00:00Z")), ..customer.value.clone() };
    commit().update(&customer, &deleted).execute(store.table()).await.unwrap();
    assert!(store.customer_by_external_id(org, &external_id).await.unwrap().is_none());
    assert_eq!(store.list_customers(org, |total| 0..total).await.unwrap().total, 0);
    assert_eq!(store.customer_file(org, customer_id).await.unwrap().unwrap().customer.value, deleted);
}

/// Fees that do not compress well: ids and amounts differ everywhere.
fn many_fees(count: u128, salt: i64) -> Vec<Fee> {
    let mut details = samples::details().into_iter().cycle();
    let fee = |number: u128| {
        let digits = i64::try_from(number).unwrap() + salt;
        let mut fee = samples::fee(number, samples::charge_item(details.next().unwrap(), true), true);
        fee.id = FeeId(domain::id::derived("fee", &[&digits.to_be_bytes()]));
        fee.units = Decimal::new(digits * 7_919_731 + 13, 5);
        fee.amount_cents = digits;
        fee.external_subscription_id = Some(domain::id::derived("sub", &[&digits.to_be_bytes()]).to_string());
        fee
    };
    (0..count).map(fee).collect()
}

async fn items_of(store: &Store, invoice: &Invoice) -> usize {
    let partition = keys::invoice(organization_id(), invoice.id).partition;
    store.items(Query::partition(partition)).await.unwrap().len()
}

#[tokio::test]
async fn invoices_hold_any_number_of_fees() {
    let store = store();
    let org = organization_id();
    for (count, fits) in [(0, true), (1, true), (1_500, true), (6_000, false)] {
        let uuid = id(3000 + count);
        let invoice = Invoice { id: InvoiceId(uuid), fees: many_fees(count, 0), ..samples::invoice(true) };
        commit().create_invoice(&invoice).execute(store.table()).await.unwrap();
        let read = store.invoice(org, invoice.id).await.unwrap().unwrap();
        assert_eq!((read.version, &read.value), (1, &invoice), "{count}");
        assert_eq!(items_of(&store, &invoice).await == 1, fits, "{count}");
        let again = commit().create_invoice(&invoice).execute(store.table()).await;
        assert!(matches!(again, Err(CommitError::Conflict)));

        // Other fees: the old pages are gone.
        let pages = items_of(&store, &invoice).await;
        let refreshed = Invoice { fees: many_fees(count, 1_000_000), ..invoice.clone() };
        commit().update_invoice(&read, &refreshed).execute(store.table()).await.unwrap();
        let read = store.invoice(org, invoice.id).await.unwrap().unwrap();
        assert_eq!((read.version, &read.value), (2, &refreshed));
        assert_eq!(items_of(&store, &invoice).await, pages);

        // The same fees: the pages stay.
        let paid = Invoice { payment_status: PaymentStatus::Failed, ..refreshed.clone() };
        commit().update_invoice(&read, &paid).execute(store.table()).await.unwrap();
        assert_eq!(store.invoice(org, invoice.id).await.unwrap().unwrap().value, paid);
        assert_eq!(items_of(&store, &invoice).await, pages);

        // A writer that read before changes nothing that a reader sees.
        let late = commit().update_invoice(&read, &invoice).execute(store.table()).await;
        assert!(matches!(late, Err(CommitError::Conflict)));
        let read = store.invoice(org, invoice.id).await.unwrap().unwrap();
        assert_eq!(read.value, paid);

        // Back to few.
        let few = Invoice { fees: many_fees(2, 5), ..paid };
        commit().update_invoice(&read, &few).execute(store.table()).await.unwrap();
        assert_eq!(store.invoice(org, invoice.id).await.unwrap().unwrap().value, few);
    }
}

#[tokio::test]
async fn invoices_are_listed_newest_first_and_large_ones_without_fees() {
    let store = store();
    let org = organization_id();
    for number in 0..4_u128 {
        let invoice = Invoice {
            id: InvoiceId(id(4000 + number)),
            customer_id: CustomerId(id(number % 2)),
            created_seq: i64::try_from(number).unwrap(),
            fees: many_fees(if number == 3 { 6_000 } else { 3 }, 0),
            ..samples::invoice(true)
        };
        commit().create_invoice(&invoice).execute(store.table()).await.unwrap();
    }
    let listed = store.list_invoices(org, None, |total| 0..total).await.unwrap();
    let view: Vec<_> = listed.entries.iter().map(|invoice| (invoice.created_seq, invoice.fees.len())).collect();
    assert_eq!((listed.total, view), (4, vec![(3, 0), (2, 3), (1, 3), (0, 3)]));
    let of_customer = store.list_invoices(org, Some(CustomerId(id(0))), |total| 0..total).await.unwrap();
    assert_eq!(of_customer.entries.iter().map(|invoice| invoice.created_seq).collect::<Vec<_>>(), [2, 0]);

    // What came without its fees cannot be written, and nothing else reads it without them.
    let large = &listed.entries[0];
    let update = commit().update_invoice(large, large).execute(store.table()).await;
    assert!(matches!(update, Err(CommitError::Encode(_))));
    let check = commit().unchanged(large).execute(store.table()).await;
    assert!(matches!(check, Err(CommitError::Conflict)));
    assert!(store.load::<Invoice>(&keys::invoice(org, large.id)).await.is_err());
}

#[tokio::test]
async fn webhooks_are_listed_the_last_changed_first() {
    let store = store();
    let org = organization_id();
    for number in 0..3_u8 {
        let webhook = Webhook {
            id: WebhookId(id(5000 + u128::from(number))),
            updated_at: at("2024-02-01T00:00:00Z") + chrono::TimeDelta::seconds((7 * i64::from(number)) % 5),
            created_seq: 1_706_745_600_000_000 + i64::from(number),
            ..samples::webhook(true)
        };
        create(&store, &webhook).await;
    }
    let listed = store.webhooks_of_endpoint(org, samples::webhook(true).endpoint_id, |total| 0..total).await.unwrap();
    // They changed at second 0, 2 and 4.
    let seqs: Vec<_> = listed.entries.iter().map(|webhook| webhook.created_seq % 1000).collect();
    assert_eq!(seqs, [2, 1, 0]);
    assert!(store.webhook(org, WebhookId(id(5001))).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_due_is_found_in_order() {
    let store = store();
    let org = organization_id();
    let sandbox = Scope { timeline: Timeline::Sandbox, ..scope() };
    let partition = keys::due_in_sandbox(org);
    assert_eq!(store.due(&partition, domain::time::Instant::MAX_UTC, 1).await.unwrap(), []);
    let mut expected = Vec::new();
    for number in [3_u8, 1, 2] {
        let due_at = at("2024-03-01T00:00:00Z") + chrono::TimeDelta::hours(number.into());
        let subscription = Subscription {
            id: SubscriptionId(id(number.into())),
            created_seq: number.into(),
            next_due: Some(due_at),
            ..samples::subscription(samples::states()[1], true)
        };
        Commit::new(sandbox, 1).create(&subscription).execute(store.table()).await.unwrap();
        expected.push((subscription.key(sandbox), due_at));
    }
    let invoice = Invoice { next_due: Some(at("2024-03-01T00:30:00Z")), ..samples::invoice(true) };
    Commit::new(sandbox, 1).create_invoice(&invoice).execute(store.table()).await.unwrap();
    expected.push((invoice.key(sandbox), at("2024-03-01T00:30:00Z")));
    expected.sort_by_key(|(_, at)| *at);

    let due = store.due(&partition, at("2024-03-01T02:00:00Z"), 10).await.unwrap();
    assert_eq!(due.iter().map(|due| (due.key.clone(), due.at)).collect::<Vec<_>>(), expected[..3]);
    assert_eq!(due[0].owner, Some((org, Owner::Invoice(invoice.id))));
    assert_eq!(due[1].owner, Some((org, Owner::Customer(CustomerId(id(3))))));
    assert_eq!(store.due(&partition, at("2024-03-01T02:00:00Z"), 2).await.unwrap().len(), 2);
    assert_eq!(store.due(&partition, at("2024-03-01T00:29:59Z"), 2).await.unwrap().len(), 0);
    let first = store.due(&partition, domain::time::Instant::MAX_UTC, 1).await.unwrap();
    assert_eq!(first.iter().map(|due| due.at).collect::<Vec<_>>(), [at("2024-03-01T00:30:00Z")]);

    // On the real clock everything of a customer is in one shard, a settling time later.
    let real = Subscription {
        id: SubscriptionId(id(77)),
        created_seq: 77,
        ..samples::subscription(samples::states()[1], true)
    };
    create(&store, &real).await;
    let mut found = Vec::new();
    for shard in 0..keys::DUE_SHARDS {
        found.extend(store.due(&keys::due_shard(shard), at("2025-01-01T00:00:00Z"), 10).await.unwrap());
    }
    assert_eq!(found.iter().map(|due| due.at).collect::<Vec<_>>(), [at("2024-03-01T00:00:00Z") + SETTLING]);
}

#[tokio::test]
async fn a_sandbox_has_work_until_the_last_piece_is_done() {
    let store = store();
    let org = organization_id();
    let seq = 1_706_745_600_000_000;
    assert!(!store.unfinished_work(org, "").await.unwrap());
    for name in ["a", "b"] {
        let put = Write::Put(outbox::work_item(org, name, seq), Condition::None);
        commit().write(put).execute(store.table()).await.unwrap();
    }
    assert!(store.unfinished_work(org, "").await.unwrap());
    crate::commit::work_done(store.table(), org, "a").await.unwrap();
    assert!(store.unfinished_work(org, "").await.unwrap());
    crate::commit::work_done(store.table(), org, "b").await.unwrap();
    assert!(!store.unfinished_work(org, "").await.unwrap());
    // Forgotten work does not count.
    let put = Write::Put(outbox::work_item(org, "c", seq - 3_600_000_000), Condition::None);
    commit().write(put).execute(store.table()).await.unwrap();
    assert!(!store.unfinished_work(org, "").await.unwrap());
}

#[tokio::test]
async fn notes_of_an_invoice_are_found_wherever_they_stand() {
    let store = store();
    let org = organization_id();
    let invoice = Invoice { last_credit_note_sequence: 3, ..samples::invoice(false) };
    let note = |place: i64| CreditNote {
        id: credit_note::note_id(invoice.id, place),
        sequential_id: place,
        status: credit_note::Status::Finalized,
        credit_amount_cents: 10,
        balance_amount_cents: 10,
        created_seq: place,
        ..samples::credit_note(false)
    };
    let numbers = async || -> Vec<i64> {
        let notes = store.notes_of_invoice(org, &invoice).await.unwrap();
        notes.all().iter().map(|note| note.sequential_id).collect()
    };
    assert!(numbers().await.is_empty());
    let drafts = DraftNotes { invoice: invoice.id, notes: vec![note(1), note(2)] };
    commit().save_draft_notes(None, &drafts).execute(store.table()).await.unwrap();
    assert_eq!(numbers().await, [1, 2]);
    assert!(store.credit_note(org, note(1).id).await.unwrap().is_none(), "a draft's note is not to be seen");

    // One moves out, another is made at once.
    let read = store.notes_of_invoice(org, &invoice).await.unwrap().drafts.unwrap();
    let left = DraftNotes { invoice: invoice.id, notes: vec![note(2)] };
    commit()
        .save_draft_notes(Some(&read), &left)
        .create_credit_note(&note(1))
        .create_credit_note(&note(3))
        .execute(store.table())
        .await
        .unwrap();
    assert_eq!(numbers().await, [1, 2, 3]);
    let read = store.notes_of_invoice(org, &invoice).await.unwrap().drafts.unwrap();
    let none = DraftNotes { invoice: invoice.id, notes: Vec::new() };
    commit().save_draft_notes(Some(&read), &none).execute(store.table()).await.unwrap();
    assert_eq!(numbers().await, [1, 3]);
    let listed = store.list_credit_notes(org, Some(invoice.customer_id), |total| 0..total).await.unwrap();
    assert_eq!(listed.entries.iter().map(|note| note.sequential_id).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(store.list_credit_notes(org, None, |_| 0..1).await.unwrap().total, 2);
}

#[tokio::test]
async fn a_note_has_a_mark_while_it_can_pay() {
    let store = store();
    let org = organization_id();
    create(&store, &samples::customer(false)).await;
    let live =
        async || -> usize { store.customer_file(org, samples::customer(false).id).await.unwrap().unwrap().live.len() };
    let note = CreditNote {
        status: credit_note::Status::Finalized,
        credit_amount_cents: 10,
        balance_amount_cents: 10,
        ..samples::credit_note(false)
    };
    commit().create_credit_note(&note).execute(store.table()).await.unwrap();
    assert_eq!(live().await, 1);
    let change = async |balance_amount_cents, credit_status| {
        let read = store.credit_note(org, note.id).await.unwrap().unwrap();
        let changed = CreditNote { balance_amount_cents, credit_status, ..note.clone() };
        commit().update_credit_note(&read, &changed).execute(store.table()).await.unwrap();
        live().await
    };
    assert_eq!(change(10, CreditStatus::Available).await, 1);
    let voided = CreditStatus::Voided { voided_at: samples::at("2024-03-01T00:00:00Z"), given_up_cents: 10 };
    // Changes of the balance that no event explains are refused by the books: giving it up is one.
    assert_eq!(change(0, voided).await, 0);
    assert_eq!(change(0, voided).await, 0);
}
