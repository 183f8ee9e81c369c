//! Bounded reads of files, and detection of their changes.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

/// The largest PEM file that is read, in bytes. The authorities of a whole company fit in.
pub const MAX_PEM: u64 = 1 << 20;

/// Reads the file at `path`. The content is wiped from memory when it is dropped.
///
/// # Errors
/// The error of the file system, or `FileTooLarge` if the file has more than `max` bytes: a wrong path may lead to
/// anything.
pub fn read(path: &Path, max: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let size = File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    if size as u64 > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// What [`describe`] says of a file that does not exist.
pub const MISSING: &str = "there is no such file";

/// Says why a file could not be read.
pub fn describe(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => MISSING.to_owned(),
        kind => format!("can't be read: {kind}"),
    }
}

/// The files that were read, each with the hash of its content.
///
/// Only contents are compared. Kubernetes changes a mounted file by pointing a link two folders above it elsewhere,
/// which need not show in the times of the file.
#[derive(Debug, Default)]
pub struct FileSet(BTreeMap<PathBuf, FileState>);

#[derive(Debug)]
struct FileState {
    max: u64,
    /// The SHA-256 of the content, or why the file could not be read.
    content: Result<[u8; 32], io::ErrorKind>,
}

impl FileSet {
    /// Reads the file at `path` as [`read`] does, and adds it to the set whether or not that succeeds.
    pub fn read(&mut self, path: &Path, max: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        let content = read(path, max);
        self.0.insert(path.to_owned(), FileState { max, content: hash(&content) });
        content
    }

    /// Whether a file has other content than when it was read.
    fn has_changed(&self) -> bool {
        self.0.iter().any(|(path, file)| hash(&read(path, file.max)) != file.content)
    }
}

fn hash(content: &io::Result<Zeroizing<Vec<u8>>>) -> Result<[u8; 32], io::ErrorKind> {
    let bytes = content.as_ref().map_err(io::Error::kind)?;
    Ok(digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// A value that is made from files, and made again when one of them changes.
pub struct FileWatch<T> {
    load: Box<dyn FnMut(&mut FileSet) -> T + Send>,
    /// What `load` read last, whether or not the value was usable.
    files: FileSet,
}

impl<T> FileWatch<T> {
    /// Loads the value with `load`, and watches the files that it reads.
    pub fn start(load: impl FnMut(&mut FileSet) -> T + Send + 'static) -> (T, Self) {
        let mut watch = Self { load: Box::new(load), files: FileSet::default() };
        let value = watch.load();
        (value, watch)
    }

    /// Loads the value again if a file has changed. It reads files, so it may block.
    pub fn changed(&mut self) -> Option<T> {
        self.files.has_changed().then(|| self.load())
    }

    fn load(&mut self) -> T {
        // The set holds the content that was read. A file that changes in the meantime differs from it at the next
        // look.
        self.files = FileSet::default();
        (self.load)(&mut self.files)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_change_is_detected_by_content_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut files = FileSet::default();
        assert_eq!(files.read(&path, 3).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!files.has_changed());
        fs::write(&path, "abc").unwrap();
        assert!(files.has_changed());
        assert_eq!(*files.read(&path, 3).unwrap(), b"abc");
        fs::write(&path, "abc").unwrap();
        assert!(!files.has_changed());
        fs::write(&path, "abcd").unwrap();
        assert!(files.has_changed());
        assert_eq!(files.read(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        fs::remove_file(&path).unwrap();
        assert!(files.has_changed());
    }

    #[test]
    fn a_kubernetes_volume_swap_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (version, content) in [("..v1", "old"), ("..v2", "new")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("key"), content).unwrap();
        }
        symlink("..v1", at("..data")).unwrap();
        symlink("..data/key", at("key")).unwrap();
        let mut files = FileSet::default();
        assert_eq!(*files.read(&at("key"), 10).unwrap(), b"old");
        assert!(!files.has_changed());
        symlink("..v2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        assert!(files.has_changed());
        assert_eq!(*files.read(&at("key"), 10).unwrap(), b"new");
    }
}
