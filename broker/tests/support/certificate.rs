//! A certificate that vouches for itself, for 127.0.0.1, as long as a test runs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;

pub struct Certificate {
    pub pem: String,
    /// Its private key.
    pub key: String,
    pub server: Arc<ServerConfig>,
}

/// One element of DER.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match length {
        0..=0x7f => out.push(length as u8),
        0x80..=0xff => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(content);
    out
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

const ECDSA_WITH_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const EC_PUBLIC_KEY: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const COMMON_NAME: [u8; 3] = [0x55, 4, 3];
const ALTERNATIVE_NAMES: [u8; 3] = [0x55, 0x1d, 0x11];

impl Certificate {
    pub fn new() -> Certificate {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let oid = |bytes: &[u8]| element(6, bytes);
        let signed = sequence(&[oid(&ECDSA_WITH_SHA256)]);
        let name = sequence(&[element(0x31, &sequence(&[oid(&COMMON_NAME), element(0x0c, b"a test")]))]);
        let validity = sequence(&[element(0x17, b"200101000000Z"), element(0x17, b"491231235959Z")]);
        let point = [&[0], key.public_key().as_ref()].concat();
        let info = sequence(&[sequence(&[oid(&EC_PUBLIC_KEY), oid(&P256)]), element(3, &point)]);
        let address = element(4, &sequence(&[element(0x87, &[127, 0, 0, 1])]));
        let extensions = element(0xa3, &sequence(&[sequence(&[oid(&ALTERNATIVE_NAMES), address])]));
        let body = sequence(&[
            element(0xa0, &element(2, &[2])),
            element(2, &[1]),
            signed.clone(),
            name.clone(),
            validity,
            name,
            info,
            extensions,
        ]);
        let signature = [&[0], key.sign(&random, &body).unwrap().as_ref()].concat();
        let der = sequence(&[body, signed, element(3, &signature)]);
        let (pem, private) = (pem("CERTIFICATE", &der), pem("PRIVATE KEY", pkcs8.as_ref()));
        let own = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.as_ref().to_vec()));
        let server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(der)], own)
            .unwrap();
        Certificate { pem, key: private, server: Arc::new(server) }
    }
}
