#!/bin/sh
# Tests what Rookery is shipped with: the systemd unit, the samples for HAProxy and nginx, the compose files, and the
# Dockerfile with the binary that the workspace's tests built (scripts/image.py alone builds one of its own).
#
#   scripts/ship.sh          what fits into two minutes
#   scripts/ship.sh long     starts what compose names, and runs the unit under a systemd of its own
#
# It needs Debian's systemd, haproxy, nginx-light, libnginx-mod-stream, debootstrap and python3-venv, and root for the image;
# the long part iproute2, redis-server, prometheus and what scripts/cassandra.sh needs, too.
# What is missing is said, loudly, and left out; set SHIP_REQUIRED=1 to fail instead, as CI does.
set -eu

cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
home=$target/ship
mkdir -p "$home"
home=$(cd "$home" && pwd)

skipped() { # what is missing; what was not tested
    echo "=================================================================="
    echo "  SHIPPING, IN PART SKIPPED: $1"
    echo "  $2 was NOT tested."
    echo "=================================================================="
    if [ -n "${SHIP_REQUIRED:-}" ]; then exit 1; fi
}

# As `make test` builds it: with other features everything would be built once more.
cargo test --quiet --workspace --locked --no-run --test balancer
rookery=$target/debug/rookery

if ! cmp -s scripts/ship.txt "$home/installed.txt"; then
    rm -rf "$home/venv" "$home/installed.txt"
    if { python3 -m venv "$home/venv" &&
        "$home/venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/ship.txt; } >"$home/install.log" 2>&1; then
        cp scripts/ship.txt "$home/installed.txt"
    fi
fi

# A script that cannot run says why, and 77.
try() {
    what=$1
    shift
    status=0
    "$@" || status=$?
    case $status in
    0) ;;
    77) skipped "see above" "$what" ;;
    *) exit "$status" ;;
    esac
}

if [ "${1:-}" = long ]; then
    try "The unit under systemd" scripts/unit.py --rookery "$rookery"
    if [ -f "$home/installed.txt" ]; then
        try "What compose names" "$home/venv/bin/python" scripts/compose_up.py --rookery "$rookery"
    else
        skipped "packages of python3 are missing, see $home/install.log" "What compose names"
    fi
    exit 0
fi

# Most of what a service can do to the rest of its machine it may not; 20 stands for 2.0.
EXPOSURE=20
if command -v systemd-analyze >/dev/null; then
    unit=configs/systemd/rookery.service
    root=$(mktemp -d)
    mkdir -p "$root/usr/bin" "$root/bin" "$root/lib/systemd" "$root/etc/systemd/system"
    cp -a /lib/systemd/system "$root/lib/systemd/"
    cp /bin/sh "$root/bin/"
    cp "$rookery" "$root/usr/bin/rookery"
    cp "$unit" "$root/etc/systemd/system/"
    # It ends well after words of warning, too.
    said=$(systemd-analyze verify --root="$root" --man=no rookery.service 2>&1) || said="status $?: $said"
    rm -rf "$root"
    if [ -n "$said" ]; then
        echo "$unit: $said"
        exit 1
    fi
    if ! said=$(systemd-analyze security --offline=true --threshold=$EXPOSURE --no-pager "$unit"); then
        echo "$said"
        exit 1
    fi
    echo "$said" | tail -n 1
else
    skipped "there is no systemd-analyze (Debian: systemd)" "The systemd unit"
fi

if command -v haproxy >/dev/null && command -v nginx >/dev/null && [ -e /usr/share/nginx/modules-available/mod-stream.conf ]; then
    cargo test --quiet --workspace --locked --test balancer -- --include-ignored
else
    skipped "HAProxy or nginx is missing (Debian: haproxy nginx-light libnginx-mod-stream)" "What stands in front of nodes"
fi

if [ -f "$home/installed.txt" ] && command -v haproxy >/dev/null; then
    "$home/venv/bin/python" scripts/compose.py --rookery "$rookery"
else
    skipped "HAProxy, python3-venv or its packages are missing, see $home/install.log" "What compose starts"
fi

try "The Dockerfile" scripts/image.py --binary "$rookery"
