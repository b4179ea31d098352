# shellcheck shell=sh
# The end of the script of the first process in the chroot runner's namespaces; guest.sh comes
# before it. File descriptor 3 is the channel to the runner.

leave() { exit 0; }

exec 5>&3 3>&-
run_guest
