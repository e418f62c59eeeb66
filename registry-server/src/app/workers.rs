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
