#!/usr/bin/env bash
# Bun's own WebSocket server, with our rooms in bun/: scripts/peers/bun.sh install | version | serve PORT
. "$(dirname "$0")/common.sh"

install() { npm_install; }
version() { npm_version bun; }
serve() { exec env NODE_ENV=production "$peers/npm/node_modules/.bin/bun" "$(npm_server bun)" "$1"; }

main "$@"
