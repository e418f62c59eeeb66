# Exactly what CI runs.
check:
    .ci/run

# The tests alone, as in the README.
test:
    cargo test --workspace --locked

# Figures for docs/benchmarks.md.
bench:
    cargo bench -p registry-core --locked
