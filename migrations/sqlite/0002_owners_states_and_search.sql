-- Who may do what, what became of releases, and what can be found.
-- Times are milliseconds since 1970-01-01T00:00:00Z. Booleans are 0 and 1.

CREATE TABLE accounts (
    name       TEXT    NOT NULL PRIMARY KEY,
    operator   INTEGER NOT NULL CHECK (operator IN (0, 1)),
    created_at INTEGER NOT NULL
) STRICT;

-- The account that runs the registry. It gets its first token from the server.
INSERT INTO accounts (name, operator, created_at) VALUES ('admin', 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));

-- Of a token's secret only the sha256 is kept.
CREATE TABLE tokens (
    id          TEXT    NOT NULL PRIMARY KEY,
    sha256      TEXT    NOT NULL UNIQUE,
    account     TEXT    NOT NULL REFERENCES accounts (name),
    description TEXT    NOT NULL,
    publish     INTEGER NOT NULL CHECK (publish IN (0, 1)),
    yank        INTEGER NOT NULL CHECK (yank IN (0, 1)),
    admin       INTEGER NOT NULL CHECK (admin IN (0, 1)),
    namespace   TEXT,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    revoked_at  INTEGER
) STRICT;

CREATE INDEX tokens_by_account ON tokens (account, created_at);

-- `skeleton` is the name without hyphens: two claimed namespaces never share one. It is not unique here because the
-- namespaces that were published into before they could be claimed may.
CREATE TABLE namespaces (
    name       TEXT    NOT NULL PRIMARY KEY,
    skeleton   TEXT    NOT NULL,
    relaxed    INTEGER NOT NULL CHECK (relaxed IN (0, 1)),
    claimed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX namespaces_by_skeleton ON namespaces (skeleton);

CREATE TABLE namespace_owners (
    namespace TEXT NOT NULL REFERENCES namespaces (name),
    account   TEXT NOT NULL REFERENCES accounts (name),
    PRIMARY KEY (namespace, account)
) STRICT;

CREATE INDEX namespace_owners_by_account ON namespace_owners (account);

-- Namespaces that were published into before they had owners belong to whoever runs the registry.
INSERT INTO namespaces (name, skeleton, relaxed, claimed_at)
SELECT DISTINCT namespace, replace(namespace, '-', ''), 0, CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM releases;

INSERT INTO namespace_owners (namespace, account) SELECT name, 'admin' FROM namespaces;

-- Name and hash of a release never change; what is known of it besides may.
ALTER TABLE releases ADD COLUMN published_at INTEGER;
ALTER TABLE releases ADD COLUMN published_by TEXT REFERENCES accounts (name);
ALTER TABLE releases ADD COLUMN yanked_at INTEGER;
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

-- SQLite cannot change a CHECK, so the table is made anew. `merged` is a JSON list of what differs, NULL if nothing does.
CREATE TABLE component_interfaces_2 (
    component_hash TEXT NOT NULL REFERENCES components (hash),
    direction      TEXT NOT NULL CHECK (direction IN ('import', 'export')),
    name           TEXT NOT NULL,
    interface_id   TEXT NOT NULL,
    package_hash   TEXT NOT NULL REFERENCES packages (hash),
    relation       TEXT NOT NULL CHECK (relation IN ('exact', 'merged')),
    merged         TEXT,
    PRIMARY KEY (component_hash, direction, name)
) STRICT;

INSERT INTO component_interfaces_2 (component_hash, direction, name, interface_id, package_hash, relation)
SELECT component_hash, direction, name, interface_id, package_hash, relation FROM component_interfaces;

DROP TABLE component_interfaces;
ALTER TABLE component_interfaces_2 RENAME TO component_interfaces;
CREATE INDEX component_interfaces_by_id ON component_interfaces (interface_id);
CREATE INDEX component_interfaces_by_name ON component_interfaces (name);

-- The interfaces that the worlds of packages import and export, by their full names.
CREATE TABLE world_interfaces (
    package_hash TEXT NOT NULL REFERENCES packages (hash),
    world        TEXT NOT NULL,
    direction    TEXT NOT NULL CHECK (direction IN ('import', 'export')),
    name         TEXT NOT NULL,
    interface_id TEXT NOT NULL,
    PRIMARY KEY (package_hash, world, direction, name)
) STRICT;

CREATE INDEX world_interfaces_by_id ON world_interfaces (interface_id);
CREATE INDEX world_interfaces_by_name ON world_interfaces (name);

-- How often something was fetched.
CREATE TABLE downloads (
    hash  TEXT    NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT;

-- The words of every release that can be found, each column in lower case and separated by single spaces.
CREATE TABLE search_documents (
    namespace  TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    TEXT NOT NULL,
    summary    TEXT NOT NULL,
    name_words TEXT NOT NULL,
    item_words TEXT NOT NULL,
    doc_words  TEXT NOT NULL,
    PRIMARY KEY (namespace, name, version),
    FOREIGN KEY (namespace, name, version) REFERENCES releases (namespace, name, version)
) STRICT;

-- What a search finds of each name: its newest release that is not yanked.
CREATE TABLE search_entries (
    id        INTEGER NOT NULL PRIMARY KEY,
    namespace TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    version   TEXT    NOT NULL,
    UNIQUE (namespace, name),
    FOREIGN KEY (namespace, name, version) REFERENCES search_documents (namespace, name, version)
) STRICT;

-- The index of the entries' words. The `ascii` tokenizer takes letters beyond ASCII as they are.
CREATE VIRTUAL TABLE search_words USING fts5 (
    name_words, item_words, doc_words,
    content = '', contentless_delete = 1, detail = column, tokenize = 'ascii', prefix = '1 2 3'
);
