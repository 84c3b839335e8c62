#!/bin/sh
# SPDX-License-Identifier: MIT
# How much of kmod/ the stages on the debug kernel have reached:
#
#   coverage.sh collect    in the guest, after them: keep gcov's counts
#   coverage.sh report     on the host: lines and branches, listings beside
#   coverage.sh judge      what report says of gcov's listings, which come in
#
# gcov keeps counts over a removal of the module. Less than the floor is a failure,
# unless ONLY has left stages out.
set -eu
floor_lines=94
floor_branches=82
top=$(cd "$(dirname "$0")/../.." && pwd)
objects=$top/build/kmod/debug/kmod
out=$top/build/coverage

collect() {
	counts=/sys/kernel/debug/gcov$objects
	[ -d "$counts" ] || { echo "1..0 # SKIP the module has no gcov"; exit 4; }
	rm -rf "$out"
	mkdir -p "$out"
	cp -r "$counts" "$out/counts"
}

# gcov lists each file, headers of the kernel too: the .c files of kmod/ count, but for
# core/decay.c: the module refuses its option, so that only the in-process backend's tests
# reach it. An assertion of a lock has branches that only a fault takes: they do not count.
judge() {
	[ -z "${ONLY:-}" ] || floor_lines=0 floor_branches=0
	awk -v top="$objects/" -v floor_lines="$floor_lines" -v floor_branches="$floor_branches" '
	function percent(part, whole) { return whole ? 100 * part / whole : 100 }
	function enough(nr, what, reached, floor) {
		printf "%sok %d at least %d %% of %s\n", reached < floor ? "not " : "", nr, floor, what
		if (reached < floor)
			status = 1
	}
	/^ *-: *0:Source:/ {
		name = $0
		sub(/^ *-: *0:Source:/, "", name)
		ours = index(name, top) == 1 && name ~ /\.c$/
		name = substr(name, length(top) + 1)
		ours = ours && name != "core/decay.c"
		if (ours)
			names[++files] = name
		next
	}
	!ours { next }
	/^ *([0-9]+\*?|[#=]+): *[0-9]+:/ {
		lines[name]++
		hit[name] += /^ *[0-9]/
		asserts = /lockdep_assert_/
	}
	/^branch/ && !asserts {
		branches[name]++
		taken[name] += !/ (never executed|taken 0%)/
	}
	END {
		for (i = 1; i <= files; i++) {
			name = names[i]
			printf "# %-20s %6.2f %% of %4d lines", name, percent(hit[name], lines[name]), lines[name]
			printf ", %6.2f %% of %4d branches\n", percent(taken[name], branches[name]), branches[name]
			all_hit += hit[name]; all_lines += lines[name]
			all_taken += taken[name]; all_branches += branches[name]
		}
		if (!all_lines || !all_branches || !all_hit) { print "1..1\nnot ok 1 gcov counted nothing"; exit 1 }
		h = percent(all_hit, all_lines)
		t = percent(all_taken, all_branches)
		printf "# total: %.1f %% of %d lines, %.1f %% of %d branches of kmod/\n1..2\n",
			h, all_lines, t, all_branches
		enough(1, "lines", h, floor_lines)
		enough(2, "branches", t, floor_branches)
		exit status
	}'
}

report() {
	[ -d "$out/counts" ] || { echo "1..0 # SKIP no debug kernel has run"; exit 4; }
	cd "$out/counts"
	for file in *.gcda core/*.gcda; do
		ln -sf "$objects/${file%.gcda}.gcno" "${file%.gcda}.gcno"
	done
	for file in *.gcda core/*.gcda; do
		gcov -b -t -o "$(dirname "$file")" "$file" 2>/dev/null | tee "${file%.gcda}.gcov"
	done | judge
}

case ${1:-} in
collect | report | judge) "$1" ;;
*) echo "usage: coverage.sh collect|report|judge" >&2; exit 2 ;;
esac
