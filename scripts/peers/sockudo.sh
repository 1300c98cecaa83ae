#!/usr/bin/env bash
# Sockudo, with its default features: scripts/peers/sockudo.sh install | version | serve PORT
. "$(dirname "$0")/common.sh"

install() {
    needs cargo
    if is_there "sockudo-$SOCKUDO"; then return 0; fi
    needs "${PROTOC:-protoc}" "Debian: protobuf-compiler libprotobuf-dev; or PROTOC=/path/to/protoc"
    # From its own folder, so that nothing of this repository's configuration applies; it takes minutes.
    (cd "$peers" && cargo install --quiet --locked -j "${PEER_JOBS:-1}" --root "$peers/sockudo-$SOCKUDO" \
        --target-dir "$peers/sockudo-build" sockudo --version "=$SOCKUDO") || fail "cargo install sockudo failed"
    rm -rf "$peers/sockudo-build"
    complete "sockudo-$SOCKUDO"
}
version() { echo "$SOCKUDO"; }
serve() {
    # Memory for everything (its queue asks for Redis otherwise), no limits of rates (by default 20 connections a minute of
    # one address), and no listener for metrics. 0 means no limit.
    cat >"$peers/sockudo-$1.toml" <<TOML
host = "127.0.0.1"
port = $1
max_connections = 0

[queue]
driver = "memory"

[rate_limiter]
enabled = false

[metrics]
enabled = false

[[app_manager.array.apps]]
id = "app-id"
key = "app-key"
secret = "app-secret"
enabled = true
max_connections = 0
max_client_events_per_second = 0
enable_client_messages = true
TOML
    cd "$peers" # where there is no config/config.toml that it would read first
    exec env RUST_LOG=error "$peers/sockudo-$SOCKUDO/bin/sockudo" --config "$peers/sockudo-$1.toml"
}

main "$@"
