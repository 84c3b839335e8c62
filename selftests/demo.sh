#!/bin/sh
# SPDX-License-Identifier: MIT
# The main job, in a guest: replay a recorded trace through the module.
set -eu
cd "$(dirname "$0")/.."
tool=build/tools/memlane

[ -e /dev/memlane ] || "$tool" load
"$tool" status
exec "$tool" replay traces/redis-lru.mlt.zst
