//! Rebuilds the crate when a migration is added: `sqlx::migrate!` embeds those that it saw.

#![allow(clippy::print_stdout)]

fn main() {
    println!("cargo:rerun-if-changed=../migrations/sqlite");
    println!("cargo:rerun-if-changed=../migrations/postgres");
}
