//! Which token goes where, and how it is kept. The servers here record what they get.

use crate::command::{assert_contains, json, json_error, registry, stderr, stdout};
use crate::support::proxy::answering;
use assert_cmd::Command;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// A registry that tells everybody that they are `ann`, and the tokens that it got, the last last.
struct Recorder {
    url: String,
    tokens: Arc<Mutex<Vec<Option<String>>>>,
}

impl Recorder {
    fn start() -> Self {
        let tokens = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&tokens);
        let url = answering(move |request| {
            let request = String::from_utf8_lossy(request).into_owned();
            let token = request.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
            seen.lock().unwrap().push(token.map(str::to_owned));
            if request.starts_with("DELETE ") {
                return b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec();
            }
            let (status, body) = match token {
                Some(_) if request.contains("/v1/whoami ") => ("200 OK", WHOAMI),
                Some(_) => ("404 Not Found", r#"{"code":"not_found","message":"not there"}"#),
                None => {
                    ("401 Unauthorized", r#"{"code":"token_required","message":"a token is needed","hint":"log in"}"#)
                }
            };
            let size = body.len();
            format!("HTTP/1.1 {status}\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n{body}").into_bytes()
        });
        Self { url, tokens }
    }

    fn last(&self) -> Option<String> {
        self.tokens.lock().unwrap().last().unwrap().clone()
    }
}

const WHOAMI: &str = r#"{"account":"ann","operator":false,"namespaces":["demo"],"token":{"id":"1","account":"ann",
    "description":"","scopes":["publish"],"created_at":"2026-01-01T00:00:00Z"}}"#;

/// The token of a number.
fn token(number: u8) -> String {
    format!("regt_{}", hex::encode([number; 32]))
}

/// The command of a user with a home directory and nothing else.
fn command(home: &TempDir, url: &str) -> Command {
    let mut command = registry();
    for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env_remove(name);
    }
    command.env("HOME", home.path()).env("REGISTRY_URL", url);
    command
}

fn login(home: &TempDir, url: &str, token: &str) {
    command(home, url).arg("login").write_stdin(format!("{token}\n")).assert().success();
}

fn credentials(home: &TempDir) -> std::path::PathBuf {
    home.path().join(".config/registry/credentials.toml")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_login_is_checked_kept_for_its_owner_only_and_used() {
    let (registry, home) = (Recorder::start(), TempDir::new().unwrap());
    let assert = command(&home, &registry.url).arg("login").write_stdin(token(1)).assert().success();
    assert_contains(&stderr(&assert), &["Logged in as `ann`", &registry.url, "credentials.toml"]);
    assert!(!format!("{}{}", stdout(&assert), stderr(&assert)).contains("regt_"));
    assert_eq!(registry.last(), Some(token(1)));
    assert_eq!(mode(&credentials(&home)), 0o600);
    assert_eq!(mode(credentials(&home).parent().unwrap()), 0o700);

    let assert = command(&home, &registry.url).arg("whoami").assert().success();
    assert_contains(&stdout(&assert), &["ann\n", "namespaces: demo", "token: 1 allows publish"]);
    assert_eq!(registry.last(), Some(token(1)));
    // What only reads carries it too: the registry may be private.
    command(&home, &registry.url).args(["show", "a:b"]).assert().code(1);
    assert_eq!(registry.last(), Some(token(1)));
}

#[test]
fn each_registry_has_its_own_login() {
    let (one, two, home) = (Recorder::start(), Recorder::start(), TempDir::new().unwrap());
    login(&home, &one.url, &token(1));
    command(&home, &two.url).arg("whoami").assert().code(1);
    assert_eq!(two.last(), None);
    login(&home, &format!("{}/path", two.url), &token(2));
    for (registry, number) in [(&one, 1), (&two, 2)] {
        command(&home, &registry.url).arg("whoami").assert().success();
        assert_eq!(registry.last(), Some(token(number)));
    }
    command(&home, &one.url).arg("logout").assert().success();
    command(&home, &one.url).arg("whoami").assert().code(1);
    command(&home, &two.url).arg("whoami").assert().success();
}

#[test]
fn the_nearest_token_wins() {
    let (registry, home) = (Recorder::start(), TempDir::new().unwrap());
    let used = |arguments: &[&str], variable: Option<u8>| {
        let mut command = command(&home, &registry.url);
        variable.map(|number| command.env("REGISTRY_TOKEN", format!(" {}\n", token(number))));
        command.args(arguments).output().unwrap();
        registry.last()
    };
    assert_eq!(used(&["whoami"], None), None);

    let data = home.path().join(".local/share/registry-server");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("admin-token"), format!("{}\n", token(1))).unwrap();
    assert_eq!(used(&["whoami"], None), Some(token(1)));
    assert_eq!(used(&["yank", "a:b@1.0.0", "--reason", "x"], None), Some(token(1)));
    for reading in [&["show", "a:b"][..], &["search", "a"], &["namespace", "list"]] {
        assert_eq!(used(reading, None), None, "another registry on this machine would refuse this token");
    }

    login(&home, &registry.url, &token(2));
    assert_eq!(used(&["whoami"], None), Some(token(2)));
    assert_eq!(used(&["whoami"], Some(3)), Some(token(3)));
    let file = home.path().join("token");
    fs::write(&file, format!("\n{}\n", token(4))).unwrap();
    assert_eq!(used(&["whoami", "--token-file", file.to_str().unwrap()], Some(3)), Some(token(4)));
}

#[test]
fn a_token_does_not_leave_this_machine_without_tls() {
    let home = TempDir::new().unwrap();
    for arguments in [&["whoami"][..], &["show", "a:b"], &["login"]] {
        let mut command = command(&home, "http://192.0.2.1:7878");
        let assert = command.args(arguments).env("REGISTRY_TOKEN", token(1)).assert().code(1);
        assert_contains(&stderr(&assert), &["was not sent", "`http://192.0.2.1:7878`", "hint: use an `https://` URL"]);
    }
    // The unspecified address is not this machine's own, but leads to it.
    let registry = Recorder::start();
    let url = registry.url.replace("127.0.0.1", "0.0.0.0");
    let whoami = |arguments: &[&str]| {
        let mut command = command(&home, &url);
        command.args(["--json", "whoami"]).args(arguments).env("REGISTRY_TOKEN", token(1)).assert()
    };
    assert_eq!(json_error(&whoami(&[]).code(1))["code"], "plain_http");
    assert!(registry.tokens.lock().unwrap().is_empty());
    assert_eq!(json(&whoami(&["--allow-plain-http"]).success())["account"], "ann");
}

#[test]
fn a_token_that_the_registry_refuses_is_not_kept() {
    let home = TempDir::new().unwrap();
    let body = r#"{"code":"token_invalid","message":"the token is revoked","hint":"make another"}"#;
    let url = answering(move |_| {
        let size = body.len();
        format!("HTTP/1.1 401 Unauthorized\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n{body}").into_bytes()
    });
    let assert = command(&home, &url).args(["login", "--json"]).write_stdin(token(1)).assert().code(1);
    let error = json_error(&assert);
    assert_eq!((&error["code"], &error["hint"]), (&"token_invalid".into(), &"make another".into()));
    assert!(!credentials(&home).exists());
}

#[test]
fn what_is_no_token_is_neither_sent_nor_shown() {
    let (registry, home) = (Recorder::start(), TempDir::new().unwrap());
    for (text, message) in [("", "has no token"), ("\n\n", "has no token"), ("hunter2", "is not of the form")] {
        let assert = command(&home, &registry.url).arg("login").write_stdin(text).assert().code(1);
        assert_contains(&stderr(&assert), &[message, "hint: "]);
        assert!(!stderr(&assert).contains("hunter2"));
    }
    let assert = command(&home, &registry.url).args(["whoami", "--token-file", "/nowhere"]).assert().code(1);
    assert_contains(&stderr(&assert), &["cannot read `/nowhere`"]);
    assert!(registry.tokens.lock().unwrap().is_empty());
    let help =
        stdout(&command(&home, &registry.url).args(["login", "--help"]).env("REGISTRY_TOKEN", token(1)).assert());
    assert!(!help.contains(&token(1)));
}

#[test]
fn a_credentials_file_that_was_damaged_is_told_without_its_secrets_and_mended_by_login() {
    let (registry, home) = (Recorder::start(), TempDir::new().unwrap());
    login(&home, &registry.url, &token(7));
    let text = fs::read_to_string(credentials(&home)).unwrap();
    for damaged in
        [text.replace("token = ", "token "), text.replace("account = \"ann\"\n", ""), text.replace('"', "'\"")]
    {
        fs::write(credentials(&home), damaged).unwrap();
        for arguments in [&["whoami"][..], &["show", "a:b"], &["logout"]] {
            let assert = command(&home, &registry.url).args(arguments).assert();
            assert_contains(&stderr(&assert), &["is not a file that `registry login` wrote", "`registry login`"]);
            assert!(!stderr(&assert).contains(&token(7)), "{}", stderr(&assert));
        }
        command(&home, &registry.url).arg("logout").assert().code(1);
    }
    login(&home, &registry.url, &token(7));
    assert_eq!(fs::read_to_string(credentials(&home)).unwrap(), text);
    assert_eq!(mode(&credentials(&home).with_extension("toml.damaged")), mode(&credentials(&home)));
}

#[test]
fn a_credentials_file_that_others_can_read_is_warned_about() {
    let (registry, home) = (Recorder::start(), TempDir::new().unwrap());
    login(&home, &registry.url, &token(1));
    fs::set_permissions(credentials(&home), fs::Permissions::from_mode(0o644)).unwrap();
    let assert = command(&home, &registry.url).arg("whoami").assert().success();
    assert_contains(&stderr(&assert), &["warning: other users of this machine can read", "chmod 600"]);
    login(&home, &registry.url, &token(2));
    assert_eq!(mode(&credentials(&home)), 0o600);
}

#[test]
fn logins_at_the_same_time_are_all_kept() {
    let home = TempDir::new().unwrap();
    let registries: Vec<Recorder> = (0..8).map(|_| Recorder::start()).collect();
    std::thread::scope(|scope| {
        for (number, registry) in registries.iter().enumerate() {
            let home = &home;
            scope.spawn(move || login(home, &registry.url, &token(number as u8)));
        }
    });
    for (number, registry) in registries.iter().enumerate() {
        command(&home, &registry.url).arg("whoami").assert().success();
        assert_eq!(registry.last(), Some(token(number as u8)));
    }
    let files = fs::read_dir(credentials(&home).parent().unwrap()).unwrap().count();
    assert_eq!(files, 1, "no temporary files are left behind");
}

#[test]
fn logout_forgets_and_revokes_on_request() {
    let (registry, home) = (Recorder::start(), TempDir::new().unwrap());
    login(&home, &registry.url, &token(1));
    let requests = || registry.tokens.lock().unwrap().len();
    let before = requests();
    let assert = command(&home, &registry.url).args(["logout", "--json"]).assert().success();
    assert_eq!((&json(&assert)["was_logged_in"], &json(&assert)["is_revoked"]), (&true.into(), &false.into()));
    assert_eq!(requests(), before, "forgetting needs no registry");
    let assert = command(&home, &registry.url).arg("logout").assert().success();
    assert_contains(&stderr(&assert), &["Unchanged", "no token is kept"]);

    login(&home, &registry.url, &token(1));
    let assert = command(&home, &registry.url).args(["logout", "--revoke"]).assert().success();
    assert_contains(&stderr(&assert), &["Revoked", "Logged out"]);
    assert_eq!((requests(), registry.last()), (before + 3, Some(token(1))));
}

#[test]
fn the_most_verbose_log_does_not_hold_the_token() {
    let (registry, home) = (Recorder::start(), TempDir::new().unwrap());
    for arguments in [&["-vv", "login"][..], &["-vv", "whoami"], &["-vv", "namespace", "claim", "demo"]] {
        let output = command(&home, &registry.url).args(arguments).write_stdin(token(1)).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("TRACE") && !text.contains(&token(1)[5..20]), "{text}");
        assert_eq!(registry.last(), Some(token(1)));
    }
}

#[test]
fn a_terminal_is_asked_without_echo() {
    let (registry, home) = (Recorder::start(), TempDir::new().unwrap());
    // A pseudo terminal is made by Python: it shows everything that a person would see, echo included.
    let script = "
import os, pty, signal, sys, termios, time
signal.alarm(60)
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], 'login'])
seen, is_answered = b'', False
while True:
    try:
        part = os.read(terminal, 1024)
    except OSError:
        break
    if not part:
        break
    seen += part
    if b'Token for' in seen and not is_answered:
        # What is typed before the echo is off is thrown away.
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.01)
        os.write(terminal, sys.argv[2].encode() + b'\\n')
        is_answered = True
print(seen.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
    let mut python = std::process::Command::new("python3");
    python.args(["-c", script, env!("CARGO_BIN_EXE_registry"), &token(5)]);
    for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "REGISTRY_TOKEN"] {
        python.env_remove(name);
    }
    python.env("HOME", home.path()).env("REGISTRY_URL", &registry.url).stdin(Stdio::null());
    let output = python.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.trim_end().ends_with(" 0"), "{output:?}");
    assert_contains(&text, &["Token for http://127.0.0.1", "Logged in"]);
    assert!(!text.contains(&token(5)), "{text}");
    assert_eq!(registry.last(), Some(token(5)));
}
