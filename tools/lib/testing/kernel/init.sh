# shellcheck shell=sh
# The first process of the test kernel, in busybox's ash. test-kernel.ts writes assignments of the
# variables in capitals before this text. Serial line 0 receives the output of the test's script,
# and then a message with its exit status.

/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
exec 5>/dev/ttyS0
stty raw <&5
mount -t hostfs -o "ro,$RUNNER" none /runner
[ -z "$TOOLS" ] || mount -t hostfs -o "ro,$TOOLS" none /tools
ln -s /runner/usr/lib/uml/modules /lib/modules
sh -e -c '. /functions; . /script' >&5 2>&1 5>&-
printf '%s exit 0 %d\n' "$MARK" $? >&5
printf '%s done\n' "$MARK" >&5
poweroff -f
sleep 60
