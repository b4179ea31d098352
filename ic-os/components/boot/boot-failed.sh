#!/bin/sh
# Stands where other systems offer an emergency shell: says what failed and restarts. A slot that was not confirmed
# loses its turn by that (see ic-os/bootloader/grub/grub.cfg).
set -eu

RESTART_DELAY_SECONDS=5

echo "The system could not be started. What failed:"
systemctl --no-legend --plain --no-pager --failed list-units || true
journalctl --boot --priority=err --no-pager --lines=20 --output=cat || true
echo "Restarting in $RESTART_DELAY_SECONDS seconds."
sleep "$RESTART_DELAY_SECONDS"
systemctl --force reboot
