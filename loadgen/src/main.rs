//! Load and proof.
fn main() {}
