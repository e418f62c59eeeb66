//! What goes where: data, status, color, and readers that go away.

use crate::command::{project, published, registry, registry_at, stderr, stdout};
use crate::support::proxy::answering;
use crate::support::registry::TestRegistry;
use std::io::Read;
use std::process::{Command, Stdio};

#[test]
fn quiet_prints_data_only() {
    let (server, project) = (TestRegistry::start(), project());
    let publish = |flag: &str| {
        let mut command = registry_at(&server, project.path());
        command.args([flag, "publish", "wit", "--with-deps"]).assert().success()
    };
    let assert = publish("--quiet");
    assert_eq!(stderr(&assert), "");
    assert!(stdout(&assert).starts_with("p2:w"));
    let text = stderr(&publish("--verbose"));
    assert!(text.contains("DEBUG") && text.contains(&format!("{}/v1/missing", server.url())), "{text}");
}

#[test]
fn color_is_for_terminals_or_on_request() {
    let (server, folder, _) = published();
    let show = |color: &[&str], no_color: bool| {
        let mut command = registry_at(&server, folder.path());
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let assert = command.args(["verify", "test:main"]).args(color).assert().success();
        stdout(&assert).contains('\u{1b}')
    };
    assert!(!show(&[], false));
    assert!(show(&["--color", "always"], false));
    assert!(!show(&["--color", "never"], false));
    assert!(!show(&[], true));
}

#[test]
fn without_a_terminal_there_is_no_progress() {
    let (server, project) = (TestRegistry::start(), project());
    let assert = registry_at(&server, project.path()).args(["publish", "wit", "--with-deps"]).assert().success();
    let text = stderr(&assert);
    assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
    assert!(
        text.lines().all(|line| ["Hashed", "Published"].iter().any(|verb| line.trim().starts_with(verb))),
        "{text}"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (server, folder, _) = published();
    let mut child = Command::new(env!("CARGO_BIN_EXE_registry"))
        .args(["--registry", server.url(), "show", "test:main", "--json"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!((child.wait().unwrap().code(), text.as_str()), (Some(0), ""));
}

#[test]
fn what_a_registry_says_does_not_control_the_terminal() {
    let body =
        r#"{"code":"internal","message":"\u001b]0;owned\u0007\u001b[2J\u202egnp","hint":"\u001b[31mrun this\r"}"#;
    let answer = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let url = answering(move |_| answer.clone().into_bytes());
    let assert = registry().args(["--registry", &url, "show", "a:b", "--color", "never"]).assert().code(1);
    let text = stderr(&assert);
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}', '\r']), "{text:?}");
    assert!(text.contains("error: \u{fffd}]0;owned") && text.contains("hint: \u{fffd}[31mrun this"), "{text:?}");
    // The colors of our own words stay.
    let assert = registry().args(["--registry", &url, "show", "a:b", "--color", "always"]).assert().code(1);
    let text = stderr(&assert);
    assert!(text.contains("\u{1b}[") && !text.contains("\u{1b}]0;") && !text.contains("\u{1b}[2J"), "{text:?}");
}

#[test]
fn an_endless_complaint_is_cut() {
    let body = format!(r#"{{"code":"internal","message":"{}"}}"#, "x".repeat(1_000_000));
    let answer = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let url = answering(move |_| answer.clone().into_bytes());
    let assert = registry().args(["--registry", &url, "show", "a:b"]).assert().code(1);
    assert!(stderr(&assert).len() < 20_000);
}
