# shellcheck shell=sh
# The end of process 1's script in the chroot runner's namespaces; guest-script.ts appends it to
# guest.sh. File descriptor 3 is connected to the runner.

leave() { exit 0; }

exec 5>&3 3>&-
run_guest
