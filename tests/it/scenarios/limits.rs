//! Limits per API key on a host of its own, and what a request too many is answered (docs/adr/0022; chapter 05, 1.1).

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use weir::{Host, Settings};

use super::world::{ADMIN_KEY, fresh_folder, shared};

async fn asked(http: &Client, host: &Host, key: &str, path: &str) -> Response {
    let url = format!("http://{}{path}", host.address());
    http.request(Method::GET, url).bearer_auth(key).send().await.unwrap()
}

async fn organization(http: &Client, host: &Host) -> String {
    let request = http.post(format!("http://{}/admin/organizations", host.address())).bearer_auth(ADMIN_KEY);
    let answer = request.json(&json!({"organization": {"name": "Acme"}})).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["organization"]["api_key"].as_str().unwrap().to_owned()
}

#[test]
fn each_key_has_so_many_requests_in_so_many_seconds() {
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: fresh_folder("limits"),
        admin_key: ADMIN_KEY.to_owned(),
        public_url: None,
        allow_private_targets: true,
        // A token comes back after twenty minutes: never within this test.
        rate_limit: Some("3/3600".parse().unwrap()),
        demo: false,
    };
    let http = &shared().http;
    shared().runtime.block_on(async {
        let host = Host::start(settings).await.unwrap();
        let (first, second) = (organization(http, &host).await, organization(http, &host).await);
        for _ in 0..3 {
            assert_eq!(asked(http, &host, &first, "/api/v1/customers").await.status(), 200);
        }
        for path in ["/api/v1/customers", "/api/v1/nothing"] {
            let refused = asked(http, &host, &first, path).await;
            assert_eq!(refused.status(), 429);
            let header = |name: &str| refused.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header("content-type"), "application/json; charset=utf-8");
            assert_eq!((header("x-ratelimit-limit"), header("x-ratelimit-remaining")), ("3".into(), "0".into()));
            assert_eq!(header("retry-after"), header("x-ratelimit-reset"));
            assert!((1..=1200).contains(&header("retry-after").parse::<u32>().unwrap()));
            assert!(!header("x-request-id").is_empty() && !header("x-weir-version").is_empty());
            let body = refused.text().await.unwrap();
            assert_eq!(body, r#"{"status":429,"error":"Too Many Requests","code":"too_many_requests"}"#);
        }
        // Another key has a bucket of its own, and what needs no key has none.
        assert_eq!(asked(http, &host, &second, "/api/v1/customers").await.status(), 200);
        let open = http.get(format!("http://{}/health", host.address())).send().await.unwrap();
        assert_eq!(open.status(), 200);
        host.stop().await;
    });
}
