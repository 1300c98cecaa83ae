#!/usr/bin/env bash
# NATS over TCP, with its defaults: scripts/peers/nats.sh install | version | serve PORT
. "$(dirname "$0")/common.sh"

install() { go_install github.com/nats-io/nats-server/v2 "$NATS" nats-server; }
version() { echo "$NATS"; }
serve() { exec "$peers/nats-server-$NATS/nats-server" --addr 127.0.0.1 --port "$1"; }

main "$@"
