//! What a publication writes besides the package or component itself, and what is checked while nobody else writes.

use super::StoreError;
use super::connection::{Connection, values};
use super::releases::{bind, releases_in};
use super::search::{SearchDocument, write_document};
use jiff::Timestamp;
use registry_core::name::ReleaseName;
use registry_core::wire::{Release, ReleaseTarget};
use std::collections::BTreeSet;

/// Who publishes under a name, and what the decision to let it in was made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publication<'a> {
    /// The name.
    pub(crate) name: &'a ReleaseName,
    /// The account, which must own the namespace.
    pub(crate) account: &'a str,
    /// When.
    pub(crate) at: Timestamp,
    /// All releases of the same `namespace:name`, as they were when the upload was compared with them. `None` if it was
    /// compared with nothing.
    pub(crate) compared: Option<&'a [Release]>,
    /// What a search finds of it.
    pub(crate) document: &'a SearchDocument,
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
    /// The releases are not those any more that the upload was compared with; the decision must be made again.
    Changed,
}

impl Written {
    /// Whether anything may stay in the database.
    pub(super) fn is_accepted(&self) -> bool {
        matches!(self, Self::Created | Self::Present)
    }
}

/// Binds the name of what was written in the same transaction, if everything is as the publisher believed.
pub(super) async fn publish(
    connection: &mut Connection,
    publication: &Publication<'_>,
    target: &ReleaseTarget,
) -> Result<Written, StoreError> {
    if let Some(refused) = check_owner(connection, publication).await? {
        return Ok(refused);
    }
    let (bound_now, bound) = bind(connection, publication, target).await?;
    if bound != *target {
        return Ok(Written::Bound(bound));
    }
    if !bound_now {
        return Ok(Written::Present);
    }
    if has_changed(connection, publication.name, publication.compared).await? {
        return Ok(Written::Changed);
    }
    write_document(connection, publication.name, publication.document).await?;
    Ok(Written::Created)
}

async fn check_owner(
    connection: &mut Connection,
    publication: &Publication<'_>,
) -> Result<Option<Written>, StoreError> {
    let owners = connection
        .rows("SELECT account FROM namespace_owners WHERE namespace = $1", values![publication.name.namespace()])
        .await?;
    let owners: Vec<String> = owners.iter().map(|row| row.text("account")).collect::<Result<_, _>>()?;
    Ok(match owners.as_slice() {
        [] => Some(Written::NotClaimed),
        owners if owners.iter().any(|owner| owner == publication.account) => None,
        _ => Some(Written::NotOwner),
    })
}

/// Whether others were published, yanked or unyanked since a release was compared with its neighbours.
pub(super) async fn has_changed(
    connection: &mut Connection,
    name: &ReleaseName,
    compared: Option<&[Release]>,
) -> Result<bool, StoreError> {
    let Some(compared) = compared else { return Ok(false) };
    let releases = releases_in(connection, name.namespace(), name.name(), compared.len() + 2).await?;
    let others = releases.iter().filter(|release| release.name != *name);
    let compared = compared.iter().filter(|release| release.name != *name);
    Ok(others.map(state).collect::<BTreeSet<_>>() != compared.map(state).collect())
}

fn state(release: &Release) -> (&ReleaseName, String, bool) {
    (&release.name, release.target.hash().to_string(), release.yanked.is_some())
}
