#!/bin/sh
# banner.sh: writes the name and version of the system, which the console shows above a login, or
# instead of one.
set -eu

DIRECTORY=/run/issue.d

placeholder() {
    head -c 512 "$1" | grep -qa icos-placeholder
}

mkdir -p "$DIRECTORY"
{
    echo
    echo "GuestOS $(cat /opt/ic/share/version.txt)"
    for name in orchestrator replica; do
        if placeholder "/opt/ic/bin/$name"; then
            echo "NOTE: /opt/ic/bin/$name is a placeholder; this machine cannot join a network."
        fi
    done
    echo
} >"$DIRECTORY/guestos.issue"
