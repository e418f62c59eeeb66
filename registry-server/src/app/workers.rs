//! Threads for parsing, hashing and verifying: deep stacks, a bounded queue, never the threads that serve connections.

use crate::limits::ServerLimits;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

type Job = Box<dyn FnOnce() + Send>;

/// Why a job was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WorkerError {
    /// Too many jobs wait already, or this one waited for too long.
    #[error("too many jobs are waiting")]
    Overloaded,
    /// The job panicked.
    #[error("a job failed unexpectedly")]
    Panicked,
}

/// A pool of threads, one for each processor.
#[derive(Debug)]
pub(crate) struct Workers {
    jobs: mpsc::Sender<Job>,
    places: Semaphore,
    threads: Arc<Semaphore>,
    wait_max: Duration,
}

impl Workers {
    /// Starts the threads, which end when the pool is dropped.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub(crate) fn start(limits: &ServerLimits) -> io::Result<Self> {
        let threads_max = thread::available_parallelism()?.get();
        let (jobs, received) = mpsc::channel::<Job>();
        let received = Arc::new(Mutex::new(received));
        for index in 0..threads_max {
            let received = Arc::clone(&received);
            thread::Builder::new()
                .name(format!("worker-{index}"))
                .stack_size(limits.job_stack_size_bytes)
                .spawn(move || work(&received))?;
        }
        Ok(Self {
            jobs,
            places: Semaphore::new(threads_max + limits.jobs_waiting_max),
            threads: Arc::new(Semaphore::new(threads_max)),
            wait_max: limits.job_wait_max,
        })
    }

    /// Runs a job on one of the threads.
    ///
    /// # Errors
    /// [`WorkerError::Overloaded`] without having begun it, or [`WorkerError::Panicked`].
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkerError> {
        let _place = self.places.try_acquire().map_err(|_| WorkerError::Overloaded)?;
        let thread = timeout(self.wait_max, Arc::clone(&self.threads).acquire_owned()).await;
        let Ok(Ok(thread)) = thread else { return Err(WorkerError::Overloaded) };
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(job));
            // The permit goes back when the thread is free, even if nobody waits for the answer any more.
            drop(thread);
            let _ = reply.send(result);
        });
        self.jobs.send(job).map_err(|_| WorkerError::Panicked)?;
        match answer.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) | Err(_) => Err(WorkerError::Panicked),
        }
    }
}

fn work(received: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = received.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(mpsc::RecvError) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::{WorkerError, Workers};
    use crate::limits::ServerLimits;
    use std::hint::black_box;
    use std::sync::{Arc, mpsc};
    use std::thread::available_parallelism;
    use std::time::Duration;

    fn workers(limits: ServerLimits) -> Arc<Workers> {
        Arc::new(Workers::start(&limits).unwrap())
    }

    /// Gives every thread a job that lasts until the answered sender is dropped.
    async fn occupy(workers: &Arc<Workers>) -> mpsc::Sender<()> {
        let (hold, held) = mpsc::channel();
        let held = Arc::new(std::sync::Mutex::new(held));
        for _ in 0..available_parallelism().unwrap().get() {
            let (begun, has_begun) = tokio::sync::oneshot::channel();
            let (workers, held) = (Arc::clone(workers), Arc::clone(&held));
            tokio::spawn(async move {
                let wait = move || {
                    begun.send(()).unwrap();
                    held.lock().unwrap().recv()
                };
                workers.run(wait).await
            });
            has_begun.await.unwrap();
        }
        hold
    }

    #[tokio::test]
    async fn a_job_that_finds_no_place_or_no_thread_in_time_is_refused() {
        let job_wait_max = Duration::from_millis(50);
        let full = workers(ServerLimits { jobs_waiting_max: 0, ..ServerLimits::default() });
        let slow = workers(ServerLimits { job_wait_max, ..ServerLimits::default() });
        for workers in [full, slow] {
            let hold = occupy(&workers).await;
            assert_eq!(workers.run(|| 1).await, Err(WorkerError::Overloaded));
            drop(hold);
            while workers.run(|| 1).await.is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    #[tokio::test]
    async fn a_job_that_nobody_waits_for_any_more_keeps_its_thread() {
        let workers = workers(ServerLimits { job_wait_max: Duration::from_millis(50), ..ServerLimits::default() });
        let (hold, held) = mpsc::channel::<()>();
        let held = Arc::new(std::sync::Mutex::new(held));
        for _ in 0..available_parallelism().unwrap().get() {
            let held = Arc::clone(&held);
            let job = workers.run(move || held.lock().unwrap().recv());
            assert!(tokio::time::timeout(Duration::from_millis(20), job).await.is_err());
        }
        assert_eq!(workers.run(|| 1).await, Err(WorkerError::Overloaded));
        drop(hold);
        while workers.run(|| 1).await.is_err() {}
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_lives_on() {
        let workers = workers(ServerLimits::default());
        for _ in 0..20 {
            assert_eq!(workers.run(|| panic!("on purpose")).await, Err::<(), _>(WorkerError::Panicked));
        }
        assert_eq!(workers.run(|| 1).await, Ok(1));
    }

    #[tokio::test]
    async fn the_stack_is_deep() {
        fn descend(depth: usize) -> usize {
            let frame = black_box([depth; 128]);
            if depth == 0 { 0 } else { descend(depth - 1) + black_box(frame)[0] - depth + 1 }
        }
        let workers = workers(ServerLimits::default());
        assert_eq!(workers.run(|| descend(8_000)).await, Ok(8_000));
    }
}
