//! Every limit of the client, in one place. What is fetched and read is bounded by [`registry_core::limits::Limits`].

use registry_core::limits::Limits;
use std::time::Duration;

/// Bytes of the stack of a thread that verifies. Parsers recurse as deep as the limits allow, and a hostile answer must
/// not overflow a stack. Unused pages cost nothing.
pub(crate) const VERIFICATION_STACK_SIZE_BYTES: usize = 64 << 20;

/// How many answers one client verifies at one time.
pub(crate) const VERIFICATION_THREADS_MAX: usize = 4;

/// Characters of a folder's name; longer ones are cut. File systems allow 255 bytes.
pub(crate) const FOLDER_NAME_CHARS_MAX: usize = 200;

/// How deep a folder that may be replaced can be: `deps/<package>/package.wit`.
pub(crate) const REPLACEABLE_DEPTH_MAX: usize = 2;

/// How many files of a folder a message names.
pub(crate) const SHOWN_FILES_MAX: usize = 5;

/// How many versions a message lists.
pub(crate) const SHOWN_VERSIONS_MAX: usize = 20;

/// How many versions of one requirement are tried, the highest first.
pub(crate) const RESOLUTION_CANDIDATES_MAX: usize = 20;

/// How many lists of releases are asked for at one time.
pub(crate) const RESOLUTION_QUESTIONS_MAX: usize = 8;

/// Bytes of a project's requirements, of its lock, and of the list of what was written for it.
pub(crate) const PROJECT_FILE_SIZE_BYTES_MAX: usize = 4 << 20;

/// What one exchange with a registry may cost.
///
/// `Default` holds the values that the product uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportLimits {
    /// How long making a connection may take.
    pub connect_time_max: Duration,
    /// How long the registry may be silent.
    pub silence_time_max: Duration,
    /// How long one request may take, its answer included.
    pub request_time_max: Duration,
    /// How often one question is asked before its failure is reported. Publications are sent once.
    pub attempts_max: u32,
    /// How many questions about names are under way at one time.
    pub questions_at_once_max: usize,
    /// How long to find out which releases in use are yanked or deprecated, which is good to know and not needed.
    pub states_time_max: Duration,
    /// How many hashes are asked about in one question which of them the registry has.
    pub hashes_asked_max: usize,
    /// The pause after the first failed attempt; each further one is three times as long.
    pub first_pause: Duration,
    /// The longest pause that a registry may ask for.
    pub pause_max: Duration,
    /// Characters of a registry's message or hint that are kept.
    pub error_text_chars_max: usize,
    /// Lines of a registry's error, such as what broke, that are kept.
    pub error_details_max: usize,
    /// Bytes of the words of a search.
    pub search_size_bytes_max: usize,
    /// Items that are asked for at one time of a list that has pages.
    pub page_items_max: usize,
    /// Bytes of what a registry says that the next page begins after.
    pub cursor_size_bytes_max: usize,
    /// Bytes of an answer that is a record, a list or an error.
    pub record_size_bytes_max: usize,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            connect_time_max: Duration::from_secs(10),
            silence_time_max: Duration::from_secs(60),
            request_time_max: Duration::from_secs(300),
            attempts_max: 3,
            questions_at_once_max: 8,
            states_time_max: Duration::from_secs(5),
            hashes_asked_max: 1_000,
            first_pause: Duration::from_millis(100),
            pause_max: Duration::from_secs(5),
            error_text_chars_max: 10_000,
            error_details_max: 1_000,
            search_size_bytes_max: 4 << 10,
            page_items_max: 100,
            cursor_size_bytes_max: 4 << 10,
            record_size_bytes_max: 8 << 20,
        }
    }
}

impl TransportLimits {
    /// Bytes of an answer that is a closure: JSON writes some characters of WIT text, line ends above all, as two.
    pub(crate) fn closure_size_bytes_max(&self, limits: &Limits) -> usize {
        2 * (limits.closure_size_bytes_max + limits.wit_size_bytes_max) + self.record_size_bytes_max
    }
}
