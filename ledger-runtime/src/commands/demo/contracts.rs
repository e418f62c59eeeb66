//! The example packages and contracts of `contracts/`, and two contracts of Starstream's, inside the program, so that the
//! demo needs no folder.

/// WIT packages, each in one file that needs no other.
pub(super) const PACKAGES: [&str; 3] = [
    include_str!("../../../contracts/packages/demo-goods/goods.wit"),
    include_str!("../../../contracts/packages/demo-counting/counting.wit"),
    include_str!("../../../contracts/packages/demo-clock/clock.wit"),
];

/// Contracts by name.
pub(super) const CONTRACTS: &[(&str, &[u8])] = &[
    ("arithmetic", include_bytes!("../../../contracts/arithmetic/arithmetic.wasm")),
    ("shop", include_bytes!("../../../contracts/shop/shop.wasm")),
    ("counter", include_bytes!("../../../contracts/counter/counter.wasm")),
    ("endless", include_bytes!("../../../contracts/endless/endless.wasm")),
    ("foreign-import", include_bytes!("../../../contracts/foreign-import/foreign-import.wasm")),
    ("tally", include_bytes!("../../../tests/starstream/counter/component.wasm")),
    ("coin", include_bytes!("../../../tests/starstream/coin/component.wasm")),
];
