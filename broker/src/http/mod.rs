//! What a fresh socket is asked first: HTTP, answered here or turned into a connection.

mod demo;
mod health;
mod metrics;
mod native;
pub mod rest;
pub mod watch;

pub use demo::Guests;

use crate::net::addresses::Pass;
use crate::net::early::Early;
use crate::net::entrance::{self, Caller, Entrance};
use crate::net::front::{self, Answer, FrontLimits, Outcome, Router};
use crate::net::origin::OriginPolicy;
use crate::net::sealed::Sealed;
use crate::net::tls::Tls;
use crate::shard::cell::Arrival;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1::Builder;
use hyper::{Request, Response, StatusCode};
use rest::Rest;
use rookery_protocol::dialect::contract::DialectId;
use rookery_protocol::ids::{Realm, RoomKey};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use watch::Pages;

/// What every shard answers requests with. Made once per shard: it is not shared.
pub struct Front {
    server: Builder,
    routes: Rc<Routes>,
}

/// What the routes need to know.
#[derive(Clone)]
pub struct FrontSettings {
    /// Which pages may connect to each realm. The first is that of connections that name none.
    pub origins: Arc<[(Realm, OriginPolicy)]>,
    /// None: this node has no tokens to give away.
    pub guests: Option<Guests>,
    /// What the node shows of itself.
    pub pages: Pages,
    pub rest: Rest,
    pub entrance: Entrance,
}

impl FrontSettings {
    /// The realm that a connection names, or the first, and who may connect to it. None: there is no such realm.
    fn realm(&self, named: Option<&str>) -> Option<&(Realm, OriginPolicy)> {
        match named {
            None => self.origins.first(),
            Some(named) => self.origins.iter().find(|(realm, _)| realm.as_str() == named),
        }
    }
}

struct Routes {
    settings: RefCell<Rc<FrontSettings>>,
}

/// What a route learnt of a request that becomes a connection.
struct Greeting {
    dialect: DialectId,
    realm: Realm,
    path: String,
    query: String,
    token: Option<String>,
    room: Option<RoomKey>,
}

/// A connection, and the one room that its URL named.
pub struct Upgraded {
    pub arrival: Arrival<TcpStream>,
    pub room: Option<RoomKey>,
}

impl Front {
    pub fn new(settings: FrontSettings) -> Front {
        Front {
            server: front::server(FrontLimits::default()),
            routes: Rc::new(Routes { settings: RefCell::new(Rc::new(settings)) }),
        }
    }

    /// Other pages may connect from now on.
    pub fn admit(&self, origins: Vec<(Realm, OriginPolicy)>) {
        let mut settings = self.routes.settings.borrow_mut();
        *settings = Rc::new(FrontSettings { origins: origins.into(), ..(**settings).clone() });
    }

    /// Serves a fresh socket. None: it ended as HTTP.
    pub async fn serve(&self, stream: TcpStream, peer: SocketAddr, tls: Option<&Tls>) -> Option<Upgraded> {
        let entrance = self.routes.settings.borrow().entrance.clone();
        let Caller { stream, peer, pass } = entrance::enter(&entrance, stream, peer).await?;
        let Some(tls) = tls else { return self.ask(stream, peer, pass).await };
        // Boxed: what is only held while hands are shaken is not carried by every connection that asks over HTTP.
        let shaken = Box::pin(tokio::time::timeout(FrontLimits::default().head_within, tls.shake_hands(stream))).await;
        match shaken {
            Ok(Ok(stream)) => Box::pin(self.ask(stream, peer, pass)).await,
            Ok(Err(error)) => {
                tracing::debug!(event = "tls_failed", %error);
                None
            }
            Err(_) => None,
        }
    }

    async fn ask(&self, stream: impl Line, peer: SocketAddr, pass: Pass) -> Option<Upgraded> {
        match front::accept_http(&self.server, stream, peer, &*self.routes).await {
            Outcome::Upgraded { stream, answer, unread, context } => {
                let Greeting { dialect, realm, path, query, token, room } = context;
                let (stream, sealed, behind) = stream.into_parts();
                let early = [&*unread, &*behind].concat();
                let address = Some(peer.ip().to_canonical());
                let arrival =
                    Arrival { stream, sealed, answer, early, dialect, realm, path, query, token, address, pass };
                Some(Upgraded { arrival, room })
            }
            Outcome::Ended => None,
            Outcome::Failed(error) => {
                tracing::debug!(event = "http_failed", %error);
                None
            }
        }
    }
}

/// What a client is served over.
trait Line: AsyncRead + AsyncWrite + Unpin {
    /// The socket, what seals it, and what was read of it and not taken yet.
    fn into_parts(self) -> (TcpStream, Option<Box<Sealed>>, Bytes);
}

impl Line for Early<TcpStream> {
    fn into_parts(self) -> (TcpStream, Option<Box<Sealed>>, Bytes) {
        let (stream, behind) = Early::into_parts(self);
        (stream, None, behind)
    }
}

impl Line for TlsStream<Early<TcpStream>> {
    fn into_parts(self) -> (TcpStream, Option<Box<Sealed>>, Bytes) {
        let (early, session) = self.into_inner();
        // Whatever came before the handshake was part of it.
        let (stream, _) = early.into_parts();
        (stream, Some(Box::new(Sealed::new(session))), Bytes::new())
    }
}

impl Router for Routes {
    type Context = Greeting;
    type Body = Full<Bytes>;

    async fn route(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer<Greeting, Full<Bytes>> {
        let settings = self.settings.borrow().clone();
        match request.uri().path() {
            native::PATH => native::upgrade(&settings, request),
            path if path.starts_with(rest::PREFIX) => Answer::Plain(settings.rest.answer(request).await),
            path if demo::is_at(path) => Answer::Plain(demo::answer(&settings, request).await),
            _ => {
                let missing = || text(StatusCode::NOT_FOUND, "Nothing here. WebSockets connect to /v1/ws.\n");
                Answer::Plain(settings.pages.answer(&request, metrics::is_for(peer)).await.unwrap_or_else(missing))
            }
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn wrong_method(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("Only {allowed} here.\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
