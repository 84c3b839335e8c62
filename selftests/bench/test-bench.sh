#!/bin/sh
# SPDX-License-Identifier: MIT
# The measuring program measures what it says: no figure is judged but by being there.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit 1
. selftests/ktap.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# bench GROUPS: with its table in $tmp/out.
bench() {
	ML_BENCH=$1 ML_OBJECTS=30000 ML_TRACES=${ML_TRACES:-sqlite redis-lru} ML_SCALE=$tmp/tsv MEMLANE_BACKEND=local \
		build/bench/bench "$tmp/json" >"$tmp/out" 2>&1 || { sed 's/^/# /' "$tmp/out"; return 1; }
}

# said WORDS...: each on a line with a number.
said() {
	for words; do
		grep -qE "$words.* [0-9]+\.[0-9]+ x" "$tmp/out" || { echo "# no figure for: $words"; return 1; }
	done
}

replays() {
	bench replay && for trace in redis-lru sqlite; do
		for heap in 'memlane \(local\)' 'own malloc' jemalloc mimalloc tcmalloc; do
			said "^  $trace: $heap " || return 1
		done
	done
	grep -q 'redis-lru: tables, a live object' "$tmp/out" &&
		grep -q 'target 1.15' "$tmp/out" && [ "$(grep -c 'M/s' "$tmp/out")" = 10 ]
}

loads() {
	bench load && said '750 x 3584 B freed in a row: memlane' '30000 x 48 B freed in a row: malloc' \
		'16 B to 64 KiB at random: memlane'
}

bytes() {
	bench bytes && said '48 B, 98 % freed at random: memlane' '380 to 420 B, every other one freed: malloc' \
		'3584 B behind made and freed: memlane'
}

looks() {
	bench get && said 'a table that believes' 'a section for 100 gets' 'at random: a table' 'at random: a section'
}

# Of both lanes, in the table and in the file to be plotted.
scales() {
	bench scale && said 'fast, 30000 live: free and alloc' 'slow, 30000 live: free and alloc' \
		'slow, 30000 live: alloc' || return 1
	awk -F '\t' 'NF != 7 { exit 1 } NR > 1 { n[$1 " " $2]++ }
		END { exit n["fast 10000"] n["fast 30000"] n["slow 10000"] n["slow 30000"] != "1111" }' "$tmp/tsv"
}

histogram() { build/bench/test-histogram >"$tmp/out" || { sed 's/^/# /' "$tmp/out"; return 1; }; }

# All the objects there are, read a hundredth as often.
pauses() {
	ML_READS=20000 bench pause || return 1
	for load in 'plain memory, alone' 'blocks of 256 B, all moving' 'blobs of 128 KiB, all moving'; do
		said "$load: p50" "$load: p99" "$load: p99\\.99" "$load: max" || return 1
	done
}

# As in a VM that is emulated.
no_times() {
	ML_RATIOS=1 bench scale && said 'slow, 30000 live: free and alloc' &&
		! grep -E '[0-9] (ns|M/s|MB/s)' "$tmp/out"
}

# The figures of the last run, and those alone, with the machine they are of.
documents() {
	ML_TRACES=sqlite bench "scale|replay" && build/bench/bench --tables "$tmp/json" >"$tmp/md" &&
		grep -qx '## The local backend' "$tmp/md" && grep -q ' CPUs, Linux .*load average' "$tmp/md" || return 1
	awk -F '  +' '/ [0-9.]+ x$/ { print $2 }' "$tmp/out" | sort >"$tmp/printed"
	awk -F ' *[|] *' '$4 ~ /^[0-9.]+$/ { print $2 }' "$tmp/md" | sort >"$tmp/tabled"
	[ -s "$tmp/printed" ] && diff "$tmp/printed" "$tmp/tabled"
}

plan 10
check "it builds" make -s -C selftests/bench
check "replay: each trace, five allocators, memory and speed" replays
check "scale: both lanes, and a file to plot" scales
check "loads: pages made and freed, beside malloc" loads
check "bytes: loads that leave holes, beside malloc" bytes
check "get: by pointer, by a table, by handle" looks
check "tables: every row of the run, and the machine" documents
check "histogram: known values" histogram
check "pause: each kind of memory, to the longest" pauses
check "ratios only: no time is told" no_times
finish
