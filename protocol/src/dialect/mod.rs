//! Client languages: the contract that each fulfils, the registry with one line each, and one folder per language.

pub mod contract;
pub mod native_binary;
pub mod native_json;
pub mod registry;
pub mod speak;
