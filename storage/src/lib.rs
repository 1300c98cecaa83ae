//! History that survives.
