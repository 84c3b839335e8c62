#!/bin/bash
# SPDX-License-Identifier: MIT
# test-view.sh - arenas of a process that shows them (MEMLANE_STAT): list, stat, export

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$here/../ktap.sh"
. "$here/says.sh"

memlane=$top/build/tools/memlane
dir=$(mktemp -d)
trap 'exec 9>&-; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
mkdir shown
mkfifo in

# A process with 5000 objects, until the end of this test.
MEMLANE_BACKEND=local MEMLANE_STAT=$dir/shown "$top/build/selftests/tools/hold" 5000 < in > held &
pid=$!
exec 9> in
for _ in $(seq 200); do
	grep -q ready held && break
	sleep 0.05
done
socket=$dir/shown/$pid.memlane
arena=$pid.1
export MEMLANE_STAT=$dir/shown

lists()
{
	says 0 "$arena" "$memlane" list && grep -Eq "^ *$arena +$pid hold +5000 " out &&
		MEMLANE_STAT='' says 0 "$arena" "$memlane" list --at "$socket"
}

stats()
{
	says 0 'ARENA LANE' "$memlane" stat && says 0 'invariants: ok' "$memlane" stat "$arena" &&
		grep -Eq '^hand +2 ' out && grep -Eq '^waits +0$' out &&
		says 0 '"backend": "local"' "$memlane" stat --json && grep -q "\"pid\": $pid" out
}

watches()
{
	says 0 ' 5000 ' "$memlane" stat --watch=1 -n 2 && [ "$(grep -c 'ARENA LANE' out)" = 2 ] &&
		says 2 'no number of seconds' "$memlane" stat --watch=often
}

exports()
{
	says 0 "memlane_lane_objects{arena=\"$arena\",lane=\"fast\"} 5000" "$memlane" export --prometheus
}

# What is wrong, and what to type.
refuses()
{
	: > file
	says 1 'set MEMLANE_STAT to this path' "$memlane" list --at none &&
		says 1 'no socket' "$memlane" list --at file &&
		says 1 'no arena 1.9 open; memlane stat lists them' "$memlane" stat 1.9 &&
		says 2 'lacks its value' "$memlane" list --at &&
		says 2 'one word too many' "$memlane" stat 1 2 || return 1
}

# Another user's; also root's own users may not connect without the right to.
of_others()
{
	chmod 755 "$dir" "$dir/shown"
	cp "$memlane" tool && chmod 755 tool
	says 1 "another user's" setpriv --reuid 65534 --regid 65534 --clear-groups ./tool list --at "$socket"
}

# What a killed process leaves is no arena.
left_over()
{
	exec 9>&-
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	[ -S "$socket" ] && says 0 'No arena is open' "$memlane" list &&
		says 1 'has ended' "$memlane" list --at "$socket"
}

plan 7
check "list: name, process, objects" lists
check "stat: what the module's arenas show" stats
check "stat: --watch" watches
check "export: under the arena's name" exports
check "what is wrong is said, with the remedy" refuses
check "sockets of other users" of_others
check "the socket of a killed process" left_over
finish
