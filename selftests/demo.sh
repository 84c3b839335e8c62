#!/bin/sh
# SPDX-License-Identifier: MIT
# The main job, in a guest: replay what a real program asked of malloc through the
# module, beside libc's malloc and the program's own.
set -eu
cd "$(dirname "$0")/.."
tool=build/tools/memlane

[ -e /dev/memlane ] || "$tool" load
"$tool" status
echo
echo "redis-server, a full cache of 32 MB whose values grow, was recorded call by call."
echo "Now the same calls on libmemlane and /dev/memlane, on libc's malloc and on jemalloc:"
echo
exec "$tool" replay --backend module --against jemalloc --progress traces/redis-lru.mlt.zst 2>&1
