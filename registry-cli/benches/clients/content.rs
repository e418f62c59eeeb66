//! What is published: WASI, and packages and components that are new each time.

use crate::run;
use crate::support::component::{component, encoded};
use crate::support::wasi;
use crate::user::User;
use registry_core::name::ReleaseName;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

pub const COMPONENT_SIZE_KIB: usize = 300;

/// Each after those that it refers to.
const WASI: [&str; 7] = ["io", "clocks", "random", "filesystem", "sockets", "cli", "http"];

pub struct Content {
    wasi: Vec<String>,
    component: Vec<u8>,
    /// How many packages and components were made; each has a version of its own.
    made: AtomicUsize,
}

impl Content {
    pub fn new() -> Self {
        let wasi = WASI.map(|name| fs::read_to_string(wasi::file(name)).unwrap()).to_vec();
        let component = component(&["package bench:command@1.0.0;\nworld w { export run: func(); }\n"]);
        Self { wasi, component, made: AtomicUsize::new(0) }
    }

    /// All of WASI 0.2, wasm-encoded, by `wkg`.
    pub fn publish_wasi(&self, user: &User) {
        for count in 1..=self.wasi.len() {
            run(&mut user.publish_package(&encoded(&self.texts(count))));
        }
    }

    /// The next version of a WIT package, wasm-encoded.
    pub fn next_package(&self) -> Vec<u8> {
        let version = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        let text = format!(
            "package bench:api@1.0.{version};\n\n/// Version {version}.\ninterface api {{\n    \
             use wasi:http/types@0.2.12.{{fields, method}};\n    is-allowed: func(request: method, headers: fields) -> bool;\n}}\n"
        );
        let mut texts = self.texts(self.wasi.len());
        texts.push(&text);
        encoded(&texts)
    }

    /// A component that was never there, and its name with the next version.
    pub fn next_component(&self) -> (Vec<u8>, ReleaseName) {
        let version = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        let padding = noise(version as u64, COMPONENT_SIZE_KIB * 1024 - self.component.len());
        let bytes = [self.component.clone(), custom_section(&padding)].concat();
        (bytes, format!("bench:component@1.0.{version}").parse().unwrap())
    }

    fn texts(&self, count: usize) -> Vec<&str> {
        self.wasi[..count].iter().map(String::as_str).collect()
    }
}

/// Bytes that no compression makes smaller, others for each seed (splitmix64 by Sebastiano Vigna).
fn noise(seed: u64, size_bytes: usize) -> Vec<u8> {
    let word = |place: usize| {
        let state = seed.wrapping_mul(1 << 32).wrapping_add(place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    };
    (0..size_bytes.div_ceil(8)).flat_map(word).take(size_bytes).collect()
}

/// The section of a component that no program reads: id 0, then the size in LEB128, a name, and anything.
fn custom_section(content: &[u8]) -> Vec<u8> {
    let name = b"noise";
    let mut section = vec![0];
    let mut size = 1 + name.len() + content.len();
    while size >= 0x80 {
        section.push(size as u8 | 0x80);
        size >>= 7;
    }
    section.extend([size as u8, name.len() as u8]);
    section.extend_from_slice(name);
    section.extend_from_slice(content);
    section
}
