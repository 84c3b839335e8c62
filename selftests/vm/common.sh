# SPDX-License-Identifier: MIT
# Sourced by the scripts of this folder: where things are kept, how to complain.
# shellcheck shell=sh disable=SC2034,SC2154

top=$(cd "$here/../.." && pwd)
cache=${MEMLANE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/memlane}
me=$(basename "$0" .sh)

say() { echo "$me: $*" >&2; }
die() { echo "$me: $*" >&2; exit 2; }
