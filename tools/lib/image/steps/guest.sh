# shellcheck shell=sh
# The shell functions of the guest, for busybox's ash. Both runners use them.
#
# guest-script.ts writes assignments of the variables in capitals before this text, and uml.sh or
# chroot.sh after it. File descriptor 5 is connected to the runner.

bb() { "$BUSYBOX" "$@"; }

# --- messages to the runner ---

# Every message is one line that begins with $MARK; it may follow output that does not end with a
# newline.
tell() { printf '%s %s\n' "$MARK" "$*" >&5; }
give_up() { tell error "$*"; leave; }
# Called in the process of a step, whose output is sent to the runner.
refuse() { printf '%s trouble %s\n' "$MARK" "$*"; exit 1; }

# --- the file systems that a step sees ---

# device NAME MAJOR MINOR
device() { bb mknod -m 666 "$ROOT/dev/$1" c "$2" "$3" || give_up "cannot make /dev/$1"; }

mount_dev() {
  bb mount -t tmpfs -o mode=755 dev "$ROOT/dev" || give_up 'cannot mount /dev'
  device null 1 3
  device zero 1 5
  device full 1 7
  device random 1 8
  device urandom 1 9
  device tty 5 0
  bb mkdir -m 755 "$ROOT/dev/pts"
  bb mkdir -m 1777 "$ROOT/dev/shm"
  bb mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$ROOT/dev/pts"
  bb ln -s pts/ptmx "$ROOT/dev/ptmx"
  bb ln -s /proc/self/fd "$ROOT/dev/fd"
  for stream in 0:stdin 1:stdout 2:stderr; do
    bb ln -s "/proc/self/fd/${stream%:*}" "$ROOT/dev/${stream#*:}"
  done
}

mount_image() {
  bb mount -t ext4 -o noatime,nobarrier,noinit_itable "$DISK" "$ROOT" || give_up 'cannot mount the image'
  bb mount -t proc proc "$ROOT/proc" || give_up 'cannot mount /proc'
  bb mount -o bind "$ROOT/proc/sys" "$ROOT/proc/sys"
  bb mount -o remount,bind,ro "$ROOT/proc/sys"
  bb mount -t sysfs -o ro sysfs "$ROOT/sys" || give_up 'cannot mount /sys'
  mount_dev
  for folder in $TEMPORARY; do
    mode=1777
    [ "$folder" != run ] || mode=755
    bb mount -t tmpfs -o "mode=$mode" tmpfs "$ROOT/$folder" || give_up "cannot mount /$folder"
  done
}

# The mount namespace of a killed step may keep the image mounted a moment longer. Remounting
# it read-only affects every namespace, so nothing can be written after that succeeds.
unmount_image() {
  for folder in $TEMPORARY dev/pts dev sys proc/sys proc; do
    bb umount "$ROOT/$folder"
  done
  tries=0
  until bb mount -o remount,ro "$ROOT"; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || give_up 'cannot unmount the image: something still writes to it'
    bb usleep 100000
  done
  bb umount "$ROOT" || give_up 'cannot unmount the image'
}

# --- users ---
#
# Users are resolved as Docker does it: a number is a user ID, whether it is known or not; a name
# has to be in /etc/passwd, except root, which exists without that file. Without an explicit group,
# the user's primary group applies, and the supplementary groups are those that list the user by
# name.

is_number() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }

# account_file NAME: sets file to /etc/NAME of the image. Symbolic links are resolved below the
# image's root.
account_file() {
  file=$ROOT/etc/$1
  while [ -L "$file" ]; do
    target=$(bb readlink "$file")
    case $target in /*) file=$ROOT$target ;; *) file=${file%/*}/$target ;; esac
  done
}

# matches WANTED NAME ID
matches() { if is_number "$1"; then [ "$3" = "$1" ]; else [ "$2" = "$1" ]; fi; }

find_user() {
  account='' uid='' gid=0
  account_file passwd
  while IFS=: read -r entry _ entry_uid entry_gid _ || [ -n "$entry" ]; do
    matches "$1" "$entry" "$entry_uid" || continue
    account=$entry uid=$entry_uid gid=$entry_gid
    return 0
  done <"$file"
  [ "$1" = root ] && uid=0 && return
  is_number "$1" && uid=$1
}

find_group() {
  account_file group
  while IFS=: read -r entry _ entry_gid _ || [ -n "$entry" ]; do
    matches "$1" "$entry" "$entry_gid" || continue
    gid=$entry_gid
    return 0
  done <"$file"
  is_number "$1" && gid=$1
}

find_memberships() {
  account_file group
  groups=''
  while IFS=: read -r entry _ entry_gid members || [ -n "$entry" ]; do
    case ,$members, in *",$1,"*) groups=$groups${groups:+,}$entry_gid ;; esac
  done <"$file"
  [ -z "$groups" ] || memberships=--groups=$groups
}

# resolve_user USER[:GROUP]: sets uid, gid and memberships.
resolve_user() {
  memberships=--clear-groups
  find_user "${1%%:*}" 2>/dev/null || [ -n "$uid" ] || refuse "user ${1%%:*} is not in the image's /etc/passwd"
  case $1 in
    *:*) find_group "${1#*:}" 2>/dev/null || refuse "group ${1#*:} is not in the image's /etc/group" ;;
    *) [ -z "$account" ] || find_memberships "$account" 2>/dev/null ;;
  esac
}

# --- steps ---

# Kills every process that the step left running, as a container engine does, except the process $1.
# Kernel threads and dead processes have no executable.
kill_left_behind() {
  while :; do
    left=''
    for folder in /proc/[0-9]*; do
      pid=${folder#/proc/}
      [ "$pid" != 1 ] && [ "$pid" != "$1" ] && [ -e "$folder/exe" ] && left="$left $pid"
    done
    [ -n "$left" ] || return 0
    # shellcheck disable=SC2086 # several process IDs
    kill -9 $left 2>/dev/null
  done
}

run_step() {
  # Called without the function bb, so that $! is the process that reads, not a shell that waits for
  # it.
  "$BUSYBOX" cat "$STATE/output" >&5 &
  relay=$!
  # shellcheck source=/dev/null # stepScript() in guest-script.ts writes it
  (. "$STEPS/$1.sh") >"$STATE/output" 2>&1 <"$STEPS/$1.stdin" 5>&-
  status=$?
  kill_left_behind "$relay"
  wait "$relay"
}

run_steps() {
  bb mkfifo -m 666 "$STATE/output"
  umask 022
  step=0
  while [ "$step" -lt "$COUNT" ]; do
    tell start "$step"
    run_step "$step"
    tell exit "$step" "$status"
    [ "$status" = 0 ] || { tell space "$(bb stat -f -c '%a %S %d' "$ROOT")"; return; }
    step=$((step + 1))
  done
}

# enter_image DIRECTORY COMMAND...: becomes a step's command, as the user whom resolve_user found.
#
# The file of the step defines with_environment(), which runs its arguments in the environment of
# the step. Two tools of the runner's util-linux do the rest, so the image needs neither: setpriv
# sets the groups and the capabilities; then unshare changes the root, the working directory and the
# user.
enter_image() {
  directory=$1
  shift
  with_environment \
    "$LOADER" --library-path "$LIBRARIES" "$SETPRIV" \
    --regid="$gid" "$memberships" --bounding-set="$WITHHELD" \
    "$LOADER" --library-path "$LIBRARIES" "$UNSHARE" \
    --mount --root="$ROOT" --wd="$directory" --setuid="$uid" -- \
    "$@"
}

# Runs all steps. The runner's own script calls it last.
run_guest() {
  bb ip link set lo up
  bb hostname localhost
  mount_image
  run_steps
  unmount_image
  tell 'done'
  leave
}
