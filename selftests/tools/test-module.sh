#!/bin/bash
# SPDX-License-Identifier: MIT
# test-module.sh - the command on the module: load, unload, status, stat, replay.
# In a guest, with the module loaded; ends with it loaded.

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$here/../ktap.sh"
. "$here/says.sh"

memlane=$top/build/tools/memlane
built=$top/build/selftests/tools
dir=$(mktemp -d /dev/shm/memlane.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

loaded()
{
	grep -q '^memlane ' /proc/modules
}

# hold N: an arena with so many objects; let_go ends it.
hold()
{
	mkfifo in 2>/dev/null
	: > held
	"$built/hold" "$1" < in > held &
	holder=$!
	exec 9> in
	for _ in $(seq 200); do
		grep -q ready held && return 0
		sleep 0.05
	done
	return 1
}

let_go()
{
	exec 9>&-
	wait "$holder"
}

status_when_loaded()
{
	says 0 'access   yes' "$memlane" status && grep -q 'module   loaded' out &&
		grep -q 'mode 0660' out && grep -q 'arenas   0 open' out
}

refused_while_open()
{
	hold 10 && says 0 'arenas   1 open' "$memlane" status || return 1
	says 1 'arenas are open' "$memlane" unload && grep -q EAGAIN out && loaded || return 1
	let_go
}

unloads()
{
	says 0 'is unloaded' "$memlane" unload && ! loaded && [ ! -e /dev/memlane ]
}

status_when_unloaded()
{
	says 1 'memlane load' "$memlane" status && grep -q 'module   not loaded' out &&
		grep -q 'kmod/.*/memlane.ko' out
}

# ENOEXEC is what the kernel answers to a damaged file.
damaged()
{
	head -c 2000 /run/vm/memlane.ko > memlane.ko
	says 1 'damaged' "$memlane" load --file ./memlane.ko && ! loaded
}

# The tree may lie where others cannot go, so the module is named where they can.
without_rights()
{
	chmod 755 "$dir" && install -m 644 /run/vm/memlane.ko whole.ko
	setpriv --reuid 65534 --regid 65534 --clear-groups "$memlane" load --file "$dir/whole.ko" \
		> out 2>&1 && return 1
	grep -q 'EPERM' out && grep -q 'only root' out && ! loaded
}

loads()
{
	says 0 '/dev/memlane is ready' "$memlane" load && loaded
}

loads_a_file()
{
	"$memlane" unload > out && says 0 'is ready' "$memlane" load --file /run/vm/memlane.ko && loaded
}

# What libkmod finds in /lib/modules, with nothing built beside the program.
installed()
{
	"$memlane" unload > out && cp "$memlane" tool || return 1
	# shellcheck disable=SC2016
	says 0 '/dev/memlane is ready' unshare --mount sh -ec '
		mount -t tmpfs none /lib/modules
		folder=/lib/modules/$(uname -r)
		mkdir -p "$folder/updates"
		./tool load && exit 1
		./tool status && exit 1
		cp /run/vm/memlane.ko "$folder/updates"
		: >"$folder/modules.order"
		: >"$folder/modules.builtin"
		depmod
		./tool status | grep "updates/memlane.ko" || exit 1
		./tool load' || return 1
	grep -q 'no memlane.ko for .* is built or installed' out &&
		grep -q 'built    no file for this kernel' out && loaded
}

no_access()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$memlane" status > out 2>&1 && return 1
	grep -q "access   no: your user may not open" out
}

# The FastLane may grow to four times what it may use now: so much less is its pressure.
pressure()
{
	grep -q 'FULL *PRESSURE' out &&
		awk '$2 == "fast" { d = $7 / 4 - $9; exit !($9 > 0 && d < 0.2 && d > -0.2) }' out
}

# The one object that moved counts by its class, in both lanes, by tag and by group.
tallies()
{
	awk '/^OF +LANE/ { for (i = 1; i <= NF; i++) if ($i == "HAND") hand = i }
		hand && $3 == "fast" && $1 == 112 { fast = $(hand + 1) }
		hand && $3 == "slow" && $1 == 112 { slow = $(hand + 1) }
		hand && $1 == "tag" && $2 == 77 { tag = $(hand + 1) }
		hand && $1 == "group" && $2 == 99 { group = $(hand + 1) }
		END { exit fast != 1 || slow != 1 || tag != 2 || group != 2 }' out
}

# With 5000 objects held: each sample below the TYPE of its own family.
exports()
{
	hold 5000 || return 1
	says 0 'memlane_arenas 1' "$memlane" export --prometheus || return 1
	let_go
	awk '$2 == "TYPE" { name = $3; next } /^#/ { next }
		{ sub(/[{].*[}]/, "", $1); n++ } $1 != name { exit 1 } END { exit n < 40 }' out &&
		grep -q '^memlane_lane_objects{arena="[0-9]*",lane="fast"} 5000$' out &&
		grep -q '^memlane_arena_info{arena="[0-9]*",name="held",pid="[0-9]*",program="hold"} 1$' out &&
		grep -q '^memlane_invariants_hold{arena="[0-9]*"} 1$' out ||
		{ sed 's/^/# /' out; return 1; }
}

stats()
{
	hold 5000 || return 1
	says 0 'ARENA LANE' "$memlane" stat || return 1
	cp out lanes && says 0 " $holder hold " "$memlane" list && grep -q ' hold  *held ' out && cp lanes out || return 1
	awk '$2 == "fast" && $0 ~ / 5000 / { fast++ } $2 == "slow" { slow++ } END { exit fast != 1 || slow != 1 }' out ||
		{ sed 's/^/# /' out; return 1; }
	pressure || { sed 's/^/# /' out; return 1; }
	id=$(awk '$2 == "fast" { print $1 }' out)
	says 0 'invariants: ok' "$memlane" stat "$id" && grep -Eq '^refills +[1-9]' out || return 1
	grep -Eq '^fast +[0-9]+ B +[1-9].* [0-9.]+ %$' out && grep -Eq '^hand +2 +[0-9.]+ %$' out &&
		grep -Eq '^compact +0 ' out && grep -Eq '^periods +0$' out && grep -Eq '^purged +0$' out ||
		{ sed 's/^/# /' out; return 1; }
	tallies || { sed 's/^/# /' out; return 1; }
	says 0 '"check": "ok"' "$memlane" stat --json && grep -q '"objects": 5000' out &&
		grep -q '"hand": 2' out && grep -q '"room": 0' out && grep -q '"periods": 0' out &&
		grep -q '"pressure_permille": [1-9]' out && grep -q '"places": [1-9]' out &&
		tr -d ' \n' <out | grep -q '"of":"tag","number":77,"moves_compact":0,"moves_hand":2,' ||
		{ sed 's/^/# /' out; return 1; }
	says 1 'no arena 4000000 open' "$memlane" stat 4000000 || return 1
	let_go && says 0 'No arena is open' "$memlane" stat
}

# The same arena live, and as a map; the process is the one that holds it.
seen()
{
	hold 5000 || return 1
	says 0 '1 arena, 5000 objects' "$memlane" top -b -n 1 && grep -Eq " $holder hold +5000 " out &&
		id=$("$memlane" list | awk '$3 == "hold" { print $1 }') &&
		says 0 "process $holder (hold)" "$memlane" map "$id" &&
		grep -q '^fast lane: [1-9][0-9]* spans' out || return 1
	let_go && says 1 "no arena $id open" "$memlane" map "$id"
}

stat_without_rights()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$memlane" stat > out 2>&1 && return 1
	grep -q 'use sudo' out
}

# What `allocs threads` did, recorded when it was built.
replays()
{
	"$memlane" replay --backend module --maintain 5000 --json "$built/small.mlt" > out 2> err ||
		{ sed 's/^/# /' err; return 1; }
	grep -q '"allocator": "memlane (module)"' out &&
		awk -F '[:,]' '/"objects_verified"/ { n++; if ($2 < 10000) bad = 1 } END { exit n != 2 || bad }' out
}

plan 15
check "status: loaded, device, access" status_when_loaded
check "unload: refused while an arena is open" refused_while_open
check "unload" unloads
check "status: not loaded, and what to do" status_when_unloaded
check "load: a damaged file" damaged
check "load: without rights" without_rights
check "load: finds what was built" loads
check "load: a file" loads_a_file
check "load: the installed module" installed
check "status: no access for others" no_access
check "stat: lanes, counters, invariants" stats
check "top, map: live, and as a picture" seen
check "stat: without rights" stat_without_rights
check "export: what stat shows, for Prometheus" exports
check "replay: every object verified on the module" replays
finish
