#!/bin/sh
# A systemd generator: writes the mount units for the partitions of the slot that was booted, with
# all their options. The partitions that both slots share are in /etc/fstab.
set -eu

UNITS=$1

slot=$(tr ' ' '\n' </proc/cmdline | sed -n 's/^dfinity\.system=//p' | tail -n 1)
case "$slot" in
    A)
        boot=ddf618fe-7244-b446-a175-3296e6b9d02e
        var=22d2f5a6-1e39-d247-81cf-90c95c113e21
        ;;
    B)
        boot=d5214e4f-f7b0-b945-9a9b-52b9188df4c5
        var=2237d1d1-ce96-584e-8ec5-8ae6661faae9
        ;;
    *)
        echo "mount-generator: dfinity.system=$slot on the kernel command line is neither A nor B" >/dev/kmsg
        exit 1
        ;;
esac

# Prints the name of systemd's device unit for a partition.
device_unit() {
    printf 'dev-disk-by\\x2dpartuuid-%s.device\n' "$(printf '%s' "$1" | sed 's/-/\\x2d/g')"
}

cat >"$UNITS/boot.mount" <<UNIT
[Unit]
Description=Boot partition of slot $slot
Before=local-fs.target

[Mount]
What=/dev/disk/by-partuuid/$boot
Where=/boot
Type=ext4
Options=ro,nosuid,nodev,noexec
UNIT

cat >"$UNITS/var.mount" <<UNIT
[Unit]
Description=/var of slot $slot
Requires=setup-var.service
After=setup-var.service
Before=local-fs.target

[Mount]
What=/dev/disk/by-partuuid/$var
Where=/var
Type=ext4
Options=nosuid,nodev
UNIT

mkdir -p "$UNITS/setup-var.service.d" "$UNITS/local-fs.target.requires"
cat >"$UNITS/setup-var.service.d/slot.conf" <<UNIT
[Unit]
Requires=$(device_unit "$var")
After=$(device_unit "$var")

[Service]
Environment=VAR_DEVICE=/dev/disk/by-partuuid/$var
UNIT

for mount in boot.mount var.mount; do
    ln -s "../$mount" "$UNITS/local-fs.target.requires/$mount"
done
