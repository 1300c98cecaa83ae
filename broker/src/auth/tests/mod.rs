//! What is accepted, and a great deal that is not.

mod bad;
#[path = "../../../tests/support/certificate.rs"]
// Not every test needs all of it.
#[allow(dead_code)]
mod certificate;
mod forge;
mod keys;
mod realms;
mod rotation;
mod vectors;
