#!/bin/sh
# Generates the machine's ssh host key at the first boot, and stores it on the config partition for
# both slots.
set -eu

DIRECTORY=/boot/config/ssh
KEY=$DIRECTORY/ssh_host_ed25519_key

[ ! -s "$KEY" ] || exit 0

mkdir -p "$DIRECTORY"
chmod 0700 "$DIRECTORY"
rm -f "$KEY.new" "$KEY.new.pub"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$KEY.new"
sync "$KEY.new" "$KEY.new.pub"
mv "$KEY.new.pub" "$KEY.pub"
mv "$KEY.new" "$KEY"
