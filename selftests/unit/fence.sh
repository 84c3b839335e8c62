#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fence.sh - the fence around the engine refuses what would make two sources of one
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=../ktap.sh
. "$here/../ktap.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# refused LINE: a copy of the engine with this line in it is turned away.
refused() {
	rm -rf "$dir/core"
	cp -r "$top/kmod/core" "$dir/core"
	printf '%s\n' "$1" >>"$dir/core/move.c"
	! "$top/lib/shim/fence.sh" "$top" "$dir/core" 2>"$dir/log" &&
		grep -q 'move.c:' "$dir/log"
}

shim_lines() { cat "$top"/lib/shim/linux/*.h | wc -l; }
marked() { ! grep -L -E '^/\* (TRUE|CUSTOM|STUB): ' "$top"/lib/shim/linux/*.h | grep .; }

plan 11
check "the engine passes" "$top/lib/shim/fence.sh" "$top"
check "a kernel header that the shim lacks" refused '#include <linux/slab.h>'
check "a header of the host" refused '#include <linux/futex.h>'
check "a header of libc" refused '#include <stdio.h>'
check "a header from elsewhere" refused '#include "../device.h"'
check "a computed include" refused '#include HEADER'
check "conditional compilation" refused '#ifdef CONFIG_NUMA'
check "another conditional" refused '  # if 1'
check "the mark of the kernel" refused 'int x = __KERNEL__;'
check "under 500 lines" test "$(shim_lines)" -lt 500
check "each marked" marked
finish
