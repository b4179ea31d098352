# shellcheck shell=sh
# The end of the script of the first process of the user-mode Linux kernel; guest.sh comes before
# it. Serial line 0 is the channel to the runner.

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
