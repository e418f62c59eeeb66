//! Lists in pages, names that are never sent, and answers about something else.

use crate::support::proxy::answering;
use futures::{StreamExt, TryStreamExt};
use registry_client::{Client, ClientError, SearchKind, TransportLimits};
use registry_core::component::Direction;
use registry_core::limits::Limits;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Runtime;

const HASH: &str = "p2:w0152bfbc9b46ca1ce4fc7f1bd3ad4452a2a3c39e40275df3a755fddc52091c60";
const OTHER: &str = "p2:w4a73ff3c27ea5a8ce1cb0ac3efee7a2a436127f780421ae61991b61ba90ac8d1";

fn json(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    Runtime::new().unwrap().block_on(future)
}

/// A client of a registry that answers each request with what `answer` makes of its first line.
fn client(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Client {
    let url = answering(move |request| {
        let request = String::from_utf8_lossy(request);
        json(&answer(request.lines().next().unwrap()))
    });
    Client::new(&url).unwrap()
}

fn hit(name: &str) -> String {
    format!(r#"{{"name":"{name}@1.0.0","kind":"package","hash":"{HASH}","summary":"","found":"name","downloads":0}}"#)
}

#[test]
fn pages_are_asked_for_one_after_the_other_and_only_when_needed() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let client = client(move |request| {
        counter.fetch_add(1, Ordering::SeqCst);
        assert!(request.starts_with("GET /v1/search?limit=100&q=caf%C3%A9+%26x%3D1&kind=package"), "{request}");
        match request.split_once("&after=").map(|(_, after)| after.split(' ').next().unwrap()) {
            None => format!(r#"{{"hits":[{},{}],"next":"a b"}}"#, hit("x:a"), hit("x:b")),
            Some("a+b") => format!(r#"{{"hits":[{}],"next":"c"}}"#, hit("x:c")),
            Some("c") => format!(r#"{{"hits":[{}]}}"#, hit("x:d")),
            Some(after) => panic!("{after}"),
        }
    });
    let search = || client.search("café &x=1", Some(SearchKind::Package)).unwrap();
    let all: Vec<String> = block_on(search().map_ok(|hit| hit.name.name().to_owned()).try_collect::<Vec<_>>()).unwrap();
    assert_eq!((all.as_slice(), count.swap(0, Ordering::SeqCst)), (&["a", "b", "c", "d"].map(str::to_owned)[..], 3));
    let first: Vec<_> = block_on(search().take(2).collect());
    assert_eq!((first.len(), count.load(Ordering::SeqCst)), (2, 1));
}

#[test]
fn a_list_that_does_not_go_on_is_not_asked_for_without_end() {
    let repeating = client(|_| format!(r#"{{"hits":[{}],"next":"same"}}"#, hit("x:a")));
    let empty = client(|_| r#"{"hits":[],"next":"more"}"#.to_owned());
    for client in [repeating, empty] {
        let error = block_on(client.search("a", None).unwrap().try_collect::<Vec<_>>()).unwrap_err();
        assert!(matches!(error, ClientError::OtherObject { .. }), "{error:?}");
    }
}

#[test]
fn limits_on_pages_cursors_and_searches_are_named() {
    let limits =
        TransportLimits { page_items_max: 1, cursor_size_bytes_max: 4, search_size_bytes_max: 8, ..Default::default() };
    let cases = [
        (format!(r#"{{"hits":[{},{}]}}"#, hit("x:a"), hit("x:b")), "page_items_max"),
        (format!(r#"{{"hits":[{}],"next":"abcde"}}"#, hit("x:a")), "cursor_size_bytes_max"),
    ];
    for (body, name) in cases {
        let url = answering(move |_| json(&body));
        let client = Client::with_limits(&url, Limits::default(), limits.clone()).unwrap();
        let error = block_on(client.search("a", None).unwrap().try_collect::<Vec<_>>()).unwrap_err();
        assert!(matches!(&error, ClientError::Limit(limit) if limit.limit == name), "{error:?}");
    }
    let client = Client::with_limits("http://127.0.0.1:1", Limits::default(), limits).unwrap();
    let error = client.search("123456789", None).err().unwrap();
    assert!(matches!(&error, ClientError::Limit(limit) if limit.limit == "search_size_bytes_max"), "{error:?}");
}

#[test]
fn answers_about_something_else_are_refused() {
    let user = r#"{"users":[{"kind":"component","hash":"H","names":[],"direction":"import",
        "interface":"a:b/c@1.0.0","id":"p2:i0152bfbc9b46ca1ce4fc7f1bd3ad4452a2a3c39e40275df3a755fddc52091c60"}]}"#;
    let user = user.replace('H', HASH);
    let users = |interface: &str, direction| {
        let answer = user.clone();
        let client = client(move |_| answer.clone());
        block_on(client.interface_users(&interface.parse().unwrap(), direction).try_collect::<Vec<_>>())
    };
    assert_eq!(users("a:b/c", None).unwrap().len(), 1);
    assert_eq!(users("a:b/c@1.0.0", Some(Direction::Import)).unwrap().len(), 1);
    for (interface, direction) in
        [("a:b/d", None), ("a:b/c@1.0.1", None), ("a:b/c", Some(Direction::Export)), (&OTHER.replace('w', "i"), None)]
    {
        assert!(users(interface, direction).unwrap_err().is_refusal(), "{interface}");
    }

    let release = format!(r#"{{"name":"a:b@1.0.0","kind":"package","hash":"{HASH}"}}"#);
    let namespace =
        r#"{"name":"demo","owners":["ann"],"compatibility":"enforced","claimed_at":"2026-01-01T00:00:00Z"}"#;
    let token = r#"{"id":"1","account":"ann","description":"","scopes":["publish","yank"],"token":"regt_",
        "created_at":"2026-01-01T00:00:00Z"}"#;
    let token: String = token.split('\n').collect();
    let client = client(move |request| match request {
        _ if request.contains("/releases/") => release.clone(),
        _ if request.contains("/namespaces") => namespace.to_owned(),
        _ if request.contains("/tokens") => token.clone(),
        _ if request.contains("/hashes/") => {
            format!(r#"{{"matches":[{{"hash":"{HASH}","kind":"package","names":[]}}],"more":false}}"#)
        }
        _ => format!(r#"{{"hits":[{}]}}"#, hit("x:a")),
    });
    let (name, other) = ("a:b@1.0.0".parse().unwrap(), "a:b@1.0.1".parse().unwrap());
    let request = |scopes: &[&str]| {
        let request = serde_json::json!({"scopes": scopes});
        serde_json::from_value(request).unwrap()
    };
    block_on(async {
        let refused = [
            client.yank(&name, "broken").await.err(),
            client.unyank(&other).await.err(),
            client.deprecate(&name, &serde_json::from_str(r#"{"message":"old"}"#).unwrap()).await.err(),
            client.namespace("other").await.err(),
            client.claim_namespace("other").await.err(),
            client.add_owner("demo", "bob").await.err(),
            client.remove_owner("demo", "ann").await.err(),
            client.set_namespace("demo", &serde_json::from_str(r#"{"compatibility":"relaxed"}"#).unwrap()).await.err(),
            client.create_token(&request(&["publish"])).await.err(),
            client.hashes(&OTHER[..12].parse().unwrap()).await.err(),
            client.search("a", Some(SearchKind::Component)).unwrap().next().await.and_then(Result::err),
        ];
        for (number, error) in refused.iter().enumerate() {
            assert!(error.as_ref().is_some_and(ClientError::is_refusal), "{number}: {error:?}");
        }
        client.unyank(&name).await.unwrap();
        client.add_owner("demo", "ann").await.unwrap();
        client.create_token(&request(&["yank", "publish"])).await.unwrap();
        client.hashes(&HASH[..12].parse().unwrap()).await.unwrap();
    });
}

#[test]
fn names_that_cannot_be_are_not_sent() {
    // Nothing listens there.
    let client = Client::new("http://127.0.0.1:1").unwrap();
    for name in ["", ".", "..", "../packages", "A", "a b", "a--b", "a/b", &"a".repeat(129)] {
        let errors = block_on(async {
            [
                client.namespace(name).await.err(),
                client.claim_namespace(name).await.err(),
                client.add_owner("demo", name).await.err(),
                client.tokens(Some(name)).await.err(),
                client.revoke_token(&format!("{name}/.")).await.err(),
            ]
        });
        for error in errors {
            assert_eq!(error.map(|error| error.code().to_owned()).as_deref(), Some("usage"), "{name}");
        }
    }
}
