//! The socket that fastwebsockets believes it reads from: one whole frame of bytes already received.

use std::cell::RefCell;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use fastwebsockets::{Frame, Role, WebSocket, WebSocketError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Received bytes, and the part of them that the parser may read now.
pub(super) struct Feed {
    pub(super) bytes: Vec<u8>,
    from: usize,
    to: usize,
}

impl Feed {
    pub(super) fn new(space: usize) -> Feed {
        Feed { bytes: vec![0; space], from: 0, to: 0 }
    }
}

/// One fastwebsockets parser, shared by all connections of a shard.
///
/// It is given exactly one frame at a time and asked exactly once, so between two frames it holds nothing: its only
/// state that could belong to a connection is its buffer, and that is empty then.
pub(super) struct Parser {
    feed: Rc<RefCell<Feed>>,
    socket: WebSocket<FeedIo>,
}

struct FeedIo(Rc<RefCell<Feed>>);

impl Parser {
    pub(super) fn new(feed: Rc<RefCell<Feed>>) -> Parser {
        let mut socket = WebSocket::after_handshake(FeedIo(Rc::clone(&feed)), Role::Server);
        // Answers are the caller's business: it has to keep their order with everything else it writes.
        socket.set_auto_close(false);
        socket.set_auto_pong(false);
        Parser { feed, socket }
    }

    /// Unmasks the frame that lies in `from..to` of the feed.
    ///
    /// `largest` is the message limit; the parser's own limit is exclusive and must not refuse what the guard accepts.
    #[inline]
    pub(super) fn parse(&mut self, from: usize, to: usize, largest: usize) -> Result<Frame<'static>, WebSocketError> {
        {
            let mut feed = self.feed.borrow_mut();
            feed.from = from;
            feed.to = to;
        }
        self.socket.set_max_message_size(largest.saturating_add(1));
        let parsed = {
            let read = pin!(self.socket.read_frame());
            match read.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(parsed) => parsed,
                // The feed always answers at once.
                Poll::Pending => Err(WebSocketError::UnexpectedEOF),
            }
        };
        if parsed.is_err() {
            // Whatever it still holds belongs to a connection that is about to be closed.
            *self = Parser::new(Rc::clone(&self.feed));
        }
        parsed
    }
}

impl AsyncRead for FeedIo {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut feed = self.0.borrow_mut();
        let (from, to) = (feed.from, feed.to);
        let take = into.remaining().min(to - from);
        into.put_slice(&feed.bytes[from..from + take]);
        feed.from += take;
        Poll::Ready(Ok(()))
    }
}

/// fastwebsockets asks for a writer as well; nothing is ever written through it.
impl AsyncWrite for FeedIo {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
