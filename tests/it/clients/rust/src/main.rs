//! A customer's story through the official Rust client: every method of it that stands for an operation of January 2024.
//!
//! Arguments: URL and API key of a sandbox organization whose clock stands at 2024-01-01. Ends with a panic if a returned figure is
//! wrong. The client's other methods are of later operations: `list_customer_*`, charges and filters on their own, payments, logs,
//! `delete_invoice`, `retry_invoice`, and a preview whose body is not that of Weir's.

use lago_client::{Config, Credentials, LagoClient, Region};
use lago_types::error::LagoError;
use lago_types::filters::fee::FeeFilters;
use lago_types::filters::invoice::InvoiceFilters;
use lago_types::filters::subscription::SubscriptionFilters;
use lago_types::models::{
    BillableMetricAggregationType, ChargeModel, CouponExpiration, CouponFrequency, CreditNoteCreditStatus,
    CreditNoteReason, CreditNoteRefundStatus, FeeType, InvoicePaymentStatus, InvoiceStatus, InvoiceType,
    PaginationParams, PlanInterval, SubscriptionStatus,
};
use lago_types::requests::applied_coupon::{ApplyCouponInput, ApplyCouponRequest, ListAppliedCouponsRequest};
use lago_types::requests::billable_metric::{
    CreateBillableMetricInput, CreateBillableMetricRequest, GetBillableMetricRequest, ListBillableMetricsRequest,
    UpdateBillableMetricInput, UpdateBillableMetricRequest,
};
use lago_types::requests::coupon::{
    CreateCouponInput, CreateCouponRequest, DeleteCouponRequest, GetCouponRequest, ListCouponsRequest,
    UpdateCouponInput, UpdateCouponRequest,
};
use lago_types::requests::credit_note::{
    CreateCreditNoteInput, CreateCreditNoteItemInput, CreateCreditNoteRequest, GetCreditNoteRequest,
    ListCreditNotesRequest, UpdateCreditNoteInput, UpdateCreditNoteRequest,
};
use lago_types::requests::customer::{
    CreateCustomerInput, CreateCustomerRequest, GetCustomerRequest, ListCustomersRequest,
};
use lago_types::requests::customer_usage::GetCustomerCurrentUsageRequest;
use lago_types::requests::event::{CreateEventInput, CreateEventRequest, GetEventRequest, ListEventsRequest};
use lago_types::requests::fee::{GetFeeRequest, ListFeesRequest};
use lago_types::requests::invoice::{
    CreateInvoiceFeeInput, CreateInvoiceInput, CreateInvoiceRequest, DownloadInvoiceRequest, GetInvoiceRequest,
    ListInvoicesRequest, RefreshInvoiceRequest, RetryInvoicePaymentRequest, UpdateInvoiceInput,
    UpdateInvoiceMetadataInput, UpdateInvoiceRequest, VoidInvoiceRequest,
};
use lago_types::requests::plan::{
    CreatePlanChargeInput, CreatePlanInput, CreatePlanRequest, DeletePlanRequest, GetPlanRequest, ListPlansRequest,
    UpdatePlanInput, UpdatePlanRequest,
};
use lago_types::requests::subscription::{
    CreateSubscriptionInput, CreateSubscriptionRequest, DeleteSubscriptionRequest, GetSubscriptionRequest,
    ListSubscriptionsRequest, UpdateSubscriptionInput, UpdateSubscriptionRequest,
};
use serde_json::{Value, json};

/// What no method of the client does: taxes, add-ons, settings, and the test clock.
struct World {
    url: String,
    key: String,
    http: reqwest::Client,
}

impl World {
    async fn ask(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let request =
            self.http.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.key).json(&body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {answer}");
        answer
    }

    async fn post(&self, path: &str, body: Value) {
        self.ask(reqwest::Method::POST, path, body).await;
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        self.ask(reqwest::Method::PUT, path, body).await
    }

    async fn travel_to(&self, at: &str) {
        let clock = json!({"test_clock": {"frozen_time": at}});
        while self.put("/test_clock", clock.clone()).await["test_clock"]["status"] != "ready" {}
    }
}

fn s(text: &str) -> String {
    text.to_owned()
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (url, key) = (arguments.next().expect("URL"), arguments.next().expect("API key"));
    let api = Region::Custom(format!("{url}/api/v1"));
    let client = LagoClient::new(Config::builder().credentials(Credentials::new(&key)).region(api).build());
    let world = World { url, key, http: reqwest::Client::builder().no_proxy().build().unwrap() };
    catalogue(&client).await;
    usage(&world, &client).await;
    money(&world, &client).await;
    the_end(&client).await;
    println!("all methods told");
}

async fn catalogue(client: &LagoClient) {
    let metric = |code: &str, aggregation| CreateBillableMetricInput::new(s(code), s(code), aggregation);
    let calls = CreateBillableMetricRequest::new(metric("calls", BillableMetricAggregationType::CountAgg));
    let calls = client.create_billable_metric(calls).await.unwrap().billable_metric;
    let sms = metric("sms", BillableMetricAggregationType::SumAgg).with_field_name(s("parts"));
    let sms = client.create_billable_metric(CreateBillableMetricRequest::new(sms)).await.unwrap().billable_metric;
    assert_eq!((sms.code.as_str(), sms.field_name.as_deref()), ("sms", Some("parts")));
    let renamed = UpdateBillableMetricInput::new().with_name(s("API calls"));
    let renamed = UpdateBillableMetricRequest::new(s("calls"), renamed);
    assert_eq!(client.update_billable_metric(renamed).await.unwrap().billable_metric.name, "API calls");
    let found = client.get_billable_metric(GetBillableMetricRequest::new(s("calls"))).await.unwrap();
    assert_eq!(found.billable_metric.lago_id, calls.lago_id);
    let second = PaginationParams::new().with_page(2).with_per_page(1);
    let listed = ListBillableMetricsRequest::new().with_pagination(second);
    let listed = client.list_billable_metrics(Some(listed)).await.unwrap();
    assert_eq!((listed.billable_metrics[0].code.as_str(), listed.meta.total_count), ("calls", 2));

    let charge = |metric: &str, amount: &str| {
        CreatePlanChargeInput::new(s(metric), ChargeModel::Standard).with_properties(json!({ "amount": amount }))
    };
    let in_advance = charge(&sms.lago_id.to_string(), "0.5").with_pay_in_advance(true).with_invoiceable(false);
    let plan = CreatePlanInput::new(s("Pro"), s("pro"), PlanInterval::Monthly, 9000, s("EUR"))
        .with_pay_in_advance(false)
        .with_charges(vec![charge(&calls.lago_id.to_string(), "0.1"), in_advance]);
    let plan = client.create_plan(CreatePlanRequest::new(plan)).await.unwrap().plan;
    assert_eq!((plan.code.as_str(), plan.charges.unwrap().len()), ("pro", 2));
    let dearer = UpdatePlanRequest::new(s("pro"), UpdatePlanInput::new().with_amount_cents(10000));
    assert_eq!(client.update_plan(dearer).await.unwrap().plan.amount_cents, 10000);
    assert_eq!(client.get_plan(GetPlanRequest::new(s("pro"))).await.unwrap().plan.interval, PlanInterval::Monthly);
    let max = CreatePlanInput::new(s("Max"), s("max"), PlanInterval::Monthly, 20000, s("EUR"));
    client.create_plan(CreatePlanRequest::new(max.with_pay_in_advance(true))).await.unwrap();
    let plans = client.list_plans(Some(ListPlansRequest::new())).await.unwrap().plans;
    assert_eq!(plans.iter().map(|plan| plan.code.as_str()).collect::<Vec<_>>(), ["max", "pro"]);

    let (once, for_ever) = (CouponFrequency::Once, CouponExpiration::NoExpiration);
    let welcome = CreateCouponInput::fixed_amount(s("Welcome"), s("welcome"), 900, s("EUR"), once, for_ever);
    let welcome = client.create_coupon(CreateCouponRequest::new(welcome)).await.unwrap().coupon;
    assert_eq!(welcome.amount_cents, Some(900));
    let higher = UpdateCouponInput::new().with_fixed_amount(1000, s("EUR"));
    let higher = client.update_coupon(UpdateCouponRequest::new(s("welcome"), higher)).await.unwrap().coupon;
    assert_eq!(higher.amount_cents, Some(1000));
    let found = client.get_coupon(GetCouponRequest::new(s("welcome"))).await.unwrap().coupon;
    assert_eq!((found.code.as_str(), found.amount_currency.as_deref()), ("welcome", Some("EUR")));
    assert_eq!(client.list_coupons(Some(ListCouponsRequest::new())).await.unwrap().meta.total_count, 1);
}

async fn usage(world: &World, client: &LagoClient) {
    world
        .post("/taxes", json!({"tax": {"name": "VAT", "code": "vat", "rate": 20, "applied_to_organization": true}}))
        .await;
    let acme = CreateCustomerInput::new(s("acme"))
        .with_name(s("Acme"))
        .with_currency(s("EUR"))
        .with_email(s("a@acme.example"));
    let acme = client.create_customer(CreateCustomerRequest::new(acme)).await.unwrap().customer;
    assert_eq!((acme.external_id.as_deref(), acme.currency.as_deref()), (Some("acme"), Some("EUR")));
    let found = client.get_customer(GetCustomerRequest::new(s("acme"))).await.unwrap().customer;
    assert_eq!((found.lago_id, found.name.as_deref()), (acme.lago_id, Some("Acme")));
    let listed = client.list_customers(Some(ListCustomersRequest::new())).await.unwrap();
    assert_eq!(listed.customers.len(), 1);
    let nobody = client.get_customer(GetCustomerRequest::new(s("nobody"))).await;
    let Err(LagoError::Api { status: 404, message }) = nobody else { panic!("{nobody:?}") };
    assert!(message.contains("customer_not_found"), "{message}");

    let subscription = CreateSubscriptionInput::new(s("acme"), s("pro")).with_external_id(s("sub"));
    let request = CreateSubscriptionRequest::new(subscription);
    let subscription = client.create_subscription(request).await.unwrap().subscription;
    assert_eq!((subscription.status, subscription.plan_code.as_str()), (SubscriptionStatus::Active, "pro"));
    let renamed = UpdateSubscriptionInput::new().with_name(s("First"));
    let renamed = client.update_subscription(UpdateSubscriptionRequest::new(s("sub"), renamed)).await.unwrap();
    assert_eq!(renamed.subscription.name.as_deref(), Some("First"));
    let found = client.get_subscription(GetSubscriptionRequest::new(s("sub"))).await.unwrap().subscription;
    assert_eq!(found.lago_id, subscription.lago_id);
    let statuses = vec![SubscriptionStatus::Active, SubscriptionStatus::Pending];
    let filters = SubscriptionFilters::new().with_statuses(statuses);
    let listed = ListSubscriptionsRequest::new().with_filters(filters);
    let listed = client.list_subscriptions(Some(listed)).await.unwrap();
    assert_eq!(listed.subscriptions[0].external_id, "sub");

    let application = ApplyCouponInput::new(s("acme"), s("welcome"));
    let applied = client.apply_coupon(ApplyCouponRequest::new(application)).await.unwrap().applied_coupon;
    assert_eq!((applied.amount_cents, applied.amount_cents_remaining), (Some(1000), Some(1000)));
    let listed = client.list_applied_coupons(Some(ListAppliedCouponsRequest::new())).await.unwrap();
    assert_eq!(listed.applied_coupons[0].coupon_code, "welcome");
    world.travel_to("2024-01-15T00:00:00Z").await;
    let event = |id: &str, code: &str| {
        CreateEventInput::for_subscription(s(id), s("sub"), s(code)).with_timestamp(1_704_880_800)
    };
    for number in 0..12 {
        let event = event(&format!("call-{number}"), "calls");
        let created = client.create_event(CreateEventRequest::new(event)).await.unwrap().event;
        assert_eq!(created.external_subscription_id.as_deref(), Some("sub"));
    }
    let sms = event("sms-1", "sms").with_properties(json!({"parts": 3}));
    client.create_event(CreateEventRequest::new(sms)).await.unwrap();
    world.travel_to("2024-01-15T00:00:00Z").await;
    let found = client.get_event(GetEventRequest::new(s("sms-1"))).await.unwrap().event;
    assert_eq!(found.properties, Some(json!({"parts": 3})));
    let events = client.list_events(Some(ListEventsRequest::new())).await.unwrap();
    assert_eq!(events.meta.total_count, 13);
    let request = GetCustomerCurrentUsageRequest::new(s("acme"), s("sub"));
    let usage = client.get_customer_current_usage(request).await.unwrap().customer_usage;
    // 12 calls at 0.10 and 3 parts at 0.50.
    assert_eq!((usage.amount_cents, usage.total_amount_cents, usage.charges_usage.len()), (270, 324, 2));
    let charges = ListFeesRequest::new().with_filters(FeeFilters::new().with_fee_type(FeeType::Charge));
    let fees = client.list_fees(Some(charges)).await.unwrap().fees;
    assert_eq!((fees.len(), fees[0].amount_cents, fees[0].pay_in_advance), (1, 150, Some(true)));
    let fee = client.get_fee(GetFeeRequest::new(fees[0].lago_id.to_string())).await.unwrap().fee;
    assert_eq!((fee.lago_id, fee.units.as_str()), (fees[0].lago_id, "3.0"));
}

async fn money(world: &World, client: &LagoClient) {
    world
        .post(
            "/add_ons",
            json!({"add_on": {"name": "s", "code": "setup", "amount_cents": 1500, "amount_currency": "EUR"}}),
        )
        .await;
    world.travel_to("2024-02-02T00:00:00Z").await;
    let february = InvoiceFilters::new().with_issuing_date_from(s("2024-02-01"));
    let listed = client.list_invoices(Some(ListInvoicesRequest::new().with_filters(february))).await.unwrap();
    let id = listed.invoices[0].lago_id.unwrap().to_string();
    let invoice = client.get_invoice(GetInvoiceRequest::new(id.clone())).await.unwrap().invoice;
    // 100.00 and 1.20, less 10.00, with 20 %.
    let figures = (invoice.fees_amount_cents, invoice.coupons_amount_cents, invoice.total_amount_cents);
    assert_eq!(figures, (10120, 1000, 10944));
    assert!(matches!(invoice.payment_status, InvoicePaymentStatus::Pending));
    let monthly = invoice.fees.unwrap().into_iter().find(|fee| fee.amount_cents == 10000).unwrap();
    client.retry_invoice_payment(RetryInvoicePaymentRequest::new(id.clone())).await.unwrap();
    let document = loop {
        match client.download_invoice(DownloadInvoiceRequest::new(id.clone())).await {
            Ok(answer) => break answer.invoice,
            // Empty as long as the document is in the making; each call waits for it for a while.
            Err(LagoError::Serialization(_)) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert!(document.file_url.unwrap().starts_with(&format!("{}/documents/", world.url)));
    let paid = UpdateInvoiceInput::new()
        .with_payment_status(s("succeeded"))
        .with_metadata(vec![UpdateInvoiceMetadataInput::new(s("booked"), s("yes"))]);
    let paid = client.update_invoice(UpdateInvoiceRequest::new(id.clone(), paid)).await.unwrap().invoice;
    assert!(matches!(paid.payment_status, InvoicePaymentStatus::Succeeded));
    let refused = client.retry_invoice_payment(RetryInvoicePaymentRequest::new(id.clone())).await;
    let Err(LagoError::Api { status: 405, message }) = refused else { panic!("{refused:?}") };
    assert!(message.contains("invalid_status"), "{message}");

    // 10.00 less the coupon's share of it (1000 / 10120 = 98.81), with 20 %: 10.81.
    let items = vec![CreateCreditNoteItemInput::new(monthly.lago_id.to_string(), 1000)];
    let note = CreateCreditNoteInput::new(id, CreditNoteReason::OrderChange, 781, 300, items);
    let note = client.create_credit_note(CreateCreditNoteRequest::new(note)).await.unwrap().credit_note;
    assert_eq!((note.total_amount_cents, note.credit_status), (1081, Some(CreditNoteCreditStatus::Available)));
    let found = GetCreditNoteRequest::new(note.lago_id.to_string());
    assert_eq!(client.get_credit_note(found).await.unwrap().credit_note.balance_amount_cents, 781);
    let refunded = UpdateCreditNoteInput::new().with_refund_status(CreditNoteRefundStatus::Succeeded);
    let refunded = UpdateCreditNoteRequest::new(note.lago_id.to_string(), refunded);
    let refunded = client.update_credit_note(refunded).await.unwrap().credit_note;
    assert_eq!(refunded.refund_status, Some(CreditNoteRefundStatus::Succeeded));
    let listed = client.list_credit_notes(Some(ListCreditNotesRequest::new())).await.unwrap();
    assert_eq!(listed.credit_notes.len(), 1);

    let line = CreateInvoiceFeeInput::new(s("setup"), 2.0).with_unit_amount_cents(400);
    let order = CreateInvoiceInput::new(s("acme"), s("EUR"), vec![line]);
    let one_off = client.create_invoice(CreateInvoiceRequest::new(order)).await.unwrap().invoice;
    // 8.00 with 20 %: 9.60; the credit note pays 7.81 of it.
    assert!(matches!(one_off.invoice_type, InvoiceType::OneOff));
    assert_eq!(one_off.sub_total_including_taxes_amount_cents, 960);
    let voided = VoidInvoiceRequest::new(one_off.lago_id.unwrap().to_string());
    assert!(matches!(client.void_invoice(voided).await.unwrap().invoice.status, InvoiceStatus::Voided));
    world.put("/organizations", json!({"organization": {"billing_configuration": {"invoice_grace_period": 3}}})).await;
    world.travel_to("2024-03-02T00:00:00Z").await;
    let drafts = ListInvoicesRequest::new().with_filters(InvoiceFilters::new().with_status(InvoiceStatus::Draft));
    let drafts = client.list_invoices(Some(drafts)).await.unwrap().invoices;
    let request = RefreshInvoiceRequest::new(drafts[0].lago_id.unwrap().to_string());
    let refreshed = client.refresh_invoice(request).await.unwrap().invoice;
    assert!(matches!(refreshed.status, InvoiceStatus::Draft));
    assert_eq!(refreshed.fees_amount_cents, 10000);
}

async fn the_end(client: &LagoClient) {
    let upgrade = CreateSubscriptionInput::new(s("acme"), s("max")).with_external_id(s("sub"));
    let upgraded = client.create_subscription(CreateSubscriptionRequest::new(upgrade)).await.unwrap().subscription;
    assert_eq!((upgraded.plan_code.as_str(), upgraded.previous_plan_code.as_deref()), ("max", Some("pro")));
    let ended = client.delete_subscription(DeleteSubscriptionRequest::new(s("sub"))).await.unwrap().subscription;
    assert_eq!(ended.status, SubscriptionStatus::Terminated);
    assert_eq!(client.delete_plan(DeletePlanRequest::new(s("max"))).await.unwrap().plan.code, "max");
    assert_eq!(client.delete_coupon(DeleteCouponRequest::new(s("welcome"))).await.unwrap().coupon.code, "welcome");
}
