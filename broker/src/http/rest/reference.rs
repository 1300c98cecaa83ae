//! `docs/reference/rest.md`, made from the table of routes; `UPDATE_DOCS=1 cargo test -p rookery rest::reference` writes it
//! anew. Its examples are run, one after another, by `broker/tests/rest/`.

use super::routes::{KEY_HEADER, ROUTES, Route, Source};
use rookery_protocol::catalog::{Needs, answers};
use rookery_protocol::limits;
use std::fmt::Write;

fn page() -> String {
    let mut out = format!(
        "# REST\n\n\
         <!-- Made from `broker/src/http/rest/routes.rs`; a test compares. To change it, change the table and run\n     \
         `UPDATE_DOCS=1 cargo test -p rookery --lib rest::reference`. -->\n\n\
         Requests for backends, below `/v1/`. Each is a command of the [native protocol](../protocol/commands.md), with its\n\
         fields spread over path, query, headers and body, and its answer is the [reply](../protocol/replies.md) in the same\n\
         JSON. A running node describes all of it at `/v1/openapi.json` and shows it at `/v1/docs`.\n\n\
         ## Rules\n\n\
         - `Authorization: Bearer TOKEN` with every request: the same tokens as for WebSockets. The realm is the\n  \
         one that its claim `realm` names, or the main one. A\n  \
           user's token may do what the user may do; commands of backends need `backend` in it (`rookery token NAME --backend`).\n\
         - Names in paths are percent-encoded, slashes too: the room `a/b` is `/v1/rooms/a%2Fb`. A place is `epoch,seq` in a\n  \
           path or query, `[epoch, seq]` in JSON. A list in a query stands as often as it has items.\n\
         - A body is one JSON object of at most {} bytes, sent as `application/json` within {} s.\n\
         - `Idempotency-Key` is the message's [duplicate key](../protocol/rules.md): the same request again, also after a\n  \
           restart or on another connection, gets the first one's place with `\"duplicate\":true`. Only requests that post have\n  \
           one; the others refuse it.\n\
         - `?ack=accepted|local|durable` says what the answer waits for; without it, for the highest level of the store.\n\
         - Lists come in pages; the header `Link` names the next one, and for messages the one before.\n\
         - Every response has `X-Request-Id`: the request's own (up to 64 letters, digits, `-`, `_`, `.`), or ours.\n\
         - A room of two (its name comes from `POST /v1/users/{{user}}/direct`) has the same requests below\n  \
           `/v1/direct/{{direct}}` as others below `/v1/rooms/{{room}}`, as far as they are about messages.\n\
         - All requests of a user share one bucket, as large as the one of its connections.\n\
         - A browser's page on another site cannot read what is answered here: no answer gives it leave (CORS). Pages\n  \
           speak over [WebSockets](../protocol/README.md), for which `auth.allow_origin` names them.\n\n\
         ## Errors\n\n\
         One form, for whatever went wrong; numbers, names and statuses are in [errors](../protocol/errors.md):\n\n\
         ```json\n\
         {{\"code\":1,\"name\":\"malformed\",\"message\":\"The frame or a field of it does not follow the protocol; the detail names which.\",\
         \"detail\":\"field `body`: missing\",\"field\":\"body\",\"retry_after_ms\":0}}\n\
         ```\n\n\
         `detail` and `field` are there where there is something to say. Where coming back makes sense (408, 429, 503),\n\
         `retry_after_ms` says when, and so does `Retry-After`, in whole seconds. `unsure` (503) means that nobody can say\n\
         whether it was done; with a key it is safe to ask again. An answer comes within {} s, or is `unsure`.\n\n\
         ## Examples\n\n\
         Those below are one story, told from the first to the last. `$ROOKERY` is the node's address, `$TOKEN` a backend's\n\
         token, `$PLACE` the place of the message that was posted, as `epoch,seq`:\n\n\
         ```text\n\
         ROOKERY=http://127.0.0.1:8080\n\
         TOKEN=$(rookery token shop --backend)\n\
         ```\n",
        limits::MESSAGE_BYTES,
        limits::REQUEST_BODY_MS / 1000,
        limits::CALL_WAIT_MS / 1000,
    );
    for route in ROUTES {
        one(&mut out, route);
    }
    out
}

fn one(out: &mut String, route: &Route) {
    let row = route.command.row();
    let _ = writeln!(out, "\n## {} `{}`\n\n{}", route.method, route.path, route.says);
    let needs = if row.needs == Needs::Backend { " Needs a backend's token." } else { "" };
    let replies: Vec<_> = answers(route.command).iter().map(|kind| format!("`{}`", kind.word())).collect();
    let (status, replies) = (if route.makes { "201 or 200" } else { "200" }, replies.join(" or "));
    let _ = writeln!(
        out,
        "\nThe command [`{word}`](../protocol/commands.md#{word}).{needs} Answered by {status} with {replies}.",
        word = row.word
    );
    if let Some(path) = route.direct() {
        let _ = writeln!(out, "Also `{path}`.");
    }
    let mut rows = String::new();
    for (source, place) in
        [(Source::Path, "path"), (Source::Query, "query"), (Source::Header, "header"), (Source::Body, "body")]
    {
        for shape in route.fields(source) {
            let word = if source == Source::Header { KEY_HEADER } else { shape.word };
            let _ = writeln!(rows, "| `{word}` | {place} | {} |", if shape.required { "yes" } else { "" });
        }
    }
    if !rows.is_empty() {
        let _ = write!(out, "\n| field | where | needed |\n| --- | --- | --- |\n{rows}");
    }
    let _ = write!(out, "\n```sh\n{}\n```\n", route.curl());
}

#[test]
fn the_page_is_as_the_table_makes_it() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/reference/rest.md");
    let is = std::fs::read_to_string(&file).unwrap_or_default();
    if is == page() {
        return;
    }
    assert!(std::env::var_os("UPDATE_DOCS").is_some(), "stale; UPDATE_DOCS=1 writes it anew");
    std::fs::write(&file, page()).unwrap();
}
