-- Who claimed a namespace: NULL for those that were claimed before this was kept.
ALTER TABLE namespaces ADD COLUMN claimed_by TEXT REFERENCES accounts (name);

CREATE INDEX namespaces_by_claimer ON namespaces (claimed_by);
