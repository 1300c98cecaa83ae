//! What a fresh socket is asked first: HTTP, answered here or turned into a connection.

mod demo;
mod health;
mod metrics;
mod native;
pub mod rest;
pub mod watch;

pub use demo::Guests;

use crate::net::front::{self, Answer, FrontLimits, Outcome, Router};
use crate::net::origin::OriginPolicy;
use crate::shard::cell::Arrival;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1::Builder;
use hyper::{Request, Response, StatusCode};
use rest::Rest;
use rookery_protocol::dialect::contract::DialectId;
use rookery_protocol::ids::{Realm, RoomKey};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use tokio::net::TcpStream;
use watch::Pages;

/// What every shard answers requests with. Made once per shard: it is not shared.
pub struct Front {
    server: Builder,
    routes: Rc<Routes>,
}

/// What the routes need to know.
#[derive(Clone)]
pub struct FrontSettings {
    /// Of connections that name none.
    pub realm: Realm,
    /// Those that a connection may name.
    pub realms: Arc<[Realm]>,
    pub origins: OriginPolicy,
    /// None: this node has no tokens to give away.
    pub guests: Option<Guests>,
    /// What the node shows of itself.
    pub pages: Pages,
    pub rest: Rest,
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
    pub fn admit(&self, origins: OriginPolicy) {
        let mut settings = self.routes.settings.borrow_mut();
        *settings = Rc::new(FrontSettings { origins, ..(**settings).clone() });
    }

    /// Serves a fresh socket. None: it ended as HTTP.
    pub async fn serve(&self, stream: TcpStream, peer: SocketAddr) -> Option<Upgraded> {
        match front::accept_http(&self.server, stream, peer, &*self.routes).await {
            Outcome::Upgraded { stream, answer, unread, context } => {
                let Greeting { dialect, realm, path, query, token, room } = context;
                let early = unread.to_vec();
                let address = Some(peer.ip().to_canonical());
                let arrival = Arrival { stream, answer, early, dialect, realm, path, query, token, address };
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

impl Router for Routes {
    type Context = Greeting;
    type Body = Full<Bytes>;

    async fn route(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer<Greeting, Full<Bytes>> {
        let settings = self.settings.borrow().clone();
        match request.uri().path() {
            native::PATH => native::upgrade(&settings, request),
            metrics::PATH if metrics::is_for(peer) => Answer::Plain(metrics::answer(&settings.pages)),
            path if path.starts_with(rest::PREFIX) => Answer::Plain(settings.rest.answer(request).await),
            path if demo::is_at(path) => Answer::Plain(demo::answer(&settings, request).await),
            path => {
                let missing = || text(StatusCode::NOT_FOUND, "Nothing here. WebSockets connect to /v1/ws.\n");
                let (query, may_see) = (request.uri().query(), metrics::is_for(peer));
                let health = &settings.pages.health;
                Answer::Plain(health::answer(health, path, query, may_see).unwrap_or_else(missing))
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
