//! Names, and which hashes are not there.

use super::access::TokenFault;
use super::compatibility::{COMPARISONS_MAX, Candidate};
use super::{App, AppError, Caller, OciFault, request};
use crate::store::{Publisher, Unyanked, Written, other_kind};
use jiff::Timestamp;
use registry_core::compatibility::Neighbours;
use registry_core::id::ObjectHash;
use registry_core::limits::LimitExceeded;
use registry_core::name::{ReleaseName, Spec};
use registry_core::wire::{
    Deprecation, MissingRequest, MissingResponse, Release, ReleaseList, ReleaseTarget, Scope, YankRequest,
};
use tracing::info;

impl App {
    /// What a name is bound to.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub(crate) async fn release(&self, name: ReleaseName) -> Result<Release, AppError> {
        self.store.release(&name).await?.ok_or_else(|| not_found(&name))
    }

    /// Refuses an upload under a name that is bound to something else, or that breaks releases of its track, before
    /// anything is written. Only the database's transaction decides between uploads at the same time: it does so on the
    /// neighbours that are answered here, or on none if the upload was compared with nothing.
    ///
    /// # Errors
    /// [`AppError::ReleaseBound`], [`AppError::OtherKind`] or [`AppError::Incompatible`].
    pub(super) async fn check_release(
        &self,
        name: &ReleaseName,
        target: &ReleaseTarget,
        candidate: &Candidate,
    ) -> Result<Option<Neighbours<ReleaseName>>, AppError> {
        let releases = self.store.releases(name.namespace(), name.name(), usize::MAX).await?;
        match releases.iter().find(|release| release.name == *name) {
            Some(bound) if bound.target != *target => return Err(AppError::bound(name, &bound.target, target)),
            Some(_) => return Ok(None),
            None => {}
        }
        if other_kind(name, target, &releases).is_some() {
            return Err(AppError::other_kind(name, target));
        }
        self.check_compatible(name, target, candidate, &releases).await
    }

    /// Yanks a release, or changes the reason: new projects do not resolve to it any more.
    ///
    /// # Errors
    /// If the caller may not, or there is no such release.
    pub(crate) async fn yank(&self, caller: &Caller, name: &ReleaseName, json: &[u8]) -> Result<Release, AppError> {
        self.check_keeper(caller, name).await?;
        let YankRequest { reason } = request(json)?;
        self.check_said("the reason", &reason)?;
        self.store.yank(name, &reason, Timestamp::now()).await?.ok_or_else(|| not_found(name))
    }

    /// Takes a yank back, if the release fits among what was published meanwhile.
    ///
    /// # Errors
    /// As [`App::yank`]; [`AppError::Incompatible`] if it broke its track now.
    pub(crate) async fn unyank(&self, caller: &Caller, name: &ReleaseName) -> Result<Release, AppError> {
        self.check_keeper(caller, name).await?;
        let release = self.release(name.clone()).await?;
        if release.yanked.is_none() {
            return Ok(release);
        }
        let candidate = self.published(&release).await?;
        let _turn = self.turns.take(name).await;
        for _ in 0..COMPARISONS_MAX {
            let releases = self.store.releases(name.namespace(), name.name(), usize::MAX).await?;
            let compared = self.check_compatible(name, &release.target, &candidate, &releases).await?;
            match self.store.unyank(name, compared.as_ref()).await? {
                Unyanked::Done(release) => return Ok(*release),
                Unyanked::NotFound => return Err(not_found(name)),
                Unyanked::Changed => {}
            }
        }
        Err(AppError::Overloaded)
    }

    /// Tells a release's users to go elsewhere.
    ///
    /// # Errors
    /// As [`App::yank`].
    pub(crate) async fn deprecate(
        &self,
        caller: &Caller,
        name: &ReleaseName,
        json: &[u8],
    ) -> Result<Release, AppError> {
        self.check_keeper(caller, name).await?;
        let deprecation: Deprecation = request(json)?;
        self.check_said("the message", &deprecation.message)?;
        if let Some(successor) = &deprecation.successor {
            check_successor(name, successor)?;
        }
        self.store.deprecate(name, Some(&deprecation)).await?.ok_or_else(|| not_found(name))
    }

    /// Takes a deprecation back.
    ///
    /// # Errors
    /// As [`App::yank`].
    pub(crate) async fn undeprecate(&self, caller: &Caller, name: &ReleaseName) -> Result<Release, AppError> {
        self.check_keeper(caller, name).await?;
        self.store.deprecate(name, None).await?.ok_or_else(|| not_found(name))
    }

    /// Refuses those who may not change what becomes of a release.
    async fn check_keeper(&self, caller: &Caller, name: &ReleaseName) -> Result<(), AppError> {
        caller.require_in(Scope::Yank, name.namespace())?;
        self.store.release(name).await?.ok_or_else(|| not_found(name))?;
        self.namespace_to_change(caller, Scope::Yank, name.namespace()).await.map(drop)
    }

    /// Refuses a text that says nothing.
    fn check_said(&self, what: &'static str, text: &str) -> Result<(), AppError> {
        if text.trim().is_empty() {
            return Err(AppError::Text { what, reason: "is empty" });
        }
        self.check_text(what, text)
    }

    /// The releases of `namespace:name`, the highest version first.
    ///
    /// # Errors
    /// [`AppError::NotFound`] if there are none.
    pub(crate) async fn releases(&self, namespace: &str, name: &str) -> Result<ReleaseList, AppError> {
        let mut releases = self.store.releases(namespace, name, self.limits.releases_listed_max).await?;
        if releases.is_empty() {
            return Err(AppError::NotFound(format!("`{namespace}:{name}`")));
        }
        releases.sort_by(|a, b| b.name.version().cmp(a.name.version()));
        Ok(ReleaseList { releases })
    }

    /// Which of the given hashes are not there, in the order of the question.
    ///
    /// # Errors
    /// If the question is too long or not valid.
    pub(crate) async fn missing(&self, json: &[u8]) -> Result<MissingResponse, AppError> {
        let request: MissingRequest =
            serde_json::from_slice(json).map_err(|error| AppError::Body(error.to_string()))?;
        let max = self.limits.missing_hashes_max;
        LimitExceeded::check("the number of hashes", request.hashes.len(), max, "missing_hashes_max")?;
        let present = self.store.present(&request.hashes).await?;
        let missing: Vec<ObjectHash> = request.hashes.into_iter().filter(|hash| !present.contains(hash)).collect();
        Ok(MissingResponse { missing })
    }
}

/// The caller, publishing now.
pub(super) fn publisher(caller: &Caller) -> Publisher<'_> {
    Publisher { token: &caller.token.id, account: &caller.token.account, at: Timestamp::now() }
}

fn not_found(name: &ReleaseName) -> AppError {
    AppError::NotFound(format!("`{name}`"))
}

/// A successor is another name, with or without a version.
fn check_successor(release: &ReleaseName, text: &str) -> Result<(), AppError> {
    let reason = match text.parse() {
        Ok(Spec::Release(successor)) if successor == *release => "is the release itself",
        Ok(Spec::Release(_) | Spec::Newest { .. }) => return Ok(()),
        _ => "is not of the form `namespace:name` or `namespace:name@version`",
    };
    Err(AppError::Text { what: "the successor", reason })
}

/// Whether a publication created something.
///
/// # Errors
/// If it was refused.
pub(super) fn written_anew(written: Written, name: &ReleaseName, target: &ReleaseTarget) -> Result<bool, AppError> {
    match written {
        Written::Created => {
            let hash = target.hash();
            info!(%name, %hash, "published {name} as {hash}");
            Ok(true)
        }
        Written::Present => Ok(false),
        Written::Bound(bound) => Err(AppError::bound(name, &bound, target)),
        Written::OtherKind => Err(AppError::other_kind(name, target)),
        refused => Err(refusal(refused, name.namespace())),
    }
}

/// Why nothing was written, as far as it does not depend on what was to be written.
pub(super) fn refusal(written: Written, namespace: &str) -> AppError {
    match written {
        Written::NotClaimed => AppError::NotClaimed { namespace: namespace.to_owned() },
        Written::NotOwner => {
            let message = format!("the namespace `{namespace}` belongs to others since a moment ago");
            AppError::Forbidden { message, hint: "ask one of its owners".to_owned() }
        }
        Written::TokenGone(id) => TokenFault::Gone { id }.into(),
        Written::ManifestRefused(refusal) => OciFault::from(refusal).into(),
        Written::Created | Written::Present | Written::Bound(_) | Written::OtherKind | Written::Changed => {
            AppError::Overloaded
        }
    }
}
