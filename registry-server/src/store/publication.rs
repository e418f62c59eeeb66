//! What a publication writes besides the package or component itself, and what is checked while nobody else writes.

use super::StoreError;
use super::connection::{Connection, values};
use super::oci::{ManifestRefusal, NewManifest, artifact_tagged_as, write_manifest};
use super::releases::{bind, releases_in};
use super::search::{SearchDocument, write_document};
use jiff::Timestamp;
use registry_core::compatibility::{Neighbours, neighbours};
use registry_core::name::ReleaseName;
use registry_core::wire::{Release, ReleaseTarget};

/// Who publishes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publisher<'a> {
    /// The id of the token, which must still be good.
    pub(crate) token: &'a str,
    /// The account.
    pub(crate) account: &'a str,
    /// When.
    pub(crate) at: Timestamp,
}

/// Who publishes under a name, and what the decision to let it in was made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publication<'a> {
    /// The name.
    pub(crate) name: &'a ReleaseName,
    /// Who publishes, which must be an owner of the namespace.
    pub(crate) publisher: Publisher<'a>,
    /// What the upload was compared with. `None` if nothing is compared in the namespace.
    pub(crate) compared: Option<&'a Neighbours<ReleaseName>>,
    /// What a search finds of it.
    pub(crate) document: &'a SearchDocument,
    /// The OCI manifest that it was pushed with.
    pub(crate) manifest: Option<&'a NewManifest>,
}

/// What came of publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is there now.
    Created,
    /// It was there already.
    Present,
    /// The name is bound to something else.
    Bound(ReleaseTarget),
    /// Nobody owns the namespace.
    NotClaimed,
    /// Others own the namespace.
    NotOwner,
    /// The other releases of `namespace:name` are of the other kind.
    OtherKind,
    /// The token with this id was revoked or has expired since the request began.
    TokenGone(String),
    /// The neighbours are not those any more that the upload was compared with; the decision must be made again.
    Changed,
    /// The OCI manifest cannot be written, so nothing is.
    ManifestRefused(ManifestRefusal),
}

impl Written {
    /// Whether anything may stay in the database.
    pub(super) fn is_accepted(&self) -> bool {
        matches!(self, Self::Created | Self::Present)
    }
}

/// Binds the name of what was written in the same transaction, and writes the manifest that it was pushed with, if
/// everything is as the publisher believed.
pub(super) async fn publish(
    connection: &mut Connection,
    publication: &Publication<'_>,
    target: &ReleaseTarget,
) -> Result<Written, StoreError> {
    let written = publish_release(connection, publication, target).await?;
    let Some(manifest) = publication.manifest.filter(|_| written.is_accepted()) else { return Ok(written) };
    let Publisher { account, at, .. } = publication.publisher;
    let refused = write_manifest(connection, manifest, Some(account), at).await?;
    Ok(refused.map_or(written, Written::ManifestRefused))
}

async fn publish_release(
    connection: &mut Connection,
    publication: &Publication<'_>,
    target: &ReleaseTarget,
) -> Result<Written, StoreError> {
    if let Some(refused) = check_owner(connection, publication.name.namespace(), publication.publisher.account).await? {
        return Ok(refused);
    }
    let (bound_now, bound) = bind(connection, publication, target).await?;
    if bound != *target {
        return Ok(Written::Bound(bound));
    }
    if !bound_now {
        return Ok(Written::Present);
    }
    let others = releases_in(connection, publication.name.namespace(), publication.name.name(), usize::MAX).await?;
    if other_kind(publication.name, target, &others).is_some() {
        return Ok(Written::OtherKind);
    }
    if has_changed(publication.name, target, publication.compared, &others) {
        return Ok(Written::Changed);
    }
    if let Some((tag, bound)) = artifact_tagged_as(connection, publication.name).await? {
        return Ok(Written::ManifestRefused(ManifestRefusal::TagBound(tag, bound)));
    }
    write_document(connection, publication.name, publication.document).await?;
    Ok(Written::Created)
}

/// Refuses a token that was good when the request began, and is not when its upload has come.
pub(super) async fn check_token(
    connection: &mut Connection,
    publisher: &Publisher<'_>,
) -> Result<Option<Written>, StoreError> {
    let sql = "SELECT id FROM tokens WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
    let found = connection.row(sql, values![publisher.token, publisher.at]).await?;
    Ok(if found.is_none() { Some(Written::TokenGone(publisher.token.to_owned())) } else { None })
}

/// Refuses those who do not own a namespace any more when their upload has come.
pub(super) async fn check_owner(
    connection: &mut Connection,
    namespace: &str,
    account: &str,
) -> Result<Option<Written>, StoreError> {
    let sql = "SELECT account FROM namespace_owners WHERE namespace = $1";
    let owners = connection.rows(sql, values![namespace]).await?;
    let owners: Vec<String> = owners.iter().map(|row| row.text("account")).collect::<Result<_, _>>()?;
    Ok(match owners.as_slice() {
        [] => Some(Written::NotClaimed),
        owners if owners.iter().any(|owner| owner == account) => None,
        _ => Some(Written::NotOwner),
    })
}

/// Those of a name's releases that a release is compared with: of its kind and its track, next to it, and not yanked.
pub(crate) fn compared_with<'r>(
    name: &ReleaseName,
    target: &ReleaseTarget,
    releases: &'r [Release],
) -> Neighbours<&'r Release> {
    let is_comparable = |release: &&Release| release.yanked.is_none() && is_same_kind(&release.target, target);
    neighbours(name.version(), releases.iter().filter(is_comparable), |release| release.name.version())
}

/// Whether others were published, yanked or unyanked next to a release since it was compared with its neighbours. What
/// they are bound to never changes.
pub(super) fn has_changed(
    name: &ReleaseName,
    target: &ReleaseTarget,
    compared: Option<&Neighbours<ReleaseName>>,
    releases: &[Release],
) -> bool {
    let Some(compared) = compared else { return false };
    let found = compared_with(name, target, releases);
    let is = |found: Option<&Release>, compared: &Option<ReleaseName>| {
        found.map(|release| &release.name) == compared.as_ref()
    };
    !(is(found.lower, &compared.lower) && is(found.higher, &compared.higher))
}

/// A release of the other kind, if the name has releases, and all others than this one are of that kind. A name from
/// before there was this rule may have releases of both.
pub(crate) fn other_kind<'r>(
    name: &ReleaseName,
    target: &ReleaseTarget,
    releases: &'r [Release],
) -> Option<&'r Release> {
    let mut others = releases.iter().filter(|release| release.name != *name);
    let first = others.next()?;
    let is_other = |release: &Release| !is_same_kind(&release.target, target);
    (is_other(first) && others.all(is_other)).then_some(first)
}

fn is_same_kind(a: &ReleaseTarget, b: &ReleaseTarget) -> bool {
    matches!(a, ReleaseTarget::Package(_)) == matches!(b, ReleaseTarget::Package(_))
}
