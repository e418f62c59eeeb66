# Exactly what CI runs.
check:
    .ci/run

# The tests alone, as in the README.
test:
    cargo test --workspace --locked

# Writes docs/openapi.json anew from the code.
openapi:
    BLESS=1 cargo test -p registry-server --locked --test it the_committed_document

# Figures for docs/benchmarks.md.
bench:
    cargo bench -p registry-core -p registry-client -p registry-server -p ledger-core -p ledger-runtime --locked
