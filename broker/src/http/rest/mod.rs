//! REST under `/v1/`: a request is a command, its answer the command's reply.
//!
//! - [`routes`]: the table. [`ask`]: from a request to a command. [`answer`]: from a reply, or a fault, to a response.
//! - [`openapi`]: the description at `/v1/openapi.json`; [`viewer`]: the page at `/v1/docs` that shows it.
//!
//! Nothing is decided here: a command goes to the [`Desk`], and from there on the way of every command.

mod answer;
mod ask;
mod openapi;
#[cfg(test)]
mod reference;
mod routes;
mod viewer;

use crate::auth::Tokens;
use crate::metrics::node::Requests;
use crate::shard::calls::Desk;
use answer::Fault;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use axum::{Router, body::Body};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Method;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, InvalidHeaderValue};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::reply::Refusal;
use routes::{ROUTES, Route};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tower::ServiceExt;

pub const PREFIX: &str = "/v1/";

/// Shared by all shards.
#[derive(Clone)]
pub struct Rest {
    router: Router,
    ids: Arc<Ids>,
    requests: Arc<Requests>,
}

struct Office {
    desk: Desk,
    tokens: Arc<Tokens>,
}

impl Rest {
    /// `run`: makes the ids of requests of one start differ from another's.
    pub fn new(desk: Desk, tokens: Arc<Tokens>, run: u64, requests: Arc<Requests>) -> Rest {
        let mut paths: BTreeMap<String, MethodRouter<Arc<Office>>> = BTreeMap::new();
        for route in ROUTES {
            for path in std::iter::once(route.path.to_owned()).chain(route.direct()) {
                let methods = paths.entry(path).or_default();
                *methods = std::mem::take(methods).on(filter(&route.method), handler(route));
            }
        }
        let mut router = Router::new();
        for (path, methods) in paths {
            router = router.route(&path, methods);
        }
        let router = viewer::routes(router)
            .fallback(async || Fault::from(ErrorCode::NoSuchPath).response())
            .method_not_allowed_fallback(async || Fault::from(ErrorCode::WrongMethod).response())
            .with_state(Arc::new(Office { desk, tokens }));
        Rest { router, ids: Arc::new(Ids { run, next: AtomicU64::new(0) }), requests }
    }

    pub async fn answer(&self, request: hyper::Request<Incoming>) -> Response<Full<Bytes>> {
        let id = request.headers().get(ID_HEADER).filter(|id| is_id(id)).cloned();
        let id = id.or_else(|| self.ids.next().ok());
        let head = (request.method().clone(), request.version());
        let answered = match ask::check_path(request.uri().path()) {
            Ok(()) => match self.router.clone().oneshot(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Err(fault) => fault.response(),
        };
        self.requests.answered(answered.status().as_u16());
        tracing::debug!(event = "request", method = %head.0, status = answered.status().as_u16(), id = ?id);
        let (mut parts, body) = answered.into_parts();
        if let Some(id) = id {
            parts.headers.insert(ID_HEADER, id);
        }
        // Ours are whole already.
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Response::from_parts(parts, Full::new(body))
    }
}

fn filter(method: &Method) -> MethodFilter {
    match *method {
        Method::POST => MethodFilter::POST,
        Method::PUT => MethodFilter::PUT,
        Method::PATCH => MethodFilter::PATCH,
        Method::DELETE => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}

type Served = Pin<Box<dyn Future<Output = Response> + Send>>;
type PathParams = Result<RawPathParams, RawPathParamsRejection>;

fn handler(
    route: &'static Route,
) -> impl Fn(State<Arc<Office>>, PathParams, Request) -> Served + Clone + Send + Sync + 'static {
    move |State(office), path, request| {
        Box::pin(async move { serve(&office, route, path, request).await.unwrap_or_else(|fault| fault.response()) })
    }
}

async fn serve(office: &Office, route: &Route, path: PathParams, request: Request) -> Result<Response, Fault> {
    let who = ask::principal(&office.tokens, request.headers())?;
    let path = path.map_err(|_| Refusal::because(ErrorCode::Malformed, "the path is not UTF-8"))?;
    let uri = request.uri().clone();
    let asked = ask::read(route, &path, request).await?;
    let reply = office.desk.ask(Arc::new(who), asked).await;
    answer::write(route, &uri, reply)
}

const ID_HEADER: &str = "x-request-id";

/// A request that brings an id keeps it.
fn is_id(id: &HeaderValue) -> bool {
    (1..=64).contains(&id.len()) && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

struct Ids {
    run: u64,
    next: AtomicU64,
}

impl Ids {
    fn next(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        let mut id = String::with_capacity(24);
        let _ = write!(id, "{:x}-{:x}", self.run, self.next.fetch_add(1, Ordering::Relaxed));
        HeaderValue::from_str(&id)
    }
}
