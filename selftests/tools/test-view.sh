#!/bin/bash
# SPDX-License-Identifier: MIT
# test-view.sh - arenas of a process that shows them (MEMLANE_STAT): list, stat, top, map, export

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
	says 0 "$arena" "$memlane" list && grep -Eq "^ *$arena +$pid hold +held +5000 " out &&
		MEMLANE_STAT='' says 0 "$arena" "$memlane" list --at "$socket"
}

stats()
{
	says 0 'ARENA LANE' "$memlane" stat && [ "$(grep -c " $pid hold  *held\$" out)" = 2 ] && says 0 'invariants: ok' "$memlane" stat "$arena" &&
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

# The second look knows what happened since the first: nothing.
tops()
{
	says 0 '1 arena, 5000 objects' "$memlane" top -b -n 2 -d 1 &&
		[ "$(grep -c "^ *$arena  *$pid hold  *5000 .* \\[|*:* *[0-9]*%\\] " out)" = 2 ] &&
		grep -Eq ' - +- +- +- +[0-9]+% held$' out && grep -Eq ' 0 +0 +0 +0 +[0-9]+% held$' out ||
		{ sed 's/^/# /' out; return 1; }
	says 1 'memlane top -b' "$memlane" top -n 1 < /dev/null &&
		says 2 'tenths of a second' "$memlane" top -d now
}

# keys TEXT WORDS: on a terminal, with these keys and then q, it shows the words.
keys()
{
	{ sleep 0.5; printf '%b' "$1"; sleep 0.5; printf q; } |
		TERM=xterm COLUMNS=150 LINES=40 timeout 20 script -qec "stty cols 150 rows 40; $memlane top -d 3" typescript > /dev/null &&
		grep -qF "$2" typescript || { echo "# no \"$2\" after keys $1"; return 1; }
}

screens()
{
	keys '' 'hold' && keys h 'only arenas with this text' && keys '\n' 'moves_hand' &&
		keys 'I' 'inverted' && keys '\\nobody\n' 'Filter: nobody' &&
		keys '\\eld\n' 'Filter: eld' || return 1
	TERM=nonsense says 1 'set TERM' script -qec "$memlane top -n 1" /dev/null
}

maps()
{
	says 0 "arena $arena, process $pid (hold): held" "$memlane" map "$arena" &&
		grep -q '^fast lane: [1-9][0-9]* spans' out && grep -Eq '^[0-9#]+$' out || return 1
	says 0 '3 moments of' "$memlane" map --record rec -n 3 -d 1 "$arena" &&
		[ "$(grep -c ^frame rec)" = 3 ] && "$memlane" map --svg now.svg "$arena" &&
		grep -q '<rect ' now.svg && "$memlane" map --from rec --html rec.html &&
		[ "$(grep -c '"when":' rec.html)" = 3 ] || return 1
	says 2 'name one arena' "$memlane" map && says 2 'one of --record' "$memlane" map --svg a --html b 1 &&
		says 1 'cannot be written' "$memlane" map --svg /no/where "$arena" &&
		says 1 'cannot be read' "$memlane" map --from /no/where
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
	"$memlane" map --record end "$arena" 2> ended &
	local recorder=$!
	for _ in $(seq 200); do
		[ -s end ] && break
		sleep 0.05
	done
	kill -9 "$pid"
	exec 9>&-
	wait "$pid" 2>/dev/null
	wait "$recorder" && grep -q 'moments of' ended || return 1
	[ -S "$socket" ] && says 0 'No arena is open' "$memlane" list &&
		says 1 'has ended' "$memlane" list --at "$socket"
}

plan 10
check "list: name, process, objects" lists
check "stat: what the module's arenas show" stats
check "stat: --watch" watches
check "top: lines" tops
check "top: a terminal, and keys" screens
check "map: text, picture, recording, page" maps
check "export: under the arena's name" exports
check "what is wrong is said, with the remedy" refuses
check "sockets of other users" of_others
check "the socket of a killed process" left_over
finish
