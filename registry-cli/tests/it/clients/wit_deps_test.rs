//! `wit-deps`: the archives that the registry makes are what it reads.
