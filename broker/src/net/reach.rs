//! Reaches somebody over http or https from this node: where it is, whom it trusts, and a socket to it. No redirect is ever
//! followed: what is asked is what the configuration says.

use hyper::Uri;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub struct Target {
    host: String,
    port: u16,
    authority: String,
    path: String,
    /// None: http.
    tls: Option<TlsConnector>,
}

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Target {
    /// `roots`: certificates to trust instead of the public ones.
    pub fn new(url: &str, roots: Option<&Path>) -> Result<Target, String> {
        let uri: Uri = url.parse().map_err(|error| format!("not a URL: {error}"))?;
        let authority = uri.authority().ok_or("a URL without a host")?;
        if authority.as_str().contains('@') {
            return Err("a URL with a user in it".to_owned());
        }
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err("its scheme is neither http nor https".to_owned()),
        };
        let tls = if secure { Some(TlsConnector::from(Arc::new(tls(roots)?))) } else { None };
        Ok(Target {
            // An address of version 6 stands in brackets.
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            tls,
        })
    }

    /// For the header `Host`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub async fn connect(&self) -> Result<Box<dyn Stream>, String> {
        let socket = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| format!("no connection: {error}"))?;
        // Questions and answers are small, and somebody waits for them.
        let _ = socket.set_nodelay(true);
        let Some(tls) = &self.tls else { return Ok(Box::new(socket)) };
        let name = ServerName::try_from(self.host.clone()).map_err(|error| error.to_string())?;
        let socket = tls.connect(name, socket).await.map_err(|error| format!("no TLS: {error}"))?;
        Ok(Box::new(socket))
    }
}

fn tls(roots: Option<&Path>) -> Result<ClientConfig, String> {
    let mut store = RootCertStore::empty();
    match roots {
        None => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
                let certificate = certificate.map_err(|error| wrong(&error))?;
                store.add(certificate).map_err(|error| wrong(&error))?;
            }
            if store.is_empty() {
                return Err(wrong(&"no certificate in it"));
            }
        }
    }
    // Named, so that it does not matter what else of the process has chosen.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(|error| error.to_string())?.with_root_certificates(store).with_no_client_auth())
}
