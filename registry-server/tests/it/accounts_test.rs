//! Tokens, namespaces and their owners, and what becomes of releases.

use crate::support::client::{Client, expect_error};
use crate::support::process::command;
use crate::support::server::{self, TestServer, admin_token, config};
use registry_core::wire::{
    CompatibilityRule, CreateToken, CreatedToken, Namespace, NamespaceList, Release, ReleaseList, Scope, TokenList,
    Whoami,
};
use registry_server::{Config, Server, ServerLimits};
use reqwest::Method;
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use tempfile::TempDir;

async fn bare() -> (TempDir, TestServer) {
    let dir = TempDir::new().unwrap();
    let server = TestServer::bare(config(dir.path(), ServerLimits::default())).await;
    (dir, server)
}

/// A client of an account, made by the operator.
async fn account(operator: &Client, name: &str) -> Client {
    let body = json!({"scopes": ["publish", "yank", "admin"], "account": name});
    let created: CreatedToken = operator.send_json(Method::POST, "/v1/tokens", &body).await.json().await.unwrap();
    operator.with_token(&created.token)
}

async fn claim(client: &Client, name: &str) -> reqwest::Response {
    client.send_json(Method::POST, "/v1/namespaces", &json!({"name": name})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_writes_the_operators_token_and_later_ones_do_not() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("admin-token");
    let started = Server::bind(config(dir.path(), ServerLimits::default())).await.unwrap();
    assert_eq!(started.admin_token_file(), file);
    drop(started);
    let token = admin_token(dir.path());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(token.starts_with("regt_") && token.len() == 69, "{}", token.len());
    let server = TestServer::bare(config(dir.path(), ServerLimits::default())).await;
    assert_eq!(admin_token(dir.path()), token);
    let whoami: Whoami = server.json("/v1/whoami").await;
    assert_eq!((whoami.account.as_str(), whoami.operator, whoami.namespaces), ("admin", true, Vec::new()));
    assert_eq!(whoami.token.scopes, Scope::ALL);
    let (by_hand, of_anna) = (account(&server, "admin").await, account(&server, "anna").await);
    server.stop().await;
    fs::remove_file(&file).unwrap();
    drop(Server::bind(config(dir.path(), ServerLimits::default())).await.unwrap());
    assert!(!file.exists(), "there is a token, only its file is gone");
    let renewing = Config { renews_admin_token: true, ..config(dir.path(), ServerLimits::default()) };
    let server = TestServer::bare(renewing).await;
    assert_eq!(server.json::<Whoami>("/v1/whoami").await.account, "admin");
    let lost = server.with_token(&token).get("/v1/whoami").await;
    let error = expect_error(lost, 401, "token_invalid").await;
    assert!(error.message.contains("revoked"), "{}", error.message);
    let (by_hand, of_anna) = (same_token(&server, &by_hand), same_token(&server, &of_anna));
    expect_error(by_hand.get("/v1/whoami").await, 401, "token_invalid").await;
    assert_eq!(of_anna.json::<Whoami>("/v1/whoami").await.account, "anna");
}

/// A client of a server with the token of another client.
fn same_token(server: &TestServer, client: &Client) -> Client {
    server.with_token(client.authorization().trim_end().rsplit(' ').next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_no_token_that_can_do_more() {
    let (_dir, server) = bare().await;
    let anna = account(&server, "anna").await;
    let limited = json!({"scopes": ["admin", "yank"], "namespace": "demo", "expires_at": "2100-01-01T00:00:00Z"});
    let created: CreatedToken = anna.send_json(Method::POST, "/v1/tokens", &limited).await.json().await.unwrap();
    let limited = server.with_token(&created.token);
    let table = [
        (json!({"scopes": ["publish"], "namespace": "demo", "expires_at": "2099-01-01T00:00:00Z"}), 403, "`publish`"),
        (json!({"scopes": ["yank"], "expires_at": "2099-01-01T00:00:00Z"}), 403, "namespace `demo`"),
        (
            json!({"scopes": ["yank"], "namespace": "other", "expires_at": "2099-01-01T00:00:00Z"}),
            403,
            "namespace `demo`",
        ),
        (json!({"scopes": ["yank"], "namespace": "demo"}), 403, "expire by"),
        (json!({"scopes": ["yank"], "namespace": "demo", "expires_at": "2101-01-01T00:00:00Z"}), 403, "expire by"),
        (json!({"scopes": ["yank"], "namespace": "demo", "account": "admin"}), 403, "who runs the registry"),
        (json!({"scopes": ["yank"], "namespace": "demo", "expires_at": "2099-01-01T00:00:00Z"}), 201, ""),
    ];
    for (body, status, part) in table {
        let response = limited.send_json(Method::POST, "/v1/tokens", &body).await;
        assert_eq!(response.status(), status, "{body}");
        assert!(response.text().await.unwrap().contains(part), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_tokens_that_make_no_sense_are_refused() {
    let (_dir, server) = bare().await;
    let table = [
        (json!({"scopes": []}), 400, "invalid_body"),
        (json!({"scopes": ["everything"]}), 400, "invalid_body"),
        (json!({"scopes": ["yank"], "more": 1}), 400, "invalid_body"),
        (json!({"scopes": ["yank"], "expires_at": "2001-01-01T00:00:00Z"}), 400, "invalid_body"),
        (json!({"scopes": ["yank"], "namespace": "Demo"}), 422, "invalid_name"),
        (json!({"scopes": ["yank"], "account": "a b"}), 422, "invalid_name"),
        (json!({"scopes": ["yank"], "description": "a\nb"}), 422, "invalid_text"),
        (json!({"scopes": ["yank"], "description": "a\u{0}b"}), 422, "invalid_text"),
        (json!({"scopes": ["yank"], "description": "x".repeat(1_001)}), 422, "limit_exceeded"),
        (json!({"scopes": ["yank"], "description": "x".repeat(100_000)}), 413, "limit_exceeded"),
    ];
    for (body, status, code) in table {
        expect_error(server.send_json(Method::POST, "/v1/tokens", &body).await, status, code).await;
    }
    expect_error(server.get("/v1/tokens?account=nobody").await, 422, "unknown_account").await;
    expect_error(server.get("/v1/tokens?account=%00").await, 400, "invalid_name").await;
    let missing = server.delete("/v1/tokens/0123456789abcdef").await;
    expect_error(missing, 404, "not_found").await;
    let missing = server.delete("/v1/tokens/x'--").await;
    expect_error(missing, 400, "invalid_path").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_listed_without_secrets_and_one_can_revoke_itself() {
    let (_dir, server) = bare().await;
    let anna = account(&server, "anna").await;
    let body = json!({"scopes": ["publish", "publish"], "description": "for a robot", "namespace": "demo"});
    let created: CreatedToken = anna.send_json(Method::POST, "/v1/tokens", &body).await.json().await.unwrap();
    assert_eq!((created.info.account.as_str(), created.info.scopes.as_slice()), ("anna", &[Scope::Publish][..]));
    let text = anna.text("/v1/tokens").await;
    assert!(!text.contains("regt_") && text.contains("for a robot"), "{text}");
    let robot = server.with_token(&created.token);
    let path = format!("/v1/tokens/{}", created.info.id);
    assert_eq!(robot.delete(&path).await.status(), 204);
    expect_error(robot.get("/v1/whoami").await, 401, "token_invalid").await;
    let list: TokenList = anna.json("/v1/tokens").await;
    let revoked = list.tokens.iter().find(|token| token.id == created.info.id).unwrap();
    assert!(revoked.revoked_at.is_some());
    assert_eq!(list.tokens.len(), 2);
    let of_anna: TokenList = server.json("/v1/tokens?account=anna").await;
    assert_eq!(of_anna.tokens, list.tokens);
    expect_error(anna.get("/v1/tokens?account=admin").await, 403, "forbidden").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_only_so_many_good_tokens() {
    let dir = TempDir::new().unwrap();
    let limits = ServerLimits { tokens_per_account_max: 3, ..ServerLimits::default() };
    let server = TestServer::bare(config(dir.path(), limits)).await;
    let body = CreateToken {
        description: String::new(),
        scopes: vec![Scope::Yank],
        namespace: None,
        expires_at: None,
        account: None,
    };
    let mut last = None;
    for _ in 0..2 {
        let response = server.send_json(Method::POST, "/v1/tokens", &body).await;
        last = Some(response.json::<CreatedToken>().await.unwrap().info.id);
    }
    expect_error(server.send_json(Method::POST, "/v1/tokens", &body).await, 422, "limit_exceeded").await;
    let path = format!("/v1/tokens/{}", last.unwrap());
    assert_eq!(server.delete(&path).await.status(), 204);
    assert_eq!(server.send_json(Method::POST, "/v1/tokens", &body).await.status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_an_account_claims_itself_counts() {
    let dir = TempDir::new().unwrap();
    let limits = ServerLimits { namespaces_per_account_max: 2, ..ServerLimits::default() };
    let server = TestServer::bare(config(dir.path(), limits)).await;
    let (anna, bert) = (account(&server, "anna").await, account(&server, "bert").await);
    for name in ["b-one", "b-two"] {
        assert_eq!(claim(&bert, name).await.status(), 201);
        let added = bert.request(Method::PUT, &format!("/v1/namespaces/{name}/owners/anna")).send().await.unwrap();
        assert_eq!(added.status(), 200);
    }
    assert_eq!(claim(&anna, "a-one").await.status(), 201);
    assert_eq!(claim(&anna, "a-two").await.status(), 201);
    expect_error(claim(&anna, "a-three").await, 422, "limit_exceeded").await;
    assert_eq!(claim(&anna, "a-two").await.status(), 200, "it is there already");
    expect_error(claim(&server, "a-two").await, 409, "namespace_taken").await;
    let added = anna.request(Method::PUT, "/v1/namespaces/a-two/owners/bert").send().await.unwrap();
    assert_eq!(added.status(), 200);
    assert_eq!(bert.delete("/v1/namespaces/a-two/owners/anna").await.status(), 200);
    assert_eq!(claim(&anna, "a-three").await.status(), 201, "what was given away does not count");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_imitate_cannot_be_claimed() {
    let dir = TempDir::new().unwrap();
    let reserved_namespaces = vec!["wasi".to_owned(), "my-company".to_owned()];
    let config = Config { reserved_namespaces, ..config(dir.path(), ServerLimits::default()) };
    let server = TestServer::bare(config).await;
    let anna = account(&server, "anna").await;
    assert_eq!(claim(&server, "web-tools").await.status(), 201);
    let long = "a".repeat(129);
    let table = [
        ("web-tools", 409, "namespace_taken"),
        ("webtools", 409, "namespace_too_similar"),
        ("we-bto-ols", 409, "namespace_too_similar"),
        ("Web-Tools", 422, "invalid_name"),
        ("web_tools", 422, "invalid_name"),
        ("web--tools", 422, "invalid_name"),
        ("-web", 422, "invalid_name"),
        ("web-", 422, "invalid_name"),
        ("wеb-tools", 422, "invalid_name"),
        ("web\u{200b}tools", 422, "invalid_name"),
        ("web tools", 422, "invalid_name"),
        ("web\0", 422, "invalid_name"),
        ("../web", 422, "invalid_name"),
        ("web';--", 422, "invalid_name"),
        ("", 422, "invalid_name"),
        (&long, 422, "invalid_name"),
        ("p2", 422, "reserved_namespace"),
        ("root", 422, "reserved_namespace"),
        ("ro-ot", 409, "namespace_too_similar"),
        ("wasi", 403, "reserved_namespace"),
        ("was-i", 409, "namespace_too_similar"),
        ("mycompany", 409, "namespace_too_similar"),
    ];
    for (name, status, code) in table {
        expect_error(claim(&anna, name).await, status, code).await;
    }
    assert_eq!(claim(&server, "wasi").await.status(), 201, "the operator may");
    expect_error(claim(&server, "root").await, 422, "reserved_namespace").await;
    expect_error(claim(&server, "p-2").await, 409, "namespace_too_similar").await;
    let text = "package web-tools:x@1.0.0; interface a { f: func(); }";
    let error = expect_error(anna.post_wit(text).await, 403, "forbidden").await;
    assert!(error.message.contains("`admin`") && error.message.contains("`anna`"), "{}", error.message);
    let error = expect_error(
        anna.post_wit("package mine:x@1.0.0; interface a { f: func(); }").await,
        403,
        "namespace_not_claimed",
    )
    .await;
    assert!(error.hint.unwrap().contains("registry namespace claim mine"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_name_that_cannot_be_one_stops_the_start() {
    let dir = TempDir::new().unwrap();
    let config =
        Config { reserved_namespaces: vec!["My Company".to_owned()], ..config(dir.path(), ServerLimits::default()) };
    let error = Server::bind(config).await.unwrap_err();
    assert!(registry_core::with_causes(&error).contains("`My Company`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_add_and_remove_owners() {
    for (_dir, server) in server::on_both_databases().await {
        let (anna, bert) = (account(&server, "anna").await, account(&server, "bert").await);
        assert_eq!(claim(&anna, "anna-s").await.status(), 201);
        assert_eq!(claim(&anna, "anna-s").await.status(), 200);
        let text = "package anna-s:x@1.0.0; interface a { f: func(); }";
        expect_error(bert.post_wit(text).await, 403, "forbidden").await;
        let owners = "/v1/namespaces/anna-s/owners";
        let change = async |client: &Client, method: Method, who: &str| {
            client.request(method, &format!("{owners}/{who}")).send().await.unwrap()
        };
        expect_error(change(&bert, Method::PUT, "bert").await, 403, "forbidden").await;
        expect_error(change(&anna, Method::PUT, "nobody").await, 422, "unknown_account").await;
        expect_error(change(&anna, Method::PUT, "No-body").await, 400, "invalid_name").await;
        let added: Namespace = change(&anna, Method::PUT, "bert").await.json().await.unwrap();
        assert_eq!(added.owners, ["anna", "bert"]);
        assert!(bert.publish_wit(text).await.created);
        let removed: Namespace = change(&bert, Method::DELETE, "anna").await.json().await.unwrap();
        assert_eq!(removed.owners, ["bert"]);
        expect_error(anna.post_wit(text).await, 403, "forbidden").await;
        let error = expect_error(change(&bert, Method::DELETE, "bert").await, 409, "last_owner").await;
        assert!(error.hint.unwrap().contains("owner add anna-s"));
        let missing = server.request(Method::PUT, "/v1/namespaces/none/owners/anna").send().await.unwrap();
        expect_error(missing, 404, "not_found").await;
        let relaxed = json!({"compatibility": "relaxed"});
        expect_error(bert.send_json(Method::PATCH, "/v1/namespaces/anna-s", &relaxed).await, 403, "forbidden").await;
        let set: Namespace =
            server.send_json(Method::PATCH, "/v1/namespaces/anna-s", &relaxed).await.json().await.unwrap();
        assert_eq!(set.compatibility, CompatibilityRule::Relaxed);
        expect_error(server.send_json(Method::PATCH, "/v1/namespaces/none", &relaxed).await, 404, "not_found").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_are_listed_page_by_page() {
    let (_dir, server) = bare().await;
    for name in ["c", "a", "b"] {
        claim(&server, name).await;
    }
    let first: NamespaceList = server.anonymous().json("/v1/namespaces?limit=2").await;
    assert_eq!((first.namespaces.len(), first.next.as_deref()), (2, Some("b")));
    let second: NamespaceList = server.json("/v1/namespaces?limit=2&after=b").await;
    assert_eq!((second.namespaces[0].name.as_str(), second.next), ("c", None));
    for query in ["limit=0", "limit=-1", "limit=x", "offset=1"] {
        expect_error(server.get(&format!("/v1/namespaces?{query}")).await, 400, "invalid_query").await;
    }
    expect_error(server.get("/v1/namespaces?limit=201").await, 400, "limit_exceeded").await;
    expect_error(server.get("/v1/namespaces?after=%00%27").await, 400, "invalid_cursor").await;
    expect_error(server.get("/v1/namespaces/none").await, 404, "not_found").await;
    expect_error(server.get("/v1/namespaces/No").await, 400, "invalid_name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yank_hides_nothing_from_those_who_know_the_hash() {
    for (_dir, server) in server::on_both_databases().await {
        let (anna, bert) = (account(&server, "anna").await, account(&server, "bert").await);
        claim(&anna, "anna-s").await;
        let record = anna.publish_wit("package anna-s:x@1.0.0; interface a { f: func(); }").await.record;
        let path = "/v1/releases/anna-s/x/1.0.0";
        let (yank, deprecation) = (format!("{path}/yank"), format!("{path}/deprecation"));
        let reason = json!({"reason": "it leaks"});
        expect_error(bert.send_json(Method::PUT, &yank, &reason).await, 403, "forbidden").await;
        assert!(server.json::<Release>(path).await.yanked.is_none(), "a yank of what is not yours changes nothing");
        let yanked: Release = anna.send_json(Method::PUT, &yank, &reason).await.json().await.unwrap();
        assert_eq!(yanked.yanked.as_ref().unwrap().reason, "it leaks");
        assert_eq!(yanked.published_by.as_deref(), Some("anna"));
        let list: ReleaseList = server.json("/v1/releases/anna-s/x").await;
        assert_eq!(list.releases, [yanked]);
        assert_eq!(server.get(&format!("/v1/packages/{}/closure", record.hash)).await.status(), 200);
        assert!(!anna.publish_wit("package anna-s:x@1.0.0; interface a { f: func(); }").await.created);
        assert!(server.json::<Release>(path).await.yanked.is_some(), "publishing again changes nothing");
        let message = json!({"message": "use y", "successor": "anna-s:y"});
        let both: Release = anna.send_json(Method::PUT, &deprecation, &message).await.json().await.unwrap();
        assert_eq!(both.deprecated.unwrap().successor.as_deref(), Some("anna-s:y"));
        for path in [&yank, &deprecation] {
            assert_eq!(anna.delete(path).await.status(), 200);
        }
        let clean: Release = server.json(path).await;
        assert!(clean.yanked.is_none() && clean.deprecated.is_none());
        let table = [
            (&yank, json!({"reason": " "}), 422, "invalid_text"),
            (&yank, json!({"reason": "a\u{1b}[31m"}), 422, "invalid_text"),
            (&yank, json!({"reason": "safe\u{202e}efas"}), 422, "invalid_text"),
            (&yank, json!({"reason": "a\u{200b}b"}), 422, "invalid_text"),
            (&deprecation, json!({"message": "m", "successor": "anna-s:x@1.0.0"}), 422, "invalid_text"),
            (&yank, json!({"reason": "x".repeat(1_001)}), 422, "limit_exceeded"),
            (&yank, json!({}), 400, "invalid_body"),
            (&deprecation, json!({"message": ""}), 422, "invalid_text"),
            (&deprecation, json!({"message": "m", "successor": "no name"}), 422, "invalid_text"),
            (&deprecation, json!({"message": "m", "successor": record.hash}), 422, "invalid_text"),
        ];
        for (path, body, status, code) in table {
            expect_error(anna.send_json(Method::PUT, path, &body).await, status, code).await;
        }
        let other = anna.send_json(Method::PUT, "/v1/releases/anna-s/x/2.0.0/yank", &reason).await;
        expect_error(other, 404, "not_found").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_never_holds_a_token() {
    let dir = TempDir::new().unwrap();
    let mut command = command(dir.path());
    command.env("RUST_LOG", "trace").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut log = Vec::new();
        stderr.read_to_end(&mut log).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    });
    let token = admin_token(dir.path());
    let client = Client::new(url.trim_end().to_owned()).with_token(&token);
    let anna = account(&client, "anna").await;
    let made = anna.authorization().trim_end().rsplit(' ').next().unwrap().to_owned();
    claim(&anna, "demo").await;
    anna.publish_wit("package demo:x@1.0.0; interface a { f: func(); }").await;
    let unknown = client.with_token("regt_this-is-a-token-of-another-registry");
    expect_error(unknown.get("/v1/whoami").await, 401, "token_invalid").await;
    for path in ["", "v1/tokens/", "v1/releases/demo/", "v1/namespaces/demo/owners/", "v1/packages/p2:"] {
        assert!(!client.get(&format!("/{path}{made}")).await.status().is_success(), "{path}");
        assert!(!client.delete(&format!("/{path}{token}")).await.status().is_success(), "{path}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let log = log.join().unwrap();
    assert!(log.contains("/v1/tokens") && log.contains("TRACE"), "the log is there: {}", log.len());
    for secret in [token.as_str(), made.as_str(), "regt_this-is-a-token-of-another-registry"] {
        assert!(!log.contains(&secret[5..]), "the log holds a token");
    }
}
