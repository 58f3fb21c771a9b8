//! The PDF of an invoice (chapter 04, 7.3 and 13).

use expect_test::expect;
use reqwest::Method;
use serde_json::json;

use super::receiver::Receiver;
use super::world::{World, send};
use super::{calls, hundred};

#[test]
fn a_document_is_made_once_and_opens_without_a_key() {
    let world = calls("2024-01-01");
    world.tax("vat", "20", true);
    hundred(&world, "monthly");
    let receiver = Receiver::start();
    world.post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": format!("{}/hook", receiver.url)}}));
    world.customer("acme", json!({"name": "Ada Lovelace Ltd", "country": "GB", "city": "London"}));
    world.subscribe("acme", "hundred");
    let call = ("2024-01-10", json!({}));
    world.usage("acme", "calls", &[call.clone(), call.clone(), call]);
    world.travel_to("2024-02-01");
    let id = world.only_invoice("acme")["lago_id"].as_str().unwrap().to_owned();
    assert_eq!(world.only_invoice("acme")["file_url"], json!(null));
    let download = || world.ask(Method::POST, &format!("/invoices/{id}/download"), None);
    // The first call waits for the document as long as it can (chapter 09, behaviour 6); if it cannot, the next has it.
    assert_eq!(download().status, 200);
    world.settle();
    assert_eq!(receiver.types_at("/hook").last().unwrap(), "invoice.generated");
    let invoice = download().json()["invoice"].clone();
    let link = invoice["file_url"].as_str().unwrap().to_owned();

    let pdf = send("no key", Method::GET, &link, None);
    assert_eq!(pdf.status, 200);
    let page = pdf_extract::extract_text_from_mem(&pdf.bytes).unwrap();
    let number = invoice["number"].as_str().unwrap();
    // 100.00 and 3 x 0.10, and 20 % of them.
    for words in [number, "Ada Lovelace Ltd", "100.30", "20.06", "120.36", "Feb 01, 2024"] {
        assert!(page.contains(words), "`{words}` is missing: {page}");
    }

    // What was printed stays.
    world.customer("acme", json!({"name": "Somebody else"}));
    assert_eq!(download().json()["invoice"]["file_url"], link);
    assert_eq!(send("no key", Method::GET, &link, None).bytes, pdf.bytes);

    let mut letters: Vec<char> = link.chars().collect();
    let place = link.find("/documents/").unwrap() + "/documents/".len() + 5;
    letters[place] = if letters[place] == 'a' { 'b' } else { 'a' };
    let forged: String = letters.into_iter().collect();
    let answers = [
        send("no key", Method::GET, &forged, None).line(),
        send("no key", Method::GET, "/documents/nothing/at-all.pdf", None).line(),
        send("no key", Method::GET, "/documents/%00/x.pdf", None).line(),
    ];
    expect![[r#"
        404 {"status":404,"error":"Not Found","code":"resource_not_found"}
        404 {"status":404,"error":"Not Found","code":"resource_not_found"}
        404 {"status":404,"error":"Not Found","code":"resource_not_found"}"#]]
    .assert_eq(&answers.join("\n"));
}

#[test]
fn prorated_units_are_broken_down_by_day() {
    let world = World::new("2023-03-01");
    world.metric_with("seats", "sum seats", json!({"recurring": true}));
    let mut charge = world.charge("seats", "standard", json!({"amount": "10"}));
    charge["prorated"] = json!(true);
    world.plan("pro", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "pro");
    // P1 of chapter 03, 3.7.
    let seats = |at: &'static str, number: &str| (at, json!({ "seats": number }));
    let events = [seats("2023-03-10", "5"), seats("2023-05-26T10:00", "12"), seats("2023-05-26T11:00", "12")];
    world.usage("acme", "seats", &events);
    world.travel_to("2023-06-01");
    let invoices = world.all_invoices("acme");
    let id = invoices.last().unwrap()["lago_id"].as_str().unwrap();
    let download = || world.ask(Method::POST, &format!("/invoices/{id}/download"), None);
    assert_eq!(download().status, 200);
    world.settle();
    let link = download().json()["invoice"]["file_url"].as_str().unwrap().to_owned();
    let pdf = send("no key", Method::GET, &link, None);
    let page = pdf_extract::extract_text_from_mem(&pdf.bytes).unwrap();
    let words: Vec<&str> = page.split_whitespace().collect();
    let page = words.join(" ");
    // 5 for the whole month and 24 for six days of it: 9.64517 x 10.
    for words in [
        "96.45",
        "Breakdown",
        "May 01, 2023 Used 31 out of 31 days +5 seats",
        "May 26, 2023 Used 6 out of 31 days +24 seats",
    ] {
        assert!(page.contains(words), "`{words}` is missing: {page}");
    }
}

#[test]
fn there_is_no_document_of_what_is_not_final() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.subscribe("acme", "hundred");
    world.travel_to("2024-02-01");
    let id = world.only_invoice("acme")["lago_id"].as_str().unwrap().to_owned();
    world.post(&format!("/invoices/{id}/void"), json!({}));
    let missing = r#"404 {"status":404,"error":"Not Found","code":"invoice_not_found"}"#;
    for id in [id.as_str(), "00000000-0000-0000-0000-000000000000", "nonsense"] {
        assert_eq!(world.refused(Method::POST, &format!("/invoices/{id}/download"), json!({})), missing);
    }
}
