//! API keys: several per organization, shown once, masked in lists, rotated and revoked; the oldest that opens signs
//! (docs/adr/0022; 00-index, ruling 10).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::receiver::{Delivery, Receiver};
use super::world::{World, json_bytes, send, shared};

fn ask(key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let answer = send(key, method, &format!("/api/v1{path}"), body.as_ref().map(json_bytes));
    (answer.status.as_u16(), answer.json())
}

/// Makes a key with another; its id and itself.
fn made(key: &str, name: &str) -> (String, String) {
    let (status, answer) = ask(key, Method::POST, "/api_keys", Some(json!({"api_key": {"name": name}})));
    assert_eq!(status, 200, "{answer}");
    shown_once(&answer)
}

fn shown_once(answer: &Value) -> (String, String) {
    let text = |field: &str| answer["api_key"][field].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    let (id, value) = (text("lago_id"), text("value"));
    assert_eq!(text("masked_value"), format!("••••••••…{}", &value[value.len() - 3..]));
    (id, value)
}

/// Names and statuses, newest first; `*` signs.
fn listed(key: &str) -> Vec<String> {
    let (status, answer) = ask(key, Method::GET, "/api_keys", None);
    assert_eq!(status, 200, "{answer}");
    let line = |entry: &Value| {
        assert_eq!(entry.get("value"), None, "shown once only");
        let signs = if entry["signs_webhooks"] == true { " *" } else { "" };
        format!("{} {}{signs}", entry["name"].as_str().unwrap_or("-"), entry["status"].as_str().unwrap())
    };
    answer["api_keys"].as_array().unwrap().iter().map(line).collect()
}

fn opens(key: &str) -> bool {
    let (status, answer) = ask(key, Method::GET, "/customers", None);
    assert!(status == 200 || answer == json!({"status": 401, "error": "Unauthorized"}), "{answer}");
    status == 200
}

/// The id of the only key that an organization starts with.
fn first(world: &World) -> String {
    let (_, answer) = ask(&world.key, Method::GET, "/api_keys", None);
    answer["api_keys"].as_array().unwrap().last().unwrap()["lago_id"].as_str().unwrap().to_owned()
}

#[test]
fn keys_come_and_go_and_one_always_stays() {
    let world = World::new("2024-01-01");
    assert_eq!(listed(&world.key), ["- active *"]);
    let (second_id, second) = made(&world.key, "ci");
    let (third_id, third) = made(&second, "laptop");
    assert_eq!(listed(&third), ["laptop active", "ci active", "- active *"]);
    assert!(opens(&second) && opens(&third));

    let (status, gone) = ask(&third, Method::DELETE, &format!("/api_keys/{second_id}"), None);
    assert_eq!((status, &gone["api_key"]["status"]), (200, &json!("revoked")));
    assert_eq!(gone["api_key"]["revoked_at"], "2024-01-01T00:00:00Z");
    assert!(!opens(&second));
    let (status, again) = ask(&third, Method::DELETE, &format!("/api_keys/{second_id}"), None);
    assert_eq!((status, again), (200, gone), "once more changes nothing");
    // The first goes: the oldest that opens signs.
    ask(&third, Method::DELETE, &format!("/api_keys/{}", first(&world)), None);
    assert!(!opens(&world.key));
    assert_eq!(listed(&third), ["laptop active *", "ci revoked", "- revoked"]);
    let last = ask(&third, Method::DELETE, &format!("/api_keys/{third_id}"), None);
    assert_eq!(last, (405, json!({"status": 405, "error": "Method Not Allowed", "code": "last_api_key"})));
    assert!(opens(&third));
}

#[test]
fn a_rotated_key_ends_at_once_or_goes_on_beside_its_successor() {
    let world = World::new("2024-01-01");
    let rotate = |key: &str, id: &str, body: Option<Value>| {
        let (status, answer) = ask(key, Method::POST, &format!("/api_keys/{id}/rotate"), body);
        assert_eq!(status, 200, "{answer}");
        shown_once(&answer)
    };
    // With an overlap both open, and the old one, being the oldest, signs on.
    let overlap = json!({"api_key": {"overlap_seconds": 3600}});
    let (second_id, second) = rotate(&world.key, &first(&world), Some(overlap.clone()));
    assert!(opens(&world.key) && opens(&second));
    assert_eq!(listed(&second), ["- active", "- expiring *"]);
    // The only key that lasts cannot be revoked beside one that is about to end.
    let (status, refused) = ask(&world.key, Method::DELETE, &format!("/api_keys/{second_id}"), None);
    assert_eq!((status, &refused["code"]), (405, &json!("last_api_key")));
    // Without one the old key ends at once.
    let (third_id, third) = rotate(&second, &second_id, None);
    assert!(!opens(&second) && opens(&third) && opens(&world.key));
    assert_eq!(listed(&third), ["- active", "- revoked", "- expiring *"]);
    // An hour later by the real clock; that of a sandbox has no say.
    world.travel_to("2024-03-01");
    assert!(opens(&world.key));
    let app = shared().host.app();
    let organization: domain::id::OrganizationId = world.organization["lago_id"].as_str().unwrap().parse().unwrap();
    let later = app::App { clock: std::sync::Arc::new(Later), ..app.clone() };
    let rule = shared().runtime.block_on(app::organization::authenticate(&later, Some(&world.key)));
    assert!(rule.is_err(), "it has ended");
    let known = shared().runtime.block_on(app::organization::authenticate(&later, Some(&third))).unwrap();
    assert_eq!(known.id, organization);
    assert_eq!(shared().runtime.block_on(app::api_key::signing_key(&later, organization)).unwrap(), third);

    let answer = ask(&third, Method::POST, &format!("/api_keys/{second_id}/rotate"), Some(overlap));
    let unknown = (404, json!({"status": 404, "error": "Not Found", "code": "api_key_not_found"}));
    assert_eq!(answer, unknown, "a revoked key has no successor");
    for (id, key) in [("nothing", &third), (third_id.as_str(), &World::new("2024-01-01").key)] {
        assert_eq!(ask(key, Method::POST, &format!("/api_keys/{id}/rotate"), None), unknown);
        assert_eq!(ask(key, Method::DELETE, &format!("/api_keys/{id}"), None), unknown);
    }
}

/// Two hours after now.
struct Later;

impl app::ports::Clock for Later {
    fn now(&self) -> domain::time::Instant {
        chrono::Utc::now() + chrono::TimeDelta::hours(2)
    }
}

#[test]
fn what_a_key_can_be_asked_for() {
    let world = World::new("2024-01-01");
    let invalid = |details: Value| {
        (
            422,
            json!({
                "status": 422, "error": "Unprocessable Entity", "code": "validation_errors", "error_details": details,
            }),
        )
    };
    let create = |fields: Value| ask(&world.key, Method::POST, "/api_keys", Some(json!({ "api_key": fields })));
    assert_eq!(create(json!({"x": 1})), invalid(json!({"name": ["value_is_mandatory"]})));
    assert_eq!(create(json!({"name": "n".repeat(101)})), invalid(json!({"name": ["value_is_too_long"]})));
    let missing = json!({"status": 400, "error": "BadRequest: param is missing or the value is empty: api_key"});
    assert_eq!(create(json!({})), (400, missing));
    let rotate = |overlap: Value| {
        let path = format!("/api_keys/{}/rotate", first(&world));
        ask(&world.key, Method::POST, &path, Some(json!({"api_key": {"overlap_seconds": overlap}})))
    };
    for (overlap, code) in [
        (json!(-1), "value_is_out_of_range"),
        (json!(2_592_001), "value_is_out_of_range"),
        (json!("soon"), "value_is_invalid"),
        (json!(1.5), "value_is_invalid"),
    ] {
        assert_eq!(rotate(overlap), invalid(json!({"overlap_seconds": [code]})));
    }
    (0..19).for_each(|number| drop(made(&world.key, &number.to_string())));
    assert_eq!(
        create(json!({"name": "one too many"})),
        invalid(json!({"base": ["Maximum number of API keys was reached"]}))
    );
}

/// No answer with a key is kept: the header means nothing here.
#[test]
fn an_idempotency_key_keeps_no_api_key() {
    let world = World::new("2024-01-01");
    let send = || {
        let request = shared().http.post(super::world::url("/api/v1/api_keys")).bearer_auth(&world.key);
        let request = request.header("Idempotency-Key", "once").json(&json!({"api_key": {"name": "n"}}));
        shared().runtime.block_on(async {
            let response = request.send().await.unwrap();
            assert!(!response.headers().contains_key("Idempotent-Replayed"));
            response.json::<Value>().await.unwrap()
        })
    };
    assert_ne!(shown_once(&send()), shown_once(&send()));
}

#[test]
fn two_revocations_at_once_leave_a_key() {
    let world = World::new("2024-01-01");
    let (second_id, second) = made(&world.key, "second");
    let first_id = first(&world);
    std::thread::scope(|scope| {
        // Each takes the other back.
        scope.spawn(|| ask(&world.key, Method::DELETE, &format!("/api_keys/{second_id}"), None));
        scope.spawn(|| ask(&second, Method::DELETE, &format!("/api_keys/{first_id}"), None));
    });
    assert!(opens(&world.key) != opens(&second), "one of them, and one only");
}

/// The oldest key that opens signs, at each attempt anew.
#[test]
fn webhooks_are_signed_with_the_oldest_key() {
    let mut world = World::new("2024-01-01");
    let receiver = Receiver::start();
    let endpoint = json!({"webhook_url": format!("{}/hook", receiver.url), "signature_algo": "hmac"});
    world.post("/webhook_endpoints", json!({ "webhook_endpoint": endpoint }));
    world.plan("p", "10.00 EUR monthly", &[]);
    let (_, second) = made(&world.key, "second");
    let signed = |delivery: &Delivery, key: &str| {
        let signature = STANDARD.decode(delivery.header("X-Lago-Signature")).unwrap();
        let expected = domain::webhook::hmac_signature(key, delivery.body.as_bytes());
        signature == STANDARD.decode(expected).unwrap()
    };
    world.subscribe("one", "p");
    world.settle();
    ask(&second, Method::DELETE, &format!("/api_keys/{}", first(&world)), None);
    let revoked = std::mem::replace(&mut world.key, second);
    world.subscribe("two", "p");
    world.settle();
    let deliveries = receiver.at("/hook");
    assert_eq!(deliveries.len(), 2);
    assert!(signed(&deliveries[0], &revoked) && signed(&deliveries[1], &world.key));
}
