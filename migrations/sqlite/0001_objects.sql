-- Hashes are kept in their text form (`p2:` + kind + 64 hexadecimal digits).
-- Nothing is ever updated or deleted: a name is bound once, and content is named by its hash.

CREATE TABLE packages (
    hash          TEXT NOT NULL PRIMARY KEY,
    source_sha256 TEXT NOT NULL
) STRICT;

CREATE TABLE package_items (
    package_hash TEXT NOT NULL REFERENCES packages (hash),
    kind         TEXT NOT NULL CHECK (kind IN ('interface', 'world')),
    name         TEXT NOT NULL,
    id           TEXT NOT NULL,
    PRIMARY KEY (package_hash, kind, name)
) STRICT;

CREATE INDEX package_items_by_id ON package_items (id);

CREATE TABLE package_dependencies (
    package_hash    TEXT NOT NULL REFERENCES packages (hash),
    dependency_hash TEXT NOT NULL REFERENCES packages (hash),
    PRIMARY KEY (package_hash, dependency_hash)
) STRICT;

CREATE INDEX package_dependencies_by_dependency ON package_dependencies (dependency_hash);

CREATE TABLE components (
    hash       TEXT    NOT NULL PRIMARY KEY,
    view_id    TEXT    NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256     TEXT    NOT NULL
) STRICT;

CREATE TABLE component_interfaces (
    component_hash TEXT NOT NULL REFERENCES components (hash),
    direction      TEXT NOT NULL CHECK (direction IN ('import', 'export')),
    name           TEXT NOT NULL,
    interface_id   TEXT NOT NULL,
    package_hash   TEXT NOT NULL REFERENCES packages (hash),
    relation       TEXT NOT NULL CHECK (relation IN ('exact')),
    PRIMARY KEY (component_hash, direction, name)
) STRICT;

CREATE INDEX component_interfaces_by_id ON component_interfaces (interface_id);

-- The packages that a component names: more than those of its interfaces, because these use types of others.
CREATE TABLE component_dependencies (
    component_hash  TEXT NOT NULL REFERENCES components (hash),
    dependency_hash TEXT NOT NULL REFERENCES packages (hash),
    PRIMARY KEY (component_hash, dependency_hash)
) STRICT;

-- A package's hash covers its name, so it has exactly one release; a component may have any number.
CREATE TABLE releases (
    namespace      TEXT NOT NULL,
    name           TEXT NOT NULL,
    version        TEXT NOT NULL,
    package_hash   TEXT UNIQUE REFERENCES packages (hash),
    component_hash TEXT REFERENCES components (hash),
    PRIMARY KEY (namespace, name, version),
    CHECK ((package_hash IS NULL) <> (component_hash IS NULL))
) STRICT;
