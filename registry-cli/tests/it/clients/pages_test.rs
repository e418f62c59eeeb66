//! The pages for the clients, run as they stand.
