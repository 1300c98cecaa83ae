#!/usr/bin/env bash
# The npm package socket.io, with our server in socketio/: scripts/peers/socketio.sh install | version | serve PORT
. "$(dirname "$0")/common.sh"

install() { npm_install; }
version() { echo "$(npm_version socket.io), Node $(node -p process.versions.node)"; }
serve() { exec env NODE_ENV=production node "$(npm_server socketio)" "$1"; }

main "$@"
