//! Which release is the newest when some are yanked. The answers are written by hand, so that every order occurs.

use crate::support::proxy::answering;
use registry_client::{Client, ClientError};
use registry_core::name::{ReleaseName, Spec};
use tokio::runtime::Runtime;

const HASH: &str = "p2:w0152bfbc9b46ca1ce4fc7f1bd3ad4452a2a3c39e40275df3a755fddc52091c60";

/// What a name resolves to in a registry that has these versions; those that begin with `!` are yanked.
fn newest(versions: &[&str]) -> Result<String, ClientError> {
    let release = |version: &&str| {
        let yanked = match version.strip_prefix('!') {
            Some(version) => format!(r#","yanked":{{"reason":"{version} is broken","at":"2026-01-01T00:00:00Z"}}"#),
            None => String::new(),
        };
        let version = version.trim_start_matches('!');
        format!(r#"{{"name":"a:b@{version}","kind":"package","hash":"{HASH}"{yanked}}}"#)
    };
    let body = format!(r#"{{"releases":[{}]}}"#, versions.iter().map(release).collect::<Vec<_>>().join(","));
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let url = answering(move |_| answer.clone().into_bytes());
    let spec: Spec = "a:b".parse().unwrap();
    let (release, _) = Runtime::new().unwrap().block_on(Client::new(&url).unwrap().resolve(&spec))?;
    Ok(release.unwrap().name.version().to_string())
}

#[test]
fn the_newest_release_is_one_that_is_not_yanked() {
    let table: [(&[&str], &str); 6] = [
        (&["2.0.0", "1.0.0"], "2.0.0"),
        (&["!2.0.0", "1.0.0"], "1.0.0"),
        (&["1.0.0", "!2.0.0", "1.5.0"], "1.5.0"),
        (&["3.0.0-rc.1", "!2.0.0", "1.0.0"], "1.0.0"),
        (&["!1.0.0", "2.0.0-rc.1", "2.0.0-rc.2"], "2.0.0-rc.2"),
        (&["!2.0.0-rc.2", "2.0.0-rc.1"], "2.0.0-rc.1"),
    ];
    for (versions, expected) in table {
        assert_eq!(newest(versions).unwrap(), expected, "{versions:?}");
    }
}

#[test]
fn when_every_release_is_yanked_the_reason_and_the_way_out_are_told() {
    let error = newest(&["!1.0.0", "!1.2.0", "!2.0.0-rc.1"]).unwrap_err();
    assert_eq!(error.code(), "all_yanked");
    assert_eq!(error.to_string(), "every release of `a:b` is yanked, the newest, `1.2.0`, because: 1.2.0 is broken");
    assert!(error.hint().unwrap().contains("`a:b@1.2.0`"));
    assert_eq!(newest(&[]).unwrap_err().code(), "not_found");
}

#[test]
fn a_yanked_release_is_still_found_by_its_version() {
    let body = format!(
        r#"{{"name":"a:b@1.0.0","kind":"package","hash":"{HASH}","yanked":{{"reason":"x","at":"2026-01-01T00:00:00Z"}}}}"#
    );
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let url = answering(move |_| answer.clone().into_bytes());
    let name: ReleaseName = "a:b@1.0.0".parse().unwrap();
    let resolved = Runtime::new().unwrap().block_on(Client::new(&url).unwrap().resolve(&Spec::Release(name)));
    assert_eq!(resolved.unwrap().0.unwrap().yanked.unwrap().reason, "x");
}
