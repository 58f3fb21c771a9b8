// A customer's story through the official JavaScript client: every method of it that stands for an operation of January 2024.
//
// Usage: node story.cjs CLIENT URL API_KEY, where CLIENT is the folder of an installed version. The organization is a sandbox
// whose clock stands at 2024-01-01. Ends with an error if a returned figure is wrong, or if the client has a method that the
// story neither calls nor names as later.

"use strict";

const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const http = require("node:http");
const path = require("node:path");

const [, , folder, URL_, KEY] = process.argv;
const { Client, getLagoError } = require(path.resolve(folder));
const plain = Client(KEY, { baseUrl: `${URL_}/api/v1` });

// Resources and methods for operations that came after January 2024.
const LATER = new Set(`
  billingEntities activityLogs apiLogs features orderForms orders paymentReceipts paymentRequests payments quotes quoteVersions
  analytics.findAllOverdueBalances analytics.findAllUsages billableMetrics.evaluateBillableMetricExpression
  customers.findAllCustomerAppliedCoupons customers.findAllCustomerCreditNotes customers.findAllCustomerInvoices
  customers.findAllCustomerPayments customers.findAllCustomerPaymentRequests customers.findAllCustomerSubscriptions
  customers.findCustomerProjectedUsage customers.findAllCustomersPaymentMethods customers.paymentMethodSetAsDefault
  customers.destroyPaymentMethod events.eventEstimateInstantFees events.eventBatchEstimateInstantFees events.findAllEvents
  fees.deleteFee invoices.deleteInvoice invoices.loseDisputeInvoice invoices.retryInvoice invoices.invoicePaymentUrl
  invoices.invoicePreview organizations.findOrganization walletTransactions.findWalletTransaction
  walletTransactions.walletTransactionPaymentUrl walletTransactions.findAllWalletTransactionConsumptions
  walletTransactions.findAllWalletTransactionFundings webhooks.fetchJsonPublicKey
`.trim().split(/\s+/));
const LATER_WORDS = /Metadata|Wallets?$|WalletAlert|Alerts?$|Entitlement|Charge|LifetimeUsage/;
const isLater = (resource, method) =>
  LATER.has(resource) || LATER.has(`${resource}.${method}`)
  // Later families of methods below older resources; the resources `wallets` and `plans` have older ones with such words.
  || (["customers", "plans", "subscriptions", "creditNotes", "wallets"].includes(resource) && LATER_WORDS.test(method)
    && !(resource === "wallets" && /^(create|find|findAll|update|destroy)Wallets?$/.test(method)));

const called = new Set();
const client = new Proxy({}, {
  get: (_, resource) => new Proxy({}, {
    get: (_, method) => (...args) => {
      called.add(`${resource}.${method}`);
      return plain[resource][method](...args);
    },
  }),
});
const isOld = !plain.billingEntities;

/** The object under its root. */
const take = async (asked, root) => {
  const { data } = await asked;
  assert.deepEqual(Object.keys(data), [root]);
  return data[root];
};
/** The same of a document, which is empty as long as it is in the making; each call waits for it for a while. */
const downloaded = async (ask, root) => {
  for (;;) {
    const answer = await ask();
    assert.equal(answer.status, 200);
    if (answer.data) return answer.data[root];
  }
};
/** The list under its root; `meta` stands beside it. */
const list = async (asked, root) => {
  const { data } = await asked;
  assert.deepEqual(Object.keys(data), [root, "meta"]);
  return data[root];
};
const refused = async (asked, expected) => {
  try {
    await asked;
  } catch (answer) {
    assert.deepEqual(await getLagoError(answer), expected);
    return;
  }
  assert.fail(`not refused: ${JSON.stringify(expected)}`);
};
const request = async (method, at, body) => {
  const headers = { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" };
  const answer = await fetch(`${URL_}/api/v1${at}`, { method, headers, body: body && JSON.stringify(body) });
  assert.equal(answer.status, 200);
  return answer.json();
};
const travelTo = async (at) => {
  for (;;) {
    const { test_clock: clock } = await request("PUT", "/test_clock", { test_clock: { frozen_time: at } });
    if (clock.status === "ready") return;
  }
};
const settle = async () => travelTo((await request("GET", "/test_clock")).test_clock.frozen_time);
const codes = (entries) => entries.map((entry) => entry.code);
/** These fields of an object, and no others. */
const some = (object, ...names) => Object.fromEntries(names.map((name) => [name, object[name]]));

async function main() {
  const received = [];
  const server = http.createServer((message, answer) => {
    const parts = [];
    message.on("data", (part) => parts.push(part));
    message.on("end", () => {
      received.push({ path: message.url, headers: message.headers, body: Buffer.concat(parts) });
      answer.end();
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const hook = `http://127.0.0.1:${server.address().port}`;

  const { webhookEndpoints } = client;
  const jwt = await take(
    webhookEndpoints.createWebhookEndpoint({ webhook_endpoint: { webhook_url: `${hook}/jwt`, signature_algo: "jwt" } }),
    "webhook_endpoint",
  );
  let signed = await take(
    webhookEndpoints.createWebhookEndpoint({ webhook_endpoint: { webhook_url: `${hook}/old` } }), "webhook_endpoint",
  );
  const changed = { webhook_url: `${hook}/hmac`, signature_algo: "hmac" };
  signed = await take(
    webhookEndpoints.updateWebhookEndpoint(signed.lago_id, { webhook_endpoint: changed }), "webhook_endpoint",
  );
  assert.deepEqual(some(signed, "webhook_url", "signature_algo"), changed);
  assert.equal((await take(webhookEndpoints.findWebhookEndpoint(jwt.lago_id), "webhook_endpoint")).signature_algo, "jwt");
  assert.equal((await list(webhookEndpoints.findAllWebhookEndpoints(), "webhook_endpoints")).length, 2);

  // -------------------------------------------------------------- catalogue
  const { taxes } = client;
  const vat = { name: "VAT", code: "vat", rate: "19", applied_to_organization: true };
  assert.equal((await take(taxes.createTax({ tax: vat }), "tax")).rate, 19);
  assert.equal((await take(taxes.updateTax("vat", { tax: { rate: "20" } }), "tax")).rate, 20);
  assert.equal((await take(taxes.findTax("vat"), "tax")).name, "VAT");
  await taxes.createTax({ tax: { name: "Gone", code: "gone", rate: "1" } });
  assert.deepEqual(codes(await list(taxes.findAllTaxes({ page: 1, per_page: 10 }), "taxes")), ["gone", "vat"]);
  assert.equal((await take(taxes.destroyTax("gone"), "tax")).code, "gone");
  await refused(taxes.findTax("gone"), { status: 404, error: "Not Found", code: "tax_not_found" });

  const settings = { default_currency: "EUR", legal_name: "Acme SA", net_payment_term: 5, email: "b@acme.example" };
  const organization = await take(client.organizations.updateOrganization({ organization: settings }), "organization");
  assert.deepEqual(some(organization, ...Object.keys(settings)), settings);
  assert.deepEqual(organization.webhook_urls, [`${hook}/jwt`, `${hook}/hmac`]);

  const { billableMetrics } = client;
  const metric = (code, aggregation_type, field_name, more) => take(
    billableMetrics.createBillableMetric({ billable_metric: { name: code, code, aggregation_type, field_name, ...more } }),
    "billable_metric",
  );
  const calls = await metric("calls", "count_agg");
  const storage = await metric("storage", "sum_agg", "gb");
  const sms = await metric("sms", "sum_agg", "parts");
  const renamed = { billable_metric: { name: "API calls" } };
  assert.equal((await take(billableMetrics.updateBillableMetric("calls", renamed), "billable_metric")).name, "API calls");
  const found = await take(billableMetrics.findBillableMetric("storage"), "billable_metric");
  assert.deepEqual(some(found, "lago_id", "field_name"), { lago_id: storage.lago_id, field_name: "gb" });
  const metrics = await list(billableMetrics.findAllBillableMetrics(), "billable_metrics");
  assert.deepEqual(codes(metrics), ["sms", "storage", "calls"]);
  await metric("regional", "sum_agg", "gb", { group: { key: "region", values: ["eu", "us"] } });
  if (isOld) {
    const groups = await list(billableMetrics.findAllBillableMetricGroups("regional"), "groups");
    assert.deepEqual(groups.map((group) => `${group.key} ${group.value}`), ["region eu", "region us"]);
  }
  assert.equal((await take(billableMetrics.destroyBillableMetric("regional"), "billable_metric")).code, "regional");

  const { addOns } = client;
  const setup = { name: "Setup", code: "setup", amount_cents: 1200, amount_currency: "EUR", description: "Once" };
  assert.deepEqual(some(await take(addOns.createAddOn({ add_on: setup }), "add_on"), ...Object.keys(setup)), setup);
  assert.equal((await take(addOns.updateAddOn("setup", { add_on: { amount_cents: 1500 } }), "add_on")).amount_cents, 1500);
  assert.equal((await take(addOns.findAddOn("setup"), "add_on")).amount_cents, 1500);
  assert.deepEqual(codes(await list(addOns.findAllAddOns(), "add_ons")), ["setup"]);

  const { coupons } = client;
  const welcome = {
    name: "Welcome", code: "welcome", coupon_type: "fixed_amount", amount_cents: 900, amount_currency: "EUR",
    frequency: "once", expiration: "no_expiration",
  };
  assert.deepEqual(some(await take(coupons.createCoupon({ coupon: welcome }), "coupon"), ...Object.keys(welcome)), welcome);
  assert.equal((await take(coupons.updateCoupon("welcome", { coupon: { amount_cents: 1000 } }), "coupon")).amount_cents, 1000);
  assert.equal((await take(coupons.findCoupon("welcome"), "coupon")).name, "Welcome");
  const tenth = {
    name: "Tenth", code: "tenth", coupon_type: "percentage", percentage_rate: "10", frequency: "forever",
    expiration: "time_limit", expiration_at: "2025-01-01T00:00:00Z",
  };
  assert.equal((await take(coupons.createCoupon({ coupon: tenth }), "coupon")).percentage_rate, "10.0");
  assert.deepEqual(codes(await list(coupons.findAllCoupons(), "coupons")), ["tenth", "welcome"]);

  const { plans } = client;
  const ranges = [
    { from_value: 0, to_value: 10, per_unit_amount: "0.5", flat_amount: "1" },
    { from_value: 11, to_value: null, per_unit_amount: "0.2", flat_amount: "2" },
  ];
  const pro = {
    name: "Pro", code: "pro", interval: "monthly", amount_cents: 9000, amount_currency: "EUR", pay_in_advance: false,
    charges: [
      { billable_metric_id: calls.lago_id, charge_model: "standard", properties: { amount: "0.1" } },
      { billable_metric_id: storage.lago_id, charge_model: "graduated", properties: { graduated_ranges: ranges } },
      {
        billable_metric_id: sms.lago_id, charge_model: "standard", properties: { amount: "0.5" }, pay_in_advance: true,
        invoiceable: false,
      },
    ],
  };
  const plan = await take(plans.createPlan({ plan: pro }), "plan");
  assert.deepEqual(plan.charges[1].properties, { graduated_ranges: ranges });
  assert.equal((await take(plans.updatePlan("pro", { plan: { amount_cents: 10000 } }), "plan")).amount_cents, 10000);
  assert.equal((await take(plans.findPlan("pro"), "plan")).charges.length, 3);
  const max = { name: "Max", code: "max", interval: "monthly", amount_cents: 20000, amount_currency: "EUR", pay_in_advance: true };
  await plans.createPlan({ plan: max });
  assert.deepEqual(codes(await list(plans.findAllPlans(), "plans")), ["max", "pro"]);

  // -------------------------------------------------------------- a customer
  const { customers } = client;
  const acme = await take(customers.createCustomer({
    customer: {
      external_id: "acme", name: "Acme", country: "FR", currency: "EUR", timezone: "UTC", email: "a@acme.example",
      metadata: [{ key: "size", value: "big", display_in_invoice: true }],
      billing_configuration: { payment_provider: "stripe", provider_customer_id: "cus_1", document_locale: "fr" },
    },
  }), "customer");
  assert.deepEqual(some(acme, "external_id", "currency", "country"), { external_id: "acme", currency: "EUR", country: "FR" });
  assert.deepEqual(acme.metadata.map((entry) => `${entry.key} ${entry.value}`), ["size big"]);
  assert.equal(acme.billing_configuration.provider_customer_id, "cus_1");
  assert.equal((await take(customers.findCustomer("acme"), "customer")).lago_id, acme.lago_id);
  await customers.createCustomer({ customer: { external_id: "other" } });
  const second = (await customers.findAllCustomers({ page: 2, per_page: 1 })).data;
  assert.deepEqual([second.customers[0].external_id, second.meta.total_count], ["other", 2]);
  assert.equal((await take(customers.destroyCustomer("other"), "customer")).external_id, "other");
  const { portal_url: portal } = await take(customers.getCustomerPortalUrl("acme"), "customer");
  assert.ok(portal.startsWith(`${URL_}/customer-portal/`), portal);
  await refused(customers.generateCustomerCheckoutUrl("acme"), {
    status: 422, error: "Unprocessable Entity", code: "validation_errors",
    error_details: { base: ["no_linked_payment_provider"] },
  });

  const { subscriptions } = client;
  const started = await take(subscriptions.createSubscription({
    subscription: { external_customer_id: "acme", plan_code: "pro", external_id: "sub", name: "Main" },
  }), "subscription");
  assert.deepEqual(some(started, "status", "plan_code", "name"), { status: "active", plan_code: "pro", name: "Main" });
  const update = { subscription: { name: "First" } };
  assert.equal((await take(subscriptions.updateSubscription("sub", update), "subscription")).name, "First");
  assert.equal((await take(subscriptions.findSubscription("sub"), "subscription")).started_at, "2024-01-01T00:00:00Z");
  const filter = { external_customer_id: "acme", "status[]": ["active", "pending"] };
  const running = await list(subscriptions.findAllSubscriptions(filter), "subscriptions");
  assert.deepEqual(running.map((entry) => entry.external_id), ["sub"]);

  const { appliedCoupons } = client;
  const application = (coupon_code) => ({ applied_coupon: { external_customer_id: "acme", coupon_code } });
  const applied = await take(appliedCoupons.applyCoupon(application("welcome")), "applied_coupon");
  assert.deepEqual(some(applied, "status", "amount_cents"), { status: "active", amount_cents: 1000 });
  const ended = await take(appliedCoupons.applyCoupon(application("tenth")), "applied_coupon");
  assert.equal((await take(customers.deleteAppliedCoupon("acme", ended.lago_id), "applied_coupon")).status, "terminated");
  const active = await list(
    appliedCoupons.findAllAppliedCoupons({ external_customer_id: "acme", status: "active" }), "applied_coupons",
  );
  assert.deepEqual(active.map((entry) => entry.coupon_code), ["welcome"]);

  const { wallets, walletTransactions } = client;
  let wallet = await take(wallets.createWallet({
    wallet: { external_customer_id: "acme", rate_amount: "1", currency: "EUR", name: "Prepaid", granted_credits: "30" },
  }), "wallet");
  assert.equal(wallet.credits_balance, "0.0");
  await settle();
  wallet = await take(wallets.findWallet(wallet.lago_id), "wallet");
  assert.deepEqual(some(wallet, "balance_cents", "credits_balance"), { balance_cents: 3000, credits_balance: "30.0" });
  assert.equal((await take(wallets.updateWallet(wallet.lago_id, { wallet: { name: "Credits" } }), "wallet")).name, "Credits");
  assert.equal((await list(wallets.findAllWallets({ external_customer_id: "acme" }), "wallets")).length, 1);
  const bought = await take(walletTransactions.createWalletTransaction({
    wallet_transaction: { wallet_id: wallet.lago_id, paid_credits: "10", granted_credits: "5" },
  }), "wallet_transactions");
  assert.deepEqual(bought.map((entry) => `${entry.status} ${entry.amount}`), ["pending 10.0", "settled 5.0"]);
  await settle();
  const topUps = await list(
    wallets.findAllWalletTransactions(wallet.lago_id, { status: "settled", transaction_type: "inbound" }),
    "wallet_transactions",
  );
  assert.deepEqual(topUps.map((entry) => entry.credit_amount), ["5.0", "30.0"]);

  // -------------------------------------------------------------- usage
  const { events } = client;
  const at = 1704880800; // 2024-01-10T10:00:00Z
  await travelTo("2024-01-15T00:00:00Z");
  const event = (transaction_id, code, properties, timestamp = at) => (
    { transaction_id, external_subscription_id: "sub", code, timestamp, properties }
  );
  const single = await take(events.createEvent({ event: event("sms-1", "sms", { parts: 3 }) }), "event");
  assert.deepEqual(some(single, "transaction_id", "timestamp"), {
    transaction_id: "sms-1", timestamp: "2024-01-10T10:00:00.000Z",
  });
  const batch = Array.from({ length: 12 }, (_, n) => event(`call-${n}`, "calls", {}, at + n));
  batch.push(event("gb-1", "storage", { gb: "15" }, `${at}.5`));
  // The batch of January 2024 says one event for several subscriptions, the later one several events.
  const answered = await events.createBatchEvents({ events: batch });
  assert.equal(answered.status, 200);
  if (isOld) {
    const spread = { transaction_id: "gb-2", external_subscription_ids: ["sub"], code: "storage", properties: { gb: 0 } };
    assert.equal((await events.createBatchEvents({ event: spread })).status, 200);
  }
  await settle();
  assert.deepEqual((await take(events.findEvent("gb-1"), "event")).properties, { gb: "15" });
  const estimated = await take(
    events.eventEstimateFees({ event: { external_subscription_id: "sub", code: "sms", properties: { parts: 2 } } }), "fees",
  );
  assert.deepEqual(estimated.map((fee) => fee.amount_cents), [100]);

  // 12 calls at 0.10; 15 GB: 10 at 0.50 and 1 flat, 5 at 0.20 and 2 flat; 3 parts at 0.50.
  const usage = await take(
    customers.findCustomerCurrentUsage("acme", { external_subscription_id: "sub" }), "customer_usage",
  );
  const used = Object.fromEntries(usage.charges_usage.map((entry) => [entry.billable_metric.code, entry.amount_cents]));
  assert.deepEqual(used, { calls: 120, sms: 150, storage: 900 });
  assert.equal(usage.amount_cents, 1170);

  const { fees } = client;
  const [fee] = await list(fees.findAllFees({ fee_type: "charge" }), "fees");
  assert.deepEqual(some(fee, "amount_cents", "pay_in_advance"), { amount_cents: 150, pay_in_advance: true });
  assert.equal((await take(fees.findFee(fee.lago_id), "fee")).item.code, "sms");
  const succeeded = { fee: { payment_status: "succeeded" } };
  assert.equal((await take(fees.updateFee(fee.lago_id, succeeded), "fee")).payment_status, "succeeded");

  // -------------------------------------------------------------- the month's invoice
  await travelTo("2024-02-02T00:00:00Z");
  const { invoices } = client;
  const [issued] = await list(
    invoices.findAllInvoices({ external_customer_id: "acme", issuing_date_from: "2024-02-01" }), "invoices",
  );
  const invoice = await take(invoices.findInvoice(issued.lago_id), "invoice");
  // 100.00 and 1.20 and 9.00, less 10.00, with 20 %: 120.24; 35.00 of it prepaid (the paid credits wait for their payment).
  const figures = {
    fees_amount_cents: 11020, coupons_amount_cents: 1000, taxes_amount_cents: 2004, prepaid_credit_amount_cents: 3500,
    total_amount_cents: 8524, status: "finalized", payment_status: "pending", issuing_date: "2024-02-01",
    payment_due_date: "2024-02-06", currency: "EUR",
  };
  assert.deepEqual(some(invoice, ...Object.keys(figures)), figures);
  const lines = invoice.fees.map((line) => `${line.item.type} ${line.item.code} ${line.amount_cents}`).sort();
  assert.deepEqual(lines, ["charge calls 120", "charge storage 900", "subscription pro 10000"]);
  assert.equal((await invoices.retryPayment(invoice.lago_id)).status, 200);
  const document = await downloaded(() => invoices.downloadInvoice(invoice.lago_id), "invoice");
  assert.ok(document.file_url.startsWith(`${URL_}/documents/`), document.file_url);
  const paid = await take(invoices.updateInvoice(invoice.lago_id, {
    invoice: { payment_status: "succeeded", metadata: [{ key: "booked", value: "yes" }] },
  }), "invoice");
  assert.deepEqual([paid.payment_status, paid.metadata[0].value], ["succeeded", "yes"]);
  await refused(invoices.retryPayment(invoice.lago_id), {
    status: 405, error: "Method Not Allowed", code: "invalid_status",
  });
  const [period] = await list(
    customers.findAllCustomerPastUsage("acme", { external_subscription_id: "sub", periods_count: 1 }), "usage_periods",
  );
  assert.deepEqual([period.amount_cents, period.charges_usage.length], [11020, 2]);

  // -------------------------------------------------------------- money back
  const { creditNotes } = client;
  const monthly = invoice.fees.find((line) => line.item.type === "subscription");
  const credited = { invoice_id: invoice.lago_id, items: [{ fee_id: monthly.lago_id, amount_cents: 1000 }] };
  const estimate = await take(creditNotes.estimateCreditNote({ credit_note: credited }), "estimated_credit_note");
  // 10.00 less the coupon's share of it (1000 / 11020), with 20 %.
  assert.equal(estimate.max_creditable_amount_cents, 1091);
  const note = await take(creditNotes.createCreditNote({
    credit_note: { ...credited, reason: "order_change", credit_amount_cents: 791, refund_amount_cents: 300 },
  }), "credit_note");
  assert.deepEqual([note.total_amount_cents, note.credit_status, note.refund_status], [1091, "available", "pending"]);
  assert.equal((await take(creditNotes.findCreditNote(note.lago_id), "credit_note")).balance_amount_cents, 791);
  assert.equal((await list(creditNotes.findAllCreditNotes({ external_customer_id: "acme" }), "credit_notes")).length, 1);
  const refund = { credit_note: { refund_status: "succeeded" } };
  assert.equal((await take(creditNotes.updateCreditNote(note.lago_id, refund), "credit_note")).refund_status, "succeeded");
  assert.ok((await downloaded(() => creditNotes.downloadCreditNote(note.lago_id), "credit_note")).file_url.endsWith(".pdf"));
  assert.equal((await take(creditNotes.voidCreditNote(note.lago_id), "credit_note")).credit_status, "voided");

  const oneOff = await take(invoices.createInvoice({
    invoice: { external_customer_id: "acme", currency: "EUR", fees: [{ add_on_code: "setup", units: 2, unit_amount_cents: 400 }] },
  }), "invoice");
  assert.deepEqual([oneOff.invoice_type, oneOff.total_amount_cents], ["one_off", 960]);
  assert.equal((await take(invoices.voidInvoice(oneOff.lago_id), "invoice")).status, "voided");

  // -------------------------------------------------------------- a draft, and another plan
  const grace = { organization: { billing_configuration: { invoice_grace_period: 3 } } };
  await client.organizations.updateOrganization(grace);
  await travelTo("2024-03-02T00:00:00Z");
  const [draft] = await list(invoices.findAllInvoices({ status: "draft" }), "invoices");
  assert.equal((await take(invoices.refreshInvoice(draft.lago_id), "invoice")).fees_amount_cents, 10000);
  assert.equal((await take(invoices.finalizeInvoice(draft.lago_id), "invoice")).status, "finalized");
  const upgraded = await take(subscriptions.createSubscription({
    subscription: { external_customer_id: "acme", plan_code: "max", external_id: "sub" },
  }), "subscription");
  assert.deepEqual([upgraded.plan_code, upgraded.previous_plan_code], ["max", "pro"]);
  assert.equal((await take(subscriptions.destroySubscription("sub"), "subscription")).status, "terminated");

  // -------------------------------------------------------------- figures
  const { analytics } = client;
  const months = { months: 3 };
  const february = (rows) => rows.filter((row) => row.month.startsWith("2024-02"));
  // 85.24 less 3.00 refunded; the one-off was voided.
  const gross = february(await list(analytics.findAllGrossRevenues({ ...months, currency: "EUR" }), "gross_revenues"));
  assert.deepEqual(gross.map((row) => row.amount_cents), [8224]);
  const collected = february(await list(analytics.findAllInvoiceCollections(months), "invoice_collections"));
  assert.deepEqual(collected.map((row) => `${row.payment_status} ${row.invoices_count} ${row.amount_cents}`), ["succeeded 1 8524"]);
  const invoiced = february(await list(analytics.findAllInvoicedUsages(months), "invoiced_usages"));
  assert.deepEqual(invoiced.map((row) => `${row.code} ${row.amount_cents}`), ["storage 900", "calls 120"]);
  // The monthly fee less its share of the coupon (1000 x 10000 / 11020 = 907.44101), with its tax of 18.19.
  const mrrs = february(await list(analytics.findAllMrrs(months), "mrrs"));
  assert.deepEqual(mrrs.map((row) => row.amount_cents), [10912]);

  // -------------------------------------------------------------- what was told about all this
  await settle();
  const answer = await client.webhooks.fetchPublicKey();
  // The later version reads the answer itself.
  const encoded = answer.data ?? await answer.text();
  const publicKey = crypto.createPublicKey(Buffer.from(encoded, "base64"));
  const kinds = new Set();
  for (const { path: where, headers, body } of received) {
    const signature = headers["x-lago-signature"];
    assert.equal(headers["x-lago-signature-algorithm"], where.slice(1));
    if (where === "/hmac") {
      assert.equal(signature, crypto.createHmac("sha256", KEY).update(body).digest("base64"));
      continue;
    }
    const [head, claims, sealed] = signature.split(".");
    const holds = crypto.verify("sha256", Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(sealed, "base64url"));
    assert.ok(holds, "signature");
    const told = JSON.parse(Buffer.from(claims, "base64url"));
    assert.equal(told.iss, URL_);
    assert.equal(told.data, body.toString());
    // As clients do that parse first: written again, the body is the same text.
    const again = JSON.parse(body);
    assert.deepEqual(Object.keys(again), ["webhook_type", "object_type", again.object_type]);
    kinds.add(again.webhook_type);
  }
  for (const kind of [
    "subscription.started", "fee.created", "invoice.paid_credit_added", "invoice.created", "invoice.generated",
    "invoice.payment_status_updated", "invoice.voided", "credit_note.created", "credit_note.generated",
    "invoice.one_off_created", "invoice.drafted", "subscription.terminated",
  ]) assert.ok(kinds.has(kind), kind);
  assert.equal(received.filter(({ path: where }) => where === "/hmac").length * 2, received.length);

  // -------------------------------------------------------------- the end
  assert.equal((await take(webhookEndpoints.destroyWebhookEndpoint(jwt.lago_id), "webhook_endpoint")).lago_id, jwt.lago_id);
  assert.equal((await take(wallets.destroyWallet(wallet.lago_id), "wallet")).status, "terminated");
  assert.equal((await take(coupons.destroyCoupon("welcome"), "coupon")).code, "welcome");
  assert.equal((await take(addOns.destroyAddOn("setup"), "add_on")).code, "setup");
  assert.equal((await take(plans.destroyPlan("max"), "plan")).code, "max");

  const forgotten = [];
  for (const [resource, methods] of Object.entries(plain)) {
    if (resource === "baseApiParams" || resource === "contentFormatters" || resource === "abortControllers") continue;
    for (const [method, isMethod] of Object.entries(methods ?? {})) {
      if (typeof isMethod === "function" && !called.has(`${resource}.${method}`) && !isLater(resource, method)) {
        forgotten.push(`${resource}.${method}`);
      }
    }
  }
  assert.deepEqual(forgotten, [], "methods that the story forgot");
  console.log(`${called.size} methods told`);
  server.close();
  server.closeAllConnections();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
