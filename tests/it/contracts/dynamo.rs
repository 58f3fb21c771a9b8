//! What DynamoDB's table does about answers that the emulator never gives: conflicts, throttling, lost answers.
//!
//! A server plays a script: one answer per request, in order, and keeps the requests.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use store::dynamo::{DynamoTable, item_from_attributes, item_to_attributes};
use store::table::{Condition, Index, Item, Table, TableError, TransactError, Write};

use super::table::{Clock, NOW, entry, item, key, sized};
use crate::emulator::dynamodb_at;

struct Server {
    table: DynamoTable,
    requests: mpsc::Receiver<String>,
}

impl Server {
    /// Status and body of each answer; status 0 closes the connection instead.
    fn answering(script: &[(u16, &str)]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let answers: Vec<(u16, String)> = script.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let answers = Arc::new(Mutex::new(answers.into_iter()));
        let (sender, requests) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, sender) = (Arc::clone(&answers), sender.clone());
                std::thread::spawn(move || serve(stream.unwrap(), &answers, &sender));
            }
        });
        Server { table: DynamoTable::new(dynamodb_at(&endpoint), "t", Clock::new().seconds()), requests }
    }

    fn requests(&self) -> Vec<serde_json::Value> {
        self.requests.try_iter().map(|body| serde_json::from_str(&body).unwrap()).collect()
    }
}

fn serve(
    mut stream: std::net::TcpStream,
    answers: &Mutex<std::vec::IntoIter<(u16, String)>>,
    sender: &mpsc::Sender<String>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut content_length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                content_length = length.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; content_length];
        reader.read_exact(&mut body).unwrap();
        let _ = sender.send(String::from_utf8(body).unwrap());
        let (status, body) = answers.lock().unwrap().next().expect("no more requests than the script has answers");
        if status == 0 {
            return;
        }
        let head = format!(
            "HTTP/1.1 {status} -\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    }
}

const PREFIX: &str = "com.amazonaws.dynamodb.v20120810";

fn error(code: &str) -> String {
    format!(r#"{{"__type":"{PREFIX}#{code}","message":"because"}}"#)
}

fn cancelled(codes: &[&str]) -> String {
    let reasons: Vec<String> = codes.iter().map(|code| format!(r#"{{"Code":"{code}","Message":"because"}}"#)).collect();
    format!(
        r#"{{"__type":"{PREFIX}#TransactionCanceledException","message":"cancelled","CancellationReasons":[{}]}}"#,
        reasons.join(",")
    )
}

fn two_writes() -> Vec<Write> {
    vec![Write::Put(item("p", "a"), Condition::Absent), Write::Put(item("p", "b"), Condition::Version(1))]
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_transactions_say_why() {
    let outcome = async |codes: &[&str]| {
        let server = Server::answering(&[(400, &cancelled(codes))]);
        server.table.transact(two_writes()).await.unwrap_err()
    };
    assert!(matches!(outcome(&["None", "TransactionConflict"]).await, TransactError::Contended));
    let both = outcome(&["TransactionConflict", "ConditionalCheckFailed"]).await;
    assert!(matches!(both, TransactError::Conditions(positions) if positions == [1]), "a condition is the better news");
    let refused = outcome(&["ValidationError", "ConditionalCheckFailed"]).await;
    assert!(matches!(refused, TransactError::Table(TableError::Refused(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled_and_unfinished_transactions_are_the_same_transaction_again() {
    let server = Server::answering(&[
        (400, &cancelled(&["ThrottlingError", "None"])),
        (400, &error("TransactionInProgressException")),
        (200, "{}"),
    ]);
    server.table.transact(two_writes()).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| *request == requests[0]), "one token, one content");
    assert!(requests[0]["ClientRequestToken"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_write_that_meets_a_transaction_is_contended() {
    let server = Server::answering(&[(400, &error("TransactionConflictException"))]);
    let result = server.table.transact(vec![Write::Put(item("p", "a"), Condition::Absent)]).await;
    assert!(matches!(result, Err(TransactError::Contended)), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_may_have_met_itself_is_unknown() {
    // The first attempt may have been stored; then the condition fails because of it.
    let server =
        Server::answering(&[(500, &error("InternalServerError")), (400, &error("ConditionalCheckFailedException"))]);
    let result = server.table.transact(vec![Write::Put(item("p", "a"), Condition::Absent)]).await;
    assert!(matches!(result, Err(TransactError::Table(TableError::Unavailable(_)))), "{result:?}");

    // A throttled attempt was not stored: the condition's failure is true.
    let throttled = error("ProvisionedThroughputExceededException");
    let server = Server::answering(&[(400, &throttled), (400, &error("ConditionalCheckFailedException"))]);
    let result = server.table.transact(vec![Write::Put(item("p", "a"), Condition::Absent)]).await;
    assert!(matches!(result, Err(TransactError::Conditions(_))), "{result:?}");

    let server = Server::answering(&[(0, ""), (200, "{}")]);
    server.table.transact(vec![Write::Put(item("p", "a"), Condition::Absent)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addition_whose_answer_is_lost_is_not_repeated() {
    let server = Server::answering(&[(500, &error("InternalServerError"))]);
    assert!(matches!(server.table.add(&key("p", "n"), 1).await, Err(TableError::Unavailable(_))));
    assert_eq!(server.requests().len(), 1);

    let sum = r#"{"Attributes":{"n":{"N":"5"},"v":{"N":"2"}}}"#;
    let server = Server::answering(&[
        (400, &error("ThrottlingException")),
        (400, &error("TransactionConflictException")),
        (200, sum),
    ]);
    assert_eq!(server.table.add(&key("p", "n"), 1).await.unwrap(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_batch_left_undone_is_asked_again() {
    let left = r#"{"UnprocessedItems":{"t":[{"DeleteRequest":{"Key":{"pk":{"S":"p"},"sk":{"S":"b"}}}}]}}"#;
    let server = Server::answering(&[(200, left), (200, left), (200, "{}")]);
    server.table.delete_all(&[key("p", "a"), key("p", "b")]).await.unwrap();
    let counts: Vec<usize> =
        server.requests().iter().map(|request| request["RequestItems"]["t"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [2, 1, 1]);

    let left = r#"{"Responses":{"t":[]},"UnprocessedKeys":{"t":{"Keys":[{"pk":{"S":"p"},"sk":{"S":"b"}}]}}}"#;
    let found = r#"{"Responses":{"t":[{"pk":{"S":"p"},"sk":{"S":"b"},"kind":{"S":"thing"},"s":{"N":"1"},"v":{"N":"1"},"b":{"B":"Ym9keQ=="}}]}}"#;
    let server = Server::answering(&[(200, left), (200, found)]);
    let items = server.table.get_many(&[key("p", "a"), key("p", "b")]).await.unwrap();
    assert_eq!(items, [None, Some(item("p", "b"))]);
    assert!(server.requests().iter().all(|request| request["RequestItems"]["t"]["ConsistentRead"] == true));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_told_apart() {
    let server = Server::answering(&[(400, &error("ValidationException"))]);
    assert!(matches!(server.table.get(&key("p", "a")).await, Err(TableError::Refused(_))));
    let server = Server::answering(&[(400, &error("ResourceNotFoundException"))]);
    assert!(matches!(server.table.get(&key("p", "a")).await, Err(TableError::Unavailable(_))));
    let server = Server::answering(&[(200, r#"{"Item":{"pk":{"S":"p"},"sk":{"S":"a"}}}"#)]);
    assert!(matches!(server.table.get(&key("p", "a")).await, Err(TableError::Unavailable(_))), "not an item of ours");
    let nobody = DynamoTable::new(dynamodb_at("http://127.0.0.1:1"), "t", Clock::new().seconds());
    assert!(matches!(nobody.get(&key("p", "a")).await, Err(TableError::Unavailable(_))));
}

#[test]
fn attributes_and_back() {
    let full = Item {
        entries: Index::ALL.map(|index| entry(index, "i", "j")).to_vec(),
        expires_at: Some(NOW),
        counter: Some(-1),
        ..sized("p", "a", 5)
    };
    let mut attributes = item_to_attributes(&full);
    let mut names: Vec<&str> = attributes.keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = ["b", "due_p", "due_s", "kind", "n", "org_p", "org_s", "par_p", "par_s", "pk", "s", "sk", "v", "x"];
    assert_eq!(names, expected);
    assert_eq!(item_from_attributes(attributes.clone()).unwrap(), full);
    attributes.remove("v");
    assert!(item_from_attributes(attributes).is_err());
}
