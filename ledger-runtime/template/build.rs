//! Writes the Rust bindings of `wit/`, which `src/lib.rs` includes.

use std::error::Error;
use std::path::Path;
use std::{env, fs};
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=wit");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir("wit")?;
    let world = resolve.select_world(&[package], None)?;
    // A contract without `std` has nothing that runs before its functions, so nothing need be asked at each call.
    let options = wit_bindgen_rust::Opts {
        generate_all: true,
        disable_run_ctors_once_workaround: true,
        ..Default::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    let bindings: String = files.iter().map(|(_, content)| String::from_utf8_lossy(content)).collect();
    // The package `starstream:self` becomes a module, and none can be called `self`.
    let bindings = bindings.replace("pub mod self {", "pub mod self_ {").replace("::self::", "::self_::");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("bindings.rs"), bindings)?;
    Ok(())
}
