#!/bin/sh
# Tests the JavaScript client and the demo page: types and size, against a scripted socket, against the real broker, and
# in a real browser.
#
# It needs Node 20 or newer with npm, and chromium (Debian: nodejs npm chromium). What is missing is said, loudly, and
# left out; set CLIENTS_REQUIRED=1 to fail instead, as CI does.
set -eu

cd "$(dirname "$0")/.."
root=$(pwd)
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
case $CARGO_TARGET_DIR in /*) ;; *) CARGO_TARGET_DIR=$root/$CARGO_TARGET_DIR ;; esac
export CARGO_TARGET_DIR

skipped() {
    echo "=================================================================="
    echo "  CLIENTS SKIPPED: $1"
    echo "  $2 did NOT run."
    echo "=================================================================="
    if [ -n "${CLIENTS_REQUIRED:-}" ]; then exit 1; fi
}

version=$(node --version 2>/dev/null || echo none)
major=$(echo "$version" | sed -n 's/^v\([0-9]*\)\..*/\1/p')
if [ "${major:-0}" -lt 20 ] || ! command -v npm >/dev/null; then
    skipped "Node 20 or newer with npm is needed, and here is: $version" "The tests of the JavaScript client and of the demo page"
    exit 0
fi

if [ -z "${ROOKERY_BIN:-}" ]; then cargo build --quiet --locked -p rookery; fi
cd clients/javascript
npm ci --no-audit --no-fund || {
    skipped "npm could not install what package-lock.json names" "The tests of the JavaScript client and of the demo page"
    exit 0
}
npm run --silent check
npm run --silent build
npm run --silent test

if [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
    npm run --silent test:browser
else
    skipped "there is no ${CHROMIUM:-/usr/bin/chromium} (apt-get install chromium, or set CHROMIUM)" "The demo page in a browser"
fi
