#!/bin/sh
# Runs %{PATH}% of unpacked Debian packages in place, with their loader, libraries and data.
set -eu

# The packages are next to this script, or in the runfiles of a target that uses it. $0 can also be
# a symbolic link to the script.
self=$0
while :; do
  case $self in
    */*) here=${self%/*} ;;
    *) here=. ;;
  esac
  for root in "$here/../root" "$self.runfiles/%{REPOSITORY}%/root" "${RUNFILES_DIR:-$here}/%{REPOSITORY}%/root"; do
    [ ! -e "$root/%{LOADER}%" ] || break 2
  done
  if [ ! -L "$self" ]; then
    echo "$0: the directory \"root\" with the packages is neither next to bin/ nor in the runfiles" >&2
    exit 127
  fi
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=$here/$link ;;
  esac
done
root=$(cd "$root" && pwd)
bin=$(cd "$here" && pwd)

# If possible, this program starts other programs from the same packages.
PATH=$bin:${PATH:-/usr/bin:/bin}
export PATH
%{ENVIRONMENT}%
exec "$root/%{LOADER}%" --inhibit-cache --library-path "%{LIBRARIES}%" --argv0 "%{NAME}%" "$root/%{PATH}%" %{ARGUMENTS}%"$@"
