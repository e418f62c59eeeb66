//! Every limit of the server, in one place. What content may cost is in [`registry_core::limits`].

use registry_core::limits::Limits;
use std::time::Duration;

/// Characters of an error's message: it may repeat a line of an upload, and a line may be megabytes long.
pub(crate) const ERROR_MESSAGE_CHARS_MAX: usize = 8_000;

/// Bytes of an answer from which on it is compressed: below, the headers are most of it.
pub(crate) const COMPRESSED_SIZE_BYTES_MIN: u64 = 1 << 10;

/// What one server allows. `Default` holds the values that the product uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLimits {
    /// What a package, a closure or a component may cost.
    pub content: Limits,
    /// Bytes of the JSON of one package: its text, with room for escapes.
    pub package_json_size_bytes_max: usize,
    /// Bytes of a source file's path, which errors repeat.
    pub path_size_bytes_max: usize,
    /// Hashes in one question which are missing.
    pub missing_hashes_max: usize,
    /// Bytes of the JSON of such a question.
    pub missing_json_size_bytes_max: usize,
    /// Releases of one name in one list.
    pub releases_listed_max: usize,
    /// Items on one page of a list, if the question does not say how many.
    pub page_items_default: usize,
    /// Items on one page of a list.
    pub page_items_max: usize,
    /// Bytes of what a page begins after.
    pub cursor_size_bytes_max: usize,
    /// Bytes of the words of a search.
    pub search_size_bytes_max: usize,
    /// Words of a search.
    pub search_words_max: usize,
    /// Hashes that one prefix may find.
    pub hash_matches_max: usize,
    /// Names that are listed for one hash in the answer to a question about many.
    pub names_listed_max: usize,
    /// Releases that are indexed between two questions which of them are not.
    pub index_batch_releases: usize,
    /// Bytes of the JSON of every other request.
    pub request_json_size_bytes_max: usize,
    /// Characters of a reason, a message or a description.
    pub text_chars_max: usize,
    /// Tokens of one account that are good at one time.
    pub tokens_per_account_max: usize,
    /// Tokens in one list, with those that are not good any more.
    pub tokens_listed_max: usize,
    /// Namespaces that one account claims and keeps; also how many of those that it owns are listed.
    pub namespaces_per_account_max: usize,
    /// Bytes of an OCI manifest.
    pub oci_manifest_size_bytes_max: usize,
    /// Bytes of the manifest of a WebAssembly artifact, which names two blobs.
    pub oci_wasm_manifest_size_bytes_max: usize,
    /// Blobs or manifests that one OCI manifest names.
    pub oci_manifest_descriptors_max: usize,
    /// Bytes of the config of a WebAssembly artifact.
    pub oci_config_size_bytes_max: usize,
    /// OCI manifests of one release: every tool makes another one of the same content.
    pub oci_manifests_per_release_max: usize,
    /// Manifests in one list of referrers.
    pub oci_referrers_listed_max: usize,
    /// Bytes of such a list, but for its last item.
    pub oci_referrers_size_bytes_max: usize,
    /// Owners of one namespace.
    pub owners_max: usize,
    /// Bytes of all uploads that are in memory at one time.
    pub uploads_size_bytes_max: usize,
    /// Bytes of a refused upload that are read and thrown away, so that its sender sees the answer.
    pub discarded_size_bytes_max: usize,
    /// Bytes of a request's line and headers.
    pub header_size_bytes_max: usize,
    /// Headers of a request.
    pub headers_max: usize,
    /// Connections at one time; others wait to be accepted.
    pub connections_max: usize,
    /// Connections to the database for reading. There is one for writing.
    pub database_readers_max: u32,
    /// Jobs of parsing and hashing that wait for a thread.
    pub jobs_waiting_max: usize,
    /// Bytes of the stack of each thread that parses: parsers are recursive, to the depths that [`Limits`] allows.
    pub job_stack_size_bytes: usize,
    /// Bytes of verified content that is kept in memory.
    pub cache_size_bytes_max: usize,
    /// Bytes of verified blobs that are kept in memory for OCI clients.
    pub oci_cache_size_bytes_max: usize,
    /// Bytes of a blob in a namespace that takes artifacts of any kind. Elsewhere a blob is no larger than a component.
    pub oci_blob_size_bytes_max: usize,
    /// Bytes of a blob up to which it is verified before it is sent, and kept in memory. Others are sent as they are read.
    pub oci_small_blob_size_bytes_max: usize,
    /// Blobs that are read whole and verified at one time; others wait.
    pub oci_blobs_verified_max: usize,
    /// Bytes of an upload that are gathered in memory and written as one part.
    pub oci_part_size_bytes_max: usize,
    /// Bytes that are read at once of what is sent as it is read.
    pub oci_read_size_bytes: usize,
    /// Uploads of one account that are going on at one time.
    pub oci_uploads_per_account_max: usize,
    /// Parts of all these uploads: each is an object of the blob store, however small.
    pub oci_upload_parts_per_account_max: usize,
    /// Blobs of one account that no manifest names.
    pub oci_unbound_blobs_max: usize,
    /// Bytes of one account's uploads, and of its blobs that no manifest names.
    pub oci_unbound_size_bytes_max: usize,
    /// How long a request's headers may take, and how long a connection may be idle.
    pub header_wait_max: Duration,
    /// How long the next piece of a body may take.
    pub body_wait_max: Duration,
    /// How long the rest of a refused upload is read, and its connection kept open.
    pub discard_duration_max: Duration,
    /// How long a job may wait for a thread.
    pub job_wait_max: Duration,
    /// How long to wait for a database connection or lock.
    pub database_wait_max: Duration,
    /// How long a whole request may take.
    pub request_duration_max: Duration,
    /// How long an OCI client goes on with a token before it asks for one again.
    pub oci_token_duration_max: Duration,
    /// How long counted downloads wait in memory before they are written.
    pub downloads_wait: Duration,
    /// How long an upload may lie still before it is collected.
    pub oci_upload_idle_max: Duration,
    /// How long a blob that no manifest names can be found after it was pushed.
    pub oci_unbound_duration_max: Duration,
    /// How long a client may take from the answer that a blob is there to the manifest that names it. So long a blob is
    /// kept when it cannot be found any more.
    pub oci_push_duration_max: Duration,
    /// How old an object is at least that is collected because no row leads to it. Every object has its row when the
    /// request ends that wrote it.
    pub oci_object_age_min: Duration,
    /// How long to wait from one collection to the next.
    pub oci_collection_wait: Duration,
    /// How long indexing waits before it tries again what failed.
    pub index_retry_wait: Duration,
    /// How long requests may go on when the server stops.
    pub shutdown_duration_max: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        let content = Limits::default();
        Self {
            package_json_size_bytes_max: 4 * content.wit_size_bytes_max,
            content,
            path_size_bytes_max: 1_024,
            missing_hashes_max: 1_000,
            missing_json_size_bytes_max: 256 << 10,
            releases_listed_max: 10_000,
            page_items_default: 50,
            page_items_max: 200,
            cursor_size_bytes_max: 4 << 10,
            search_size_bytes_max: 4 << 10,
            search_words_max: 32,
            hash_matches_max: 100,
            names_listed_max: 100,
            index_batch_releases: 100,
            request_json_size_bytes_max: 64 << 10,
            text_chars_max: 1_000,
            tokens_per_account_max: 100,
            tokens_listed_max: 1_000,
            namespaces_per_account_max: 1_000,
            oci_manifest_size_bytes_max: 4 << 20,
            oci_wasm_manifest_size_bytes_max: 64 << 10,
            oci_manifest_descriptors_max: 1_000,
            oci_config_size_bytes_max: 256 << 10,
            oci_manifests_per_release_max: 1_000,
            oci_referrers_listed_max: 100,
            oci_referrers_size_bytes_max: 4 << 20,
            owners_max: 100,
            uploads_size_bytes_max: 512 << 20,
            discarded_size_bytes_max: 8 << 20,
            header_size_bytes_max: 16 << 10,
            headers_max: 64,
            connections_max: 1_024,
            database_readers_max: 8,
            jobs_waiting_max: 64,
            job_stack_size_bytes: 64 << 20,
            cache_size_bytes_max: 256 << 20,
            oci_cache_size_bytes_max: 64 << 20,
            oci_blob_size_bytes_max: 1 << 30,
            oci_small_blob_size_bytes_max: 256 << 10,
            oci_blobs_verified_max: 4,
            oci_part_size_bytes_max: 8 << 20,
            oci_read_size_bytes: 256 << 10,
            oci_uploads_per_account_max: 256,
            oci_upload_parts_per_account_max: 20_000,
            oci_unbound_blobs_max: 10_000,
            oci_unbound_size_bytes_max: 8 << 30,
            header_wait_max: Duration::from_secs(30),
            body_wait_max: Duration::from_secs(30),
            discard_duration_max: Duration::from_secs(5),
            job_wait_max: Duration::from_secs(20),
            database_wait_max: Duration::from_secs(10),
            request_duration_max: Duration::from_secs(300),
            oci_token_duration_max: Duration::from_secs(300),
            downloads_wait: Duration::from_secs(5),
            oci_upload_idle_max: Duration::from_secs(24 * 60 * 60),
            oci_unbound_duration_max: Duration::from_secs(24 * 60 * 60),
            oci_push_duration_max: Duration::from_secs(60 * 60),
            oci_object_age_min: Duration::from_secs(24 * 60 * 60),
            oci_collection_wait: Duration::from_secs(60 * 60),
            index_retry_wait: Duration::from_secs(5),
            shutdown_duration_max: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ServerLimits;

    #[test]
    fn every_good_token_of_an_account_stands_in_its_list() {
        let limits = ServerLimits::default();
        assert!(limits.tokens_per_account_max <= limits.tokens_listed_max);
    }
}
