//! One connection to a backend, kept for the next question.

use super::sign;
use crate::net::reach::Target;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rookery_protocol::limits;
use tokio::task::JoinHandle;

/// Hyper takes no less.
const HEAD_BYTES: usize = 8192;

pub struct Link {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

/// What a question is, on the way.
#[derive(Clone)]
pub struct Letter {
    pub body: Bytes,
    pub signature: Option<String>,
}

pub enum Trouble {
    /// The connection ended before anything of an answer came: it may have been idle for too long.
    Gone(String),
    Failed(String),
}

impl Link {
    pub async fn open(target: &Target) -> Result<Link, String> {
        let socket = target.connect().await?;
        let handshake = http1::Builder::new().max_buf_size(HEAD_BYTES).handshake(TokioIo::new(socket)).await;
        let (sender, connection) = handshake.map_err(|error| error.to_string())?;
        let driver = tokio::spawn(async move {
            // Whoever asks is told by the sender how it ended.
            let _ = connection.await;
        });
        Ok(Link { sender, driver })
    }

    pub fn is_usable(&self) -> bool {
        !self.sender.is_closed()
    }

    /// The answer's body, and whether its status was 200.
    pub async fn ask(&mut self, target: &Target, letter: Letter) -> Result<Bytes, Trouble> {
        let gone = |error: hyper::Error| Trouble::Gone(error.to_string());
        let failed = |why: String| Trouble::Failed(why);
        self.sender.ready().await.map_err(gone)?;
        let mut request = Request::post(target.path())
            .header(HOST, target.authority())
            .header(USER_AGENT, concat!("rookery/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json");
        if let Some(signature) = letter.signature {
            request = request.header(sign::HEADER, signature);
        }
        let request = request.body(Full::new(letter.body)).map_err(|error| failed(error.to_string()))?;
        let answer = self.sender.send_request(request).await.map_err(gone)?;
        let status = answer.status();
        if status != StatusCode::OK {
            // A redirect is not followed: questions go where the configuration says.
            return Err(failed(format!("the answer's status is {status}, not 200")));
        }
        let body = Limited::new(answer.into_body(), limits::HOOK_ANSWER_BYTES as usize).collect().await;
        let too_large = || format!("no whole answer of at most {} bytes", limits::HOOK_ANSWER_BYTES);
        body.map(|body| body.to_bytes()).map_err(|error| failed(format!("{}: {error}", too_large())))
    }
}

/// What nobody waits for is not read on.
impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
