#!/bin/sh
# The host name: what the operator wrote to the config partition, else "guest-" and the first twelve digits of the
# machine id.
set -eu

CONFIGURED=/boot/config/hostname

name=
if [ -s "$CONFIGURED" ]; then
    name=$(head -n 1 "$CONFIGURED")
    # RFC 1123: labels of letters, digits and hyphens, 63 characters at most.
    if ! echo "$name" | grep -Eqx '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?'; then
        echo "$CONFIGURED: \"$name\" is no host name; one is made from the machine id" >&2
        name=
    fi
fi
[ -n "$name" ] || name="guest-$(head -c 12 /etc/machine-id)"

echo "$name" >/proc/sys/kernel/hostname
