#!/bin/sh
# Sets the host name: the one that the operator wrote to the config partition, or otherwise "guest-"
# and the first twelve digits of the machine id.
set -eu

CONFIGURED=/boot/config/hostname

name=
if [ -s "$CONFIGURED" ]; then
    name=$(head -n 1 "$CONFIGURED")
    # RFC 1123: a label has letters, digits and hyphens, at most 63 characters.
    if ! echo "$name" | grep -Eqx '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?'; then
        echo "$CONFIGURED: \"$name\" is not a host name; using one made from the machine id" >&2
        name=
    fi
fi
[ -n "$name" ] || name="guest-$(head -c 12 /etc/machine-id)"

echo "$name" >/proc/sys/kernel/hostname
