//! Wrong usage, help, and a registry that is not there.

use crate::command::{assert_contains, json_error, project, published, registry, registry_at, stderr, stdout};
use crate::support::registry::TestRegistry;

const COMMANDS: [&str; 37] = [
    "publish",
    "fetch",
    "show",
    "hash",
    "tree",
    "verify",
    "releases",
    "search",
    "who-imports",
    "who-exports",
    "dependents",
    "identify",
    "yank",
    "unyank",
    "deprecate",
    "login",
    "logout",
    "whoami",
    "token create",
    "token list",
    "token revoke",
    "namespace claim",
    "namespace show",
    "namespace list",
    "namespace owner add",
    "namespace owner remove",
    "namespace set",
    "init",
    "add",
    "update",
    "lock",
    "import",
    "cache dir",
    "cache verify",
    "cache clean",
    "completions",
    "manual",
];

#[test]
fn help_has_an_example_for_every_command() {
    for command in COMMANDS {
        let words = command.split(' ').chain(["--help"]);
        let text = stdout(&registry().args(words).assert().success());
        assert_contains(&text, &["Example", &format!("\n  registry {command} "), "--json", "--registry <URL>"]);
    }
    let text = stdout(&registry().arg("--help").assert().success());
    assert_contains(&text, &["SPEC is `namespace:name`", "Exit codes:", "REGISTRY_URL", "http://127.0.0.1:7878"]);
    assert_contains(&text, &COMMANDS.map(first_word));
    assert_contains(
        &stdout(&registry().arg("--version").assert().success()),
        &["registry ", env!("CARGO_PKG_VERSION")],
    );
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let cases: [&[&str]; 10] = [
        &[],
        &["frobnicate"],
        &["fetch", "-o", "out"],
        &["fetch", "a:b", "extra"],
        &["show", "a:b", "--color", "sometimes"],
        &["hash", "x", "--quiet", "--verbose"],
        &["completions", "cobol"],
        &["search", "x", "--limit", "0"],
        &["init", "--wit", "/wit"],
        &["import", "--wit", "../wit"],
    ];
    for arguments in cases {
        let assert = registry().args(arguments).assert().code(2);
        assert_eq!(stdout(&assert), "", "{arguments:?}");
    }
}

#[test]
fn wrong_usage_is_json_where_json_is_asked_for() {
    let cases: [(&[&str], &str); 4] = [
        (&["--json"], "requires a subcommand"),
        (&["frobnicate", "--json"], "unrecognized subcommand 'frobnicate'"),
        (&["--json", "fetch", "a:b", "extra"], "unexpected argument 'extra'"),
        (&["--json", "show", "wasi:http@0.2"], "write all three numbers"),
    ];
    for (arguments, message) in cases {
        let assert = registry().args(arguments).assert().code(2);
        let error = json_error(&assert);
        assert_eq!((&error["code"], &error["hint"]), (&"usage".into(), &"`--help` shows how it is used".into()));
        let text = error["message"].as_str().unwrap();
        assert!(text.contains(message) && !text.contains("Usage:") && !text.contains('\u{1b}'), "{text}");
        assert!(!text.contains("For more information"), "{text}");
        assert_eq!(stdout(&assert), "", "{arguments:?}");
    }
    // Help is what was asked for, and what follows `--` is no option.
    assert_contains(&stdout(&registry().args(["--json", "--help"]).assert().success()), &["Exit codes:"]);
    assert_contains(&stderr(&registry().args(["show", "--", "--json"]).assert().code(2)), &["error: invalid value"]);
}

#[test]
fn a_spec_that_names_nothing_is_wrong_usage_and_never_sent() {
    let hash = "p2:w4a73ff3c27ea5a8ce1cb0ac3efee7a2a436127f780421ae61991b61ba90ac8d1";
    let specs = [
        "name",
        "a:b@",
        "a:b@1",
        "a:b@1.0.0+x",
        "a:b@^1.0",
        "A:b",
        "a:../../etc/passwd",
        "../../etc:passwd@1.0.0",
        "a:b/c",
        "a:b@1.0.0/../..",
        "p2:a@1.0.0",
        "p2:x00",
        "p2:wzz",
        &hash[..67],
        &hash.to_uppercase(),
        &format!("p2:w{}", "f".repeat(64)),
        "p2:i4a73ff3c27ea5a8ce1cb0ac3efee7a2a436127f780421ae61991b61ba90ac8d1",
        "<script>:x",
        "a:b'; DROP TABLE releases; --",
        "a:b%2fc",
        "a\u{0431}:b",
        "",
    ];
    for spec in specs {
        for command in ["fetch", "show", "tree", "verify"] {
            let assert = registry().args([command, "--registry", "http://127.0.0.1:1", "--", spec]).assert();
            let text = stderr(&assert);
            // A path is a folder for `verify`, which is looked for on this machine only.
            let code = if command == "verify" && spec.contains('/') { 1 } else { 2 };
            assert!(!text.contains("127.0.0.1:1"), "{command} {spec}: {text}");
            assert.code(code);
        }
    }
}

#[test]
fn a_spec_that_is_nearly_right_is_told_how_to_be_right() {
    let digits = "4a73ff3c27ea5a8ce1cb0ac3efee7a2a436127f780421ae61991b61ba90ac8d1";
    let (forgotten, interface, view) = (format!("w{digits}"), format!("p2:i{digits}"), format!("p2:v{digits}"));
    let cases = [
        ("wasi:http@0.2", "write all three numbers, such as `0.2.12`"),
        ("wasi:http@latest", "write all three numbers, such as `0.2.12`"),
        ("wasi:http/types", "leave out `/types`"),
        (&interface, "it is the id of an interface or a world, by which nothing can be fetched"),
        (&view, "it is the id of a component's view, by which nothing can be fetched"),
        ("p2:w12", "`p2:w12` is the beginning of a hash: `registry identify` finds what begins so"),
        (&forgotten, &format!("write `p2:{forgotten}`")),
    ];
    for (spec, advice) in cases {
        assert_contains(&stderr(&registry().args(["show", spec]).assert().code(2)), &[advice]);
    }
    let assert = registry().args(["publish", "a.wasm", "--as", "x:y@0.1"]).assert().code(2);
    assert_contains(&stderr(&assert), &["write all three numbers"]);
}

#[test]
fn a_registry_that_is_not_running_is_exit_code_1_with_a_hint() {
    // Nothing listens there, and nothing that a test starts ever will.
    let unused = "http://127.0.0.1:1";
    let project = project();
    let commands: [&[&str]; 6] = [
        &["publish", "wit"],
        &["fetch", "a:b"],
        &["show", "a:b"],
        &["tree", "a:b"],
        &["verify", "a:b"],
        &["verify", "wit"],
    ];
    for arguments in commands {
        let mut command = registry();
        command.env("REGISTRY_URL", unused).current_dir(project.path());
        let text = stderr(&command.args(arguments).assert().code(1));
        assert_contains(
            &text,
            &["error: cannot reach the registry at", unused, "Caused by:", "refused", "hint: is the registry running"],
        );
    }
    let mut command = registry();
    let error = json_error(&command.args(["--registry", unused, "--json", "show", "a:b"]).assert().code(1));
    assert_contains(error["message"].as_str().unwrap(), &[unused]);
    assert!(error["causes"].as_array().unwrap().iter().any(|cause| cause.as_str().unwrap().contains("refused")));
    assert_contains(error["hint"].as_str().unwrap(), &["is the registry running"]);
}

#[test]
fn a_url_that_is_none_is_wrong_usage() {
    for url in ["localhost:1234", "127.0.0.1:7878", "garbage"] {
        let assert = registry().args(["--registry", url, "show", "a:b"]).assert().code(2);
        assert_contains(
            &stderr(&assert),
            &[&format!("`{url}` is not the URL of a registry"), "hint: a registry's URL"],
        );
        let assert = registry().args(["--json", "show", "a:b"]).env("REGISTRY_URL", url).assert().code(2);
        assert_eq!(json_error(&assert)["code"], "usage");
    }
    // An empty variable is an unset one: the default is asked, whether or not a registry listens there.
    let assert = registry().args(["show", "test:never-published"]).env("REGISTRY_URL", "").assert().code(1);
    assert!(!stderr(&assert).contains("is not the URL"), "{}", stderr(&assert));
}

#[test]
fn a_registry_without_tls_is_not_taken_for_one_with_a_bad_certificate() {
    let server = TestRegistry::start();
    let url = server.url().replace("http://", "https://");
    let assert = registry().args(["--registry", &url, "show", "a:b"]).assert().code(1);
    assert_contains(&stderr(&assert), &["hint: it answers without TLS: does its URL begin with `http://`?"]);
}

#[test]
fn every_json_error_has_a_code() {
    let server = TestRegistry::start();
    let project = project();
    let cases: [(&[&str], &str); 5] = [
        (&["show", "a:b"], "not_found"),
        (&["publish", "wit"], "missing_dependencies"),
        (&["hash", "nothing"], "io"),
        (&["hash", "wit", "--deps", "nowhere"], "usage"),
        (&["--registry", "http://127.0.0.1:1", "show", "a:b"], "unreachable"),
    ];
    for (arguments, code) in cases {
        let assert = registry_at(&server, project.path()).arg("--json").args(arguments).assert().failure();
        assert_eq!(json_error(&assert)["code"], code, "{arguments:?}");
    }
}

#[test]
fn the_log_has_colors_only_where_they_are_wanted() {
    let (server, folder, _) = published();
    let log = |arguments: &[&str]| {
        let mut command = registry_at(&server, folder.path());
        stderr(&command.args(["-v", "show", "test:main"]).args(arguments).assert().success())
    };
    for arguments in [&[][..], &["--color", "never"], &["--json"]] {
        let text = log(arguments);
        assert!(text.contains("DEBUG") && !text.contains('\u{1b}'), "{arguments:?}: {text}");
    }
    let text = log(&["--color", "always"]);
    assert!(text.contains("DEBUG") && text.contains('\u{1b}'), "{text}");
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = stdout(&registry().args(["completions", shell]).assert().success());
        assert_contains(&text, &COMMANDS.map(first_word));
    }
}

#[test]
fn every_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    registry().arg("manual").arg(&pages).assert().success();
    for command in COMMANDS {
        let page = pages.join(format!("registry-{}.1", command.replace(' ', "-")));
        let text = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert_contains(&text, &[".TH registry", "\"registry 0", ".SH SYNOPSIS", "Example"]);
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    let assert = registry().arg("manual").arg(folder.path().join("file")).assert().code(1);
    assert_contains(&stderr(&assert), &["cannot write the pages into"]);
}

fn first_word(command: &str) -> &str {
    command.split(' ').next().unwrap()
}
