//! `/metrics` and the pages of health on an address of their own, which answers as long as the process runs: also when the
//! node takes no more connections. Whoever can reach that address may see everything.

use super::{health, metrics, text, wrong_method};
use crate::health::Health;
use crate::metrics::Figures;
use crate::net::front::{self, Answer, FrontLimits, Outcome, Router};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};

/// Pages for operators.
#[derive(Clone)]
pub struct Pages {
    pub health: Arc<Health>,
    pub figures: Figures,
}

impl Router for Pages {
    type Context = Infallible;
    type Body = Full<Bytes>;

    async fn route(&self, request: Request<Incoming>, _peer: SocketAddr) -> Answer<Infallible, Full<Bytes>> {
        let missing = || text(StatusCode::NOT_FOUND, "Nothing here but /metrics, /livez, /readyz and /health.\n");
        Answer::Plain(self.answer(&request, true).await.unwrap_or_else(missing))
    }
}

impl Pages {
    /// None: it is none of them, or not for whoever may not see everything.
    pub async fn answer(&self, request: &Request<Incoming>, may_see: bool) -> Option<Response<Full<Bytes>>> {
        let (path, query) = (request.uri().path(), request.uri().query());
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if path == metrics::PATH && may_see {
            return Some(if is_read { metrics::answer(&self.figures).await } else { wrong_method("GET, HEAD") });
        }
        let answer = health::answer(&self.health, path, query, may_see)?;
        Some(if is_read { answer } else { wrong_method("GET, HEAD") })
    }
}

/// Serves them on a thread of their own, until the process ends.
pub fn spawn(listener: TcpListener, pages: Pages) -> io::Result<()> {
    let run = move || match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
        Ok(runtime) => runtime.block_on(serve(listener, pages)),
        Err(error) => tracing::error!(event = "watch_not_open", %error),
    };
    std::thread::Builder::new().name("watch".to_owned()).spawn(run)?;
    Ok(())
}

async fn serve(listener: TcpListener, pages: Pages) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(event = "watch_not_open", %error),
    };
    let server = Rc::new(front::server(FrontLimits::default()));
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (server, pages) = (server.clone(), pages.clone());
                tokio::task::spawn_local(async move {
                    if let Outcome::Failed(error) = front::accept_http(&server, stream, peer, &pages).await {
                        tracing::debug!(event = "http_failed", %error);
                    }
                });
            }
            Err(error) => {
                tracing::warn!(event = "accept_failed", %error);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
