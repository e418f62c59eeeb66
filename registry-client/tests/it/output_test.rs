//! A folder is written whole or not at all.

use crate::support::{read_files, write_files};
use registry_client::layout::OutputFile;
use registry_client::output::{OutputError, check_folder, write_folder};
use std::fs;
use std::path::Path;

fn file(path: &str, text: &str) -> OutputFile {
    OutputFile { path: path.into(), bytes: text.as_bytes().to_vec() }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_new_folder_is_written_with_the_folders_above_it() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a/b/out");
    write_folder(&target, &[file("main.wit", "m"), file("deps/x/package.wit", "x")], false).unwrap();
    let written = [("deps/x/package.wit".to_owned(), b"x".to_vec()), ("main.wit".to_owned(), b"m".to_vec())];
    assert_eq!(read_files(&target), written);
    assert_eq!(names(&folder.path().join("a/b")), ["out"], "nothing temporary is left");
}

#[cfg(unix)]
#[test]
fn a_new_folder_can_be_read_by_those_whom_the_mask_allows() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("usual")).unwrap();
    write_folder(&folder.path().join("out"), &[file("main.wit", "m")], false).unwrap();
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("out"), mode("usual"));
}

#[test]
fn an_empty_folder_is_filled_and_another_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    fs::create_dir(&target).unwrap();
    check_folder(&target, false).unwrap();
    write_folder(&target, &[file("main.wit", "1")], false).unwrap();
    for result in [check_folder(&target, false), write_folder(&target, &[file("main.wit", "2")], false)] {
        let error = result.unwrap_err();
        assert!(matches!(error, OutputError::Exists { .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("--force"));
    }
    assert_eq!(read_files(&target), [("main.wit".to_owned(), b"1".to_vec())]);
    assert_eq!(names(folder.path()), ["out"]);
}

#[test]
fn a_replaced_folder_holds_nothing_old() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    write_folder(&target, &[file("old.wit", "1"), file("deps/old/package.wit", "1"), file("old.wasm", "1")], false)
        .unwrap();
    write_folder(&target, &[file("new.wit", "2")], true).unwrap();
    assert_eq!(read_files(&target), [("new.wit".to_owned(), b"2".to_vec())]);
    assert_eq!(names(folder.path()), ["out"]);
}

#[test]
fn a_folder_with_anything_else_in_it_is_never_replaced() {
    let foreign = ["notes.txt", "deps/x/secret.pem", "src/deep/er/main.wit", ".git/config", "wit"];
    for path in foreign {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        write_files(&target, &[("main.wit", "1"), (path, "precious")]);
        for result in [check_folder(&target, true), write_folder(&target, &[file("main.wit", "2")], true)] {
            let error = result.unwrap_err();
            assert!(matches!(error, OutputError::Foreign { .. }), "{path}: {error:?}");
        }
        assert_eq!(fs::read_to_string(target.join(path)).unwrap(), "precious");
        assert_eq!(names(folder.path()), ["out"]);
    }
}

#[test]
fn a_file_and_the_current_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("out", "a file")]);
    let error = write_folder(&folder.path().join("out"), &[file("main.wit", "m")], true).unwrap_err();
    assert!(matches!(error, OutputError::NotAFolder { .. }), "{error:?}");
    for path in [".", "..", "/"] {
        let error = write_folder(Path::new(path), &[file("main.wit", "m")], true).unwrap_err();
        assert!(matches!(error, OutputError::InUse { .. }), "{path}: {error:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("real/old.wit", "1")]);
    std::os::unix::fs::symlink(folder.path().join("real"), folder.path().join("link")).unwrap();
    write_folder(&folder.path().join("link"), &[file("new.wit", "2")], true).unwrap();
    assert!(folder.path().join("link").is_symlink());
    assert_eq!(read_files(&folder.path().join("real")), [("new.wit".to_owned(), b"2".to_vec())]);
}

#[test]
fn a_failure_half_way_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    // The second file needs a folder where the first is a file.
    let error = write_folder(&target, &[file("main.wit", "m"), file("main.wit/x.wit", "x")], false).unwrap_err();
    assert!(matches!(&error, OutputError::Io { path, .. } if path.ends_with("main.wit/x.wit")), "{error:?}");
    assert_eq!(names(folder.path()), Vec::<String>::new());

    write_files(&target, &[("old.wit", "1")]);
    write_folder(&target, &[file("main.wit", "m"), file("main.wit/x.wit", "x")], true).unwrap_err();
    assert_eq!(read_files(&target), [("old.wit".to_owned(), b"1".to_vec())]);
    assert_eq!(names(folder.path()), ["out"]);
}
