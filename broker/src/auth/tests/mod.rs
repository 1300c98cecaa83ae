//! What is accepted, and a great deal that is not.

mod bad;
mod certificate;
mod forge;
mod keys;
mod realms;
mod rotation;
mod vectors;
