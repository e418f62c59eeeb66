-- What OCI clients push and pull. A repository is `namespace/name`. Digests are kept as OCI writes them: an algorithm, a
-- colon, hexadecimal digits. Times are milliseconds since 1970-01-01T00:00:00Z.

-- The blobs of repositories. Several rows may share one object of the blob store: the same content in other repositories
-- or under another algorithm's digest, or the bytes of a published component. Objects have names that are never used
-- again, so one to which no row leads can be deleted. `unbound_since` is when a blob was pushed last that no manifest
-- names, and nothing for all others: the transaction that writes a manifest takes it away.
CREATE TABLE oci_blobs (
    repository    TEXT    NOT NULL,
    digest        TEXT    NOT NULL,
    sha256        TEXT    NOT NULL,
    size_bytes    INTEGER NOT NULL,
    object        TEXT    NOT NULL,
    unbound_since INTEGER,
    pushed_by     TEXT REFERENCES accounts (name),
    PRIMARY KEY (repository, digest)
) STRICT;

CREATE INDEX oci_blobs_by_object ON oci_blobs (object);
CREATE INDEX oci_blobs_by_digest ON oci_blobs (digest);
CREATE INDEX oci_blobs_unbound ON oci_blobs (unbound_since) WHERE unbound_since IS NOT NULL;
CREATE INDEX oci_blobs_unbound_by_account ON oci_blobs (pushed_by, unbound_since, size_bytes)
    WHERE unbound_since IS NOT NULL;

-- `content` is the manifest byte for byte. `version` is that of the release whose manifest it is; artifacts that are no
-- releases have none. Without `pushed_by` the registry itself made it, for a release that was published in another way.
CREATE TABLE oci_manifests (
    repository    TEXT    NOT NULL,
    digest        TEXT    NOT NULL,
    media_type    TEXT    NOT NULL,
    artifact_type TEXT,
    subject       TEXT,
    version       TEXT,
    content       TEXT    NOT NULL,
    pushed_at     INTEGER NOT NULL,
    pushed_by     TEXT REFERENCES accounts (name),
    PRIMARY KEY (repository, digest)
) STRICT;

CREATE INDEX oci_manifests_by_subject ON oci_manifests (repository, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX oci_manifests_by_subject_and_type ON oci_manifests (repository, subject, artifact_type, digest)
    WHERE subject IS NOT NULL;
CREATE INDEX oci_manifests_by_version ON oci_manifests (repository, version);

-- The blobs that a manifest names: they are bound, and stay.
CREATE TABLE oci_manifest_blobs (
    repository TEXT NOT NULL,
    manifest   TEXT NOT NULL,
    blob       TEXT NOT NULL,
    PRIMARY KEY (repository, manifest, blob),
    FOREIGN KEY (repository, manifest) REFERENCES oci_manifests (repository, digest),
    FOREIGN KEY (repository, blob) REFERENCES oci_blobs (repository, digest)
) STRICT;

CREATE INDEX oci_manifest_blobs_by_blob ON oci_manifest_blobs (repository, blob);

-- A tag is bound once. That of a package or a component is its version.
CREATE TABLE oci_tags (
    repository TEXT    NOT NULL,
    tag        TEXT    NOT NULL,
    manifest   TEXT    NOT NULL,
    tagged_at  INTEGER NOT NULL,
    PRIMARY KEY (repository, tag),
    FOREIGN KEY (repository, manifest) REFERENCES oci_manifests (repository, digest)
) STRICT;

CREATE INDEX oci_tags_by_manifest ON oci_tags (repository, manifest);

-- Uploads that are going on. Each part is an object of the blob store; they follow each other without a gap.
CREATE TABLE oci_uploads (
    id         TEXT    NOT NULL PRIMARY KEY,
    repository TEXT    NOT NULL,
    account    TEXT    NOT NULL REFERENCES accounts (name),
    size_bytes INTEGER NOT NULL,
    parts      INTEGER NOT NULL,
    touched_at INTEGER NOT NULL
) STRICT;

CREATE INDEX oci_uploads_by_account ON oci_uploads (account);
CREATE INDEX oci_uploads_by_time ON oci_uploads (touched_at);

CREATE TABLE oci_upload_parts (
    upload     TEXT    NOT NULL REFERENCES oci_uploads (id) ON DELETE CASCADE,
    start_byte INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256     TEXT    NOT NULL,
    object     TEXT    NOT NULL,
    PRIMARY KEY (upload, start_byte)
) STRICT;

CREATE INDEX oci_upload_parts_by_object ON oci_upload_parts (object);
