//! Every limit on input, in one place. Crossing one gives an error that names it.

/// What one WIT package, its closure or one component may cost.
///
/// `Default` holds the values that the product uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of WIT text in one package, all files together.
    pub wit_size_bytes_max: usize,
    /// Bytes of WIT text in one closure.
    pub closure_size_bytes_max: usize,
    /// Files in one WIT package.
    pub files_max: usize,
    /// Bytes of a wasm-encoded WIT package.
    pub wasm_wit_size_bytes_max: usize,
    /// Bytes of a component.
    pub component_size_bytes_max: usize,
    /// Packages in one closure.
    pub closure_packages_max: usize,
    /// Interfaces and worlds in one package. Encoding a `use` chain costs the square of its length.
    pub package_items_max: usize,
    /// Interfaces and worlds in one closure.
    pub closure_items_max: usize,
    /// Types, their fields, cases and flags, functions and world items in one closure, `include` expanded.
    pub closure_definitions_max: usize,
    /// Definitions that a package encoded as WebAssembly holds: it repeats those of every interface that it uses.
    pub encoded_definitions_max: usize,
    /// Nested brackets in WIT text: braces, parentheses and angle brackets together.
    pub nesting_depth_max: usize,
    /// How deep types contain each other, through names and across packages.
    pub type_depth_max: usize,
    /// How many interfaces a chain of `use` may pass through.
    pub use_depth_max: usize,
    /// Characters in one identifier.
    pub identifier_chars_max: usize,
    /// Changes that a comparison of two packages lists; the others are counted.
    pub changes_max: usize,
    /// Sections of metadata in one component that are read. What crosses this limit or one of the next three is left
    /// out, and the component is accepted.
    pub metadata_sections_max: usize,
    /// Bytes of a section of metadata that is one text.
    pub metadata_text_size_bytes_max: usize,
    /// Bytes of a section of metadata that is a list, compressed if it is.
    pub metadata_list_size_bytes_max: usize,
    /// Bytes of all metadata of one component.
    pub metadata_size_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wit_size_bytes_max: 4 << 20,
            closure_size_bytes_max: 16 << 20,
            files_max: 1_000,
            wasm_wit_size_bytes_max: 8 << 20,
            component_size_bytes_max: 64 << 20,
            closure_packages_max: 500,
            package_items_max: 1_000,
            closure_items_max: 5_000,
            closure_definitions_max: 100_000,
            encoded_definitions_max: 1_000_000,
            nesting_depth_max: 64,
            type_depth_max: 100,
            use_depth_max: 100,
            identifier_chars_max: 128,
            changes_max: 1_000,
            metadata_sections_max: 100,
            metadata_text_size_bytes_max: 4 << 10,
            metadata_list_size_bytes_max: 64 << 10,
            metadata_size_bytes_max: 256 << 10,
        }
    }
}

/// A limit that an input crossed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {found}, over the limit of {max} (`{limit}`)")]
pub struct LimitExceeded {
    /// What was counted, as the subject of a sentence.
    pub what: String,
    /// What was found; counting may have stopped there.
    pub found: usize,
    /// The most that is allowed.
    pub max: usize,
    /// The field of [`Limits`].
    pub limit: &'static str,
}

impl LimitExceeded {
    /// An error if `found` is over `max`.
    pub fn check(what: impl Into<String>, found: usize, max: usize, limit: &'static str) -> Result<(), Self> {
        if found <= max {
            return Ok(());
        }
        Err(Self { what: what.into(), found, max, limit })
    }
}
