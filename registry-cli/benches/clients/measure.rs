//! One task in several settings, which take turns.

use crate::proxy::CountingProxy;
use crate::run;
use crate::server::Server;
use crate::times::Times;
use crate::user::{Client, User};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Instant;

const WARM_UP_ROUNDS: usize = 3;

/// What is measured: a command of a user, who is set up once and prepared before each.
pub struct Task<'a> {
    pub title: String,
    pub set_up: &'a dyn Fn(&User),
    pub prepare: &'a dyn Fn(&User),
    pub command: &'a dyn Fn(&User) -> Command,
}

/// Who asks which server.
pub struct Setting<'a> {
    pub label: &'static str,
    pub client: Client,
    pub server: &'a Server,
    /// Whether the user has the server's credentials.
    pub is_known: bool,
}

impl Setting<'_> {
    /// A new user of the server.
    pub fn user(&self) -> User {
        self.user_at(self.server.address())
    }

    fn user_at(&self, address: SocketAddr) -> User {
        User::new(self.client.clone(), address, self.server.credentials().filter(|_| self.is_known))
    }
}

/// Measures and prints a table, and what was asked of each server.
pub fn print(task: &Task<'_>, settings: &[Setting<'_>], rounds: usize) {
    println!("\n## {}\n", task.title);
    println!("| | requests | median | 5 to 95 of 100 | fastest | ratio |\n|---|---|---|---|---|---|");
    let requests: Vec<Vec<String>> = settings.iter().map(|setting| requests(task, setting)).collect();
    let times = measure(task, settings, rounds);
    for ((setting, requests), own) in settings.iter().zip(&requests).zip(&times) {
        let ratio = own.ratio_to(&times[0]);
        let (median, spread, fastest) = (own.median(), own.spread(), own.fastest());
        println!("| {} | {} | {median} | {spread} | {fastest} | {ratio:.2} |", setting.label, requests.len());
    }
    println!();
    for (setting, requests) in settings.iter().zip(requests) {
        println!("{}: {}", setting.label, summary(requests));
    }
}

/// What one run asks for, in order.
fn requests(task: &Task<'_>, setting: &Setting<'_>) -> Vec<String> {
    let proxy = CountingProxy::before(setting.server.address());
    let user = setting.user_at(proxy.address());
    (task.set_up)(&user);
    (task.prepare)(&user);
    proxy.take_requests();
    run(&mut (task.command)(&user));
    proxy.take_requests()
}

fn measure(task: &Task<'_>, settings: &[Setting<'_>], rounds: usize) -> Vec<Times> {
    let users: Vec<User> = settings.iter().map(Setting::user).collect();
    users.iter().for_each(task.set_up);
    let mut times: Vec<Times> = users.iter().map(|_| Times::default()).collect();
    for round in 0..WARM_UP_ROUNDS + rounds {
        for turn in 0..users.len() {
            // There and back, so that nobody always comes after the same other.
            let index = if round % 2 == 0 { turn } else { users.len() - 1 - turn };
            (task.prepare)(&users[index]);
            let mut command = (task.command)(&users[index]);
            let started = Instant::now();
            run(&mut command);
            let taken = started.elapsed();
            if round >= WARM_UP_ROUNDS {
                times[index].push(taken);
            }
        }
    }
    times
}

/// Which requests, each with how often, in the order of the first.
fn summary(requests: Vec<String>) -> String {
    let mut counts = BTreeMap::<&str, (usize, usize)>::new();
    for (place, request) in requests.iter().enumerate() {
        counts.entry(request).or_insert((place, 0)).1 += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(request, (place, times))| (place, times, request)).collect();
    counts.sort_unstable();
    let parts: Vec<String> = counts.iter().map(|(_, times, request)| format!("{times} × {request}")).collect();
    parts.join(", ")
}
