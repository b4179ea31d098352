# shellcheck shell=sh
# The rest of the first process of the chroot runner's namespaces, after guest.sh. File descriptor 3
# leads to the runner.

leave() { exit 0; }

exec 5>&3 3>&-
run_guest
