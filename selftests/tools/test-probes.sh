#!/bin/bash
# SPDX-License-Identifier: MIT
# test-probes.sh - the library's probes for tracers, and the scripts that use them

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$here/../ktap.sh"

library=$top/build/lib/libmemlane.so
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

# Each has two arguments that a tracer can read.
probes()
{
	readelf -n "$library" > notes
	for name in veto wait_begin wait_end; do
		grep -A 3 "Name: $name\$" notes | grep -q 'Arguments: [^ ]*@[^ ]* [^ ]*@' ||
			{ echo "# no probe $name with two arguments"; return 1; }
	done
}

# In the archive too, which most programs are linked with.
linked()
{
	readelf -n "$top/build/selftests/tools/hold" | grep -q 'Name: wait_begin'
}

# Nobody traces: a probe is a nop, and the library asks for nothing that it did not.
free_of_charge()
{
	! readelf -n "$library" | grep 'Semaphore: ' | grep -qv 'Semaphore: 0x0*$' &&
		! ldd "$library" | grep -q systemtap
}

# parses SCRIPT PROBE...: bpftrace reads the script, and sees these.
parses()
{
	local script=$1 probe

	shift
	bpftrace -d "$top/tools/bpftrace/$script" "$library" > tree 2>&1
	for probe; do
		grep -qF "usdt:$library:memlane:$probe" tree || { sed 's/^/# /' tree | head; return 1; }
	done
}

if ! echo '#include <sys/sdt.h>' | gcc -E - > /dev/null 2>&1; then
	echo "1..0 # SKIP the library was built without probes: apt install systemtap-sdt-dev"
	exit 4
fi
plan 4
check "probes with arguments in the shared library" probes
check "probes in programs that link the archive" linked
check "they cost nothing and need nothing" free_of_charge
if command -v bpftrace > /dev/null; then
	check "bpftrace reads the script of waits" parses memlane-waits.bt wait_begin wait_end
else
	skip "bpftrace reads the script of waits" "no bpftrace here: apt install bpftrace"
fi
finish
