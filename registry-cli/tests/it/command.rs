//! The real binary, and packages to use it on.

use crate::support::registry::TestRegistry;
use crate::support::write_files;
use assert_cmd::Command;
use assert_cmd::assert::Assert;
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

pub const TYPES: &str =
    "package test:types@1.0.0;\n\n/// A place.\ninterface types {\n    record point { x: s32, y: s32 }\n}\n";
pub const SHAPES: &str = "package test:shapes@1.0.0;\ninterface shapes { use test:types/types@1.0.0.{point}; \
    record line { start: point, end: point } draw: func(l: line); }\n";
pub const MAIN: &str = "package test:main@1.0.0;\ninterface api { use test:shapes/shapes@1.0.0.{line}; \
    use test:types/types@1.0.0.{point}; f: func(l: line) -> point; }\nworld w { import api; export run: func(); }\n";

/// The command without what the environment of the tests would tell it.
pub fn registry() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_registry"));
    for name in ["REGISTRY_URL", "REGISTRY_TOKEN", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    // What the user of this machine keeps is none of the tests' business.
    for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
        command.env(name, "/nonexistent");
    }
    // Nothing is cached where no test looks.
    command.env("REGISTRY_CACHE_DIR", "");
    command
}

/// The command in a folder, with the registry that it talks to.
pub fn registry_at(server: &TestRegistry, folder: &Path) -> Command {
    let mut command = registry();
    command.env("REGISTRY_URL", server.url()).env("REGISTRY_TOKEN", server.token());
    command.env("REGISTRY_CACHE_DIR", server.cache()).current_dir(folder);
    command
}

/// A folder with the package `test:main` in `wit`, its dependencies in `wit/deps`.
pub fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [("wit/main.wit", MAIN), ("wit/deps/shapes/shapes.wit", SHAPES), ("wit/deps/types.wit", TYPES)];
    write_files(folder.path(), &files);
    folder
}

/// A registry that has `test:main` with its dependencies, and the hash of `test:main`.
pub fn published() -> (TestRegistry, TempDir, String) {
    let (server, project) = (TestRegistry::start(), project());
    let hash = server.publish(&project.path().join("wit"), None).hash.to_string();
    (server, project, hash)
}

pub fn stdout(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

pub fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

pub fn json(assert: &Assert) -> Value {
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

/// The error that `--json` prints.
pub fn json_error(assert: &Assert) -> Value {
    serde_json::from_slice::<Value>(&assert.get_output().stderr).unwrap()["error"].clone()
}

pub fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
}
