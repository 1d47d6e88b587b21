//! Trained models as files: `DIR/models/<hash>.model`, named by the BLAKE3 of their bytes. A file that is there was written whole, synced and read
//! back; one whose bytes are not what its name says is never given out.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What a file of a model is called after its hash.
const ENDING: &str = "model";

/// The directory of trained models.
#[derive(Clone, Debug)]
pub struct Artifacts {
    folder: PathBuf,
}

/// Why a model cannot be kept or given out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the models in {folder} cannot be written or read")]
    Disk {
        folder: String,
        #[source]
        source: io::Error,
    },
    #[error("there is no model {0} here")]
    Missing(String),
    #[error("the model {0} is damaged: its bytes are not those that were written")]
    Damaged(String),
}

impl Artifacts {
    /// Those of a data directory.
    pub fn in_data(data: &Path) -> Self {
        Self { folder: data.join("models") }
    }

    /// Keeps a model. When it returns, the bytes are on the disk and were read back.
    ///
    /// * `hash`: BLAKE3 of `bytes`, in hexadecimal.
    pub fn put(&self, hash: &str, bytes: &[u8]) -> Result<(), Error> {
        if self.get(hash).is_ok() {
            return Ok(());
        }
        let path = self.path(hash)?;
        let beside = path.with_extension("part");
        let written = fs::create_dir_all(&self.folder)
            .and_then(|()| File::create(&beside))
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&beside, &path))
            .and_then(|()| File::open(&self.folder)?.sync_all());
        written.map_err(|source| self.disk(source))?;
        self.get(hash).map(|_| ())
    }

    /// The bytes of a model.
    pub fn get(&self, hash: &str) -> Result<Vec<u8>, Error> {
        let bytes = match fs::read(self.path(hash)?) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::Missing(hash.to_owned())),
            Err(source) => return Err(self.disk(source)),
        };
        if blake3::hash(&bytes).to_hex().as_str() != hash {
            return Err(Error::Damaged(hash.to_owned()));
        }
        Ok(bytes)
    }

    /// Deletes all models but those named, and what an interrupted write has left. Gives how many.
    pub fn sweep(&self, keep: &BTreeSet<String>) -> Result<usize, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(source) => return Err(self.disk(source)),
        };
        let mut swept = 0;
        for entry in entries {
            let path = entry.map_err(|source| self.disk(source))?.path();
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let is_model = path.extension().is_some_and(|ending| ending == ENDING);
            let is_rest = path.extension().is_some_and(|ending| ending == "part");
            if is_rest || is_model && !keep.contains(&stem) {
                fs::remove_file(&path).map_err(|source| self.disk(source))?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// A hash is a plain word, so that it names a file here and nothing else.
    fn path(&self, hash: &str) -> Result<PathBuf, Error> {
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash { Ok(self.folder.join(hash).with_extension(ENDING)) } else { Err(Error::Missing(hash.to_owned())) }
    }

    fn disk(&self, source: io::Error) -> Error {
        Error::Disk { folder: self.folder.display().to_string(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_given_out_as_it_was_put_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::in_data(folder.path());
        let bytes = b"a model".to_vec();
        let hash = blake3::hash(&bytes).to_hex().to_string();
        assert!(matches!(artifacts.get(&hash), Err(Error::Missing(_))));
        artifacts.put(&hash, &bytes).unwrap();
        artifacts.put(&hash, &bytes).unwrap();
        assert_eq!(artifacts.get(&hash).unwrap(), bytes);
        let path = folder.path().join("models").join(format!("{hash}.model"));
        fs::write(&path, b"a modem").unwrap();
        assert!(matches!(artifacts.get(&hash), Err(Error::Damaged(_))));
        artifacts.put(&hash, &bytes).unwrap();
        assert_eq!(artifacts.get(&hash).unwrap(), bytes, "what is damaged is written anew");
        assert!(artifacts.put(&hash, b"another").is_ok(), "it is there already");
        for odd in ["../../etc/passwd", "", "zz"] {
            assert!(matches!(artifacts.get(odd), Err(Error::Missing(_))));
        }
    }

    #[test]
    fn what_nobody_needs_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::in_data(folder.path());
        assert_eq!(artifacts.sweep(&BTreeSet::new()).unwrap(), 0);
        let put = |bytes: &[u8]| {
            let hash = blake3::hash(bytes).to_hex().to_string();
            artifacts.put(&hash, bytes).unwrap();
            hash
        };
        let (kept, gone) = (put(b"kept"), put(b"gone"));
        fs::write(folder.path().join("models").join("cut.part"), b"half").unwrap();
        assert_eq!(artifacts.sweep(&BTreeSet::from([kept.clone()])).unwrap(), 2);
        assert!(artifacts.get(&kept).is_ok() && artifacts.get(&gone).is_err());
    }
}
