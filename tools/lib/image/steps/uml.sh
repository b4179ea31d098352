# shellcheck shell=sh
# The end of process 1's script in user-mode Linux; guest-script.ts appends it to guest.sh. Serial
# line 0 is connected to the runner.

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
