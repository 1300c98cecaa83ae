#!/usr/bin/env bash
# NATS over WebSocket without TLS: scripts/peers/nats-websocket.sh install | version | serve PORT
. "$(dirname "$0")/common.sh"

install() { go_install github.com/nats-io/nats-server/v2 "$NATS" nats-server; }
version() { echo "$NATS"; }
serve() {
    # Its TCP listener cannot be left out: any free port.
    cat >"$peers/nats-websocket-$1.conf" <<CONF
listen: "127.0.0.1:-1"
websocket { listen: "127.0.0.1:$1", no_tls: true }
CONF
    exec "$peers/nats-server-$NATS/nats-server" --config "$peers/nats-websocket-$1.conf"
}

main "$@"
