#!/usr/bin/env bash
# The npm package ws, with our server in ws/: scripts/peers/ws.sh install | version | serve PORT
. "$(dirname "$0")/common.sh"

install() { npm_install; }
version() { echo "$(npm_version ws), Node $(node -p process.versions.node)"; }
serve() { exec env NODE_ENV=production node "$(npm_server ws)" "$1"; }

main "$@"
