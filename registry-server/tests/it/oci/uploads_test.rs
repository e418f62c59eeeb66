//! Push: every way in which the specification brings blobs into a repository, with both algorithms.

use super::content::{Algorithm, Blob};
use super::registry::{Answer, OCTETS, Registry, Repository, closing, ours, registries};
use futures::stream;
use reqwest::Body;
use std::convert::Infallible;

/// Bytes of a part, of the blobs that come in three.
const PART: usize = 1024;

/// Runs a test with each algorithm in a new repository of each registry.
async fn with_each_algorithm(test: impl AsyncFn(&Repository<'_>, Algorithm)) {
    for registry in registries().await {
        for algorithm in Algorithm::ALL {
            test(&registry.repository(), algorithm).await;
        }
    }
}

fn in_three_parts(algorithm: Algorithm) -> Blob {
    Blob::of_size(algorithm, 3 * PART - 5)
}

async fn patch(registry: &Registry, location: &str, range: Option<&str>, body: impl Into<Body>) -> Answer {
    let range = range.map(|range| ("content-range", range));
    let headers: Vec<(&str, &str)> = [OCTETS].into_iter().chain(range).collect();
    registry.send("PATCH", location, &headers, body).await
}

/// Sends the parts of a blob from the given one on with PATCH, and answers where the upload goes on.
async fn send_parts(registry: &Registry, mut location: String, blob: &Blob, parts: std::ops::Range<usize>) -> String {
    for index in parts {
        let part = blob.bytes.chunks(PART).nth(index).unwrap();
        let (start, end) = (index * PART, index * PART + part.len() - 1);
        let answer = patch(registry, &location, Some(&format!("{start}-{end}")), part.to_vec()).await.expect(202);
        assert_eq!(answer.header("range"), format!("0-{end}"), "{answer}");
        location = answer.location();
    }
    location
}

async fn close(registry: &Registry, location: &str, blob: &Blob) -> Answer {
    registry.send("PUT", &closing(location, &blob.digest), &[], "").await
}

/// The answer to a push that worked: the blob is where it says, and nowhere else.
async fn expect_pushed(repository: &Repository<'_>, answer: Answer, blob: &Blob) {
    let answer = answer.expect(201);
    assert_eq!(answer.optional("docker-content-digest").unwrap_or(&blob.digest), blob.digest, "{answer}");
    repository.expect_blob_at(&answer.location(), blob).await;
    repository.expect_blob(blob).await;
}

/// The answer to content that is not what its digest says: nothing is there under that digest.
async fn expect_refused(repository: &Repository<'_>, answer: Answer, blob: &Blob) {
    answer.expect_error(400, "DIGEST_INVALID");
    repository.registry.get(&repository.blob_at(blob)).await.expect_error(404, "BLOB_UNKNOWN");
}

/// A blob whose bytes were changed after its digest was made.
fn damaged(algorithm: Algorithm) -> Blob {
    let mut blob = in_three_parts(algorithm);
    blob.bytes[7] ^= 1;
    blob
}

#[tokio::test(flavor = "multi_thread")]
async fn post_then_put() {
    with_each_algorithm(async |repository, algorithm| {
        let blob = Blob::of_size(algorithm, 512);
        let pushed = repository.push_blob(&blob).await;
        expect_pushed(repository, pushed, &blob).await;
        let bad = damaged(algorithm);
        let refused = repository.push_blob(&bad).await;
        expect_refused(repository, refused, &bad).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_post() {
    with_each_algorithm(async |repository, algorithm| {
        let post = async |blob: &Blob| {
            let path = repository.at(&format!("blobs/uploads/?digest={}", blob.digest));
            repository.registry.send("POST", &path, &[OCTETS], blob.bytes.clone()).await
        };
        let blob = Blob::of_size(algorithm, 512);
        let answer = post(&blob).await;
        // A registry may begin a session in the place of taking the content at once; ours takes it.
        let pushed = match answer.status {
            202 if !repository.registry.is_ours() => {
                let location = closing(&answer.location(), &blob.digest);
                repository.registry.send("PUT", &location, &[OCTETS], blob.bytes.clone()).await
            }
            _ => answer,
        };
        expect_pushed(repository, pushed, &blob).await;
        let bad = damaged(algorithm);
        if repository.registry.is_ours() {
            let refused = post(&bad).await;
            expect_refused(repository, refused, &bad).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_chunks() {
    with_each_algorithm(async |repository, algorithm| {
        for blob in [in_three_parts(algorithm), Blob::of_size(algorithm, PART), Blob::of_size(algorithm, 1)] {
            let parts = 0..blob.bytes.len().div_ceil(PART);
            let location = send_parts(repository.registry, repository.begin().await, &blob, parts).await;
            let pushed = close(repository.registry, &location, &blob).await;
            expect_pushed(repository, pushed, &blob).await;
        }
        let bad = damaged(algorithm);
        let location = send_parts(repository.registry, repository.begin().await, &bad, 0..3).await;
        let refused = close(repository.registry, &location, &bad).await;
        expect_refused(repository, refused, &bad).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_chunks_of_which_the_last_is_in_the_put() {
    with_each_algorithm(async |repository, algorithm| {
        let registry = repository.registry;
        let put_last = async |blob: &Blob, has_range: bool| {
            let location = send_parts(registry, repository.begin().await, blob, 0..2).await;
            let range = format!("{}-{}", 2 * PART, blob.bytes.len() - 1);
            let headers = [OCTETS, ("content-range", range.as_str())];
            let headers = if has_range { &headers[..] } else { &headers[..1] };
            registry.send("PUT", &closing(&location, &blob.digest), headers, blob.bytes[2 * PART..].to_vec()).await
        };
        for has_range in [true, false] {
            let blob = in_three_parts(algorithm);
            let pushed = put_last(&blob, has_range).await;
            expect_pushed(repository, pushed, &blob).await;
        }
        let bad = damaged(algorithm);
        let refused = put_last(&bad, true).await;
        expect_refused(repository, refused, &bad).await;
    })
    .await;
}

/// A part that does not begin where the last one ended is refused, and the upload goes on where it was.
#[tokio::test(flavor = "multi_thread")]
async fn chunks_out_of_order() {
    with_each_algorithm(async |repository, algorithm| {
        let registry = repository.registry;
        let blob = in_three_parts(algorithm);
        let mut location = repository.begin().await;
        for index in 0..3 {
            let elsewhere = if index == 2 { 0..PART } else { (index + 1) * PART..(index + 1) * PART + 100 };
            let range = format!("{}-{}", elsewhere.start, elsewhere.end - 1);
            patch(registry, &location, Some(&range), blob.bytes[elsewhere].to_vec()).await.expect(416);
            let status = registry.get(&location).await.expect(204);
            if index > 0 {
                assert_eq!(status.header("range"), format!("0-{}", index * PART - 1), "{status}");
            }
            location = send_parts(registry, status.location(), &blob, index..index + 1).await;
        }
        let pushed = close(registry, &location, &blob).await;
        expect_pushed(repository, pushed, &blob).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_chunk_in_the_put_that_is_out_of_order() {
    with_each_algorithm(async |repository, algorithm| {
        let registry = repository.registry;
        let blob = in_three_parts(algorithm);
        let location = send_parts(registry, repository.begin().await, &blob, 0..1).await;
        let put = async |location: &str, start: usize| {
            let range = format!("{start}-{}", blob.bytes.len() - 1);
            let headers = [OCTETS, ("content-range", range.as_str())];
            registry.send("PUT", &closing(location, &blob.digest), &headers, blob.bytes[start..].to_vec()).await
        };
        put(&location, 2 * PART).await.expect(416);
        let status = registry.get(&location).await.expect(204);
        assert_eq!(status.header("range"), format!("0-{}", PART - 1), "{status}");
        let pushed = put(&status.location(), PART).await;
        expect_pushed(repository, pushed, &blob).await;
    })
    .await;
}

/// One PATCH without a range and without a length that is known before.
#[tokio::test(flavor = "multi_thread")]
async fn as_a_stream() {
    with_each_algorithm(async |repository, algorithm| {
        let registry = repository.registry;
        for (blob, is_good) in [(in_three_parts(algorithm), true), (damaged(algorithm), false)] {
            let pieces: Vec<_> = blob.bytes.chunks(100).map(|piece| Ok::<_, Infallible>(piece.to_vec())).collect();
            let body = Body::wrap_stream(stream::iter(pieces));
            let sent = patch(registry, &repository.begin().await, None, body).await.expect(202);
            assert_eq!(sent.header("range"), format!("0-{}", blob.bytes.len() - 1), "{sent}");
            let closed = close(registry, &sent.location(), &blob).await;
            if is_good {
                expect_pushed(repository, closed, &blob).await;
            } else {
                expect_refused(repository, closed, &blob).await;
            }
        }
    })
    .await;
}

/// Whoever lost track asks how far the upload is, and goes on there.
#[tokio::test(flavor = "multi_thread")]
async fn going_on_after_asking() {
    with_each_algorithm(async |repository, algorithm| {
        let registry = repository.registry;
        let blob = in_three_parts(algorithm);
        let first = repository.begin().await;
        send_parts(registry, first.clone(), &blob, 0..2).await;
        // "Any preceding location" leads to the upload.
        let status = registry.get(&first).await.expect(204);
        assert_eq!(status.header("range"), format!("0-{}", 2 * PART - 1), "{status}");
        let location = send_parts(registry, status.location(), &blob, 2..3).await;
        let pushed = close(registry, &location, &blob).await;
        expect_pushed(repository, pushed, &blob).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling() {
    for registry in registries().await {
        let repository = registry.repository();
        let blob = in_three_parts(Algorithm::Sha256);
        let location = send_parts(&registry, repository.begin().await, &blob, 0..1).await;
        registry.send("DELETE", &location, &[], "").await.expect(204);
        registry.get(&location).await.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
        patch(&registry, &location, None, "more").await.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
        close(&registry, &location, &blob).await.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
        registry.get(&repository.blob_at(&blob)).await.expect_error(404, "BLOB_UNKNOWN");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mounting_from_another_repository() {
    with_each_algorithm(async |target, algorithm| {
        let registry = target.registry;
        let source = registry.repository();
        let blob = Blob::of_size(algorithm, 512);
        source.push_blob(&blob).await.expect(201);
        registry.get(&target.blob_at(&blob)).await.expect_error(404, "BLOB_UNKNOWN");
        let path = target.at(&format!("blobs/uploads/?mount={}&from={}", blob.digest, source.name));
        let mounted = registry.send("POST", &path, &[], "").await;
        expect_pushed(target, mounted, &blob).await;
    })
    .await;
}

/// `from` may be absent: then a registry may look for the blob itself, or begin a session.
#[tokio::test(flavor = "multi_thread")]
async fn mounting_from_anywhere() {
    with_each_algorithm(async |target, algorithm| {
        let registry = target.registry;
        let source = registry.repository();
        let blob = Blob::of_size(algorithm, 512);
        source.push_blob(&blob).await.expect(201);
        let path = target.at(&format!("blobs/uploads/?mount={}", blob.digest));
        let answer = registry.send("POST", &path, &[], "").await;
        let pushed = match answer.status {
            202 => {
                let location = closing(&answer.location(), &blob.digest);
                registry.send("PUT", &location, &[OCTETS], blob.bytes.clone()).await
            }
            _ => answer,
        };
        expect_pushed(target, pushed, &blob).await;
    })
    .await;
}

/// What cannot be mounted is uploaded: the answer begins a session.
#[tokio::test(flavor = "multi_thread")]
async fn mounting_what_is_not_there() {
    with_each_algorithm(async |repository, algorithm| {
        let registry = repository.registry;
        let source = registry.repository();
        for from in [Some(source.name.as_str()), Some("conformance/nothing-was-ever-here"), None] {
            let blob = Blob::of_size(algorithm, 512);
            let from = from.map_or_else(String::new, |from| format!("&from={from}"));
            let path = repository.at(&format!("blobs/uploads/?mount={}{from}", blob.digest));
            let location = registry.send("POST", &path, &[], "").await.expect(202).location();
            let headers = [OCTETS];
            let put = registry.send("PUT", &closing(&location, &blob.digest), &headers, blob.bytes.clone()).await;
            expect_pushed(repository, put, &blob).await;
        }
    })
    .await;
}

/// The empty blob and the empty object, which many artifacts have, and content that is there already.
#[tokio::test(flavor = "multi_thread")]
async fn contents_that_everybody_has() {
    with_each_algorithm(async |repository, algorithm| {
        for content in ["", "{}", "{}"] {
            let blob = Blob::new(algorithm, content);
            let pushed = repository.push_blob(&blob).await;
            expect_pushed(repository, pushed, &blob).await;
        }
    })
    .await;
}

/// A blob can be larger than what a server reads at once.
#[tokio::test(flavor = "multi_thread")]
async fn several_megabytes() {
    with_each_algorithm(async |repository, algorithm| {
        let blob = Blob::of_size(algorithm, 9 << 20);
        let pushed = repository.push_blob(&blob).await;
        expect_pushed(repository, pushed, &blob).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_apart() {
    for registry in registries().await {
        let repository = registry.repository();
        let blobs = [in_three_parts(Algorithm::Sha256), in_three_parts(Algorithm::Sha256)];
        let mut locations = [repository.begin().await, repository.begin().await];
        assert_ne!(locations[0], locations[1]);
        for part in 0..3 {
            for (location, blob) in locations.iter_mut().zip(&blobs) {
                *location = send_parts(&registry, location.clone(), blob, part..part + 1).await;
            }
        }
        for (location, blob) in locations.iter().zip(&blobs) {
            let pushed = close(&registry, location, blob).await;
            expect_pushed(&repository, pushed, blob).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_closed_with_the_digest_of_the_whole() {
    for registry in registries().await {
        let repository = registry.repository();
        let blob = in_three_parts(Algorithm::Sha256);
        let location = send_parts(&registry, repository.begin().await, &blob, 0..3).await;
        registry.send("PUT", &location, &[], "").await.expect_error(400, "DIGEST_INVALID");
        for wrong in ["sha256", "sha256:", "sha256:baddigeststring", "md5:d41d8cd98f00b204e9800998ecf8427e", "%20"] {
            let location = repository.begin().await;
            let answer = registry.send("PUT", &closing(&location, wrong), &[OCTETS], "content").await;
            answer.expect_error(400, "DIGEST_INVALID");
        }
        // The digest of the last part alone.
        let location = send_parts(&registry, repository.begin().await, &blob, 0..3).await;
        let last = Algorithm::Sha256.digest(blob.bytes.chunks(PART).next_back().unwrap());
        registry.send("PUT", &closing(&location, &last), &[], "").await.expect_error(400, "DIGEST_INVALID");
        registry.get(&repository.blob_at(&blob)).await.expect_error(404, "BLOB_UNKNOWN");
    }
}

/// A session as the specification describes it, and how many bytes it has.
struct Session {
    location: String,
    content: Vec<u8>,
}

/// Any order of requests to several sessions: each does what it would do to a list of bytes, whatever came before.
#[tokio::test(flavor = "multi_thread")]
async fn any_order_of_requests() {
    for registry in ours().await {
        let repository = registry.repository();
        let mut dice = Dice(1);
        let mut sessions = Vec::new();
        let mut finished = 0;
        for _ in 0..400 {
            if sessions.len() < 3 {
                sessions.push(Session { location: repository.begin().await, content: Vec::new() });
            }
            let index = dice.below(sessions.len());
            let session = &mut sessions[index];
            if dice.below(10) > 0 {
                append(&registry, session, &mut dice).await;
                continue;
            }
            let session = sessions.remove(index);
            if dice.below(3) == 0 {
                registry.send("DELETE", &session.location, &[], "").await.expect(204);
            } else {
                let blob = Blob::new(Algorithm::ALL[dice.below(2)], session.content);
                let closed = close(&registry, &session.location, &blob).await;
                expect_pushed(&repository, closed, &blob).await;
                finished += 1;
            }
            registry.get(&session.location).await.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
        }
        assert!(finished > 10, "{finished}");
    }
}

/// Sends a part that fits, or one that does not, and asks how far the upload is.
async fn append(registry: &Registry, session: &mut Session, dice: &mut Dice) {
    let start = session.content.len();
    let part = Blob::of_size(Algorithm::Sha256, 1 + dice.below(3000)).bytes;
    let end = start + part.len() - 1;
    let (range, fits) = match dice.below(6) {
        0 => (Some(format!("{}-{}", start + 1, end + 1)), false),
        1 => (Some(format!("{start}-{}", end + 1)), false),
        2 if start > 0 => (Some(format!("0-{}", part.len() - 1)), false),
        3 => (None, true),
        _ => (Some(format!("{start}-{end}")), true),
    };
    let answer = patch(registry, &session.location, range.as_deref(), part.clone()).await;
    assert_eq!(answer.status == 202, fits, "{range:?} after {start}: {answer}");
    if fits {
        session.content.extend(part);
    }
    let status = registry.get(&session.location).await.expect(204);
    assert_eq!(status.header("range"), format!("0-{}", session.content.len().saturating_sub(1)), "{range:?}: {status}");
}

/// Numbers that look like chance and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
