"""The API under fire: schemathesis over Weir's own document, against a running Weir (`infra/fuzz-api.sh`).

Makes a sandbox with something of everything, and puts its ids and codes into most of the requests, so that more than 404 is
reached. Loaded by schemathesis as its hooks; run as a program it makes the sandbox.
"""

import atexit
import json
import os
import random
import sys
import time
import urllib.request

KNOWN = os.environ.get("WEIR_FUZZ_KNOWN", "fuzz-known.json")


def call(url, key, method, path, body=None, accept=(200,)):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, method=method)
    request.add_header("Authorization", f"Bearer {key}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as response:
        text = response.read()
    return json.loads(text) if text else None


def seed(url, admin_key):
    """A sandbox; returns its key and what stands in for parameters and fields."""
    made = call(url, admin_key, "POST", "/admin/organizations", {"organization": {
        "name": "Fuzz", "default_currency": "EUR", "email": "billing@fuzz.example",
        "test_clock": {"frozen_time": "2024-01-01T00:00:00Z"},
    }})["organization"]
    key = made["api_key"]

    def api(method, path, body=None):
        return call(url, key, method, "/api/v1" + path, body)

    def post(path, root, fields):
        return api("POST", path, {root: fields})[root]

    def travel(at):
        while api("PUT", "/test_clock", {"test_clock": {"frozen_time": at}})["test_clock"]["status"] != "ready":
            pass

    endpoints = [post("/webhook_endpoints", "webhook_endpoint", {"webhook_url": f"http://127.0.0.1:9/{name}",
                                                                 "signature_algo": "hmac"})["lago_id"]
                 for name in ("first", "spare")]
    post("/taxes", "tax", {"name": "VAT", "code": "vat", "rate": 20, "applied_to_organization": True})
    post("/taxes", "tax", {"name": "Spare", "code": "spare", "rate": 5})
    metrics = {
        "calls": {"aggregation_type": "count_agg", "group": {"key": "region", "values": ["eu", "us"]}},
        "bytes": {"aggregation_type": "sum_agg", "field_name": "bytes"},
        "seats": {"aggregation_type": "unique_count_agg", "field_name": "seat", "recurring": True},
        "spare": {"aggregation_type": "count_agg"},
    }
    ids = {code: post("/billable_metrics", "billable_metric", {"name": code, "code": code, **fields})["lago_id"]
           for code, fields in metrics.items()}
    tiers = [{"from_value": 0, "to_value": 10, "per_unit_amount": "1", "flat_amount": "0"},
             {"from_value": 11, "to_value": None, "per_unit_amount": "0.5", "flat_amount": "2"}]
    charges = [
        {"billable_metric_id": ids["calls"], "charge_model": "standard", "properties": {"amount": "0.1"}},
        {"billable_metric_id": ids["bytes"], "charge_model": "graduated", "properties": {"graduated_ranges": tiers}},
        {"billable_metric_id": ids["bytes"], "charge_model": "standard", "properties": {"amount": "0.2"},
         "pay_in_advance": True, "invoiceable": False},
        {"billable_metric_id": ids["seats"], "charge_model": "standard", "properties": {"amount": "5"}, "prorated": True},
    ]
    for code in ("basic", "pro", "spare"):
        post("/plans", "plan", {"name": code, "code": code, "interval": "monthly", "amount_cents": 1000,
                                "amount_currency": "EUR", "pay_in_advance": code == "pro", "charges": charges})
    for code in ("setup", "spare"):
        post("/add_ons", "add_on", {"name": code, "code": code, "amount_cents": 5000, "amount_currency": "EUR"})
    for code in ("welcome", "spare"):
        post("/coupons", "coupon", {"name": code, "code": code, "coupon_type": "fixed_amount", "amount_cents": 300,
                                    "amount_currency": "EUR", "frequency": "once", "expiration": "no_expiration"})
    for customer in ("acme", "spare", "patient"):
        billing = {"invoice_grace_period": 30} if customer == "patient" else {}
        post("/customers", "customer", {"external_id": customer, "name": customer, "currency": "EUR",
                                        "billing_configuration": billing})
        post("/subscriptions", "subscription", {"external_customer_id": customer, "external_id": customer,
                                                "plan_code": "basic"})
    applied = post("/applied_coupons", "applied_coupon", {"external_customer_id": "acme", "coupon_code": "welcome"})
    wallets = [post("/wallets", "wallet", {"external_customer_id": customer, "rate_amount": "1", "currency": "EUR",
                                           "paid_credits": "10", "granted_credits": "5"})["lago_id"]
               for customer in ("acme", "spare")]
    events = [{"transaction_id": f"e{n}", "external_subscription_id": "acme", "code": code, "timestamp": 1704200000 + n,
               "properties": {"region": "eu", "bytes": n, "seat": f"s{n}"}}
              for n, code in enumerate(["calls", "bytes", "seats"] * 4)]
    api("POST", "/events/batch", {"events": events})
    travel("2024-02-01T01:00:00Z")
    invoice = post("/invoices", "invoice", {"external_customer_id": "acme",
                                            "fees": [{"add_on_code": "setup", "units": 2}]})
    api("PUT", f"/invoices/{invoice['lago_id']}", {"invoice": {"payment_status": "succeeded"}})
    billed = next(one for one in api("GET", "/invoices?external_customer_id=acme")["invoices"]
                  if one["invoice_type"] == "subscription")
    draft = api("GET", "/invoices?external_customer_id=patient")["invoices"][0]
    note = post("/credit_notes", "credit_note", {
        "invoice_id": invoice["lago_id"], "reason": "other", "credit_amount_cents": 1200, "refund_amount_cents": 0,
        "items": [{"fee_id": invoice["fees"][0]["lago_id"], "amount_cents": 1000}]})
    # Their PDFs, so that a download during the run never finds one that is still being made.
    for path in (f"/invoices/{invoice['lago_id']}/download", f"/invoices/{billed['lago_id']}/download",
                 f"/credit_notes/{note['lago_id']}/download"):
        for _ in range(60):
            if api("POST", path):
                break
            time.sleep(0.5)
    fees = [fee["lago_id"] for fee in api("GET", "/fees?per_page=50")["fees"]]
    webhook = api("GET", f"/webhook_endpoints/{endpoints[0]}/webhooks?per_page=1")["webhooks"][0]["lago_id"]
    known = {
        "add_ons": ["setup"], "billable_metrics": ["calls", "bytes"], "coupons": ["welcome"], "plans": ["basic", "pro"],
        "taxes": ["vat"], "customers": ["acme"], "subscriptions": ["acme"], "events": ["e1", "e2"], "fees": fees,
        "paid_invoices": [invoice["lago_id"]], "paid_fees": [invoice["fees"][0]["lago_id"]],
        "invoices": [invoice["lago_id"], billed["lago_id"], draft["lago_id"]], "credit_notes": [note["lago_id"]],
        "wallets": wallets[:1], "webhook_endpoints": endpoints[:1], "webhooks": [webhook],
        "applied_coupons": [applied["lago_id"]], "metric_ids": [ids["calls"], ids["bytes"], ids["seats"]],
        "spare": {
            **{kind: ["spare"] for kind in ("add_ons", "billable_metrics", "coupons", "customers", "plans",
                                            "subscriptions", "taxes")},
            "wallets": wallets[1:], "webhook_endpoints": endpoints[1:],
        },
    }
    return key, known


# What stands in for a field of a body or a parameter of a query, by name.
FIELDS = {
    "external_customer_id": "customers", "external_subscription_id": "subscriptions", "plan_code": "plans",
    "add_on_code": "add_ons", "coupon_code": "coupons", "billable_metric_code": "billable_metrics",
    "billable_metric_id": "metric_ids", "invoice_id": "paid_invoices", "fee_id": "paid_fees", "wallet_id": "wallets",
}


def install():
    """Hooks: known ids and codes in most requests; webhooks never leave this machine."""
    import schemathesis

    with open(KNOWN, encoding="utf-8") as file:
        known = json.load(file)
    # Its own source of chance, so that a run with a seed is the same run again.
    chance = random.Random(20240101)

    def replaced(value, name=None):
        if isinstance(value, dict):
            return {key: replaced(entry, key) for key, entry in value.items()}
        if isinstance(value, list):
            return [replaced(entry, name) for entry in value]
        if name == "webhook_url" and isinstance(value, str) and value.strip().lower().startswith("http"):
            return f"http://127.0.0.1:9/{chance.randrange(10**6)}"
        if name in FIELDS and isinstance(value, str) and chance.random() < 0.8:
            return chance.choice(known[FIELDS[name]])
        return value

    @schemathesis.hook
    def before_call(context, case, kwargs):
        """The last word before a request, in every phase."""
        # What a deletion takes away would be missed by everything after it: there are others for it.
        kinds = known["spare"] if case.method.upper() == "DELETE" else known
        parts = [part for part in case.operation.path.split("/") if part]
        for before, part in zip(parts, parts[1:]):
            name = part.strip("{}")
            is_known = part.startswith("{") and name in (case.path_parameters or {}) and before in kinds
            if is_known and chance.random() < 0.8:
                case.path_parameters[name] = chance.choice(kinds[before])
        if isinstance(case.query, dict):
            case.query = replaced(case.query)
        if isinstance(case.body, (dict, list)):
            case.body = replaced(case.body)
        # What events and previews are about is no field of their own schema alone.
        if isinstance(case.body, dict) and chance.random() < 0.5:
            if isinstance(case.body.get("event"), dict) and "code" in case.body["event"]:
                case.body["event"]["code"] = chance.choice(known["billable_metrics"])
            if case.operation.path.endswith("/invoices/preview"):
                case.body = {"customer": {"external_id": chance.choice(known["customers"])}}
        # An edit that gave a known object another code would hide it.
        if isinstance(case.body, dict) and "code" in (case.path_parameters or {}):
            for fields in case.body.values():
                if isinstance(fields, dict) and isinstance(fields.get("code"), str):
                    fields["code"] = case.path_parameters["code"]
        # One and the same key would get one and the same answer: 422, as it stands for another request.
        if case.headers and "Idempotency-Key" in case.headers and chance.random() < 0.9:
            if chance.random() < 0.5:
                del case.headers["Idempotency-Key"]
            else:
                case.headers["Idempotency-Key"] = f"fuzz-{chance.randrange(10**12)}"

    reached = {}

    @schemathesis.hook
    def after_call(context, case, response):
        # Methods that the document does not have are tried, too.
        if case.method.upper() != case.operation.method.upper():
            return
        statuses = reached.setdefault(f"{case.method} {case.operation.path}", {})
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1

    @atexit.register
    def told():
        """How far it came: a run that is refused everywhere would find nothing."""
        total = {}
        for statuses in reached.values():
            for status, count in statuses.items():
                total[status] = total.get(status, 0) + count
        never = sorted(name for name, statuses in reached.items() if 200 not in statuses)
        print("fuzz: answers by status:", ", ".join(f"{status}: {total[status]}" for status in sorted(total)))
        print(f"fuzz: {len(reached)} operations, never 200:", ", ".join(never) or "none")
        with open(KNOWN + ".reached", "w", encoding="utf-8") as file:
            file.write(str(len(reached) - len(never)))


if __name__ == "__main__":
    key, known = seed(sys.argv[1], sys.argv[2])
    with open(KNOWN, "w", encoding="utf-8") as file:
        json.dump(known, file)
    print(key)
else:
    install()
