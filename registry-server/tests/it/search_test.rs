//! Search, who uses what, and how often something is fetched: the same on both databases.

use crate::support::client::{Client, expect_error, unknown_package};
use crate::support::component::component;
use crate::support::server::{self, TestServer, on_both_databases};
use crate::support::wasi;
use registry_core::component::Direction;
use registry_core::wire::{
    DependentList, Found, HashMatches, InterfaceUserList, ItemKind, ItemList, Release, SearchPage, Sha256Matches,
    UserKind,
};
use registry_server::ServerLimits;
use reqwest::{Method, Response};
use sha2::Digest;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SHAPES: &str = "/// Points in the plane. Nothing else.
    package demo:shapes@1.0.0;
    interface points { record point { x: u32, y: u32 } distance: func(a: point, b: point) -> u64; }
    interface gauges { /// How hot it is, in Kelvin.
        temperature: func() -> u32; }";
const PLANES: &str = "package demo:planes@1.0.0;
    /// Draws points.
    world drawing { import demo:shapes/points@1.0.0; export demo:shapes/gauges@1.0.0; }";
const DISTANCE: &str = "package demo:distance@1.0.0; interface a { f: func(); }";
const TOOL: &str = "package demo:tool; world w { import demo:shapes/points@1.0.0; export demo:shapes/gauges@1.0.0; }";

async fn ask(server: &Client, path: &str, parameters: &[(&str, &str)]) -> Response {
    server.request(Method::GET, path).query(parameters).send().await.unwrap()
}

async fn search(server: &Client, parameters: &[(&str, &str)]) -> SearchPage {
    let response = ask(server, "/v1/search", parameters).await;
    assert_eq!(response.status(), 200, "{parameters:?}");
    response.json().await.unwrap()
}

async fn names(server: &Client, words: &str) -> Vec<(String, Found)> {
    let page = search(server, &[("q", words)]).await;
    page.hits.into_iter().map(|hit| (hit.name.to_string(), hit.found)).collect()
}

async fn publish_all(server: &Client) {
    for text in [SHAPES, PLANES, DISTANCE] {
        server.publish_wit(text).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_come_before_items_and_items_before_documentation() {
    for (_dir, server) in on_both_databases().await {
        publish_all(&server).await;
        let (shapes, planes, distance) =
            ("demo:shapes@1.0.0".to_owned(), "demo:planes@1.0.0".to_owned(), "demo:distance@1.0.0".to_owned());
        let table = [
            ("shapes", vec![(shapes.clone(), Found::Name)]),
            ("SHAP", vec![(shapes.clone(), Found::Name)]),
            ("demo sha", vec![(shapes.clone(), Found::Name)]),
            ("distance", vec![(distance, Found::Name), (shapes.clone(), Found::Items)]),
            ("point", vec![(shapes.clone(), Found::Items), (planes.clone(), Found::Docs)]),
            ("drawing points", vec![(planes.clone(), Found::Docs)]),
            ("kelvin", vec![(shapes.clone(), Found::Docs)]),
            ("demo kelvin hot", vec![(shapes, Found::Docs)]),
            ("hapes", vec![]),
            ("kelvin planes", vec![]),
        ];
        for (words, expected) in table {
            assert_eq!(names(&server, words).await, expected, "{words}");
        }
        let page = search(&server, &[("q", "shapes")]).await;
        assert_eq!(page.hits[0].summary, "Points in the plane.");
        assert_eq!(page.next, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_release_of_a_name_is_found_once() {
    for (_dir, server) in on_both_databases().await {
        for version in ["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1"] {
            server.publish_wit(&DISTANCE.replace("1.0.0", version)).await;
        }
        assert_eq!(names(&server, "distance").await, [("demo:distance@1.10.0".to_owned(), Found::Name)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_yanked_is_not_found_until_that_is_taken_back() {
    for (_dir, server) in on_both_databases().await {
        for version in ["1.0.0", "1.1.0"] {
            server.publish_wit(&DISTANCE.replace("1.0.0", version)).await;
        }
        let state = async |method: Method, version: &str| {
            let request = server.request(method, &format!("/v1/releases/demo/distance/{version}/yank"));
            let body = r#"{"reason": "wrong"}"#;
            let response = request.header("content-type", "application/json").body(body).send().await.unwrap();
            assert_eq!(response.status(), 200);
        };
        let steps = [
            (Method::PUT, "1.1.0", vec!["demo:distance@1.0.0"]),
            (Method::PUT, "1.0.0", vec![]),
            (Method::DELETE, "1.1.0", vec!["demo:distance@1.1.0"]),
        ];
        for (method, version, expected) in steps {
            state(method, version).await;
            let found: Vec<String> = names(&server, "distance").await.into_iter().map(|(name, _)| name).collect();
            assert_eq!(found, expected, "{version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn components_are_found_by_their_names_and_interfaces() {
    for (_dir, server) in on_both_databases().await {
        server.publish_wit(SHAPES).await;
        let bytes = component(&[SHAPES, TOOL]);
        let response = server.post("/v1/components?name=demo:plotter@1.0.0", "application/wasm", bytes).await;
        assert_eq!(response.status(), 201);
        for (words, kind, expected) in [
            ("plotter", "component", vec!["demo:plotter@1.0.0"]),
            ("plotter", "package", vec![]),
            ("gauges", "component", vec!["demo:plotter@1.0.0"]),
            ("gauges", "package", vec!["demo:shapes@1.0.0"]),
        ] {
            let page = search(&server, &[("q", words), ("kind", kind)]).await;
            let found: Vec<String> = page.hits.iter().map(|hit| hit.name.to_string()).collect();
            assert_eq!(found, expected, "{words} {kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_the_list_whatever_their_length() {
    for (_dir, server) in on_both_databases().await {
        let publish = async |name: &str, item: &str| {
            server.publish_wit(&format!("package many:{name}@1.0.0; interface {item} {{ f: func(); }}")).await;
        };
        for index in 0..7 {
            publish(&format!("alike-{index}"), "other").await;
            publish(&format!("else-{index}"), "alike").await;
        }
        let whole = names(&server, "alike").await;
        assert_eq!(whole.len(), 14);
        assert!(whole.is_sorted_by_key(|(name, found)| (*found, name.clone())), "{whole:?}");
        for length in ["1", "3", "7", "13", "14"] {
            let (mut pages, mut after) = (Vec::new(), None::<String>);
            loop {
                let mut parameters = vec![("q", "alike"), ("limit", length)];
                parameters.extend(after.as_deref().map(|after| ("after", after)));
                let page = search(&server, &parameters).await;
                assert!(page.hits.len() <= length.parse().unwrap());
                pages.extend(page.hits.into_iter().map(|hit| (hit.name.to_string(), hit.found)));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(pages, whole, "{length}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_made_of_wildcards_quotes_and_syntax_is_only_words() {
    for (_dir, server) in on_both_databases().await {
        publish_all(&server).await;
        for nothing in ["", "*", "%", "_", "\"", "'", "\\", "()", "-", ":", "&|!<>", "\0", "\u{202e}", "* OR *", "🦀"]
        {
            assert!(names(&server, nothing).await.is_empty(), "{nothing:?}");
        }
        for words in [
            "\"shapes",
            "shapes*",
            "'shapes':*",
            "shapes'); DROP TABLE releases; --",
            "name_words : shapes",
            "{name_words} : shapes",
            "shapes NOT demo",
            "shapes OR nothing",
            "NEAR(shapes demo)",
            "shapes | planes",
            "ｓｈａｐｅｓ größe 東京 İ ß",
            "\u{0}shapes\u{0}",
        ] {
            let found = names(&server, words).await;
            assert!(found.len() <= 1, "{words:?} {found:?}");
        }
        for found in ["\"shapes\"", "shapes*", "%shapes%", "^shapes", "(shapes)", "shapes:*", "\u{0}shapes"] {
            assert_eq!(names(&server, found).await, [("demo:shapes@1.0.0".to_owned(), Found::Name)], "{found:?}");
        }
        assert_eq!(names(&server, "demo").await.len(), 3, "nothing was harmed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_has_limits() {
    let (_dir, server) = server::temporary().await;
    let (long, many) = ("ä".repeat(2_049), (0..33).map(|word| format!("w{word} ")).collect::<String>());
    for (words, limit) in [(&long, "search_size_bytes_max"), (&many, "search_words_max")] {
        let error = expect_error(ask(&server, "/v1/search", &[("q", words)]).await, 400, "limit_exceeded").await;
        assert!(error.message.contains(limit), "{}", error.message);
    }
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let huge = format!("GET /v1/search?q={} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100 << 10));
    // The server may have answered and hung up before it has read everything.
    let _ = stream.write_all(huge.as_bytes()).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431", "100 KB are more than a request's line may have");
    assert!(names(&server, &"a ".repeat(2_048)).await.is_empty(), "the same word is one word");
    let refused: [(&[(&str, &str)], &str); 7] = [
        (&[], "invalid_query"),
        (&[("q", "a"), ("limit", "0")], "invalid_query"),
        (&[("q", "a"), ("limit", "201")], "limit_exceeded"),
        (&[("q", "a"), ("limit", "-1")], "invalid_query"),
        (&[("q", "a"), ("limit", "99999999999999999999")], "invalid_query"),
        (&[("q", "a"), ("kind", "world")], "invalid_query"),
        (&[("q", "a"), ("sort", "name")], "invalid_query"),
    ];
    for (parameters, code) in refused {
        expect_error(ask(&server, "/v1/search", parameters).await, 400, code).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_no_page_ended_with_is_refused() {
    for (_dir, server) in on_both_databases().await {
        let package = server.publish_wit(SHAPES).await.record;
        let id = package.interfaces["points"];
        let questions = [
            "/v1/search?q=shapes".to_owned(),
            format!("/v1/interfaces/{id}?"),
            format!("/v1/users?interface={id}"),
            format!("/v1/packages/{}/dependents?", package.hash),
        ];
        let forged = ["\0", "a\nb\nc\nd\ne\nf", "a\0\nb\nc", "name\nb\0\nc", "\0\n\0\n\0\n\0"].map(hex::encode);
        let texts = ["", "x", "wasi", "'", "%00", "ff"].map(str::to_owned);
        let nowhere = format!("/v1/search?q=shapes&after={}", hex::encode("nowhere\na\nb"));
        expect_error(server.get(&nowhere).await, 400, "invalid_cursor").await;
        for question in questions {
            for after in forged.iter().chain(&texts).chain([&"61".repeat(3_000)]) {
                let response = server.get(&format!("{question}&after={after}")).await;
                expect_error(response, 400, "invalid_cursor").await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_an_interface_are_components_and_worlds() {
    for (_dir, server) in on_both_databases().await {
        let shapes = server.publish_wit(SHAPES).await.record;
        let planes = server.publish_wit(PLANES).await.record;
        let bytes = component(&[SHAPES, TOOL]);
        let named = server.post("/v1/components?name=demo:plotter@1.0.0", "application/wasm", bytes).await;
        assert_eq!(named.status(), 201);
        let id = shapes.interfaces["points"].to_string();
        let table = [
            (vec![("interface", "demo:shapes/points@1.0.0")], 2),
            (vec![("interface", "demo:shapes/points")], 2),
            (vec![("interface", &id)], 2),
            (vec![("interface", &id), ("direction", "import")], 2),
            (vec![("interface", &id), ("direction", "export")], 0),
            (vec![("interface", "demo:shapes/points@1.0.1")], 0),
            (vec![("interface", "demo:shapes/point")], 0),
            (vec![("interface", "demo:shapes/gauges"), ("direction", "export")], 2),
        ];
        for (parameters, count) in table {
            let list: InterfaceUserList = ask(&server, "/v1/users", &parameters).await.json().await.unwrap();
            assert_eq!(list.users.len(), count, "{parameters:?}");
        }
        let list: InterfaceUserList = server.json("/v1/users?interface=demo:shapes/points").await;
        let world = list.users.iter().find(|user| user.kind == UserKind::World).unwrap();
        assert_eq!((world.hash.to_string(), world.world.as_deref()), (planes.hash.to_string(), Some("drawing")));
        assert_eq!((world.direction, world.id.to_string()), (Direction::Import, id));
        let component = list.users.iter().find(|user| user.kind == UserKind::Component).unwrap();
        assert_eq!(component.names[0].to_string(), "demo:plotter@1.0.0");
        assert!(component.relation.is_some() && component.interface == "demo:shapes/points@1.0.0");

        let first: InterfaceUserList = server.json("/v1/users?interface=demo:shapes/points&limit=1").await;
        let rest = format!("/v1/users?interface=demo:shapes/points&limit=1&after={}", first.next.unwrap());
        let second: InterfaceUserList = server.json(&rest).await;
        assert_eq!([first.users, second.users].concat(), list.users);
        assert_eq!(second.next, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_interface_is_refused() {
    let (_dir, server) = server::temporary().await;
    for (interface, code) in [
        ("", "invalid_name"),
        ("wasi:io", "invalid_name"),
        ("wasi:io/streams@x", "invalid_name"),
        ("Wasi:io/streams", "invalid_name"),
        ("p2:i00", "invalid_name"),
        ("wasi:io/streams@0.2.0' OR '1'='1", "invalid_name"),
    ] {
        expect_error(ask(&server, "/v1/users", &[("interface", interface)]).await, 400, code).await;
    }
    expect_error(server.get("/v1/interfaces/p2:w00").await, 400, "invalid_hash").await;
    let nowhere = format!("/v1/packages/{}/dependents", unknown_package());
    expect_error(server.get(&nowhere).await, 404, "not_found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_is_found_wherever_it_stands() {
    for (_dir, server) in on_both_databases().await {
        let first = server.publish_wit(SHAPES).await.record;
        let second = server.publish_wit(&SHAPES.replace("1.0.0", "1.0.1")).await.record;
        let id = first.interfaces["points"];
        assert_eq!(second.interfaces["points"], id);
        let list: ItemList = server.json(&format!("/v1/interfaces/{id}")).await;
        let mut expected = [first.hash, second.hash];
        expected.sort();
        assert_eq!(list.items.iter().map(|item| item.hash).collect::<Vec<_>>(), expected);
        assert!(list.items.iter().all(|item| item.kind == ItemKind::Interface && item.item == "points"));
        let page: ItemList = server.json(&format!("/v1/interfaces/{id}?limit=1")).await;
        let next: ItemList = server.json(&format!("/v1/interfaces/{id}?limit=1&after={}", page.next.unwrap())).await;
        assert_eq!([page.items, next.items].concat(), list.items);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dependents_refer_to_a_package_directly() {
    for (_dir, server) in on_both_databases().await {
        let records = wasi::publish(&server).await;
        let io = &records["io"];
        let direct: BTreeSet<String> = records
            .values()
            .filter(|record| record.dependencies.values().any(|hash| *hash == io.hash))
            .map(|record| record.hash.to_string())
            .collect();
        assert!(direct.len() >= 3);
        let path = format!("/v1/packages/{}/dependents", io.hash);
        let list: DependentList = server.json(&path).await;
        let found: Vec<String> = list.dependents.iter().map(|dependent| dependent.hash.to_string()).collect();
        assert_eq!(found, Vec::from_iter(direct));
        assert!(list.dependents.iter().all(|dependent| dependent.names.len() == 1));
        let page: DependentList = server.json(&format!("{path}?limit=2")).await;
        let rest: DependentList = server.json(&format!("{path}?after={}", page.next.unwrap())).await;
        assert_eq!([page.dependents, rest.dependents].concat(), list.dependents);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_beginning_of_a_hash_finds_what_it_can_be() {
    for (_dir, server) in on_both_databases().await {
        let package = server.publish_wit(SHAPES).await.record;
        let bytes = component(&[SHAPES, TOOL]);
        let tool = server.publish_component(bytes.clone()).await.record;
        let texts = [
            (package.hash.to_string(), "package"),
            (package.interfaces["points"].to_string(), "interface"),
            (tool.hash.to_string(), "component"),
            (tool.view.to_string(), "view"),
        ];
        for (hash, kind) in texts {
            for prefix in [&hash[..8], &hash[..20], &hash[4..12], &hash[4..], &hash] {
                let matches: HashMatches = server.json(&format!("/v1/hashes/{prefix}")).await;
                let found: Vec<_> =
                    matches.matches.iter().map(|found| (found.hash.clone(), found.kind.as_str())).collect();
                assert_eq!((found, matches.more), (vec![(hash.clone(), kind)], false), "{prefix}");
            }
        }
        let named: HashMatches = server.json(&format!("/v1/hashes/{}", package.interfaces["points"])).await;
        assert_eq!(named.matches[0].names, ["demo:shapes/points@1.0.0"]);
        for text in
            ["p2:w123", "1234567", "p2:x12345678", "p2:u12345678", "zzzzzzzzz", "%25%25%25%25%25%25%25%25", "________"]
        {
            expect_error(server.get(&format!("/v1/hashes/{text}")).await, 400, "invalid_hash").await;
        }

        let digest = hex::encode(sha2::Sha256::digest(&bytes));
        let matches: Sha256Matches = server.json(&format!("/v1/sha256/{digest}")).await;
        assert_eq!(
            matches.matches.iter().map(|found| found.hash.to_string()).collect::<Vec<_>>(),
            [tool.hash.to_string()]
        );
        let source: Sha256Matches = server.json(&format!("/v1/sha256/{}", package.source_sha256)).await;
        assert_eq!(source.matches[0].names[0].to_string(), "demo:shapes@1.0.0");
        let nothing: Sha256Matches = server.json(&format!("/v1/sha256/{}", "0".repeat(64))).await;
        assert!(nothing.matches.is_empty());
        for text in ["0", &"0".repeat(63), &"A".repeat(64), &"g".repeat(64)] {
            expect_error(server.get(&format!("/v1/sha256/{text}")).await, 400, "invalid_hash").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_counted_once_and_survive_the_end_of_the_server() {
    let dir = TempDir::new().unwrap();
    let server = TestServer::on(dir.path()).await;
    let hash = server.publish_wit(SHAPES).await.record.hash;
    for part in ["/closure", "/wit", "/flat"] {
        let path = format!("/v1/packages/{hash}{part}");
        let response = server.get(&path).await;
        let tag = response.headers()["etag"].clone();
        server.request(Method::HEAD, &path).send().await.unwrap();
        let held = server.request(Method::GET, &path).header("if-none-match", tag).send().await.unwrap();
        assert_eq!(held.status(), 304);
    }
    server.get(&format!("/v1/packages/{hash}")).await;
    let bytes = component(&[SHAPES, TOOL]);
    let named = server.post("/v1/components?name=demo:plotter@1.0.0", "application/wasm", bytes).await;
    let component: registry_core::wire::ComponentRecord = named.json().await.unwrap();
    let wasm = format!("/v1/components/{}/wasm", component.hash);
    for range in ["bytes=0-9", "bytes=10-", "bytes=9999999-"] {
        server.request(Method::GET, &wasm).header("range", range).send().await.unwrap();
    }
    server.stop().await;

    let server = TestServer::on(dir.path()).await;
    for (path, downloads) in [("demo/shapes", 3), ("demo/plotter", 1)] {
        let release: Release = server.json(&format!("/v1/releases/{path}/1.0.0")).await;
        assert_eq!(release.downloads, downloads, "{path}");
    }
    let page = search(&server, &[("q", "shapes")]).await;
    assert_eq!(page.hits[0].downloads, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_written_while_the_server_runs() {
    let dir = TempDir::new().unwrap();
    let limits = ServerLimits { downloads_wait: Duration::from_millis(20), ..ServerLimits::default() };
    let server = TestServer::with_limits(dir.path(), limits).await;
    let hash = server.publish_wit(SHAPES).await.record.hash;
    server.get(&format!("/v1/packages/{hash}/wit")).await;
    eventually(async || {
        let release: Release = server.json("/v1/releases/demo/shapes/1.0.0").await;
        release.downloads == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_before_there_was_an_index_is_indexed_at_the_start() {
    let dir = TempDir::new().unwrap();
    let server = TestServer::on(dir.path()).await;
    publish_all(&server).await;
    let (before, users) = (names(&server, "point").await, server.text("/v1/users?interface=demo:shapes/points").await);
    server.stop().await;
    forget_index(dir.path()).await;

    let server = TestServer::on(dir.path()).await;
    eventually(async || names(&server, "point").await == before).await;
    assert_eq!(server.text("/v1/users?interface=demo:shapes/points").await, users);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_cannot_be_read_is_indexed_later_and_keeps_back_no_other() {
    let dir = TempDir::new().unwrap();
    let server = TestServer::on(dir.path()).await;
    publish_all(&server).await;
    let hash = server.json::<Release>("/v1/releases/demo/shapes/1.0.0").await.target.hash();
    server.stop().await;
    forget_index(dir.path()).await;
    let (blob, aside) = (server::blob_file(dir.path(), "package", &hash.to_string()), dir.path().join("aside"));
    fs::rename(&blob, &aside).unwrap();

    let limits = ServerLimits { index_retry_wait: Duration::from_millis(20), ..ServerLimits::default() };
    let server = TestServer::with_limits(dir.path(), limits).await;
    eventually(async || names(&server, "demo").await == [("demo:distance@1.0.0".to_owned(), Found::Name)]).await;
    fs::rename(&aside, &blob).unwrap();
    eventually(async || names(&server, "demo").await.len() == 3).await;
}

/// As a database is that was written before there was an index.
async fn forget_index(data_dir: &Path) {
    let database = format!("sqlite:{}", data_dir.join("registry.sqlite3").display());
    let mut connection = SqliteConnection::connect(&database).await.unwrap();
    for table in ["search_words", "search_entries", "search_documents", "world_interfaces"] {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

async fn eventually(condition: impl AsyncFn() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap();
}
