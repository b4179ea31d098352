#!/bin/sh
# The console of a machine without logins: shows the system and its addresses, and shows them again
# after each change.
set -eu

POLL_SECONDS=10
# The state changes faster while the machine starts.
STARTING_POLL_SECONDS=1

addresses() {
    ip -oneline address show scope global | sed -E 's/^[0-9]+: +([^ ]+) +inet6? +([^ ]+).*/    \1 \2/'
}

shown=
while true; do
    state=$(systemctl is-system-running || true)
    now="Host:  $(cat /proc/sys/kernel/hostname)
Slot:  $(tr ' ' '\n' </proc/cmdline | sed -n 's/^dfinity\.system=//p')
State: $state
Addresses:
$(addresses)"
    if [ "$now" != "$shown" ]; then
        cat /run/issue.d/guestos.issue
        echo "$now"
        shown=$now
    fi
    case "$state" in
        initializing | starting) sleep "$STARTING_POLL_SECONDS" ;;
        *) sleep "$POLL_SECONDS" ;;
    esac
done
