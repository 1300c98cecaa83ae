#!/bin/sh
# Runs docs/tutorial.md as it stands: a node, a client and a backend, a kill -9 in the middle of a conversation.
#
# It needs Node 20 or newer, bash and curl (Debian: nodejs curl). Where Node is missing that is said, loudly; set
# CLIENTS_REQUIRED=1 to fail instead, as CI does.
set -eu

cd "$(dirname "$0")/.."

version=$(node --version 2>/dev/null || echo none)
major=$(echo "$version" | sed -n 's/^v\([0-9]*\)\..*/\1/p')
if [ "${major:-0}" -lt 20 ]; then
    echo "=================================================================="
    echo "  TUTORIAL SKIPPED: Node 20 or newer is needed, and here is: $version"
    echo "  docs/tutorial.md did NOT run."
    echo "=================================================================="
    if [ -n "${CLIENTS_REQUIRED:-}" ]; then exit 1; fi
    exit 0
fi

cargo test --quiet --locked -p rookery --test documents -- --ignored --exact stories::tutorial --nocapture
