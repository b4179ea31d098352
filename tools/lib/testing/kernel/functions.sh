# shellcheck shell=sh
# The functions that the scripts of tests call in the test kernel.

# load MODULE...: loads kernel modules, and the modules that they need.
load() { for module in "$@"; do modprobe "$module"; done; }

# tool NAME ARGUMENT...: runs a program of @host_tools.
tool() {
  command=$1
  shift
  libraries=/tools/usr/lib/x86_64-linux-gnu
  for folder in sbin bin; do
    [ -e "/tools/usr/$folder/$command" ] || continue
    "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "/tools/usr/$folder/$command" "$@"
    return
  done
  echo "no program $command in /tools: name @host_tools//:root in the test's roots" >&2
  return 127
}
