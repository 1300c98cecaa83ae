//! One's own message, anew: the whole message is the event.

use super::{fits, talk};
use crate::home::decide::{Context, Decision};
use rookery_protocol::event::EventBody;
use rookery_protocol::ids::{AckLevel, Place};
use rookery_protocol::limits;
use rookery_protocol::message::{BodyKind, Message, MessageExtra};
use std::sync::Arc;

pub(crate) fn decide(
    c: &Context<'_>,
    target: Place,
    kind: Option<BodyKind>,
    body: &[u8],
    metadata: Option<&str>,
    ack: Option<AckLevel>,
) -> Decision {
    let level = c.level(ack)?;
    fits("body", body.len(), limits::BODY_BYTES)?;
    fits("metadata", metadata.map_or(0, str::len), limits::METADATA_BYTES)?;
    talk(c)?;
    let before = c.message(target)?;
    let mut extra = before.extra.clone().unwrap_or_else(|| Box::new(MessageExtra::default()));
    extra.edited_at = Some(c.at);
    if let Some(metadata) = metadata {
        extra.metadata = metadata.to_owned();
    }
    let after = Message {
        kind: kind.unwrap_or(before.kind),
        body: Arc::from(body),
        sender: before.sender.clone(),
        extra: Some(extra),
        ..*before
    };
    let mut proposal = c.propose(EventBody::Edited(Arc::new(after)), None)?;
    proposal.level = level;
    c.go(proposal)
}
