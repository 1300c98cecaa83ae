//! The edge alone, bytes to messages: a stand-in for homes hands it what they would say.

mod admitting;
mod bench;
mod budget;
mod catching_up;
mod closing;
mod entering;
mod ladder;
mod storm;
mod subscribing;
mod writing;

/// For tests beside the code.
pub(super) fn principal(user: &str) -> rookery_protocol::principal::Principal {
    bench::principal(user).unwrap()
}
