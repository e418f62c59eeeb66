-- Hashes are kept in their text form (`p2:` + kind + 64 hexadecimal digits).
-- Nothing is ever updated or deleted: a name is bound once, and content is named by its hash.
-- Text that lists are ordered by is compared by its bytes, as SQLite does it.

CREATE TABLE packages (
    hash          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    source_sha256 TEXT COLLATE "C" NOT NULL
);

CREATE TABLE package_items (
    package_hash TEXT COLLATE "C" NOT NULL REFERENCES packages (hash),
    kind         TEXT COLLATE "C" NOT NULL CHECK (kind IN ('interface', 'world')),
    name         TEXT COLLATE "C" NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (package_hash, kind, name)
);

CREATE INDEX package_items_by_id ON package_items (id);

CREATE TABLE package_dependencies (
    package_hash    TEXT COLLATE "C" NOT NULL REFERENCES packages (hash),
    dependency_hash TEXT COLLATE "C" NOT NULL REFERENCES packages (hash),
    PRIMARY KEY (package_hash, dependency_hash)
);

CREATE INDEX package_dependencies_by_dependency ON package_dependencies (dependency_hash);

CREATE TABLE components (
    hash       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    view_id    TEXT COLLATE "C" NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256     TEXT COLLATE "C" NOT NULL
);

CREATE TABLE component_interfaces (
    component_hash TEXT COLLATE "C" NOT NULL REFERENCES components (hash),
    direction      TEXT COLLATE "C" NOT NULL CHECK (direction IN ('import', 'export')),
    name           TEXT COLLATE "C" NOT NULL,
    interface_id   TEXT COLLATE "C" NOT NULL,
    package_hash   TEXT COLLATE "C" NOT NULL REFERENCES packages (hash),
    relation       TEXT COLLATE "C" NOT NULL CONSTRAINT component_interfaces_relation CHECK (relation IN ('exact')),
    PRIMARY KEY (component_hash, direction, name)
);

CREATE INDEX component_interfaces_by_id ON component_interfaces (interface_id);

-- The packages that a component names: more than those of its interfaces, because these use types of others.
CREATE TABLE component_dependencies (
    component_hash  TEXT COLLATE "C" NOT NULL REFERENCES components (hash),
    dependency_hash TEXT COLLATE "C" NOT NULL REFERENCES packages (hash),
    PRIMARY KEY (component_hash, dependency_hash)
);

-- A package's hash covers its name, so it has exactly one release; a component may have any number.
CREATE TABLE releases (
    namespace      TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    version        TEXT COLLATE "C" NOT NULL,
    package_hash   TEXT COLLATE "C" UNIQUE REFERENCES packages (hash),
    component_hash TEXT COLLATE "C" REFERENCES components (hash),
    PRIMARY KEY (namespace, name, version),
    CHECK ((package_hash IS NULL) <> (component_hash IS NULL))
);
