//! Everything a WebSocket client can do wrong, as one closed list with its close code and its words.

/// Why a connection is closed by the guard.
///
/// Each row of the [`table`](Violation::ALL) below has the close code that RFC 6455 section 7.4.1 names for it:
/// 1002 (protocol error), 1007 (not UTF-8), 1008 (policy: too slow), 1009 (too big).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A reserved bit is set, and no extension was negotiated (RFC 6455 section 5.2).
    ReservedBits,
    /// An opcode that is not defined: 3–7 or 11–15.
    UnknownOpcode,
    /// A control frame without FIN (section 5.5).
    FragmentedControl,
    /// A control frame of more than 125 bytes (section 5.5).
    LongControl,
    /// A continuation while no message is being sent in fragments (section 5.4).
    StrayContinuation,
    /// A new text or binary frame inside a fragmented message (section 5.4).
    InterruptedMessage,
    /// A frame from the client without a mask (section 5.1).
    Unmasked,
    /// A length in a longer form than needed, or one with the highest bit set (section 5.2).
    BadLength,
    /// A close frame with a body of one byte, half a code (section 5.5.1).
    HalfCloseCode,
    /// A close code that nobody may send (section 7.4).
    BadCloseCode,
    /// A text message or a close reason that is not UTF-8 (section 8.1).
    NotUtf8,
    /// A message above the limit, by what its headers announce.
    MessageTooBig,
    /// A message in more fragments than the limit; empty ones count.
    TooManyFragments,
    /// A frame or a message that was begun and not finished in time.
    TooSlow,
    /// The parser refused a frame that the guard had let pass. Not reachable; kept so that a future parser version
    /// that is stricter than the guard closes one connection and not the node.
    Refused,
}

impl Violation {
    /// Every violation, for metrics, documents and tests.
    pub const ALL: [Violation; 15] = [
        Violation::ReservedBits,
        Violation::UnknownOpcode,
        Violation::FragmentedControl,
        Violation::LongControl,
        Violation::StrayContinuation,
        Violation::InterruptedMessage,
        Violation::Unmasked,
        Violation::BadLength,
        Violation::HalfCloseCode,
        Violation::BadCloseCode,
        Violation::NotUtf8,
        Violation::MessageTooBig,
        Violation::TooManyFragments,
        Violation::TooSlow,
        Violation::Refused,
    ];

    /// The WebSocket close code to send.
    pub const fn close(self) -> u16 {
        match self {
            Violation::NotUtf8 => 1007,
            Violation::TooSlow => 1008,
            Violation::MessageTooBig | Violation::TooManyFragments => 1009,
            Violation::ReservedBits
            | Violation::UnknownOpcode
            | Violation::FragmentedControl
            | Violation::LongControl
            | Violation::StrayContinuation
            | Violation::InterruptedMessage
            | Violation::Unmasked
            | Violation::BadLength
            | Violation::HalfCloseCode
            | Violation::BadCloseCode
            | Violation::Refused => 1002,
        }
    }

    /// A few words for the close frame's reason and for the log.
    pub const fn why(self) -> &'static str {
        match self {
            Violation::ReservedBits => "a reserved bit is set, no extension was negotiated",
            Violation::UnknownOpcode => "unknown opcode",
            Violation::FragmentedControl => "control frames must not be fragmented",
            Violation::LongControl => "control frames carry at most 125 bytes",
            Violation::StrayContinuation => "continuation without a message",
            Violation::InterruptedMessage => "new message inside a fragmented one",
            Violation::Unmasked => "client frames must be masked",
            Violation::BadLength => "length not in its shortest form",
            Violation::HalfCloseCode => "close frame with half a code",
            Violation::BadCloseCode => "close code that must not be sent",
            Violation::NotUtf8 => "not UTF-8",
            Violation::MessageTooBig => "message too big",
            Violation::TooManyFragments => "message in too many fragments",
            Violation::TooSlow => "message not finished in time",
            Violation::Refused => "frame refused",
        }
    }

    /// The label in metrics and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Violation::ReservedBits => "reserved_bits",
            Violation::UnknownOpcode => "unknown_opcode",
            Violation::FragmentedControl => "fragmented_control",
            Violation::LongControl => "long_control",
            Violation::StrayContinuation => "stray_continuation",
            Violation::InterruptedMessage => "interrupted_message",
            Violation::Unmasked => "unmasked",
            Violation::BadLength => "bad_length",
            Violation::HalfCloseCode => "half_close_code",
            Violation::BadCloseCode => "bad_close_code",
            Violation::NotUtf8 => "not_utf8",
            Violation::MessageTooBig => "message_too_big",
            Violation::TooManyFragments => "too_many_fragments",
            Violation::TooSlow => "too_slow",
            Violation::Refused => "refused",
        }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.why(), self.close())
    }
}

impl std::error::Error for Violation {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn labels_are_distinct_and_reasons_fit_a_close_frame() {
        let labels: HashSet<_> = Violation::ALL.iter().map(|v| v.label()).collect();
        assert_eq!(labels.len(), Violation::ALL.len());
        for v in Violation::ALL {
            // Two bytes of the 125 are the code.
            assert!(v.why().len() <= 123, "{v:?}");
            assert!(matches!(v.close(), 1002 | 1007 | 1008 | 1009), "{v:?}");
        }
    }
}
