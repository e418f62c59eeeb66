//! One upload of a name at a time: what it is compared with stays the same until it is written. And what many ask for is
//! verified for the first of them.

use registry_core::name::ReleaseName;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Who publishes under which `namespace:name` at the moment, or verifies which object. Several servers on one database know nothing of each
/// other's: the database's transaction decides, and this only spares those on one server from losing to each other.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<String, Weak<AsyncMutex<()>>>>);

/// The right to publish under a name or to verify an object, until it is dropped.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits until nobody else publishes under the name, in the order of asking.
    pub(super) async fn take(&self, name: &ReleaseName) -> Turn {
        self.lock_of(format!("{}:{}", name.namespace(), name.name())).lock_owned().await
    }

    /// Waits until nobody else verifies the object, in the order of asking. Its name is none of a package.
    pub(super) async fn take_object(&self, object: &str) -> Turn {
        self.lock_of(object.to_owned()).lock_owned().await
    }

    /// The lock of a key. Those that nobody holds or waits for are forgotten, so there are never more than requests.
    fn lock_of(&self, key: String) -> Arc<AsyncMutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(&key).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(AsyncMutex::new(()));
        locks.insert(key, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Turns;
    use futures::FutureExt;

    #[test]
    fn one_name_is_one_turn_and_no_name_is_kept() {
        let turns = Turns::default();
        let (first, same, other) = ("a:b@1.0.0", "a:b@2.0.0", "a:c@1.0.0");
        let held = turns.take(&first.parse().unwrap()).now_or_never().unwrap();
        assert!(turns.take(&same.parse().unwrap()).now_or_never().is_none());
        assert!(turns.take(&other.parse().unwrap()).now_or_never().is_some());
        drop(held);
        assert!(turns.take(&same.parse().unwrap()).now_or_never().is_some());
        assert!(turns.0.lock().unwrap().len() <= 1);
    }
}
