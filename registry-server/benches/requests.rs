//! How long answers take: searches among many packages on both databases, and a closure over loopback.
//!
//! Each figure stands beside a baseline of the same run: an answer without any work of the same server, or the same
//! bytes out of memory through the same HTTP stack. Figures and commands: docs/benchmarks.md.
//! `PACKAGES` is the number of packages to search among.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

#[path = "../tests/it/support/mod.rs"]
#[allow(dead_code)]
mod support;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use futures::{StreamExt, stream};
use registry_core::limits::Limits;
use registry_core::wire::{PackageClosure, SearchPage};
use reqwest::Method;
use std::env;
use std::time::{Duration, Instant};
use support::client::Client;
use support::server::{TestServer, on_both_databases};
use support::wasi;

const PACKAGES_DEFAULT: usize = 10_000;
const PUBLICATIONS_AT_ONCE: usize = 8;
const CONNECTIONS: usize = 16;
const WARM_UP: usize = 50;
const MEASURED: usize = 500;

/// Words for names and documentation; the packages are made of combinations of them.
const WORDS: [&str; 24] = [
    "amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty", "knoll", "ledge",
    "marsh", "north", "ocean", "prism", "quarry", "ridge", "stone", "thorn", "umbra", "valley", "wharf", "zephyr",
];

#[tokio::main]
async fn main() {
    let packages = env::var("PACKAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(PACKAGES_DEFAULT);
    for ((_dir, server), database) in on_both_databases().await.into_iter().zip(["SQLite", "PostgreSQL"]) {
        let started = Instant::now();
        publish_many(&server, packages).await;
        println!("\n## {database}: search among {packages} packages, published in {:.0?}\n", started.elapsed());
        searches(&server).await;
        println!("\n## {database}: the closure of wasi:http over loopback\n");
        closure(&server).await;
    }
}

async fn publish_many(server: &TestServer, packages: usize) {
    server.claim("bench").await;
    let publications = stream::iter(0..packages).map(|index| async move {
        server.publish_wit(&package(index)).await;
    });
    publications.buffer_unordered(PUBLICATIONS_AT_ONCE).for_each(async |()| {}).await;
}

/// A package whose name, items and documentation are words in an order of its own.
fn package(index: usize) -> String {
    let word = |place: usize| WORDS[(index / WORDS.len().pow(place as u32 % 3) + place * 5) % WORDS.len()];
    let docs: Vec<&str> = (0..20).map(|place| WORDS[(index * 7 + place * place) % WORDS.len()]).collect();
    format!(
        "package bench:{}-{}-n{index}@1.0.0;\n/// About {}.\ninterface {} {{\n/// Does {}.\n{}-{}: func(x: u32) -> u32;\n}}\n",
        word(0),
        word(1),
        docs.join(" "),
        word(2),
        docs[..8].join(" "),
        word(3),
        word(4),
    )
}

async fn searches(server: &TestServer) {
    println!("| question | hits on the page | median | 99th of 100 | ratio to the baseline |\n|---|---|---|---|---|");
    let baseline = measure(server, "/health/live").await;
    print_row("`/health/live` (baseline)", "", &baseline, &baseline);
    print_row("one release by name", "", &measure(server, &release()).await, &baseline);
    for (what, words) in [
        ("one name", "n4321"),
        ("a word in many names", "amber"),
        ("the beginning of a word", "am"),
        ("two words", "amber stone"),
        ("words in the documentation only", "amber basin cedar ocean"),
        ("every package", "bench"),
        ("nothing", "nowhere"),
    ] {
        let path = format!("/v1/search?q={}", words.replace(' ', "+"));
        let page: SearchPage = server.json(&path).await;
        print_row(
            &format!("{what}: `{words}`"),
            &page.hits.len().to_string(),
            &measure(server, &path).await,
            &baseline,
        );
        if let Some(after) = page.next.filter(|_| words == "bench") {
            let path = format!("{path}&after={after}");
            print_row("every package, the second page", "50", &measure(server, &path).await, &baseline);
        }
    }
    load(server, "/v1/search?q=n4321").await;
    load(server, "/health/live").await;
}

/// Many connections that ask the same at one time.
async fn load(server: &TestServer, path: &str) {
    let started = Instant::now();
    let clients = (0..CONNECTIONS).map(|_| Client::new(server.url().to_owned()));
    let measured = futures::future::join_all(clients.map(async |client| measure(&client, path).await)).await;
    let requests = CONNECTIONS * (WARM_UP + MEASURED);
    let rate = requests as f64 / started.elapsed().as_secs_f64();
    let slow = measured.iter().map(|times| times.slow).max().unwrap_or_default();
    println!(
        "\n{CONNECTIONS} connections that ask for `{path}` get {rate:.0} answers a second, 99 of 100 within {slow:.0?}."
    );
}

fn release() -> String {
    let text = package(7);
    let name = text.strip_prefix("package bench:").and_then(|rest| rest.split('@').next()).unwrap();
    format!("/v1/releases/bench/{name}/1.0.0")
}

async fn closure(server: &TestServer) {
    let path = format!("/v1/packages/{}/closure", wasi::publish(server).await["http"].hash);
    let started = Instant::now();
    let body = server.text(&path).await;
    let cold = started.elapsed();
    println!("| answer of {} bytes | median | 99th of 100 | ratio to the baseline |\n|---|---|---|---|", body.len());
    let raw = serve(Bytes::from(body.clone())).await;
    let baseline = measure(&raw, "/").await;
    let row = |what: &str, times: &Times| print_row(what, "-", times, &baseline);
    row("the same bytes out of memory, by axum alone (baseline)", &baseline);
    row("the closure", &measure(server, &path).await);
    row("the closure, gzip", &measure(&Client::accepting_gzip(server.url().to_owned()), &path).await);
    println!("\nThe first answer, for which everything is read and verified, took {cold:.1?}.");
    let closure: PackageClosure = serde_json::from_str(&body).unwrap();
    let started = Instant::now();
    closure.packages.verify(&closure.root, &Limits::default()).unwrap();
    println!("To verify the closure as a client does takes {:.1?}.", started.elapsed());
}

/// A server that has nothing but bytes in memory.
async fn serve(bytes: Bytes) -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", get(async move || bytes.clone()));
    tokio::spawn(axum::serve(listener, router).into_future());
    Client::new(url)
}

struct Times {
    median: Duration,
    slow: Duration,
}

/// Asks the same again and again over one connection.
async fn measure(client: &Client, path: &str) -> Times {
    let mut times = Vec::with_capacity(MEASURED);
    for round in 0..WARM_UP + MEASURED {
        let started = Instant::now();
        let response = client.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.unwrap();
        if round >= WARM_UP {
            times.push(started.elapsed());
        }
    }
    times.sort();
    Times { median: times[MEASURED / 2], slow: times[MEASURED * 99 / 100] }
}

fn print_row(what: &str, hits: &str, times: &Times, baseline: &Times) {
    let ratio = times.median.as_secs_f64() / baseline.median.as_secs_f64();
    let hits = if hits == "-" { String::new() } else { format!(" {hits} |") };
    println!("| {what} |{hits} {:.0?} | {:.0?} | {ratio:.1} |", times.median, times.slow);
}
