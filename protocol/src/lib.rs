//! Words and bytes.
