#!/bin/bash
# SPDX-License-Identifier: MIT
# test-refused.sh - what `memlane load` says where the kernel takes no such module.
# In a guest of its own, booted with module.sig_enforce=1: neither that nor
# modules_disabled can be undone.

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$here/../ktap.sh"
. "$here/says.sh"

memlane=$top/build/tools/memlane
ko=$(realpath "$top/build/kmod/6.1/memlane.ko")
dir=$(mktemp -d /dev/shm/memlane.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

not_signed()
{
	says 1 'signed modules only' "$memlane" load --file "$ko" && grep -q EKEYREJECTED out &&
		grep -q 'mokutil --import' out && says 1 EKEYREJECTED "$memlane" load
}

switched_off()
{
	echo 1 > /proc/sys/kernel/modules_disabled
	says 1 'kernel.modules_disabled' "$memlane" load --file "$ko" && grep -q EPERM out
}

nothing_loaded()
{
	! grep -q '^memlane ' /proc/modules && [ ! -e /dev/memlane ] && says 1 'not loaded' "$memlane" status
}

plan 3
check "load: a kernel that takes signed modules only" not_signed
check "load: a kernel that takes no module any more" switched_off
check "and none is there" nothing_loaded
finish
