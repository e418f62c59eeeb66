//! What the servers do by themselves: the requests that `wkg` makes, without `wkg`.

use crate::server::Server;
use crate::times::Times;
use registry_client::{TransportLimits, http_client};
use reqwest::header::ACCEPT;
use reqwest::{Client, Response, Url};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// The types that `wkg` accepts for manifests and blobs; without them docker-registry shows no OCI manifest.
const ACCEPTED: &str = "application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json";
const CONNECTIONS: usize = 8;
const ROUNDS: usize = 20;
const REQUESTS_OF_ONE: usize = 100;
const REQUESTS_OF_EACH: usize = 100;

/// Measures and prints a table. The servers take turns.
pub fn measure(ours: &Server, other: &Server) {
    let runtime = Runtime::new().unwrap();
    println!("\n## The requests of a fetch alone\n");
    println!(
        "| | bytes | ours: median | 99 of 100 | docker-registry: median | 99 of 100 | ours, {CONNECTIONS} connections | docker-registry |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let (ours, other) = (runtime.block_on(urls(ours)), runtime.block_on(urls(other)));
    for ((what, ours), (_, other)) in ours.iter().zip(&other) {
        let urls = [ours, other];
        let (size_bytes, [ours, other]) = runtime.block_on(alone(urls));
        let [our_rate, other_rate] = runtime.block_on(together(urls));
        println!(
            "| {what} | {size_bytes} | {} | {} | {} | {} | {our_rate:.0}/s | {other_rate:.0}/s |",
            ours.median(),
            ours.slow(),
            other.median(),
            other.slow(),
        );
    }
}

/// What `wkg` asks for when it fetches wasi:http.
async fn urls(server: &Server) -> Vec<(&'static str, Url)> {
    let url = |path: &str| Url::parse(&format!("http://{}/v2/{path}", server.address())).unwrap();
    let manifest = url("wasi/http/manifests/0.2.12");
    let body = get(&client(&manifest), &manifest).await.text().await.unwrap();
    let fields: Value = serde_json::from_str(&body).unwrap();
    let blob = |descriptor: &Value| url(&format!("wasi/http/blobs/{}", descriptor["digest"].as_str().unwrap()));
    vec![
        ("`GET /v2/`: nothing", url("")),
        ("the list of tags", url("wasi/http/tags/list")),
        ("the manifest by tag", manifest),
        ("the configuration", blob(&fields["config"])),
        ("the layer", blob(&fields["layers"][0])),
    ]
}

/// One connection, one request after the other.
async fn alone(urls: [&Url; 2]) -> (usize, [Times; 2]) {
    let clients = urls.map(client);
    let mut times = [Times::default(), Times::default()];
    let mut size_bytes = 0;
    for round in 0..=ROUNDS {
        for index in 0..urls.len() {
            let (size, measured) = ask(&clients[index], urls[index], REQUESTS_OF_ONE).await;
            // The first round opens the connection and fills caches.
            if round > 0 {
                times[index].extend(measured);
            }
            size_bytes = size;
        }
    }
    (size_bytes, times)
}

/// Several connections at the same time: answers in a second.
async fn together(urls: [&Url; 2]) -> [f64; 2] {
    let clients = urls.map(|url| [(); CONNECTIONS].map(|()| client(url)));
    let mut taken = [Duration::ZERO; 2];
    for round in 0..=ROUNDS {
        for index in 0..urls.len() {
            let started = Instant::now();
            let asking = clients[index].each_ref().map(|client| ask(client, urls[index], REQUESTS_OF_EACH));
            futures::future::join_all(asking).await;
            if round > 0 {
                taken[index] += started.elapsed();
            }
        }
    }
    taken.map(|taken| (ROUNDS * CONNECTIONS * REQUESTS_OF_EACH) as f64 / taken.as_secs_f64())
}

/// The size of the last answer, and how long each took.
async fn ask(client: &Client, url: &Url, count: usize) -> (usize, Times) {
    let mut times = Times::default();
    let mut size_bytes = 0;
    for _ in 0..count {
        let started = Instant::now();
        size_bytes = get(client, url).await.bytes().await.unwrap().len();
        times.push(started.elapsed());
    }
    (size_bytes, times)
}

async fn get(client: &Client, url: &Url) -> Response {
    let response = client.get(url.clone()).header(ACCEPT, ACCEPTED).send().await.unwrap();
    // To `GET /v2/` without credentials our answer is 401, with how to show some.
    assert!(response.status() == 200 || (url.path() == "/v2/" && response.status() == 401), "{url}");
    response
}

/// A client with one connection of its own.
fn client(url: &Url) -> Client {
    http_client(url, &TransportLimits::default()).unwrap()
}
