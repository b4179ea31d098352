#!/bin/sh
# Saves the machine id on the config partition. The initial RAM file system restores it at every
# later boot of either slot.
set -eu

SAVED=/boot/config/machine-id

if [ -s "$SAVED" ]; then
    if ! cmp -s /etc/machine-id "$SAVED"; then
        echo "$SAVED differs from the machine id of this boot; it is left unchanged" >&2
        exit 1
    fi
    exit 0
fi

cp /etc/machine-id "$SAVED.new"
chmod 0444 "$SAVED.new"
sync "$SAVED.new"
mv "$SAVED.new" "$SAVED"
