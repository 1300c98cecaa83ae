//! The secret that signs tokens: given by the environment, or made once and kept in the data folder for development.

use ring::rand::{SecureRandom, SystemRandom};
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

#[derive(Clone)]
pub struct Secret {
    bytes: String,
    /// Nobody gave one: this node is in development mode.
    pub development: bool,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// HS256 wants a key as long as its digest (RFC 7518, 3.2).
const MIN_BYTES: usize = 32;
pub const FILE: &str = "dev-secret";

#[derive(Debug, PartialEq, Eq)]
pub enum SecretError {
    TooShort { bytes: usize },
    Unreadable(String),
}

impl std::fmt::Display for SecretError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SecretError::TooShort { bytes } => write!(
                f,
                "it has {bytes} bytes and needs at least {MIN_BYTES} - set a longer one, for example: openssl rand -hex 32"
            ),
            SecretError::Unreadable(why) => f.write_str(why),
        }
    }
}

impl Secret {
    pub fn given(text: String) -> Result<Secret, SecretError> {
        if text.len() < MIN_BYTES {
            return Err(SecretError::TooShort { bytes: text.len() });
        }
        Ok(Secret { bytes: text, development: false })
    }

    /// Reads the development secret of a data folder, or makes it.
    pub fn of_folder(data: &Path) -> Result<Secret, SecretError> {
        let path = data.join(FILE);
        let unreadable =
            |what: &str, error: std::io::Error| SecretError::Unreadable(format!("{}: {what}: {error}", path.display()));
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let secret = Secret::given(text.trim().to_owned())?;
                Ok(Secret { development: true, ..secret })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut random = [0u8; 32];
                SystemRandom::new()
                    .fill(&mut random)
                    .map_err(|_| SecretError::Unreadable("no randomness from the system".to_owned()))?;
                let mut text = String::with_capacity(64);
                for byte in random {
                    let _ = write!(text, "{byte:02x}");
                }
                let mut file = std::fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)
                    .map_err(|e| unreadable("cannot be written", e))?;
                file.write_all(text.as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(|e| unreadable("cannot be written", e))?;
                Ok(Secret { bytes: text, development: true })
            }
            Err(error) => Err(unreadable("cannot be read", error)),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_secret_to_itself() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let first = Secret::of_folder(folder.path()).unwrap();
        let again = Secret::of_folder(folder.path()).unwrap();
        assert!(first.development);
        assert_eq!(first.bytes(), again.bytes());
        let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_short_secret_is_refused_with_the_way_out() {
        let Err(error) = Secret::given("short".to_owned()) else { panic!("accepted") };
        assert!(error.to_string().contains("openssl rand"));
    }
}
