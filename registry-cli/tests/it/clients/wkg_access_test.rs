//! Who `wkg` speaks for: every way to give it credentials, and what it says when they do not suffice.

use super::fixtures::{host, package, token};
use super::skopeo::Skopeo;
use super::wkg::Wkg;
use crate::command::{SHAPES, TYPES, assert_contains, registry_at, stderr, stdout};
use crate::support::registry::TestRegistry;
use crate::support::write_files;
use crate::tls_test::TlsProxy;
use assert_cmd::Command;
use data_encoding::BASE64;

/// The variable from which `wkg` takes a token for this registry.
fn bearer_variable(server: &TestRegistry) -> String {
    let name: String = host(server).chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("WKG_REGISTRY_{}_AUTH_BEARER", name.to_uppercase())
}

#[test]
fn every_way_to_give_credentials_publishes() {
    let server = TestRegistry::start();
    let token = server.token();
    let basic = BASE64.encode(format!("somebody:{token}").as_bytes());
    let host = host(&server);
    let docker = format!("{{ \"auths\": {{ \"{host}\": {{ \"auth\": \"{basic}\" }} }} }}");
    let bearer = bearer_variable(&server);
    let named = format!("auth = {{ username = \"ann\", password = \"{token}\" }}\n");
    let encoded = format!("auth = \"{basic}\"\n");
    type Change<'a> = &'a dyn Fn(&mut Command);
    let cases: [(&str, &str, Change); 4] = [
        ("1.0.0", &named, &|_| ()),
        ("1.1.0", &encoded, &|_| ()),
        ("1.2.0", "", &|_| ()),
        ("1.3.0", "", &|command| {
            command.env(&bearer, token);
        }),
    ];
    for (version, lines, change) in cases {
        let Some(wkg) = Wkg::configured(&server, lines) else { return };
        if version == "1.2.0" {
            write_files(wkg.home(), &[(".docker/config.json", &docker)]);
        }
        let folder = package(&TYPES.replace("1.0.0", version));
        let mut command = wkg.command(folder.path());
        change(&mut command);
        let published = command.args(["publish", "wit"]).assert().success();
        assert_contains(&stderr(&published), &[&format!("Published test:types@{version}")]);
    }
}

#[test]
fn whoever_may_not_publish_is_refused() {
    let server = TestRegistry::start();
    let folder = package(TYPES);
    let unknown = format!("regt_{}", "0".repeat(64));
    let other_scope = token(&server, "ann", "yank");
    let stranger = token(&server, "bob", "publish");
    let cases: [(Option<&str>, &[&str]); 4] = [
        (None, &["token_required", "a token is needed"]),
        (Some(&unknown), &["Not authorized"]),
        (Some(&other_scope), &["lacks the scope `publish`"]),
        (Some(&stranger), &["the namespace `test` belongs to", "`bob`"]),
    ];
    for (token, parts) in cases {
        let wkg = token.map_or_else(|| Wkg::anonymous(&server), |token| Wkg::with(&server, token));
        let Some(wkg) = wkg else { return };
        wkg.refused(folder.path(), &["publish", "wit"], parts);
    }
    let Some(wkg) = Wkg::with(&server, &stranger) else { return };
    let unclaimed = package(&TYPES.replace("test:types", "newcomer:types"));
    wkg.refused(
        unclaimed.path(),
        &["publish", "wit"],
        &["nobody has claimed the namespace `newcomer`", "registry namespace claim", "`admin`"],
    );
    let mut ours = registry_at(&server, folder.path());
    ours.args(["show", "test:types"]).assert().code(1);
}

#[test]
fn one_token_for_one_namespace_publishes_there_alone() {
    let server = TestRegistry::start();
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["token", "create", "--scope", "publish", "--namespace", "demo"];
    let created = registry_at(&server, folder.path()).args(arguments).assert().success();
    let Some(wkg) = Wkg::with(&server, stdout(&created).trim()) else { return };
    wkg.publish(package(&TYPES.replace("test:types", "demo:types")).path());
    wkg.refused(package(TYPES).path(), &["publish", "wit"], &["is good for the namespace `demo` alone"]);
}

#[test]
fn a_private_registry_shows_nothing_without_a_token() {
    let server = TestRegistry::start_with(|config| config.is_private = true);
    server.publish_text(TYPES);
    let app = package("package test:app@0.1.0;\nworld app { import test:types/types@1.0.0; }\n");
    let Some(wkg) = Wkg::anonymous(&server) else { return };
    wkg.refused(app.path(), &["get", "test:types@1.0.0"], &["Not authorized"]);
    wkg.refused(app.path(), &["get", "test:types"], &["Not authorized"]);
    wkg.refused(app.path(), &["fetch"], &["test:types", "Not authorized"]);
    wkg.refused(app.path(), &["get", "test:nothing@1.0.0"], &["Not authorized"]);

    let Some(wkg) = Wkg::with(&server, &token(&server, "ann", "yank")) else { return };
    wkg.run(app.path(), &["get", "test:types@1.0.0", "-o", "./types.wit"]).success();
    wkg.run(app.path(), &["fetch"]).success();
    wkg.refused(app.path(), &["get", "test:nothing@1.0.0", "-o", "./x.wit"], &["not in this registry"]);
    let Some(wkg) = Wkg::operator(&server) else { return };
    wkg.publish(app.path());
    wkg.publish(package(SHAPES).path());
}

#[test]
fn a_registry_behind_a_proxy_that_ends_tls_is_used_by_its_public_url() {
    let proxy = TlsProxy::bind();
    let (url, authority) = (proxy.url.clone(), proxy.authority.clone());
    let server = TestRegistry::start_with(|config| config.public_url = Some(url.parse().unwrap()));
    proxy.serve(server.url());
    let token = server.token();
    let lines = |token: &str| {
        format!(
            "protocol = \"https\"\nauth = {{ username = \"ann\", password = \"{token}\" }}\n\
             extra_root_certificates = [{{ encoding = \"pem\", data = \"\"\"\n{authority}\"\"\" }}]\n"
        )
    };
    let name = url.trim_start_matches("https://");
    let Some(wkg) = Wkg::at(name, &lines(token)) else { return };
    wkg.publish(package(TYPES).path());
    let shapes = package(SHAPES);
    wkg.publish(shapes.path());
    wkg.run(shapes.path(), &["get", "test:shapes@1.0.0", "-o", "./shapes.wit"]).success();
    let Some(stranger) = Wkg::at(name, "protocol = \"https\"\n") else { return };
    stranger.refused(shapes.path(), &["get", "test:shapes@1.0.0"], &["certificate"]);

    let Some(skopeo) = Skopeo::new() else { return };
    write_files(skopeo.home(), &[("authority/ca.crt", &authority)]);
    let login = ["login", "--cert-dir=authority", "--username=ann", "--password-stdin", name];
    skopeo.command().args(login).write_stdin(token).assert().success();
    let image = format!("{name}/test/shapes:1.0.0");
    let seen = skopeo.run(&["inspect", "--raw", "--cert-dir=authority"], &[&image]).success();
    assert_contains(&stdout(&seen), &["application/wasm"]);
}
