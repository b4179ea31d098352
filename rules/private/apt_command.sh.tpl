#!/bin/sh
# Runs %{PATH}% of unpacked Debian packages in place: with their loader, their libraries and their data.
set -eu

# The packages stand beside this script, or in the runfiles of a target that has it; or this is a link to such a script.
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
    echo "$0: the directory of its packages, \"root\", is neither beside bin/ nor in its runfiles" >&2
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

# What the program starts in its turn comes from the same packages where they have it.
PATH=$bin:${PATH:-/usr/bin:/bin}
export PATH
%{ENVIRONMENT}%
exec "$root/%{LOADER}%" --inhibit-cache --library-path "%{LIBRARIES}%" --argv0 "%{NAME}%" "$root/%{PATH}%" %{ARGUMENTS}%"$@"
