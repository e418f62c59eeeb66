//! Durations of the same thing, and what they say together.

use std::time::{Duration, Instant};

#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// How long it takes each time.
    pub fn of(count: usize, mut what: impl FnMut()) -> Self {
        let once = |_| {
            let started = Instant::now();
            what();
            started.elapsed()
        };
        Self((0..count).map(once).collect())
    }

    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub fn extend(&mut self, times: Self) {
        self.0.extend(times.0);
    }

    pub fn median(&self) -> String {
        text(self.percentile(50))
    }

    pub fn fastest(&self) -> String {
        text(self.percentile(0))
    }

    /// What 99 of 100 stay below.
    pub fn slow(&self) -> String {
        text(self.percentile(99))
    }

    pub fn spread(&self) -> String {
        format!("{} to {}", text(self.percentile(5)), text(self.percentile(95)))
    }

    pub fn ratio_to(&self, other: &Self) -> f64 {
        self.percentile(50).as_secs_f64() / other.percentile(50).as_secs_f64()
    }

    fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() - 1) * percent / 100]
    }
}

fn text(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        format!("{:.0} µs", time.as_secs_f64() * 1e6)
    } else {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    }
}
