//! `ledger new`

use crate::arguments::NewArguments;
use crate::failure::{Failure, Finding};
use anstream::{eprintln, println};
use anyhow::Context;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What a project consists of, by path; `{name}` stands for its name. The crate `ledger-contract` comes with it, so that
/// it builds wherever it lies.
const FILES: &[(&str, &str)] = &[
    (".cargo/config.toml", include_str!("../../template/.cargo/config.toml")),
    (".gitignore", include_str!("../../template/gitignore.txt")),
    ("Cargo.toml", include_str!("../../template/Cargo.toml.txt")),
    ("README.md", include_str!("../../template/README.md")),
    ("build.rs", include_str!("../../template/build.rs")),
    ("src/lib.rs", include_str!("../../template/src/lib.rs")),
    ("wit/world.wit", include_str!("../../template/wit/world.wit")),
    ("wit/deps/ledger-host/host.wit", include_str!("../../../wit/ledger-host/host.wit")),
    ("wit/deps/starstream-std/std.wit", include_str!("../../../wit/starstream-std/std.wit")),
    ("ledger-contract/Cargo.toml", include_str!("../../../ledger-contract/Cargo.toml")),
    ("ledger-contract/src/coroutine.rs", include_str!("../../../ledger-contract/src/coroutine.rs")),
    ("ledger-contract/src/lib.rs", include_str!("../../../ledger-contract/src/lib.rs")),
    ("ledger-contract/src/method.rs", include_str!("../../../ledger-contract/src/method.rs")),
    ("ledger-contract/src/runtime.rs", include_str!("../../../ledger-contract/src/runtime.rs")),
    ("ledger-contract/src/sha256.rs", include_str!("../../../ledger-contract/src/sha256.rs")),
];

pub(crate) fn run(arguments: &NewArguments) -> Result<(), Failure> {
    let folder = arguments.path.clone().unwrap_or_else(|| PathBuf::from(&arguments.name));
    refuse_what_is_there(&folder)?;
    for (path, text) in FILES {
        write(&folder.join(path), &text.replace("{name}", &arguments.name))?;
    }
    eprintln!("`ledger build` in this folder makes the contract; README.md says how to go on");
    println!("{}", folder.display());
    Ok(())
}

fn refuse_what_is_there(folder: &Path) -> Result<(), Failure> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(error) if error.kind() == ErrorKind::NotADirectory => false,
        Err(error) => return Err(anyhow::Error::new(error).context(cannot("read", folder)).into()),
    };
    if is_empty {
        return Ok(());
    }
    let finding = Finding {
        message: format!("`{}` is there, and is not an empty folder", folder.display()),
        hint: Some("name another folder with `--path`".to_owned()),
        code: "exists".to_owned(),
    };
    Err(finding.into())
}

fn write(path: &Path, text: &str) -> Result<(), anyhow::Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| cannot("make", folder))?;
    fs::write(path, text).with_context(|| cannot("write", path))
}

fn cannot(verb: &str, path: &Path) -> String {
    format!("cannot {verb} `{}`", path.display())
}
