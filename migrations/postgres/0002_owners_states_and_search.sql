-- Who may do what, what became of releases, and what can be found.
-- Times are milliseconds since 1970-01-01T00:00:00Z.

CREATE TABLE accounts (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    operator   BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL
);

-- The account that runs the registry. It gets its first token from the server.
INSERT INTO accounts (name, operator, created_at)
VALUES ('admin', TRUE, CAST(extract(epoch FROM now()) * 1000 AS BIGINT));

-- Of a token's secret only the sha256 is kept.
CREATE TABLE tokens (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sha256      TEXT COLLATE "C" NOT NULL UNIQUE,
    account     TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    description TEXT    NOT NULL,
    publish     BOOLEAN NOT NULL,
    yank        BOOLEAN NOT NULL,
    admin       BOOLEAN NOT NULL,
    namespace   TEXT COLLATE "C",
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT,
    revoked_at  BIGINT
);

CREATE INDEX tokens_by_account ON tokens (account, created_at);

-- `skeleton` is the name without hyphens: two claimed namespaces never share one. It is not unique here because the
-- namespaces that were published into before they could be claimed may.
CREATE TABLE namespaces (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    skeleton   TEXT COLLATE "C" NOT NULL,
    relaxed    BOOLEAN NOT NULL,
    claimed_at BIGINT  NOT NULL
);

CREATE INDEX namespaces_by_skeleton ON namespaces (skeleton);

CREATE TABLE namespace_owners (
    namespace TEXT COLLATE "C" NOT NULL REFERENCES namespaces (name),
    account   TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    PRIMARY KEY (namespace, account)
);

CREATE INDEX namespace_owners_by_account ON namespace_owners (account);

-- Namespaces that were published into before they had owners belong to whoever runs the registry.
INSERT INTO namespaces (name, skeleton, relaxed, claimed_at)
SELECT DISTINCT namespace, replace(namespace, '-', ''), FALSE, CAST(extract(epoch FROM now()) * 1000 AS BIGINT)
FROM releases;

INSERT INTO namespace_owners (namespace, account) SELECT name, 'admin' FROM namespaces;

-- Name and hash of a release never change; what is known of it besides may.
ALTER TABLE releases ADD COLUMN published_at BIGINT;
ALTER TABLE releases ADD COLUMN published_by TEXT COLLATE "C" REFERENCES accounts (name);
ALTER TABLE releases ADD COLUMN yanked_at BIGINT;
ALTER TABLE releases ADD COLUMN yank_reason TEXT;
ALTER TABLE releases ADD COLUMN deprecation TEXT;
ALTER TABLE releases ADD COLUMN successor TEXT;

CREATE INDEX releases_by_component ON releases (component_hash);

-- JSON; NULL for components that were published before it was read.
ALTER TABLE components ADD COLUMN metadata TEXT;

CREATE INDEX components_by_sha256 ON components (sha256);
CREATE INDEX components_by_view ON components (view_id);
CREATE INDEX packages_by_source_sha256 ON packages (source_sha256);
CREATE INDEX component_dependencies_by_dependency ON component_dependencies (dependency_hash);

-- `merged` is a JSON list of what differs, NULL if nothing does.
ALTER TABLE component_interfaces ADD COLUMN merged TEXT;
ALTER TABLE component_interfaces DROP CONSTRAINT component_interfaces_relation;
ALTER TABLE component_interfaces
    ADD CONSTRAINT component_interfaces_relation CHECK (relation IN ('exact', 'merged'));
CREATE INDEX component_interfaces_by_name ON component_interfaces (name);

-- The interfaces that the worlds of packages import and export, by their full names.
CREATE TABLE world_interfaces (
    package_hash TEXT COLLATE "C" NOT NULL REFERENCES packages (hash),
    world        TEXT COLLATE "C" NOT NULL,
    direction    TEXT COLLATE "C" NOT NULL CHECK (direction IN ('import', 'export')),
    name         TEXT COLLATE "C" NOT NULL,
    interface_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (package_hash, world, direction, name)
);

CREATE INDEX world_interfaces_by_id ON world_interfaces (interface_id);
CREATE INDEX world_interfaces_by_name ON world_interfaces (name);

-- How often something was fetched.
CREATE TABLE downloads (
    hash  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    count BIGINT NOT NULL
);

-- The words of every release that can be found, each column in lower case and separated by single spaces.
CREATE TABLE search_documents (
    namespace  TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    version    TEXT COLLATE "C" NOT NULL,
    summary    TEXT NOT NULL,
    name_words TEXT NOT NULL,
    item_words TEXT NOT NULL,
    doc_words  TEXT NOT NULL,
    PRIMARY KEY (namespace, name, version),
    FOREIGN KEY (namespace, name, version) REFERENCES releases (namespace, name, version)
);

-- What a search finds of each name: its newest release that is not yanked. `names` is the index of the name's words,
-- `items` of these and the items', `docs` of all.
CREATE TABLE search_entries (
    namespace TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    version   TEXT COLLATE "C" NOT NULL,
    names     TSVECTOR NOT NULL,
    items     TSVECTOR NOT NULL,
    docs      TSVECTOR NOT NULL,
    PRIMARY KEY (namespace, name),
    FOREIGN KEY (namespace, name, version) REFERENCES search_documents (namespace, name, version)
);

CREATE INDEX search_entries_by_words ON search_entries USING gin (docs);
