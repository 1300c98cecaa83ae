//! The TLS of a connection that has been upgraded: its socket is read and written by the shard like every other one, with
//! this in between. There is no buffer of plain bytes: what the engine has queued is sealed when the socket is ready.

use rustls::ServerConnection;
use std::io::{self, ErrorKind, IoSlice, Read, Write};

/// Sealed bytes that may wait for the socket, at most: of one write, because the next one waits for them.
const UNSENT_BYTES: usize = 32 * 1024;

pub struct Sealed {
    session: ServerConnection,
    /// The last byte of what was sealed, which nobody was told of: see [`Sealed::send`].
    owes: bool,
}

impl Sealed {
    pub fn new(mut session: ServerConnection) -> Sealed {
        session.set_buffer_limit(Some(UNSENT_BYTES));
        Sealed { session, owes: false }
    }

    /// Seals the first of these bytes, of `queued` in all, and sends them: how many are with the socket. Only when those of
    /// the last call have gone more are sealed.
    ///
    /// Whoever queues must not think that nothing waits while the socket has not taken all that is sealed: it would not
    /// come again, and it would close too early. So, of bytes that were the last ones queued and have not all gone, one
    /// is kept back until they have. It is the last of a frame, never a frame of its own: what is queued ends where a
    /// frame does, and frames are longer than a byte.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] while the socket takes nothing; whatever else ends the connection.
    pub fn send(&mut self, bytes: &[IoSlice<'_>], queued: usize, socket: &mut impl Write) -> io::Result<usize> {
        self.flush(socket)?;
        if std::mem::take(&mut self.owes) {
            return Ok(1);
        }
        let sealed = self.session.writer().write_vectored(bytes)?;
        match self.flush(socket) {
            Err(error) if error.kind() == ErrorKind::WouldBlock && sealed == queued && sealed > 0 => {
                self.owes = true;
                if sealed == 1 { Err(error) } else { Ok(sealed - 1) }
            }
            // More is queued, so whoever queued comes again and meets the same socket.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(sealed),
            Err(error) => Err(error),
            Ok(()) => Ok(sealed),
        }
    }

    /// Reads plain bytes; 0: the end.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] while there are none; what is not TLS, or breaks it.
    pub fn read(&mut self, into: &mut [u8], socket: &mut impl Read) -> io::Result<usize> {
        loop {
            match self.session.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Many leave without a goodbye; what they said before stands by itself.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            if self.session.read_tls(socket)? == 0 {
                return Ok(0);
            }
            self.session.process_new_packets().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }

    /// Says that nothing follows, as far as the socket takes it.
    pub fn say_goodbye(&mut self, socket: &mut impl Write) {
        self.session.send_close_notify();
        // The connection ends either way.
        let _ = self.flush(socket);
    }

    fn flush(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(socket)?;
        }
        Ok(())
    }
}
