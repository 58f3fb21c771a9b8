//! The webhooks that this version sends (chapter 07, 1.6).

use serde_json::{Map, Value, json};
use wire::schema::{self, Components, SchemaOf};

/// A type of message.
struct Type {
    name: &'static str,
    /// Its `object_type`, and the key of the object.
    root: &'static str,
    object: SchemaOf,
    when: &'static str,
}

const INVOICE: SchemaOf = schema::answer::<wire::invoice::Output>;
const CREDIT_NOTE: SchemaOf = schema::answer::<wire::credit_note::Output>;
const SUBSCRIPTION: SchemaOf = schema::answer::<wire::subscription::Output>;

const fn of(name: &'static str, root: &'static str, object: SchemaOf, when: &'static str) -> Type {
    Type { name, root, object, when }
}

const TYPES: [Type; 14] = [
    of(
        "invoice.drafted",
        "invoice",
        INVOICE,
        "A subscription invoice was made and stays a draft for its grace period.",
    ),
    of("invoice.created", "invoice", INVOICE, "A subscription invoice, or one of a charge in advance, became final."),
    of("invoice.one_off_created", "invoice", INVOICE, "A one-off invoice was issued."),
    of("invoice.paid_credit_added", "invoice", INVOICE, "Prepaid credits were invoiced."),
    of("invoice.generated", "invoice", INVOICE, "The PDF of an invoice was made."),
    of("invoice.voided", "invoice", INVOICE, "An invoice was voided."),
    of("invoice.payment_status_updated", "invoice", INVOICE, "The payment status of an invoice changed."),
    of("credit_note.created", "credit_note", CREDIT_NOTE, "A credit note became final."),
    of("credit_note.generated", "credit_note", CREDIT_NOTE, "The PDF of a credit note was made."),
    of("subscription.started", "subscription", SUBSCRIPTION, "A subscription became active."),
    of("subscription.terminated", "subscription", SUBSCRIPTION, "A subscription ended, or a pending one was given up."),
    of("subscription.termination_alert", "subscription", SUBSCRIPTION, "A subscription ends in 45 or 15 days."),
    of("fee.created", "fee", schema::answer::<wire::fee::Output>, "An event made a fee of a charge in advance."),
    of(
        "events.errors",
        "events_errors",
        schema::answer::<wire::webhook::EventsErrors<'static>>,
        "Events of the last hour will not count as meant.",
    ),
];

const NOTES: &str = "Every message goes to every endpoint of the organization. What is not answered by 200, 201, 202 or 204 \
                     is tried three times more. `X-Lago-Unique-Key` is the same for all attempts of a delivery.";

/// The document's `webhooks`. Examples are added when every component is known.
pub(crate) fn section(components: &mut Components) -> Map<String, Value> {
    let header = |name: &str, meaning: &str, example: &str| {
        json!({"name": name, "in": "header", "required": true, "description": meaning,
            "schema": {"type": "string", "examples": [example]}})
    };
    let headers = json!([
        header("X-Lago-Signature", "HMAC-SHA-256 of the body in Base64, or a JSON Web Token.", "XPC85crovTtIoGKqJ="),
        header("X-Lago-Signature-Algorithm", "`jwt` or `hmac`.", "hmac"),
        header("X-Lago-Unique-Key", "Id of the delivery.", "1a901a90-1a90-1a90-1a90-1a901a901a90"),
        header("X-Weir-Sequence", "1, 2, 3 ... per endpoint and object, in order of production.", "1"),
    ]);
    let entry = |kind: &Type| {
        let object = (kind.object)(components);
        let body = json!({
            "type": "object",
            "required": ["webhook_type", "object_type", kind.root],
            "properties": {
                "webhook_type": {"const": kind.name, "description": "What happened."},
                "object_type": {"const": kind.root, "description": "Key of the object."},
                kind.root: object,
            },
        });
        let id = format!("on{}", pascal(kind.name));
        let operation = json!({
            "operationId": id, "summary": kind.when, "description": NOTES, "tags": ["webhooks"],
            "security": [],
            "parameters": headers,
            "requestBody": {"required": true, "content": {"application/json": {"schema": body}}},
            "responses": {"200": {"description": "The message was received."}},
        });
        (kind.name.to_owned(), json!({ "post": operation }))
    };
    TYPES.iter().map(entry).collect()
}

/// `invoice.one_off_created` becomes `InvoiceOneOffCreated`.
fn pascal(name: &str) -> String {
    let parts = name.split(['.', '_']);
    parts.flat_map(|part| part[..1].to_uppercase().chars().chain(part[1..].chars()).collect::<Vec<_>>()).collect()
}
