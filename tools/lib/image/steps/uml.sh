# shellcheck shell=sh
# The rest of the first process of the user-mode Linux kernel, after guest.sh. Serial line 0 leads
# to the runner.

leave() {
  bb poweroff -f
  bb sleep 60
}

bb mount -t proc proc /proc
bb mount -t devtmpfs dev /dev
exec 5>/dev/ttyS0
bb stty raw <&5
bb date -s "@$CLOCK_START" >/dev/null
run_guest
