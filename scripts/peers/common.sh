# shellcheck shell=bash
# What the scripts beside this one share; each of them is called as
#
#   NAME.sh install       gets the peer from its public package into target/peers, once
#   NAME.sh version       says which version that is
#   NAME.sh serve PORT    serves on 127.0.0.1:PORT in the foreground, under the pid that it was called with
#
# Versions: these, and for what comes from npm package.json beside this file.
set -euo pipefail
export NATS=2.15.2
export CENTRIFUGO=6.9.1
export SOCKUDO=5.2.0

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peers=${CARGO_TARGET_DIR:-$scripts/../../target}/peers
mkdir -p "$peers"
peers=$(cd "$peers" && pwd)

fail() {
    echo "${0##*/}: $1" >&2
    exit 1
}

needs() {
    command -v "$1" >/dev/null || fail "$1 is missing${2:+ ($2)}"
}

# $1: what is called by its version when it is complete. Whatever is left of an attempt does not count as it.
is_there() {
    [ -f "$peers/$1/complete" ]
}

complete() {
    touch "$peers/$1/complete"
}

# The Go module $1 at version $2, as the program $3 in its own folder; built without touching this repository.
go_install() {
    needs go "Debian: golang, or go.dev"
    if is_there "$3-$2"; then return 0; fi
    (cd "$peers" && GOBIN="$peers/$3-$2" GOFLAGS="${GOFLAGS:-} -p=${PEER_JOBS:-1}" go install "$1@v$2") ||
        fail "go install $1@v$2 failed"
    complete "$3-$2"
}

# All packages of npm at once, as package-lock.json has them.
npm_install() {
    needs npm "with Node 20 or later"
    if cmp -s "$scripts/package-lock.json" "$peers/npm/complete"; then return 0; fi
    mkdir -p "$peers/npm"
    cp "$scripts/package.json" "$scripts/package-lock.json" "$peers/npm/"
    (cd "$peers/npm" && npm ci --no-audit --no-fund --loglevel=error) || fail "npm ci failed"
    cp "$peers/npm/package-lock.json" "$peers/npm/complete"
}

npm_version() {
    node -p "require('$peers/npm/node_modules/$1/package.json').version"
}

# A module finds its packages from where it lies, so $1/server.mjs is copied beside them, and its place there printed.
npm_server() {
    cp "$scripts/$1/server.mjs" "$peers/npm/$1.mjs"
    echo "$peers/npm/$1.mjs"
}

# What `case` does at the end of each script: $1 and $2 are its arguments.
main() {
    case ${1:-} in
    install) install ;;
    version) version ;;
    serve)
        [[ ${2:-} =~ ^[0-9]+$ ]] || fail "usage: $0 serve PORT"
        install >&2
        serve "$2"
        ;;
    *) fail "usage: $0 install | version | serve PORT" ;;
    esac
}
