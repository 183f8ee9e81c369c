//! The tenants file and the files that it names, read again when one of them changes.

use std::path::{Path, PathBuf};

use super::{Directory, sources::Sources};
use crate::config::{Environment, Errors};

/// The tenants file and the files that it names.
pub struct Watch {
    path: PathBuf,
    env: Environment,
    /// What was found when they were last read, well or not.
    sources: Sources,
}

impl Watch {
    /// Reads the tenants file at `path` as [`Directory::load`] does, and watches it from then on.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn begin(path: &Path, env: &Environment) -> Result<(Directory, Self), Errors> {
        let mut watch = Self { path: path.to_owned(), env: env.clone(), sources: Sources::default() };
        let directory = watch.read()?;
        Ok((directory, watch))
    }

    /// Reads all anew if a file is not what it was, and gives what the files then say, or everything that is wrong. It
    /// reads files: it may block.
    pub fn changed(&mut self) -> Option<Result<Directory, Errors>> {
        self.sources.have_changed().then(|| self.read())
    }

    fn read(&mut self) -> Result<Directory, Errors> {
        // A file that changes while it is read has been noted with what was read, so it is seen to change next time.
        let mut sources = Sources::default();
        let directory = Directory::read(&self.path, &self.env, &mut sources);
        self.sources = sources;
        directory
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const FILE: &str = "
tenants:
  - id: login
    telnyx_api_key: { file: key }
    identities: [{ name: a, roles: [reader], certificate: { dns: a } }]
";

    #[test]
    fn a_change_is_told_once_and_an_error_until_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, key) = (folder.path().join("tenants.yaml"), folder.path().join("key"));
        fs::write(&path, FILE).unwrap();
        fs::write(&key, "KEY1").unwrap();
        let (_, mut watch) = Watch::begin(&path, &Environment::default()).unwrap();
        assert!(watch.changed().is_none());

        fs::write(&key, "KEY2").unwrap();
        let directory = watch.changed().unwrap().unwrap();
        assert_eq!(directory.entries()[0].tenant.key.authorization(), "Bearer KEY2");
        assert!(watch.changed().is_none());

        // As is common while several files change one after the other.
        fs::remove_file(&key).unwrap();
        assert!(watch.changed().unwrap().unwrap_err().to_string().contains("the key file can't be read"));
        assert!(watch.changed().is_none());
        fs::write(&key, "KEY3").unwrap();
        assert!(watch.changed().unwrap().is_ok());
        fs::write(&path, FILE.replace("reader", "writer").replace("id: login", "id: Login")).unwrap();
        assert_eq!(watch.changed().unwrap().unwrap_err().len(), 2);
    }
}
