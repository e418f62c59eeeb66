//! One invocation on a connection: a header, then frames; and frames back.

use crate::limits::Limits;
use crate::value::{Fault, Writer};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::codec::FramedRead;
use wrpc_transport::frame::{Decoder, Header, HeaderReadError, encode_invocation};

/// Why no message came.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The connection failed.
    #[error("the connection failed")]
    Connection(#[source] io::Error),
    /// What came is not wRPC, or a frame is larger than it may be.
    #[error("what came is not an invocation of wRPC: {0}")]
    Protocol(String),
    /// The message is larger than it may be.
    #[error("the message is larger than {max} bytes")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// The message came in too many pieces.
    #[error("the message came in more than {max} frames")]
    TooManyFrames {
        /// The limit.
        max: usize,
    },
    /// A frame is for a part of a value that is sent on its own, and no function here has one.
    #[error("a frame does not belong to the message itself")]
    UnexpectedPath,
    /// The message is not what it must be.
    #[error("the message is malformed: {0}")]
    Malformed(Fault),
    /// The message did not come in time.
    #[error("the message did not come within {} seconds", .0.as_secs())]
    Timeout(std::time::Duration),
}

/// Reads the names of the interface and of the function that are invoked.
pub(super) async fn read_header(connection: impl AsyncRead + Unpin, limits: &Limits) -> Result<Header, WireError> {
    let limited = connection.take(limits.header_size_bytes_max as u64);
    Header::read(limited).await.map_err(|error| match error {
        HeaderReadError::IO(error) if is_connection_error(&error) => WireError::Connection(error),
        other => WireError::Protocol(other.to_string()),
    })
}

/// Reads frames until their content is a whole message: until `parse` gives one, or says that it never will.
///
/// `parse` sees all that came each time, so it must not do much before the message is complete.
pub(super) async fn read_message<T>(
    connection: impl AsyncRead + Unpin,
    size_bytes_max: usize,
    frames_max: usize,
    mut parse: impl FnMut(&[u8]) -> Result<T, Fault>,
) -> Result<T, WireError> {
    let mut frames = FramedRead::new(connection, Decoder::new(0, size_bytes_max as u64));
    let mut message = BytesMut::new();
    for _ in 0..frames_max {
        match parse(&message) {
            Err(Fault::Truncated) => {}
            Ok(parsed) => return Ok(parsed),
            Err(fault) => return Err(WireError::Malformed(fault)),
        }
        let Some(frame) = frames.next().await else { return Err(WireError::Malformed(Fault::Truncated)) };
        let frame = frame.map_err(frame_error)?;
        if !frame.path.is_empty() {
            return Err(WireError::UnexpectedPath);
        }
        if message.len() + frame.data.len() > size_bytes_max {
            return Err(WireError::TooLarge { max: size_bytes_max });
        }
        message.extend_from_slice(&frame.data);
    }
    Err(WireError::TooManyFrames { max: frames_max })
}

/// An empty path (its length, 0) and the length of the data.
const FRAME_HEADER_SIZE_BYTES_MAX: usize = 1 + 10;

/// Writes a message in one frame and ends the writing.
pub(super) async fn write_message(mut connection: impl AsyncWrite + Unpin, message: &[u8]) -> io::Result<()> {
    // The frame's own header alone is put together here: a message may have megabytes.
    let mut header = Writer::new(FRAME_HEADER_SIZE_BYTES_MAX);
    header.unsigned(0).and_then(|()| header.unsigned(message.len() as u64)).map_err(io::Error::other)?;
    connection.write_all(&header.into_bytes()).await?;
    connection.write_all(message).await?;
    connection.shutdown().await
}

/// Writes a whole invocation and ends the writing.
pub(super) async fn write_invocation(
    mut connection: impl AsyncWrite + Unpin,
    interface: &str,
    function: &str,
    parameters: Bytes,
) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    encode_invocation(&mut buffer, interface, function, parameters.len())?;
    connection.write_all(&buffer).await?;
    connection.write_all(&parameters).await?;
    connection.shutdown().await
}

fn frame_error(error: io::Error) -> WireError {
    match error.kind() {
        // `Other` is what a framed reader says when a connection ends inside a frame.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => WireError::Malformed(Fault::Truncated),
        _ if is_connection_error(&error) => WireError::Connection(error),
        _ => WireError::Protocol(error.to_string()),
    }
}

fn is_connection_error(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut)
}
