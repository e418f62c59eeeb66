//! How long `wkg` takes with this registry, and with docker-registry in the same run.
//!
//! Every figure stands beside what it cannot go below: the start of a process, an empty exchange over loopback, a file
//! made durable. `WKG` and `DOCKER_REGISTRY` name the programs, if they are not on PATH (a `wkg` built for release);
//! `ROUNDS` says how often each case runs. Figures and commands: docs/benchmarks.md.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, unreachable_pub)]

mod content;
mod load;
mod measure;
mod proxy;
mod server;
#[path = "../../../registry-client/tests/it/support/mod.rs"]
#[allow(dead_code)]
mod support;
mod times;
mod user;

use content::Content;
use measure::{Setting, Task};
use server::Server;
use std::env;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use times::Times;
use user::{Client, User};

const ROUNDS_DEFAULT: usize = 60;
/// A file system in memory, where nothing waits for a disk.
const MEMORY: &str = "/dev/shm";

fn main() {
    if let Some(folder) = env::var_os(server::SERVE_IN) {
        return server::serve(Path::new(&folder));
    }
    let (Some(wkg), Some(docker_registry)) = (program("WKG", "wkg"), program("DOCKER_REGISTRY", "docker-registry"))
    else {
        println!("\n*** SKIPPED: `wkg` with this registry and with docker-registry. Both programs are needed:");
        println!("***   cargo install --locked wkg@0.16.1    # or WKG=/path/to/wkg");
        println!("***   apt-get install docker-registry      # or DOCKER_REGISTRY=/path/to/docker-registry\n");
        return;
    };
    let rounds = env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS_DEFAULT);
    let disk = env::temp_dir();
    let ours = Server::ours(&disk);
    let open = Server::docker_registry(&docker_registry, &disk, false);
    let guarded = Server::docker_registry(&docker_registry, &disk, true);
    let in_memory: Vec<(&str, Server)> = if Path::new(MEMORY).is_dir() {
        vec![
            (
                "docker-registry, htpasswd, data in memory",
                Server::docker_registry(&docker_registry, MEMORY.as_ref(), true),
            ),
            ("ours, data in memory", Server::ours(MEMORY.as_ref())),
        ]
    } else {
        Vec::new()
    };
    let setting = |label, server, is_known| Setting { label, client: Client::Wkg(wkg.clone()), server, is_known };
    let fetching = [
        setting("docker-registry, open", &open, false),
        setting("docker-registry, htpasswd", &guarded, true),
        setting("ours, anonymous", &ours, false),
        setting("ours, with a token", &ours, true),
        Setting { client: Client::Registry, ..setting("ours, `registry fetch`", &ours, false) },
    ];
    let mut publishing = vec![
        setting("docker-registry, open", &open, false),
        setting("docker-registry, htpasswd", &guarded, true),
        setting("ours", &ours, true),
        Setting { client: Client::Registry, ..setting("ours, `registry publish`", &ours, true) },
    ];
    publishing.extend(in_memory.iter().map(|(label, server)| setting(label, server, true)));
    let content = Content::new();
    for server in [&open, &guarded, &ours].into_iter().chain(in_memory.iter().map(|(_, server)| server)) {
        content.publish_wasi(&setting("", server, true).user());
    }

    bounds(&wkg, &ours);
    fetches(&fetching, rounds);
    publications(&publishing, &content, rounds);
    load::measure(&ours, &open);
}

/// A program that the environment names, or that is on PATH.
fn program(variable: &str, name: &str) -> Option<PathBuf> {
    let on_path = || {
        let folders = env::var_os("PATH")?;
        env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
    };
    env::var_os(variable).map(PathBuf::from).or_else(on_path)
}

/// What nothing that follows can go below.
fn bounds(wkg: &Path, server: &Server) {
    const MEASURED: usize = 200;
    println!("\n## What nothing can go below\n\n| | median | 5 to 95 of 100 |\n|---|---|---|");
    let start = || assert!(Command::new(wkg).arg("--version").output().unwrap().status.success());
    let start = Times::of(MEASURED, start);
    println!("| `wkg --version`: a process starts and ends | {} | {} |", start.median(), start.spread());
    let write = Times::of(MEASURED, || write_durably(server.data()));
    println!("| 4 KiB in a new file, made durable | {} | {} |", write.median(), write.spread());
}

fn write_durably(folder: &Path) {
    let mut file = tempfile::NamedTempFile::new_in(folder).unwrap();
    file.write_all(&[7; 4096]).unwrap();
    file.as_file().sync_all().unwrap();
    File::open(folder).unwrap().sync_all().unwrap();
}

fn fetches(settings: &[Setting<'_>], rounds: usize) {
    let measure = |what: &str, prepare: &dyn Fn(&User), command: &dyn Fn(&User) -> Command| {
        let task = Task {
            title: format!("`wkg wit fetch` of a project that depends on wasi:http, {what}"),
            set_up: &|user| run(&mut user.fetch()),
            prepare,
            command,
        };
        measure::print(&task, settings, rounds);
    };
    measure("cold: no lock, an empty cache", &User::forget_everything, &User::fetch);
    measure("locked, an empty cache", &User::forget_what_was_fetched, &User::fetch_locked);
    measure("locked, everything cached", &|_| (), &User::fetch_locked);
}

fn publications(settings: &[Setting<'_>], content: &Content, rounds: usize) {
    let publish = |user: &User| user.publish_package(&content.next_package());
    let package = Task {
        title: "`wkg publish` of a WIT package that uses wasi:http, the next version each time".to_owned(),
        set_up: &|user| {
            // `registry publish` reads the packages that the new one uses from the project.
            run(&mut user.fetch());
            // The first version has no neighbour that it must fit.
            run(&mut publish(user));
        },
        prepare: &|_| (),
        command: &publish,
    };
    measure::print(&package, settings, rounds);
    let component = Task {
        title: format!("`wkg oci push` of a component of {} KiB, a new one each time", content::COMPONENT_SIZE_KIB),
        set_up: &|_| (),
        prepare: &|_| (),
        command: &|user| {
            let (bytes, name) = content.next_component();
            user.publish_component(&bytes, &name)
        },
    };
    measure::print(&component, settings, rounds);
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}
