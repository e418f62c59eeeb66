-- What OCI clients push and pull. A repository is `namespace/name`. Digests are kept as OCI writes them: an algorithm, a
-- colon, hexadecimal digits. Times are milliseconds since 1970-01-01T00:00:00Z.

-- The blobs of repositories. Several rows may share one object of the blob store: the same content in other repositories
-- or under another algorithm's digest, or the bytes of a published component. Objects have names that are never used
-- again, so one to which no row leads can be deleted. `unbound_since` is when a blob was pushed last that no manifest
-- names, and nothing for all others: the transaction that writes a manifest takes it away.
CREATE TABLE oci_blobs (
    repository    TEXT COLLATE "C"    NOT NULL,
    digest        TEXT COLLATE "C"    NOT NULL,
    sha256        TEXT COLLATE "C"    NOT NULL,
    size_bytes    BIGINT NOT NULL,
    object        TEXT COLLATE "C"    NOT NULL,
    unbound_since BIGINT,
    pushed_by     TEXT COLLATE "C" REFERENCES accounts (name),
    PRIMARY KEY (repository, digest)
);

CREATE INDEX oci_blobs_by_object ON oci_blobs (object);
CREATE INDEX oci_blobs_by_digest ON oci_blobs (digest);
CREATE INDEX oci_blobs_unbound ON oci_blobs (unbound_since) WHERE unbound_since IS NOT NULL;
CREATE INDEX oci_blobs_unbound_by_account ON oci_blobs (pushed_by, unbound_since, size_bytes)
    WHERE unbound_since IS NOT NULL;

-- `content` is the manifest byte for byte. `version` is that of the release whose manifest it is; artifacts that are no
-- releases have none. Without `pushed_by` the registry itself made it, for a release that was published in another way.
CREATE TABLE oci_manifests (
    repository    TEXT COLLATE "C"    NOT NULL,
    digest        TEXT COLLATE "C"    NOT NULL,
    media_type    TEXT COLLATE "C"    NOT NULL,
    artifact_type TEXT COLLATE "C",
    subject       TEXT COLLATE "C",
    version       TEXT COLLATE "C",
    content       TEXT COLLATE "C"    NOT NULL,
    pushed_at     BIGINT NOT NULL,
    pushed_by     TEXT COLLATE "C" REFERENCES accounts (name),
    PRIMARY KEY (repository, digest)
);

CREATE INDEX oci_manifests_by_subject ON oci_manifests (repository, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX oci_manifests_by_subject_and_type ON oci_manifests (repository, subject, artifact_type, digest)
    WHERE subject IS NOT NULL;
CREATE INDEX oci_manifests_by_version ON oci_manifests (repository, version);

-- The blobs that a manifest names: they are bound, and stay.
CREATE TABLE oci_manifest_blobs (
    repository TEXT COLLATE "C" NOT NULL,
    manifest   TEXT COLLATE "C" NOT NULL,
    blob       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (repository, manifest, blob),
    FOREIGN KEY (repository, manifest) REFERENCES oci_manifests (repository, digest),
    FOREIGN KEY (repository, blob) REFERENCES oci_blobs (repository, digest)
);

CREATE INDEX oci_manifest_blobs_by_blob ON oci_manifest_blobs (repository, blob);

-- A tag is bound once. That of a package or a component is its version.
CREATE TABLE oci_tags (
    repository TEXT COLLATE "C"    NOT NULL,
    tag        TEXT COLLATE "C"    NOT NULL,
    manifest   TEXT COLLATE "C"    NOT NULL,
    tagged_at  BIGINT NOT NULL,
    PRIMARY KEY (repository, tag),
    FOREIGN KEY (repository, manifest) REFERENCES oci_manifests (repository, digest)
);

CREATE INDEX oci_tags_by_manifest ON oci_tags (repository, manifest);

-- Uploads that are going on. Each part is an object of the blob store; they follow each other without a gap.
CREATE TABLE oci_uploads (
    id         TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    repository TEXT COLLATE "C"    NOT NULL,
    account    TEXT COLLATE "C"    NOT NULL REFERENCES accounts (name),
    size_bytes BIGINT NOT NULL,
    parts      BIGINT NOT NULL,
    touched_at BIGINT NOT NULL
);

CREATE INDEX oci_uploads_by_account ON oci_uploads (account);
CREATE INDEX oci_uploads_by_time ON oci_uploads (touched_at);

CREATE TABLE oci_upload_parts (
    upload     TEXT COLLATE "C"    NOT NULL REFERENCES oci_uploads (id) ON DELETE CASCADE,
    start_byte BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256     TEXT COLLATE "C"    NOT NULL,
    object     TEXT COLLATE "C"    NOT NULL,
    PRIMARY KEY (upload, start_byte)
);

CREATE INDEX oci_upload_parts_by_object ON oci_upload_parts (object);
