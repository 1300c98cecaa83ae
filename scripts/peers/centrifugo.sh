#!/usr/bin/env bash
# Centrifugo with its memory engine: scripts/peers/centrifugo.sh install | version | serve PORT
. "$(dirname "$0")/common.sh"

install() { go_install github.com/centrifugal/centrifugo/v6 "$CENTRIFUGO" centrifugo; }
version() { echo "$CENTRIFUGO"; }
serve() {
    # Anybody may connect, subscribe and publish. Neither history nor presence: they are off by default. It tells its makers
    # of its use unless it is told not to.
    cat >"$peers/centrifugo-$1.json" <<JSON
{
  "http_server": { "address": "127.0.0.1", "port": $1 },
  "log": { "level": "error" },
  "usage_stats": { "disabled": true },
  "client": { "allowed_origins": ["*"], "allow_anonymous_connect_without_token": true, "connection_limit": 0 },
  "channel": {
    "without_namespace": {
      "allow_subscribe_for_client": true,
      "allow_subscribe_for_anonymous": true,
      "allow_publish_for_client": true,
      "allow_publish_for_anonymous": true
    }
  }
}
JSON
    exec "$peers/centrifugo-$CENTRIFUGO/centrifugo" --config "$peers/centrifugo-$1.json"
}

main "$@"
