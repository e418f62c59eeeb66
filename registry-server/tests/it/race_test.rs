//! Several publishers at one time.

use crate::support::client::expect_error;
use crate::support::component::component;
use crate::support::server::{self, TestServer};
use futures::future::join_all;
use registry_core::id::{ObjectHash, PackageHash};
use registry_core::wire::{PackageRecord, Published, Release};
use reqwest::StatusCode;

const PUBLISHERS: usize = 8;
const ROUNDS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_of_different_contents_gets_the_name() {
    for (_dir, server) in server::on_both_databases().await {
        for round in 0..ROUNDS {
            let texts: Vec<String> = (0..PUBLISHERS)
                .map(|publisher| format!("package t:race@{round}.0.0; interface a {{ f{publisher}: func(); }}"))
                .collect();
            let answers = join_all(texts.iter().map(|text| server.post_wit(text))).await;
            let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status().is_success());
            assert_eq!(won.len(), 1);
            let mut winners = Vec::new();
            for answer in won {
                assert_eq!(answer.status(), StatusCode::CREATED);
                winners.push(answer.json::<Published<PackageRecord>>().await.unwrap().record.hash);
            }
            let bound: Release = server.json(&format!("/v1/releases/t/race/{round}.0.0")).await;
            assert_eq!(bound.target.hash(), ObjectHash::Package(winners[0]));
            for answer in lost {
                let error = expect_error(answer, 409, "release_bound").await;
                assert!(error.message.contains(&winners[0].to_string()), "{}", error.message);
                assert_lost(&server, &error.message, &winners[0]).await;
            }
        }
    }
}

/// The other hash of the message names nothing that could be fetched.
async fn assert_lost(server: &TestServer, message: &str, winner: &PackageHash) {
    let hashes = message.split(|character: char| !(character == ':' || character.is_ascii_alphanumeric()));
    let mut others = hashes.filter_map(|word| word.parse::<PackageHash>().ok()).filter(|hash| hash != winner);
    let loser = others.next().unwrap();
    assert_eq!(server.get(&format!("/v1/packages/{loser}")).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_succeeds_for_everybody() {
    for (_dir, server) in server::on_both_databases().await {
        for round in 0..ROUNDS {
            let text = format!("package t:same@{round}.0.0; interface a {{ f: func(); }}");
            let answers = join_all((0..PUBLISHERS).map(|_| server.post_wit(&text))).await;
            let created = answers.iter().filter(|answer| answer.status() == StatusCode::CREATED).count();
            let present = answers.iter().filter(|answer| answer.status() == StatusCode::OK).count();
            assert_eq!((created, present), (1, PUBLISHERS - 1));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_and_a_component_race_for_one_name() {
    for (_dir, server) in server::on_both_databases().await {
        let bytes = component(&["package demo:tool; world w { export run: func(); }"]);
        for round in 0..ROUNDS {
            let text = format!("package t:both@{round}.0.0; interface a {{ f: func(); }}");
            let address = format!("/v1/components?name=t:both@{round}.0.0");
            let (package, component) =
                tokio::join!(server.post_wit(&text), server.post(&address, "application/wasm", bytes.clone()));
            let statuses = [package.status().as_u16(), component.status().as_u16()];
            assert!(statuses.contains(&409) && statuses.iter().any(|status| *status < 300), "{statuses:?}");
        }
    }
}
