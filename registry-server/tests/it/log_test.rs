//! What the log says at its default level.

use crate::support::process::ServerProcess;
use registry_core::wire::CreatedToken;
use reqwest::Method;
use serde_json::json;
use std::fs::{self, File};
use tempfile::TempDir;

const TEXT: &str = "package demo:x@1.0.0; interface i { f: func(); }";

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_who_was_refused_and_why_and_no_secret() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("log");
    let server = ServerProcess::start_with_log(dir.path(), File::create(&file).unwrap());
    let client = server.client();
    client.claim("demo").await;
    assert_eq!(client.anonymous().get("/v2/").await.status(), 401);
    let hash = client.publish_wit(TEXT).await.record.hash;
    assert_eq!(client.post_wit(&TEXT.replace("f:", "g:")).await.status(), 409);
    let robot = json!({"scopes": ["publish"], "account": "robot"});
    let robot: CreatedToken = client.send_json(Method::POST, "/v1/tokens", &robot).await.json().await.unwrap();
    assert!(client.delete(&format!("/v1/tokens/{}", robot.info.id)).await.status().is_success());
    assert_eq!(client.with_token(&robot.token).get("/v2/").await.status(), 401);
    let secrets = [client.authorization(), robot.token.clone()];
    assert!(server.signal("TERM").0.success());

    let log = fs::read_to_string(&file).unwrap();
    let line = |words: &[&str]| {
        let has_all = |line: &&str| words.iter().all(|word| line.contains(word));
        assert_eq!(log.lines().filter(has_all).count(), 1, "{words:?} in {log}");
    };
    line(&["the registry listens", env!("CARGO_PKG_VERSION")]);
    line(&[&format!("published demo:x@1.0.0 as {hash}"), "admin"]);
    line(&["refused", "409", "release_bound", "admin"]);
    line(&["refused", "401", "token_invalid", "robot", &robot.info.id]);
    assert!(!log.contains("token_required"), "nobody is refused who only knocks: {log}");
    for secret in secrets {
        let secret = secret.split("regt_").last().unwrap().trim_end();
        assert!(!log.contains(secret));
    }
}
