//! Who an OCI client is taken for, and what it is told if it may not.

use crate::support::client::Client;
use crate::support::server::{self, TestServer, config};
use registry_server::{Config, ServerLimits};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;

const UNKNOWN_TOKEN: &str = "regt_0000000000000000000000000000000000000000000000000000000000000000";
const BASIC: &str = "Basic realm=\"registry\"";

fn token_of(client: &Client) -> String {
    client.authorization().trim_end().rsplit(' ').next().unwrap().to_owned()
}

fn challenges(response: &Response) -> Vec<String> {
    let values = response.headers().get_all("www-authenticate").iter();
    values.map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// The code of the specification, our own, and the message.
async fn oci_error(response: Response) -> (String, String, String) {
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    let [error] = body["errors"].as_array().unwrap().as_slice() else { panic!("{text}") };
    let field = |value: &Value| value.as_str().unwrap().to_owned();
    (field(&error["code"]), field(&error["detail"]["code"]), field(&error["message"]))
}

async fn send(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

async fn private() -> (TempDir, TestServer) {
    let dir = TempDir::new().unwrap();
    let config = Config { is_private: true, ..config(dir.path(), ServerLimits::default()) };
    let server = TestServer::with_config(config).await;
    (dir, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_without_a_good_token_is_told_how_to_give_one() {
    let (_dir, server) = server::temporary().await;
    let (nobody, token) = (server.anonymous(), token_of(&server));
    let bearer = format!("Bearer realm=\"{0}/v2/token\",service=\"{1}\"", server.url(), server.address);
    for path in ["/v2", "/v2/"] {
        let response = nobody.get(path).await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["docker-distribution-api-version"], "registry/2.0");
        assert_eq!(challenges(&response), [BASIC, &bearer], "the first is what simple clients read");
        let (code, own, message) = oci_error(response).await;
        assert_eq!((code.as_str(), own.as_str()), ("UNAUTHORIZED", "token_required"), "{message}");
        assert!(message.contains("as the password") && message.contains("DATA_DIR/admin-token"), "{message}");
        assert_eq!(server.get(path).await.status(), 200);
    }
    let ping = || nobody.request(Method::GET, "/v2/");
    let table = [
        (ping().basic_auth("anybody", Some(&token)), 200, ""),
        (ping().basic_auth("", Some(&token)), 200, ""),
        (ping().bearer_auth(&token), 200, ""),
        (ping().basic_auth("", Some("")), 401, "token_required"),
        (ping().basic_auth("anybody", Some("")), 401, "token_required"),
        (ping().bearer_auth("anonymous"), 401, "token_required"),
        (ping().basic_auth("anybody", Some(UNKNOWN_TOKEN)), 401, "token_invalid"),
        (ping().basic_auth("anybody", Some("wrong")), 401, "token_invalid"),
        (ping().basic_auth(&token, Some("wrong")), 401, "token_invalid"),
        (ping().bearer_auth(UNKNOWN_TOKEN), 401, "token_invalid"),
    ];
    for (request, status, own_code) in table {
        let shown = format!("{request:?}");
        let response = send(request).await;
        assert_eq!(response.status(), status, "{shown}");
        if status == 401 {
            assert_eq!(oci_error(response).await.1, own_code, "{shown}");
        } else {
            assert!(challenges(&response).is_empty());
            assert_eq!(response.text().await.unwrap(), "{}");
        }
    }
    for header in
        ["", "Basic", "Basic ", "Basic !", "Basic OnJlZ3Q", "Bearer", "Digest a", "B", "basicbasicbasic", &token]
    {
        let response = send(ping().header("authorization", header)).await;
        assert_eq!(response.status(), 401, "{header}");
        assert_eq!(
            oci_error(response).await.1,
            if header == "Basic Og==" { "token_required" } else { "token_invalid" }
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_says_what_the_request_needs_and_what_was_wrong() {
    let (_dir, server) = private().await;
    let nobody = server.anonymous();
    let table = [
        (Method::GET, "/v2/wasi/io/manifests/1.0.0", "", ",scope=\"repository:wasi/io:pull\""),
        (Method::HEAD, "/v2/wasi/io/tags/list", "", ",scope=\"repository:wasi/io:pull\""),
        (Method::POST, "/v2/wasi/io/blobs/uploads/", "", ",scope=\"repository:wasi/io:pull,push\""),
        (Method::PUT, "/v2/wasi/io/manifests/1.0.0", "", ",scope=\"repository:wasi/io:pull,push\""),
        (Method::GET, "/v2/wasi/io", "", ""),
        (Method::GET, "/v2/Wasi/io/manifests/1.0.0", "", ""),
        (Method::GET, "/v2/a\"b/io/manifests/1.0.0", "", ""),
        (Method::GET, "/v2/", UNKNOWN_TOKEN, ",error=\"invalid_token\""),
        (Method::GET, "/v2/", "anonymous", ",error=\"insufficient_scope\""),
    ];
    for (method, path, token, expected) in table {
        let request = nobody.request(method, path);
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        let response = send(request).await;
        assert_eq!(response.status(), 401, "{path}");
        let found = challenges(&response);
        let begin = format!("Bearer realm=\"{}/v2/token\",service=\"{}\"", server.url(), server.address);
        assert_eq!(found, [BASIC.to_owned(), format!("{begin}{expected}")], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_is_sent_to_an_address_that_the_registry_only_guesses() {
    let (_dir, server) = server::temporary().await;
    for host in ["registry.example.org", "192.0.2.1:7878", "a\"b", "a/b"] {
        let response = send(server.anonymous().request(Method::GET, "/v2/").header("host", host)).await;
        assert_eq!(challenges(&response), [BASIC], "with TLS before this server, `http` would show the password");
    }
    let dir = TempDir::new().unwrap();
    let public_url = Some("https://registry.example.org".parse().unwrap());
    let config = Config { public_url, ..config(dir.path(), ServerLimits::default()) };
    let server = TestServer::bare(config).await;
    let response = send(server.anonymous().request(Method::GET, "/v2/").header("host", "evil.example.org")).await;
    let bearer = "Bearer realm=\"https://registry.example.org/v2/token\",service=\"registry.example.org\"";
    assert_eq!(challenges(&response), [BASIC, bearer]);
    // Whoever comes through the proxy does not sit at this machine.
    let message = oci_error(response).await.2;
    assert!(!message.contains("admin-token"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_endpoint_gives_back_what_it_was_given() {
    let (_dir, server) = server::temporary().await;
    let (nobody, token) = (server.anonymous(), token_of(&server));
    let ask = || nobody.request(Method::GET, "/v2/token?service=here&scope=repository:wasi/io:pull&account=me");
    let form = |fields: &[(&str, &str)]| {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = nobody.request(Method::POST, "/v2/token");
        request.header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    let password = |password: &str| form(&[("grant_type", "password"), ("username", "me"), ("password", password)]);
    let table = [
        (ask(), Ok("anonymous")),
        (ask().basic_auth("", Some("")), Ok("anonymous")),
        (ask().bearer_auth("anonymous"), Ok("anonymous")),
        (ask().basic_auth("me", Some(&token)), Ok(token.as_str())),
        (ask().bearer_auth(&token), Ok(&token)),
        (password(&token), Ok(&token)),
        (password(""), Ok("anonymous")),
        (form(&[("grant_type", "refresh_token"), ("refresh_token", &token)]), Ok(&token)),
        (ask().basic_auth("me", Some("wrong")), Err((401, "UNAUTHORIZED", "token_invalid"))),
        (password("wrong"), Err((401, "UNAUTHORIZED", "token_invalid"))),
        (form(&[("grant_type", "authorization_code")]), Err((400, "UNSUPPORTED", "unsupported_grant"))),
        (form(&[]), Err((400, "UNSUPPORTED", "unsupported_grant"))),
        (password(&"x".repeat(1 << 20)), Err((413, "SIZE_INVALID", "limit_exceeded"))),
    ];
    for (request, expected) in table {
        let response = send(request).await;
        let status = response.status().as_u16();
        match expected {
            Ok(granted) => {
                assert_eq!(status, 200);
                assert_eq!(response.headers()["cache-control"], "no-store");
                let body: Value = response.json().await.unwrap();
                assert_eq!((&body["token"], &body["access_token"]), (&granted.into(), &granted.into()));
                assert_eq!(body["expires_in"], 300);
                body["issued_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            }
            Err((refused, code, own_code)) => {
                assert_eq!(status, refused);
                let expected = if refused == 401 { vec![BASIC.to_owned()] } else { Vec::new() };
                assert_eq!(challenges(&response), expected, "no token is to be fetched for fetching a token");
                let error = oci_error(response).await;
                assert_eq!((error.0.as_str(), error.1.as_str()), (code, own_code), "{}", error.2);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_soon_is_given_for_no_longer() {
    let (_dir, server) = server::temporary().await;
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60);
    let wanted = serde_json::json!({"scopes": ["publish"], "expires_at": end});
    let made: Value = server.send_json(Method::POST, "/v1/tokens", &wanted).await.json().await.unwrap();
    let token = made["token"].as_str().unwrap();
    let response = send(server.anonymous().request(Method::GET, "/v2/token").basic_auth("me", Some(token))).await;
    let seconds = response.json::<Value>().await.unwrap()["expires_in"].as_u64().unwrap();
    assert!((50..=60).contains(&seconds), "{seconds}");
    let id = made["id"].as_str().unwrap();
    assert_eq!(server.delete(&format!("/v1/tokens/{id}")).await.status(), 204);
    let response = send(server.anonymous().request(Method::GET, "/v2/").bearer_auth(token)).await;
    assert_eq!(response.status(), 401, "what is revoked is no longer good, whatever a client was promised");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_registry_shows_nothing_below_v2_to_nobody() {
    let (_dir, server) = private().await;
    for path in ["/v2/", "/v2/demo/a/tags/list", "/v2/demo", "/v2/_catalog", "/v2/nothing/at/all/here", "/v2/token"] {
        let response = server.anonymous().get(path).await;
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(oci_error(response).await.1, "token_required", "{path}");
        assert_eq!(send(server.anonymous().request(Method::GET, path).bearer_auth("anonymous")).await.status(), 401);
    }
    let token = token_of(&server);
    let response = send(server.anonymous().request(Method::GET, "/v2/token").basic_auth("me", Some(&token))).await;
    assert_eq!(response.json::<Value>().await.unwrap()["token"], token);
    server.publish_wit("package demo:a@1.0.0; interface i { f: func(); }").await;
    let response = server.get("/v2/demo/a/tags/list").await;
    let keep = response.headers().get("cache-control").map(|keep| keep.to_str().unwrap().to_owned());
    assert!(keep.is_none_or(|keep| !keep.contains("public")), "no proxy keeps it for others");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_handler_answers_has_the_shape_of_the_specification_too() {
    let dir = TempDir::new().unwrap();
    let limits = ServerLimits { request_duration_max: std::time::Duration::from_millis(50), ..ServerLimits::default() };
    let server = TestServer::bare(config(dir.path(), limits)).await;
    let never = futures::stream::pending::<std::io::Result<Vec<u8>>>();
    let request = server.anonymous().request(Method::POST, "/v2/token");
    let response = send(request.body(reqwest::Body::wrap_stream(never))).await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &HeaderValue::from_static("2")));
    assert_eq!(oci_error(response).await.1, "request_timeout");
    let (_dir, server) = server::temporary().await;
    let table = [
        (Method::GET, "/v2/_catalog", 404, "unknown_route"),
        (Method::GET, "/v2/a/b/c/d/e", 404, "unknown_route"),
        (Method::OPTIONS, "/v2/a/b/c/d/e", 404, "unknown_route"),
        (Method::DELETE, "/v2/token", 405, "method_not_allowed"),
        (Method::PUT, "/v2/", 405, "method_not_allowed"),
    ];
    for (method, path, status, own_code) in table {
        let response = send(server.request(method, path)).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(oci_error(response).await.1, own_code, "{path}");
    }
}

/// Every operation of the OCI API on a repository, and whether it needs a token of a private registry alone. Nobody
/// deletes anything, and that needs no token to be said.
const OPERATIONS: [(&str, &str, bool); 20] = [
    ("GET", "/tags/list", true),
    ("GET", "/manifests/1.0.0", true),
    ("HEAD", "/manifests/1.0.0", true),
    ("GET", "/manifests/DIGEST", true),
    ("HEAD", "/manifests/DIGEST", true),
    ("GET", "/blobs/DIGEST", true),
    ("HEAD", "/blobs/DIGEST", true),
    ("GET", "/referrers/DIGEST", true),
    ("POST", "/blobs/uploads", false),
    ("POST", "/blobs/uploads/", false),
    ("POST", "/blobs/uploads/?digest=DIGEST", false),
    ("POST", "/blobs/uploads/?mount=DIGEST&from=demo/b", false),
    ("GET", "/blobs/uploads/0123456789abcdef0123456789abcdef", false),
    ("PATCH", "/blobs/uploads/0123456789abcdef0123456789abcdef", false),
    ("PUT", "/blobs/uploads/0123456789abcdef0123456789abcdef?digest=DIGEST", false),
    ("DELETE", "/blobs/uploads/0123456789abcdef0123456789abcdef", false),
    ("PUT", "/manifests/1.0.0", false),
    ("PUT", "/manifests/DIGEST", false),
    ("DELETE", "/manifests/1.0.0", true),
    ("DELETE", "/blobs/DIGEST", true),
];

fn operation(client: &Client, method: &str, path: &str) -> RequestBuilder {
    let digest = format!("sha256:{}", "0".repeat(64));
    let request = client.request(method.parse().unwrap(), &format!("/v2/demo/a{}", path.replace("DIGEST", &digest)));
    if matches!(method, "PUT" | "POST" | "PATCH") { request.body("{}") } else { request }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_use_which_operation() {
    for (is_private, (_dir, server)) in [(false, server::temporary().await), (true, private().await)] {
        let unknown = server.with_token(UNKNOWN_TOKEN);
        for (method, path, is_public) in OPERATIONS {
            let what = format!("{method} {path}, private: {is_private}");
            for (client, is_open) in [(server.anonymous(), is_public && !is_private), (unknown.clone(), false)] {
                let response = send(operation(&client, method, path)).await;
                assert_eq!(response.status() != 401, is_open, "{what}: {}", response.status());
                assert_eq!(challenges(&response).len(), if is_open { 0 } else { 2 }, "{what}");
            }
            let response = send(operation(&server, method, path)).await;
            assert_ne!(response.status(), 401, "{what}");
            assert!(!response.status().is_server_error(), "{what}: {}", response.status());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_server_is_opaque_and_has_the_shape_of_the_specification() {
    let (dir, server) = server::temporary().await;
    server.publish_wit("package demo:a@1.0.0; interface i { f: func(); }").await;
    std::fs::remove_dir_all(dir.path().join("blobs")).unwrap();
    let response = server.get("/v2/demo/a/manifests/1.0.0").await;
    assert_eq!(response.status(), 500);
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let (code, own_code, message) = oci_error(response).await;
    assert_eq!((code.as_str(), own_code.as_str()), ("UNKNOWN", "internal"));
    assert!(message.contains(&id) && !message.contains("blobs"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_any_origin_may_read_and_see_the_digest() {
    let (_dir, server) = server::temporary().await;
    let origin: HeaderMap =
        [("origin".parse().unwrap(), HeaderValue::from_static("https://example.org"))].into_iter().collect();
    let response = send(server.anonymous().request(Method::GET, "/v2/token").headers(origin)).await;
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let exposed = response.headers()["access-control-expose-headers"].to_str().unwrap();
    for header in ["docker-content-digest", "link", "registry-hash", "warning"] {
        assert!(exposed.contains(header), "{exposed}");
    }
}
