/**
 * The shell functions of the guest, in POSIX sh for busybox: the same for both runners. File descriptor 5 leads to the
 * runner. The variables in capitals come from {@link guestScript}.
 */

/** Talking to the runner. A line of the guest's own may follow an output that has no newline at its end. */
const TELLING = `
bb() { "$BUSYBOX" "$@"; }
tell() { printf '%s %s\\n' "$MARK" "$*" >&5; }
give_up() { tell error "$*"; leave; }
# Called in a step's process, whose standard output leads to the runner.
refuse() { printf '%s trouble %s\\n' "$MARK" "$*"; exit 1; }
`;

/** The file systems that a step sees beside the image. */
const MOUNTING = `
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
    bb ln -s "/proc/self/fd/\${stream%:*}" "$ROOT/dev/\${stream#*:}"
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

# A mount namespace of a step that was killed may hold the image a moment longer; read-only counts for all of them.
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
`;

/**
 * Users as Docker resolves them: a number is a user id, known or not; a name has to be in /etc/passwd (but for root,
 * who is there before that file is). Without an explicit group the user's primary group holds, and the groups that list the user by name.
 */
const USERS = `
is_number() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }

# The image's own file, also where it is a symbolic link from the image's root.
account_file() {
  file=$ROOT/etc/$1
  while [ -L "$file" ]; do
    target=$(bb readlink "$file")
    case $target in /*) file=$ROOT$target ;; *) file=\${file%/*}/$target ;; esac
  done
}

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
    case ,$members, in *",$1,"*) groups=$groups\${groups:+,}$entry_gid ;; esac
  done <"$file"
  [ -z "$groups" ] || memberships=--groups=$groups
}

# Sets uid, gid and memberships.
resolve_user() {
  memberships=--clear-groups
  find_user "\${1%%:*}" 2>/dev/null || [ -n "$uid" ] || refuse "user \${1%%:*} is not in the image's /etc/passwd"
  case $1 in
    *:*) find_group "\${1#*:}" 2>/dev/null || refuse "group \${1#*:} is not in the image's /etc/group" ;;
    *) [ -z "$account" ] || find_memberships "$account" 2>/dev/null ;;
  esac
}
`;

/** Steps. A process that a step leaves behind ends with it, as in a container. */
const STEPS = `
# Kernel threads and dead processes have no executable.
kill_left_behind() {
  while :; do
    left=''
    for folder in /proc/[0-9]*; do
      pid=\${folder#/proc/}
      [ "$pid" != 1 ] && [ "$pid" != "$1" ] && [ -e "$folder/exe" ] && left="$left $pid"
    done
    [ -n "$left" ] || return 0
    # shellcheck disable=SC2086
    kill -9 $left 2>/dev/null
  done
}

run_step() {
  # Without the function bb, so that $! is the process that reads, and not a shell that waits for it.
  "$BUSYBOX" cat "$STATE/output" >&5 &
  relay=$!
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
`;

/** All functions that both runners' scripts call. */
export const GUEST_FUNCTIONS = [TELLING, MOUNTING, USERS, STEPS].join('');
