//! A stream of which something was read before its reader came: that is read first.

use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Debug)]
pub struct Early<S> {
    stream: S,
    read: Bytes,
}

impl<S> Early<S> {
    pub fn new(stream: S, read: Bytes) -> Early<S> {
        Early { stream, read }
    }

    /// The stream, and what is still to be read before it.
    pub fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.read)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Early<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let early = self.get_mut();
        if early.read.is_empty() {
            return Pin::new(&mut early.stream).poll_read(cx, into);
        }
        let count = early.read.len().min(into.remaining());
        into.put_slice(&early.read.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Early<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test(flavor = "current_thread")]
    async fn what_was_read_comes_first_however_little_is_asked_for() {
        let mut early = Early::new(&b" the rest"[..], Bytes::from_static(b"what came first,"));
        let mut all = Vec::new();
        let mut three = [0; 3];
        loop {
            match early.read(&mut three).await.unwrap() {
                0 => break,
                count => all.extend_from_slice(&three[..count]),
            }
        }
        assert_eq!(all, b"what came first, the rest");
        assert!(early.into_parts().1.is_empty());
    }
}
