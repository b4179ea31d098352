#!/bin/sh
# Replaces the emergency shell of other systems: prints what failed and restarts. After the restart,
# GRUB gives up a slot that was not confirmed (see ic-os/bootloader/grub/grub.cfg).
set -eu

RESTART_DELAY_SECONDS=5

echo "The system could not be started. These units failed:"
systemctl --no-legend --plain --no-pager --failed list-units || true
journalctl --boot --priority=err --no-pager --lines=20 --output=cat || true
echo "Restarting in $RESTART_DELAY_SECONDS seconds."
sleep "$RESTART_DELAY_SECONDS"
systemctl --force reboot
