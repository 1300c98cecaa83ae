#!/usr/bin/env bash
# A disk that is full and has room again: the node's data on a small tmpfs. Needs root: exit status 77 says so.
set -euo pipefail
cd "$(dirname "$0")/.."

missing() {
    echo "disk-full: not run: $1" >&2
    exit 77
}
[ "$(id -u)" = 0 ] || missing "it needs root, to mount a file system"
cargo=${CARGO:-cargo}
"$cargo" test --locked -p rookery --test full --no-run

small=$(mktemp -d "${TMPDIR:-/tmp}/rookery-full.XXXXXX")
tidy() {
    status=$?
    trap - EXIT INT TERM
    if mountpoint -q "$small"; then
        umount "$small" || umount -l "$small"
    fi
    rm -rf --one-file-system "$small"
    exit "$status"
}
trap tidy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mount -t tmpfs -o size=200m none "$small" || missing "tmpfs cannot be mounted here"
ROOKERY_SMALL_DISK=$small \
    "$cargo" test --locked -p rookery --test full -- --ignored --exact a_full_file_system_costs_nothing_that_was_acked --nocapture
