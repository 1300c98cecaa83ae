#!/usr/bin/env bash
# Power cuts without pulling a plug: crash-images.sh [IMAGES]
#
# The data folder lies on an ext4 in a file, and that file on an XFS that copies a file at one moment (reflink). Copies are
# taken under load, and a node started on each. Needs root, loop devices and xfsprogs: exit status 77 says what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
images=${1:-100}

missing() {
    echo "crash-images: not run: $1" >&2
    exit 77
}
[ "$(id -u)" = 0 ] || missing "it needs root, to mount file systems"
command -v mkfs.xfs >/dev/null || missing "mkfs.xfs is not there (Debian: xfsprogs)"
losetup -f >/dev/null 2>&1 || missing "there is no loop device"

# Built before anything is mounted.
cargo=${CARGO:-cargo}
"$cargo" test --locked -p rookery --test kill --no-run

rig=$(mktemp -d "${TMPDIR:-/tmp}/rookery-images.XXXXXX")
tidy() {
    status=$?
    trap - EXIT INT TERM
    for mounted in copy live images; do
        if mountpoint -q "$rig/$mounted"; then
            umount "$rig/$mounted" || umount -l "$rig/$mounted"
        fi
    done
    rm -rf --one-file-system "$rig"
    exit "$status"
}
trap tidy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$rig/images" "$rig/live" "$rig/copy"
truncate -s 24G "$rig/outer.img"
mkfs.xfs -q -m reflink=1 "$rig/outer.img"
mount -o loop "$rig/outer.img" "$rig/images" || missing "loop devices cannot be mounted here"
truncate -s 4G "$rig/images/disk.img"
mkfs.ext4 -q "$rig/images/disk.img"
mount -o loop "$rig/images/disk.img" "$rig/live"
cp --reflink=always "$rig/images/disk.img" "$rig/images/copy-0.img"
rm "$rig/images/copy-0.img"

ROOKERY_RIG=$rig ROOKERY_IMAGES=$images \
    "$cargo" test --locked -p rookery --test kill -- --ignored --exact images::every_crash_image_has_what_was_acked --nocapture
