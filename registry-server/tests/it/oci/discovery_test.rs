//! Content discovery: the lists of tags and of referrers. (What stands in lists of referrers is in `groups_test`.)

use super::content::{Algorithm, Blob, Content, INDEX};
use super::registry::{Answer, Registry, Repository, ours, ours_with, registries};
use serde_json::json;

const TAGS: [&str; 7] = ["1.0.0", "1.10.0", "1.2.0", "1.2.0-rc.1", "2.0.0", "latest", "next"];

/// A repository with some tags, which were not pushed in their order.
async fn with_tags(registry: &Registry) -> Repository<'_> {
    let repository = registry.repository();
    let mut content = Content::default();
    content.artifact("application/vnd.example", json!({}));
    for blob in &content.blobs {
        repository.push_blob(blob).await.expect(201);
    }
    for tag in TAGS.iter().rev().step_by(2).chain(TAGS.iter().rev().skip(1).step_by(2)) {
        repository.push_manifest(&content.manifests[0], tag).await.expect(201);
    }
    repository
}

async fn list(repository: &Repository<'_>, query: &str) -> Answer {
    repository.registry.get(&repository.at(&format!("tags/list{query}"))).await.expect(200)
}

/// Where the next page is, as a path.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.optional("link")?;
    let (target, relation) = link.split_once(';').unwrap();
    assert_eq!(relation.trim(), "rel=\"next\"", "{answer}");
    Some(target.strip_prefix('<').unwrap().strip_suffix('>').unwrap().to_owned())
}

/// All of them, in lexical order, to whoever does not ask for pages.
#[tokio::test(flavor = "multi_thread")]
async fn all_tags() {
    for registry in registries().await {
        let repository = with_tags(&registry).await;
        let answer = list(&repository, "").await;
        assert_eq!(answer.tags(&repository.name), TAGS, "{answer}");
        assert!(answer.optional("link").is_none(), "{answer}");
        assert!(answer.header("content-type").starts_with("application/json"), "{answer}");
    }
}

/// `n` is how many, `last` what stands before them.
#[tokio::test(flavor = "multi_thread")]
async fn some_tags() {
    for registry in registries().await {
        let repository = with_tags(&registry).await;
        for (query, expected, is_all) in [
            ("?n=3", &TAGS[..3], false),
            ("?n=3&last=1.2.0", &TAGS[3..6], false),
            ("?last=1.2.0&n=2", &TAGS[3..5], false),
            ("?n=4&last=1.2.0", &TAGS[3..], true),
            ("?n=7", &TAGS[..], true),
            ("?n=100", &TAGS[..], true),
            ("?last=1.2.0", &TAGS[3..], true),
            ("?last=next", &[], true),
        ] {
            let answer = list(&repository, query).await;
            assert_eq!(answer.tags(&repository.name), expected, "{answer}");
            assert!(next(&answer).is_none() || !is_all || !registry.is_ours(), "{answer}");
        }
    }
}

/// What `last` names need not be there, and nothing that a client sends for it is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn tags_after_one_that_is_not_there() {
    for registry in ours().await {
        let repository = with_tags(&registry).await;
        for (last, expected) in [("1.2", &TAGS[2..]), ("zzz", &[]), ("%2B", &TAGS[..]), ("0", &TAGS[..])] {
            assert_eq!(list(&repository, &format!("?last={last}")).await.tags(&repository.name), expected, "{last}");
        }
        // More than there can be are as many as there are.
        assert_eq!(list(&repository, "?n=99999999999999999999999").await.tags(&repository.name), TAGS);
    }
}

/// Whoever follows the links sees every tag once.
#[tokio::test(flavor = "multi_thread")]
async fn tags_page_by_page() {
    for registry in registries().await {
        let repository = with_tags(&registry).await;
        for (size, pages) in [(1, 7), (2, 4), (3, 3), (7, 1)] {
            let (mut seen, mut count) = (Vec::new(), 1);
            let mut page = list(&repository, &format!("?n={size}")).await;
            seen.extend(page.tags(&repository.name));
            while let Some(link) = next(&page) {
                page = registry.get(&link).await.expect(200);
                assert!(page.tags(&repository.name).len() <= size, "{page}");
                seen.extend(page.tags(&repository.name));
                count += 1;
            }
            assert_eq!((seen.as_slice(), count), (TAGS.map(str::to_owned).as_slice(), pages), "{size}");
        }
    }
}

/// None at all, and no link.
#[tokio::test(flavor = "multi_thread")]
async fn no_tags() {
    for registry in registries().await {
        let repository = with_tags(&registry).await;
        let answer = list(&repository, "?n=0").await;
        assert!(answer.tags(&repository.name).is_empty() && answer.optional("link").is_none(), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_tags_that_is_none() {
    for registry in ours().await {
        let repository = with_tags(&registry).await;
        for wrong in ["-1", "x", "1.5", "%20", ""] {
            let answer = registry.get(&repository.at(&format!("tags/list?n={wrong}"))).await;
            assert_eq!(answer.status, 400, "{answer}");
            answer.error_code();
        }
    }
}

/// A repository is there as soon as a manifest is, with or without a tag.
#[tokio::test(flavor = "multi_thread")]
async fn a_repository_without_tags() {
    for registry in ours().await {
        let repository = registry.repository();
        let mut content = Content::default();
        content.artifact("application/vnd.example", json!({}));
        for blob in &content.blobs {
            repository.push_blob(blob).await.expect(201);
        }
        let manifest = &content.manifests[0];
        repository.push_manifest(manifest, &manifest.digest).await.expect(201);
        assert!(repository.tags().await.is_empty());
    }
}

/// The list of referrers is always there: empty, of whatever digest.
#[tokio::test(flavor = "multi_thread")]
async fn no_referrers() {
    for registry in registries().await {
        let (known, unknown) = (with_tags(&registry).await, registry.repository());
        for repository in [known, unknown] {
            for algorithm in Algorithm::ALL {
                let digest = Blob::of_size(algorithm, 10).digest;
                for query in ["", "?artifactType=application/vnd.example"] {
                    let answer = registry.get(&repository.at(&format!("referrers/{digest}{query}"))).await.expect(200);
                    assert_eq!(answer.header("content-type"), INDEX, "{answer}");
                    let empty = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
                    assert_eq!(answer.json(), empty, "{answer}");
                    assert_eq!(answer.optional("oci-filters-applied").is_some(), !query.is_empty(), "{answer}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn referrers_of_what_is_no_digest() {
    for registry in registries().await {
        let repository = with_tags(&registry).await;
        for wrong in ["1.0.0", "sha256:baddigeststring", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
            registry.get(&repository.at(&format!("referrers/{wrong}"))).await.expect_error(400, "DIGEST_INVALID");
        }
    }
}

/// More referrers than stand in one list are reached by its links.
#[tokio::test(flavor = "multi_thread")]
async fn many_referrers() {
    let listed_max = 7;
    for registry in ours_with(|config| config.limits.oci_referrers_listed_max = listed_max).await {
        let repository = registry.repository();
        let mut content = Content::default();
        let subject = content.image(json!({}));
        content.artifact("application/vnd.example", json!({"subject": subject}));
        for blob in &content.blobs {
            repository.push_blob(blob).await.expect(201);
        }
        let template = content.manifests[1].value.clone();
        let mut digests = Vec::new();
        for number in 0..20 {
            let mut value = template.clone();
            value["annotations"] = json!({"number": number.to_string()});
            let manifest = super::content::Manifest::new(Algorithm::Sha256, value);
            repository.push_manifest(&manifest, &manifest.digest).await.expect(201);
            digests.push(manifest.digest);
        }
        let subject = subject["digest"].as_str().unwrap();
        let (mut found, mut at) = (Vec::new(), Some(repository.at(&format!("referrers/{subject}"))));
        while let Some(path) = at {
            let page = registry.get(&path).await.expect(200);
            let list = page.json()["manifests"].as_array().unwrap().clone();
            assert!(list.len() <= listed_max, "{page}");
            found.extend(list.iter().map(|descriptor| descriptor["digest"].as_str().unwrap().to_owned()));
            at = next(&page);
        }
        digests.sort();
        found.sort();
        assert_eq!(found, digests);
    }
}
