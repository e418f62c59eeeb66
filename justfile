# Exactly what CI runs.
check:
    .ci/run

# The tests alone, as in the README.
test:
    cargo test --workspace --locked

# The suites that take many minutes: 200 killed nodes, 1,000 losses of power, 2,000 damaged files, 5,000 changed components.
slow:
    LEDGER_SLOW_TESTS=1 cargo test -p ledger-runtime --locked --test it -- crash storage changed_bytes

# Writes docs/openapi.json anew from the code.
openapi:
    BLESS=1 cargo test -p registry-server --locked --test it the_committed_document

# Figures for docs/benchmarks.md.
bench:
    cargo bench -p registry-core -p registry-client -p registry-server -p registry-cli -p ledger-core -p ledger-runtime --locked
