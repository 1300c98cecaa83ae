//! TLS for clients that speak none: an address of this machine whose bytes go to a node's TLS listener, sealed.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, IpAddr, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// Leads to `node`, if it shows a certificate that `trusted` vouches for; to nowhere else. `before` is said first, in plain.
/// It lasts as long as the test.
pub fn to(node: SocketAddr, trusted: &str, before: &[u8]) -> SocketAddr {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let connector = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (address, before) = (listener.local_addr().unwrap(), before.to_owned());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(carry(client, node, connector.clone(), before.clone()));
            }
        });
    });
    address
}

/// However it ends, both ends see it.
async fn carry(mut client: TcpStream, node: SocketAddr, connector: TlsConnector, before: Vec<u8>) {
    let Ok(mut socket) = TcpStream::connect(node).await else { return };
    if socket.write_all(&before).await.is_err() {
        return;
    }
    let name = ServerName::IpAddress(IpAddr::from(node.ip()));
    if let Ok(mut sealed) = connector.connect(name, socket).await {
        let _ = tokio::io::copy_bidirectional(&mut client, &mut sealed).await;
    }
}
