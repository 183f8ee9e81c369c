//! The files that tenants are read from, and whether they have changed.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

/// Every file that was asked for, with what was found in it.
///
/// Content is compared and nothing else: Kubernetes changes a mounted file by pointing a link two folders above it
/// elsewhere, which no time or number of the file itself has to show.
#[derive(Debug, Default)]
pub(super) struct Sources(BTreeMap<PathBuf, (u64, Content)>);

#[derive(Debug, PartialEq, Eq)]
enum Content {
    /// Its SHA-256.
    Is([u8; 32]),
    /// There is none, for this reason.
    Unread(io::ErrorKind),
}

impl Sources {
    /// What is in the file at `path`, which must not be larger than `max` bytes.
    pub(super) fn read(&mut self, path: &Path, max: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        let read = read(path, max);
        self.0.insert(path.to_owned(), (max, Content::of(&read)));
        read
    }

    /// Whether a file is not what it was.
    pub(super) fn have_changed(&self) -> bool {
        self.0.iter().any(|(path, (max, content))| Content::of(&read(path, *max)) != *content)
    }
}

impl Content {
    fn of(read: &io::Result<Zeroizing<Vec<u8>>>) -> Self {
        match read {
            Ok(bytes) => Self::Is(digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")),
            Err(error) => Self::Unread(error.kind()),
        }
    }
}

fn read(path: &Path, max: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let size = File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    if size as u64 > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_change_is_seen_by_content_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut sources = Sources::default();
        assert_eq!(sources.read(&path, 3).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!sources.have_changed());
        fs::write(&path, "abc").unwrap();
        assert!(sources.have_changed());
        assert_eq!(*sources.read(&path, 3).unwrap(), b"abc");
        fs::write(&path, "abc").unwrap();
        assert!(!sources.have_changed());
        fs::write(&path, "abcd").unwrap();
        assert!(sources.have_changed());
        assert_eq!(sources.read(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        fs::remove_file(&path).unwrap();
        assert!(sources.have_changed());
    }

    #[test]
    fn the_way_kubernetes_swaps_a_volume_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (version, content) in [("..v1", "old"), ("..v2", "new")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("key"), content).unwrap();
        }
        symlink("..v1", at("..data")).unwrap();
        symlink("..data/key", at("key")).unwrap();
        let mut sources = Sources::default();
        assert_eq!(*sources.read(&at("key"), 10).unwrap(), b"old");
        assert!(!sources.have_changed());
        symlink("..v2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        assert!(sources.have_changed());
        assert_eq!(*sources.read(&at("key"), 10).unwrap(), b"new");
    }
}
