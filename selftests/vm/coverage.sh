#!/bin/sh
# SPDX-License-Identifier: MIT
# How much of kmod/ the stages on the debug kernel have reached:
#
#   coverage.sh collect    in the guest, after them: keep gcov's counts
#   coverage.sh report     on the host: lines and branches, listings beside
#   coverage.sh judge      what report says of gcov's words, which come in
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

# gcov tells it for each file, headers of the kernel too: the .c files of kmod/ count, but
# for core/decay.c: the module refuses its option, so that only the in-process backend's
# tests reach it.
judge() {
	[ -z "${ONLY:-}" ] || floor_lines=0 floor_branches=0
	awk -v top="$objects/" -v floor_lines="$floor_lines" -v floor_branches="$floor_branches" '
	function percent(text) { sub(/^[^:]*:/, "", text); return text + 0 }
	function total(text) { sub(/.*% of /, "", text); return text + 0 }
	/^File / {
		name = substr($2, 2, length($2) - 2)
		ours = index(name, top) == 1 && name ~ /\.c$/
		name = substr(name, length(top) + 1)
		ours = ours && name != "core/decay.c"
	}
	# What follows a blank line is the sum over all files of the call.
	/^$/ { ours = 0 }
	!ours { next }
	/^Lines executed/ {
		hit += percent($0) * total($0) / 100
		lines += total($0)
		printf "# %-20s %6.2f %% of %4d lines", name, percent($0), total($0)
	}
	/^No branches/ { print "" }
	/^Taken at least once/ {
		taken += percent($0) * total($0) / 100
		branches += total($0)
		printf ", %6.2f %% of %4d branches\n", percent($0), total($0)
	}
	function enough(nr, what, reached, floor) {
		printf "%sok %d at least %d %% of %s\n", reached < floor ? "not " : "", nr, floor, what
		if (reached < floor)
			status = 1
	}
	END {
		if (!lines || !branches || !hit) { print "1..1\nnot ok 1 gcov counted nothing"; exit 1 }
		hit *= 100 / lines
		taken *= 100 / branches
		printf "# total: %.1f %% of %d lines, %.1f %% of %d branches of kmod/\n1..2\n",
			hit, lines, taken, branches
		enough(1, "lines", hit, floor_lines)
		enough(2, "branches", taken, floor_branches)
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
		gcov -b -o "$(dirname "$file")" "$file" 2>/dev/null
	done | judge
}

case ${1:-} in
collect | report | judge) "$1" ;;
*) echo "usage: coverage.sh collect|report|judge" >&2; exit 2 ;;
esac
