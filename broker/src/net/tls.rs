//! TLS for listeners that ask for it: the certificate, which can be renewed while connections are open, and the handshake.

use super::early::Early;
use parking_lot::RwLock;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use std::fmt::{Debug, Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Where a certificate and its key are, as PEM files.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What is wrong with them.
#[derive(Debug, PartialEq, Eq)]
pub struct BadCertificate(String);

impl Display for BadCertificate {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

pub struct Tls {
    files: CertificateFiles,
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
}

/// The certificate in force. Whoever shakes hands takes a copy of the pointer.
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().clone())
    }
}

impl Debug for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown")
    }
}

impl Tls {
    /// # Errors
    /// The file, and what is wrong with it.
    pub fn open(files: CertificateFiles) -> Result<Arc<Tls>, BadCertificate> {
        let shown = Arc::new(Shown(RwLock::new(Arc::new(read(&files)?))));
        let provider = Arc::new(ring::default_provider());
        let failed = |error: rustls::Error| BadCertificate(format!("TLS is not to be had: {error}"));
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.map_err(failed)?.with_no_client_auth().with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Whoever comes back shows a ticket and is spared the signature: nothing is kept here for it.
        config.ticketer = ring::Ticketer::new().map_err(failed)?;
        config.send_tls13_tickets = 1;
        Ok(Arc::new(Tls { files, shown, acceptor: TlsAcceptor::from(Arc::new(config)) }))
    }

    /// Reads the files again. Connections that are open keep what they have; a file that is wrong changes nothing.
    ///
    /// # Errors
    /// As [`Tls::open`].
    pub fn renew(&self) -> Result<(), BadCertificate> {
        *self.shown.0.write() = Arc::new(read(&self.files)?);
        Ok(())
    }

    /// # Errors
    /// What came was no TLS, or none that both sides speak.
    pub async fn shake_hands(&self, stream: Early<TcpStream>) -> io::Result<TlsStream<Early<TcpStream>>> {
        self.acceptor.accept(stream).await
    }
}

fn read(files: &CertificateFiles) -> Result<CertifiedKey, BadCertificate> {
    let bad = |path: &Path, what: &dyn Display| BadCertificate(format!("{}: {what}", path.display()));
    let CertificateFiles { certificate, key } = files;
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| bad(certificate, &error))?;
    if chain.is_empty() {
        return Err(bad(certificate, &"there is no certificate in it (a PEM file that begins with BEGIN CERTIFICATE)"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, &error))?;
    let signs = ring::sign::any_supported_type(&secret).map_err(|error| bad(key, &error))?;
    let certified = CertifiedKey::new(chain, signs);
    match certified.keys_match() {
        // Of a key that does not show its public half nobody can tell.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(error) => {
            let what = format!("it is not the key of the certificate in {}: {error}", certificate.display());
            Err(bad(key, &what))
        }
    }
}
