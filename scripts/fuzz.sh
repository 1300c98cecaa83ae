#!/usr/bin/env bash
# A bounded time on each fuzz target, from its kept corpus. Needs the nightly toolchain; installs cargo-fuzz if absent.
set -euo pipefail
cd "$(dirname "$0")/.."
SECONDS_EACH="${SECONDS_EACH:-60}"

if ! cargo fuzz --version >/dev/null 2>&1; then
    cargo install cargo-fuzz --locked
fi
for crate in protocol broker; do
    for target in $(cd "$crate" && cargo +nightly fuzz list); do
        echo "== $crate: $target for $SECONDS_EACH s"
        (cd "$crate" && cargo +nightly fuzz run "$target" "fuzz/corpus/$target" -- -max_total_time="$SECONDS_EACH" -timeout=1)
    done
done
