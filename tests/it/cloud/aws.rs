//! The few calls to AWS that a test makes itself, as plain HTTP: the emulator asks for no signature.

use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::emulator::REGION;

/// The emulator's AWS APIs.
#[derive(Clone)]
pub struct Aws {
    http: Client,
    endpoint: String,
}

impl Aws {
    pub fn at(endpoint: &str) -> Aws {
        let http = Client::builder().no_proxy().build().expect("an HTTP client can be made");
        Aws { http, endpoint: endpoint.to_owned() }
    }

    fn authorization(service: &str) -> String {
        let scope = format!("test/20260101/{REGION}/{service}/aws4_request");
        format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
    }

    /// A call of a service that speaks JSON.
    async fn call(&self, service: &str, target: &str, request: &Value) -> Value {
        let response = self
            .http
            .post(format!("{}/", self.endpoint))
            .header("Authorization", Aws::authorization(service))
            .header("X-Amz-Target", target)
            .header("Content-Type", "application/x-amz-json-1.1")
            .body(request.to_string())
            .send();
        let text = succeeded(target, response.await).await;
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("AWS answers in JSON") }
    }

    /// Puts messages on a queue in one call.
    pub async fn send(&self, queue_url: &str, bodies: &[String]) {
        let entry = |(position, body): (usize, &String)| json!({"Id": position.to_string(), "MessageBody": body});
        let entries: Vec<Value> = bodies.iter().enumerate().map(entry).collect();
        let request = json!({"QueueUrl": queue_url, "Entries": entries});
        let answer = self.call("sqs", "AmazonSQS.SendMessageBatch", &request).await;
        assert!(answer["Failed"].as_array().is_none_or(Vec::is_empty), "not sent: {answer}");
    }

    /// Bodies of at most ten messages that wait in a queue. They wait on for others once the time-out has passed.
    pub async fn waiting(&self, queue_url: &str) -> Vec<String> {
        let request = json!({"QueueUrl": queue_url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0});
        let answer = self.call("sqs", "AmazonSQS.ReceiveMessage", &request).await;
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| message["Body"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Keys of the objects in a bucket, as the XML has them.
    pub async fn object_keys(&self, bucket: &str) -> Vec<String> {
        let url = format!("{}/{bucket}?list-type=2", self.endpoint);
        let response = self.http.get(url).header("Authorization", Aws::authorization("s3")).send();
        let text = succeeded("ListObjectsV2", response.await).await;
        text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()).map(str::to_owned).collect()
    }

    /// Calls a function and waits for its answer. Gives the function's error, if it failed.
    pub async fn invoke(&self, function: &str) -> Result<String, String> {
        let url = format!("{}/2015-03-31/functions/{function}/invocations", self.endpoint);
        let request = self.http.post(url).header("Authorization", Aws::authorization("lambda")).body("{}");
        let response = request.send().await.expect("the emulator answers");
        let failed = response.headers().contains_key("X-Amz-Function-Error");
        let status = response.status();
        let text = response.text().await.expect("the answer can be read");
        if failed || !status.is_success() { Err(format!("{status}: {text}")) } else { Ok(text) }
    }

    /// The last lines that a function has logged.
    pub async fn log(&self, function: &str) -> String {
        let request = json!({"logGroupName": format!("/aws/lambda/{function}"), "limit": 1000});
        let answer = self.call("logs", "Logs_20140328.FilterLogEvents", &request).await;
        let events = answer["events"].as_array().cloned().unwrap_or_default();
        let lines: Vec<&str> = events.iter().filter_map(|event| event["message"].as_str()).map(str::trim_end).collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

async fn succeeded(call: &str, response: reqwest::Result<Response>) -> String {
    let response = response.unwrap_or_else(|error| panic!("{call}: {error}"));
    let status = response.status();
    let text = response.text().await.unwrap_or_else(|error| panic!("{call}: {error}"));
    assert!(status.is_success(), "{call} answered {status}: {text}");
    text
}
