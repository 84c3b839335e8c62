#!/bin/bash
# SPDX-License-Identifier: MIT
# test-probes.sh - the library's probes for tracers, and the scripts that use them

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$here/../ktap.sh"

library=$top/build/lib/libmemlane.so
program=$top/build/selftests/tools/waits
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

# script_of NAME: as script.bt. Without the module what is of its tracepoints is left out:
# bpftrace asks the kernel for them.
script_of()
{
	cp "$top/tools/bpftrace/$1" script.bt
	[ -d /sys/module/memlane ] || sed -i '/^tracepoint:/,/^}/d' script.bt
}

# parses SCRIPT PROBE...: bpftrace reads the script, and sees these.
parses()
{
	local script=$1 probe

	shift
	script_of "$script"
	bpftrace -d script.bt "$library" > tree 2>&1
	for probe; do
		grep -qF "usdt:$library:memlane:$probe" tree || { sed 's/^/# /' tree | head; return 1; }
	done
}

# prints SCRIPT MAP: somebody looks at objects that move, and the script tells from where.
prints()
{
	local seconds found=1

	script_of "$1"
	mkfifo running
	"$program" < running &
	exec 5> running
	for seconds in 3 6 12 24; do
		{ cat script.bt; echo "interval:s:$seconds { exit(); }"; } > timed.bt
		timeout 60 bpftrace timed.bt "$program" > seen 2>&1
		awk -v map="@$2[waits, " '$0 == map { inside = 1 } /^]/ { inside = 0 }
			inside && /look_at_them\+/ { found = 1 } END { exit !found }' seen && found=0 && break
	done
	exec 5>&-
	wait
	rm running
	[ "$found" = 0 ] || { sed 's/^/# /' seen | head -n 40; return 1; }
}

# The tracepoints of the scripts, and what they read of them, are the module's.
tracepoints()
{
	local point field

	awk '/^tracepoint:memlane:/ { split($0, part, ":"); point = part[3] }
		/^}/ { point = "" }
		point {
			while (match($0, /args->[a-z_]+/)) {
				print point, substr($0, RSTART + 6, RLENGTH - 6)
				$0 = substr($0, RSTART + RLENGTH)
			}
		}' "$top"/tools/bpftrace/*.bt | sort -u > fields
	while read -r point field; do
		sed -n "/^TRACE_EVENT($point,/,/^);/p" "$top/kmod/trace.h" |
			grep -Eq "__field\([a-z0-9]+, $field\)" || { echo "# no $field of $point"; return 1; }
	done < fields
	[ -s fields ]
}

if ! echo '#include <sys/sdt.h>' | gcc -E - > /dev/null 2>&1; then
	echo "1..0 # SKIP the library was built without probes: apt install systemtap-sdt-dev"
	exit 4
fi
plan 8
check "probes with arguments in the shared library" probes
check "probes in programs that link the archive" linked
check "they cost nothing and need nothing" free_of_charge
check "tracepoints of the scripts are the module's" tracepoints
if command -v bpftrace > /dev/null; then
	check "bpftrace reads the script of waits" parses memlane-waits.bt wait_begin wait_end
	check "bpftrace reads the script of vetoes" parses memlane-vetoes.bt veto
else
	skip "bpftrace reads the script of waits" "no bpftrace here: apt install bpftrace"
	skip "bpftrace reads the script of vetoes" "no bpftrace here: apt install bpftrace"
fi
# It finds its own probe, so it would find others.
if bpftrace -e 'BEGIN { exit(); }' > /dev/null 2>&1; then
	check "who waits is seen, by call site" prints memlane-waits.bt longest_us
	check "who stops moves is seen, by call site" prints memlane-vetoes.bt vetoes
else
	for what in waits vetoes; do
		skip "$what are seen, by call site" "needs bpftrace, root, and a kernel that lets it trace"
	done
fi
finish
