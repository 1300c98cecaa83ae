#!/bin/sh
# Lets schemathesis read the OpenAPI document of a running node and ask everything that it allows and much that it does not:
#   scripts/schemathesis.sh [requests per operation]
#
# It starts a node of its own (the binary that the workspace's tests built) and installs schemathesis from PyPI, pinned, into
# the target folder. Where there is no Python 3.10 or no network, it says so, loudly, and ends well: broker/tests/rest/ asks
# each request good and bad, too, and always runs. Set SCHEMATHESIS_REQUIRED=1 to fail instead.
set -eu

cd "$(dirname "$0")/.."
examples=${1:-12}
target=${CARGO_TARGET_DIR:-target}
home=$target/schemathesis
mkdir -p "$home"
home=$(cd "$home" && pwd)
data=$(mktemp -d)
server=

finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
    rm -rf "$data"
}
trap finish EXIT INT TERM

skipped() {
    echo "=================================================================="
    echo "  SCHEMATHESIS SKIPPED: $1"
    echo "  The description was NOT held against the node."
    echo "=================================================================="
    if [ -n "${SCHEMATHESIS_REQUIRED:-}" ]; then exit 1; fi
    exit 0
}

if ! cmp -s scripts/schemathesis.txt "$home/installed.txt"; then
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || skipped "no Python 3.10"
    rm -rf "$home/venv"
    {
        python3 -m venv "$home/venv" &&
            "$home/venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/schemathesis.txt
    } >"$home/install.log" 2>&1 || skipped "its packages could not be installed, see $home/install.log"
    cp scripts/schemathesis.txt "$home/installed.txt"
fi

# As `make test` builds it: with other features everything would be built once more.
cargo test --quiet --workspace --locked --no-run --test rest
# An address of an earlier run must not be taken for this one's.
: >"$home/server.log"
export ROOKERY_AUTH__SECRET="a secret of this run alone, and long enough"
"$target/debug/rookery" serve --listen 127.0.0.1:0 --data "$data" --user-commands-per-second 0 \
    --room-events-per-second 0 >"$home/server.log" 2>"$home/node.log" &
server=$!
url=
tries=0
while [ -z "$url" ]; do
    url=$(sed -n 's/^listening *\([0-9.:]*\).*/http:\/\/\1/p' "$home/server.log")
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ]; then
        cat "$home/server.log" "$home/node.log"
        exit 1
    fi
    [ -n "$url" ] || sleep 0.1
done
token=$("$target/debug/rookery" token schemathesis --backend --data "$data")

cp scripts/schemathesis.toml scripts/schemathesis_hooks.py "$home"
cd "$home"
venv/bin/schemathesis --config-file schemathesis.toml run "$url/v1/openapi.json" \
    --header "Authorization: Bearer $token" --max-examples "$examples" --generation-deterministic \
    --request-timeout 20 --no-color --output-sanitize true
kill -0 "$server" || { echo "the node has ended"; exit 1; }
