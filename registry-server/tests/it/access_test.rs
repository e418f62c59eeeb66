//! Who may do what: every operation of the API has a rule here, and every rule is tried with tokens that break it.

use crate::support::client::{Client, expect_error, one_file};
use crate::support::component::component;
use crate::support::server::{self, TestServer, config};
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::wire::{CreateToken, CreatedToken, PackageRecord, Published, Scope};
use registry_server::{Config, ServerLimits};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tempfile::TempDir;

const WIT: &str = "package demo:area@1.0.0; interface a { f: func(); }";
const UNKNOWN_TOKEN: &str = "regt_0000000000000000000000000000000000000000000000000000000000000000";

/// What an operation asks of those who call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Nothing, even of a private registry.
    Open,
    /// A token, if the registry is private.
    Read,
    /// Any good token.
    Token,
    /// A token with a scope.
    Scope(Scope),
    /// A token with a scope that is good for the namespace `demo`, of one of its owners.
    Owner(Scope),
    /// The same, or the operator's.
    OwnerOrOperator(Scope),
    /// The operator's, with the scope `admin`.
    Operator,
}

/// Every operation: its rule, an address, and a body that is right.
fn table(package: &PackageHash, component: &ComponentHash) -> Vec<(&'static str, Rule, String, Option<Value>)> {
    use Rule::{Open, Operator, Owner, OwnerOrOperator, Read, Token};
    let (admin, publish, yank) = (Scope::Admin, Scope::Publish, Scope::Yank);
    let of_package = |part: &str| format!("/v1/packages/{package}{part}");
    let of_component = |part: &str| format!("/v1/components/{component}{part}");
    let of_release = |part: &str| format!("/v1/releases/demo/area/1.0.0{part}");
    vec![
        ("GET /", Open, "/".to_owned(), None),
        ("GET /api", Open, "/api".to_owned(), None),
        ("GET /style.css", Open, "/style.css".to_owned(), None),
        ("GET /openapi.json", Open, "/openapi.json".to_owned(), None),
        ("GET /.well-known/wasm-pkg/registry.json", Open, "/.well-known/wasm-pkg/registry.json".to_owned(), None),
        ("GET /health/live", Open, "/health/live".to_owned(), None),
        ("GET /health/ready", Open, "/health/ready".to_owned(), None),
        ("POST /v1/packages", Owner(publish), "/v1/packages".to_owned(), Some(json!(one_file(WIT)))),
        ("GET /v1/packages/{hash}", Read, of_package(""), None),
        ("GET /v1/packages/{hash}/wit", Read, of_package("/wit"), None),
        ("GET /v1/packages/{hash}/flat", Read, of_package("/flat"), None),
        ("GET /v1/packages/{hash}/closure", Read, of_package("/closure"), None),
        ("GET /v1/packages/{hash}/wit.tar.gz", Read, of_package("/wit.tar.gz"), None),
        ("GET /v1/releases/{namespace}/{name}/{version}/wit.tar.gz", Read, of_release("/wit.tar.gz"), None),
        ("POST /v1/components", Owner(publish), "/v1/components?name=demo:tool@1.0.0".to_owned(), None),
        ("GET /v1/components/{hash}", Read, of_component(""), None),
        ("GET /v1/components/{hash}/wasm", Read, of_component("/wasm"), None),
        ("GET /v1/components/{hash}/wit", Read, of_component("/wit"), None),
        ("GET /v1/components/{hash}/flat", Read, of_component("/flat"), None),
        ("GET /v1/components/{hash}/closure", Read, of_component("/closure"), None),
        ("GET /v1/releases/{namespace}/{name}", Read, "/v1/releases/demo/area".to_owned(), None),
        ("GET /v1/releases/{namespace}/{name}/{version}", Read, of_release(""), None),
        (
            "PUT /v1/releases/{namespace}/{name}/{version}/yank",
            OwnerOrOperator(yank),
            of_release("/yank"),
            Some(json!({"reason": "test"})),
        ),
        ("DELETE /v1/releases/{namespace}/{name}/{version}/yank", OwnerOrOperator(yank), of_release("/yank"), None),
        (
            "PUT /v1/releases/{namespace}/{name}/{version}/deprecation",
            OwnerOrOperator(yank),
            of_release("/deprecation"),
            Some(json!({"message": "test"})),
        ),
        (
            "DELETE /v1/releases/{namespace}/{name}/{version}/deprecation",
            OwnerOrOperator(yank),
            of_release("/deprecation"),
            None,
        ),
        ("GET /v1/search", Read, "/v1/search?q=area".to_owned(), None),
        ("GET /v1/interfaces/{id}", Read, format!("/v1/interfaces/p2:i{}", "0".repeat(64)), None),
        ("GET /v1/users", Read, "/v1/users?direction=import&interface=demo:area/a".to_owned(), None),
        ("GET /v1/packages/{hash}/dependents", Read, of_package("/dependents"), None),
        ("GET /v1/hashes/{prefix}", Read, "/v1/hashes/01234567".to_owned(), None),
        ("GET /v1/sha256/{digest}", Read, format!("/v1/sha256/{}", "0".repeat(64)), None),
        ("POST /v1/missing", Read, "/v1/missing".to_owned(), Some(json!({"hashes": []}))),
        ("GET /v1/whoami", Token, "/v1/whoami".to_owned(), None),
        ("GET /v1/tokens", Rule::Scope(admin), "/v1/tokens".to_owned(), None),
        (
            "POST /v1/tokens",
            Rule::Scope(admin),
            "/v1/tokens".to_owned(),
            Some(json!({"scopes": ["admin"], "namespace": "demo"})),
        ),
        // A token of somebody else's; one's own is tried by itself.
        ("DELETE /v1/tokens/{id}", Operator, "/v1/tokens/OTHER".to_owned(), None),
        ("GET /v1/namespaces", Read, "/v1/namespaces".to_owned(), None),
        ("POST /v1/namespaces", Owner(admin), "/v1/namespaces".to_owned(), Some(json!({"name": "demo"}))),
        ("GET /v1/namespaces/{namespace}", Read, "/v1/namespaces/demo".to_owned(), None),
        (
            "PATCH /v1/namespaces/{namespace}",
            Operator,
            "/v1/namespaces/demo".to_owned(),
            Some(json!({"compatibility": "enforced"})),
        ),
        (
            "PUT /v1/namespaces/{namespace}/owners/{account}",
            OwnerOrOperator(admin),
            "/v1/namespaces/demo/owners/bystander".to_owned(),
            None,
        ),
        (
            "DELETE /v1/namespaces/{namespace}/owners/{account}",
            OwnerOrOperator(admin),
            "/v1/namespaces/demo/owners/bystander".to_owned(),
            None,
        ),
    ]
}

/// Somebody who asks.
struct Somebody {
    who: &'static str,
    client: Client,
}

/// Accounts with tokens of every kind: `owner` owns `demo`, `stranger` owns nothing, and `admin` runs the registry.
struct Cast {
    owner: Client,
    stranger: Client,
    operator: Client,
    /// By the operator without the scope `admin`.
    humble_operator: Client,
    /// By the owner, with all scopes, for another namespace.
    elsewhere: Client,
    /// By the owner, for `demo`.
    limited: Client,
    unknown: Client,
    expired: Client,
    revoked: Client,
    nobody: Client,
}

async fn make(client: &Client, request: &CreateToken) -> CreatedToken {
    let response = client.send_json(Method::POST, "/v1/tokens", request).await;
    assert_eq!(response.status(), 201, "{request:?}");
    response.json().await.unwrap()
}

fn wanted(account: &str, scopes: &[Scope]) -> CreateToken {
    CreateToken {
        description: format!("of {account}"),
        scopes: scopes.to_vec(),
        namespace: None,
        expires_at: None,
        account: Some(account.to_owned()),
    }
}

async fn cast(operator: &Client) -> Cast {
    let token = async |request: CreateToken| operator.with_token(&make(operator, &request).await.token);
    let in_namespace =
        |namespace: &str| CreateToken { namespace: Some(namespace.to_owned()), ..wanted("owner", &Scope::ALL) };
    let owner = token(wanted("owner", &Scope::ALL)).await;
    owner.claim("demo").await;
    make(operator, &wanted("bystander", &[Scope::Publish])).await;
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(300);
    let expired = token(CreateToken { expires_at: Some(soon), ..wanted("owner", &Scope::ALL) }).await;
    let revoked = make(operator, &wanted("owner", &Scope::ALL)).await;
    let response = operator.delete(&format!("/v1/tokens/{}", revoked.info.id)).await;
    assert_eq!(response.status(), 204);
    tokio::time::sleep(std::time::Duration::from_millis(350)).await;
    Cast {
        stranger: token(wanted("stranger", &Scope::ALL)).await,
        humble_operator: token(wanted("admin", &[Scope::Publish, Scope::Yank])).await,
        elsewhere: token(in_namespace("other")).await,
        limited: token(in_namespace("demo")).await,
        unknown: operator.with_token(UNKNOWN_TOKEN),
        revoked: operator.with_token(&revoked.token),
        nobody: operator.anonymous(),
        operator: operator.clone(),
        owner,
        expired,
    }
}

impl Cast {
    /// Those who may, and those who may not, with the status and the code that they see.
    fn split(&self, rule: Rule) -> (Vec<Somebody>, Vec<(Somebody, u16, &'static str)>) {
        let is = |who, client: &Client| Somebody { who, client: client.clone() };
        let (owner, stranger) = (|| is("the owner", &self.owner), || is("a stranger", &self.stranger));
        let (operator, nobody) = (|| is("the operator", &self.operator), || is("nobody", &self.nobody));
        let limited = || is("the owner with a token for the namespace", &self.limited);
        let forbidden = |somebody| (somebody, 403, "forbidden");
        let mut refused = vec![
            (nobody(), 401, "token_required"),
            (is("an unknown token", &self.unknown), 401, "token_invalid"),
            (is("an expired token", &self.expired), 401, "token_invalid"),
            (is("a revoked token", &self.revoked), 401, "token_invalid"),
        ];
        let elsewhere = || is("the owner with a token for another namespace", &self.elsewhere);
        let humble = || is("the operator without the scope `admin`", &self.humble_operator);
        let allowed = match rule {
            Rule::Open | Rule::Read => {
                refused.clear();
                return (vec![nobody(), owner(), is("an unknown token", &self.unknown)], refused);
            }
            Rule::Token => vec![owner(), stranger(), operator(), limited(), elsewhere(), humble()],
            Rule::Scope(_) => vec![owner(), stranger(), operator(), limited()],
            Rule::Owner(Scope::Admin) => {
                refused.extend([(stranger(), 409, "namespace_taken"), (operator(), 409, "namespace_taken")]);
                refused.push(forbidden(elsewhere()));
                vec![owner(), limited()]
            }
            Rule::Owner(_) => {
                refused.extend([stranger(), operator(), elsewhere()].map(forbidden));
                vec![owner(), limited()]
            }
            Rule::OwnerOrOperator(_) => {
                refused.extend([stranger(), elsewhere()].map(forbidden));
                vec![owner(), operator(), limited()]
            }
            Rule::Operator => {
                refused.extend([stranger(), owner(), limited(), elsewhere(), humble()].map(forbidden));
                vec![operator()]
            }
        };
        (allowed, refused)
    }
}

async fn call(client: &Client, operation: &str, address: &str, body: Option<&Value>) -> Response {
    let method: Method = operation.split(' ').next().unwrap().parse().unwrap();
    let request = client.request(method, address);
    let request = match (operation, body) {
        ("POST /v1/components", _) => request.header("content-type", "application/wasm").body(tool()),
        (_, Some(body)) => request.json(body),
        (_, None) => request,
    };
    request.send().await.unwrap()
}

fn tool() -> Vec<u8> {
    component(&["package demo:tool; world w { export run: func(); }"])
}

/// A registry with a package and a component of `owner`, and everybody who may ask it something.
async fn stage(is_private: bool) -> (TempDir, TestServer, Cast, PackageHash, ComponentHash) {
    let dir = TempDir::new().unwrap();
    let config = Config { is_private, ..config(dir.path(), ServerLimits::default()) };
    let server = TestServer::bare(config).await;
    let cast = cast(&server).await;
    let package: Published<PackageRecord> = cast.owner.publish_wit(WIT).await;
    let component = cast.owner.publish_component(tool()).await;
    (dir, server, cast, package.record.hash, component.record.hash)
}

/// Puts the id of somebody else's token in the place of `OTHER`.
async fn address(operator: &Client, address: &str) -> String {
    if !address.contains("OTHER") {
        return address.to_owned();
    }
    let other = make(operator, &wanted("somebody-else", &[Scope::Publish])).await;
    address.replace("OTHER", &other.info.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_a_rule() {
    let (_dir, server) = server::temporary().await;
    let document: Value = server.json("/openapi.json").await;
    let served: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let (package, component) = (crate::support::client::unknown_package(), crate::support::client::unknown_component());
    let ruled = table(&package, &component).into_iter().map(|(operation, ..)| operation.to_owned()).collect();
    assert_eq!(served, ruled, "an operation has no rule in this file, or a rule has no operation");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_holds_for_everybody() {
    let (_dir, server, cast, package, component) = stage(false).await;
    for (operation, rule, path, body) in table(&package, &component) {
        let (allowed, refused) = cast.split(rule);
        for (somebody, status, code) in refused {
            let path = address(&server, &path).await;
            let response = call(&somebody.client, operation, &path, body.as_ref()).await;
            let (found, challenge) = (response.status(), response.headers().get("www-authenticate").cloned());
            assert_eq!(found, status, "{operation} by {}", somebody.who);
            assert_eq!(challenge.is_some(), status == 401, "{operation} by {}", somebody.who);
            let error = expect_error(response, status, code).await;
            assert!(error.hint.is_some(), "{operation} by {}: {}", somebody.who, error.message);
        }
        for somebody in allowed {
            let path = address(&server, &path).await;
            let response = call(&somebody.client, operation, &path, body.as_ref()).await;
            let status = response.status();
            let text = response.text().await.unwrap();
            assert!(status.is_success(), "{operation} by {}: {status} {text}", somebody.who);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_is_missing_is_named() {
    let (_dir, server, cast, package, component) = stage(false).await;
    for (operation, rule, path, body) in table(&package, &component) {
        let (Rule::Scope(scope) | Rule::Owner(scope) | Rule::OwnerOrOperator(scope)) = rule else { continue };
        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        let narrow = make(&cast.owner, &CreateToken { account: None, ..wanted("owner", &others) }).await;
        let path = address(&server, &path).await;
        let response = call(&server.with_token(&narrow.token), operation, &path, body.as_ref()).await;
        let error = expect_error(response, 403, "forbidden").await;
        assert!(error.message.contains(&format!("`{scope}`")), "{operation}: {}", error.message);
        assert!(error.hint.unwrap().contains(&format!("--scope {scope}")), "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_registry_tells_nobody_anything() {
    let (_dir, server, cast, package, component) = stage(true).await;
    for (operation, rule, path, body) in table(&package, &component) {
        let path = address(&server, &path).await;
        let strangers = [
            ("nobody", &cast.nobody),
            ("unknown", &cast.unknown),
            ("expired", &cast.expired),
            ("revoked", &cast.revoked),
        ];
        for (who, client) in strangers {
            let response = call(client, operation, &path, body.as_ref()).await;
            match rule {
                Rule::Open => assert_eq!(response.status(), 200, "{operation} by {who}"),
                _ => assert_eq!(response.status(), 401, "{operation} by {who}"),
            }
        }
        if rule == Rule::Read {
            for client in [&cast.owner, &cast.stranger, &cast.elsewhere] {
                let response = call(client, operation, &path, body.as_ref()).await;
                assert_eq!(response.status(), 200, "{operation}");
                let keep = response.headers().get("cache-control").map(|value| value.to_str().unwrap().to_owned());
                assert!(keep.is_none_or(|keep| keep.contains("private") && !keep.contains("public")), "{operation}");
            }
        }
    }
    let tag = format!("\"{package}\"");
    let held = server.anonymous().request(Method::GET, &format!("/v1/packages/{package}")).header("if-none-match", tag);
    assert_eq!(held.send().await.unwrap().status(), 401, "not even whether it has changed");
    expect_error(server.anonymous().get("/v1/nothing").await, 401, "token_required").await;
    let preflight = server.anonymous().request(Method::OPTIONS, &format!("/v1/packages/{package}"));
    let preflight = preflight.header("origin", "https://example.org").header("access-control-request-method", "GET");
    assert_eq!(preflight.send().await.unwrap().status(), 200, "a browser asks without a token whether it may send one");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_give_no_token_are_refused() {
    let (_dir, server) = server::temporary().await;
    let token = server.authorization().trim_end().rsplit(' ').next().unwrap().to_owned();
    let table = [
        (format!("Basic {token}"), 401),
        (token.clone(), 401),
        ("Bearer".to_owned(), 401),
        (format!("Bearer {token} "), 200),
        (format!("Bearer {token}0"), 401),
        (format!("Bearer {}", token.to_uppercase()), 401),
        (format!("Bearer {}", &token[..token.len() - 1]), 401),
        (format!("Bearer regt_{}", "x".repeat(10_000)), 401),
        ("Bearer ' OR 1=1 --".to_owned(), 401),
        (format!("bearer {token}"), 200),
    ];
    for (header, status) in table {
        let request = server.anonymous().request(Method::GET, "/v1/whoami").header("authorization", &header);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{header}");
        if status == 401 {
            let error = expect_error(response, 401, "token_invalid").await;
            assert!(!error.message.contains(&token[6..20]), "{}", error.message);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_while_its_upload_is_received_publishes_nothing() {
    for (_dir, server) in server::on_both_databases().await {
        let uploads = [
            ("/v1/packages", "application/json", serde_json::to_vec(&one_file(WIT)).unwrap()),
            ("/v1/components?name=demo:tool@1.0.0", "application/wasm", tool()),
            ("/v1/components", "application/wasm", tool()),
        ];
        for (path, content_type, body) in uploads {
            let token = make(&server, &wanted("admin", &[Scope::Publish])).await;
            let (sender, receiver) = futures::channel::mpsc::unbounded::<std::io::Result<Vec<u8>>>();
            let (begin, end) = body.split_at(body.len() / 2);
            sender.unbounded_send(Ok(begin.to_vec())).unwrap();
            let client = server.with_token(&token.token);
            let upload =
                tokio::spawn(
                    async move { client.post(path, content_type, reqwest::Body::wrap_stream(receiver)).await },
                );
            // The server has let the upload in when the half of it has come.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            assert_eq!(server.delete(&format!("/v1/tokens/{}", token.info.id)).await.status(), 204);
            sender.unbounded_send(Ok(end.to_vec())).unwrap();
            drop(sender);
            let error = expect_error(upload.await.unwrap(), 401, "token_invalid").await;
            assert!(error.message.contains("while the upload was received"), "{path}: {}", error.message);
        }
        for release in ["area", "tool"] {
            assert_eq!(server.get(&format!("/v1/releases/demo/{release}/1.0.0")).await.status(), 404);
        }
        let hash = ComponentHash::of(&tool());
        assert_eq!(server.get(&format!("/v1/components/{hash}")).await.status(), 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_on_the_servers_own_machine_is_told_where_the_operators_is() {
    let (_dir, server) = server::temporary().await;
    let error = expect_error(server.anonymous().get("/v1/whoami").await, 401, "token_required").await;
    let hint = error.hint.unwrap();
    assert!(hint.contains("DATA_DIR/admin-token") && hint.contains("registry login --token-file"), "{hint}");
    let dir = TempDir::new().unwrap();
    let listen = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let open = TestServer::bare(Config { listen, ..config(dir.path(), ServerLimits::default()) }).await;
    let url = format!("http://127.0.0.1:{}", open.address.port());
    let error = expect_error(Client::new(url).get("/v1/whoami").await, 401, "token_required").await;
    assert!(!error.hint.unwrap().contains("admin-token"));
}
