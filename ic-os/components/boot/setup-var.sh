#!/bin/sh
# setup-var.sh DEVICE
# Ensures that DEVICE has a consistent file system for /var. At the slot's first boot, it creates
# the file system and fills it with the content of /var in the image. Until that is complete, the
# file system has another label, so that a power failure leads to a new start and not to an
# incomplete /var.
set -eu

DEVICE=$1
LABEL=var
UNFINISHED_LABEL=var-unfinished

# Prints one property of the content of the device, or nothing.
probe() {
    blkid --probe --output value --match-tag "$1" "$DEVICE" || true
}

type=$(probe TYPE)
label=$(probe LABEL)

if [ "$type" = ext4 ] && [ "$label" = "$LABEL" ]; then
    result=0
    e2fsck -p "$DEVICE" || result=$?
    # 1 and 2: errors were corrected.
    [ "$result" -lt 4 ] || {
        echo "$DEVICE: e2fsck cannot repair the file system (status $result)" >&2
        exit 1
    }
    exit 0
fi

if [ -n "$type" ] && [ "$label" != "$UNFINISHED_LABEL" ]; then
    echo "$DEVICE holds \"$type\" with the label \"$label\": it is not overwritten" >&2
    exit 1
fi

echo "$DEVICE: creating the file system for /var"
mkfs.ext4 -q -F -L "$UNFINISHED_LABEL" -m 1 -d /var "$DEVICE"
sync
e2label "$DEVICE" "$LABEL"
