#!/bin/sh
# SPDX-License-Identifier: MIT
# How much of kmod/ the stages on the debug kernel have reached:
#
#   coverage.sh collect    in the guest, after them: keep gcov's counts
#   coverage.sh report     on the host: lines and branches, listings beside
#
# gcov keeps counts over a removal of the module.
set -eu
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

# gcov tells it for each file, headers of the kernel too: the .c files of kmod/
# count.
sum_up() {
	awk -v top="$objects/" '
	function percent(text) { sub(/^[^:]*:/, "", text); return text + 0 }
	function total(text) { sub(/.*% of /, "", text); return text + 0 }
	/^File / {
		name = substr($2, 2, length($2) - 2)
		ours = index(name, top) == 1 && name ~ /\.c$/
		name = substr(name, length(top) + 1)
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
	END {
		print "1..1"
		if (!lines || !hit) { print "not ok 1 gcov counted nothing"; exit 1 }
		printf "ok 1 kmod: %.1f %% of %d lines, %.1f %% of %d branches\n",
			100 * hit / lines, lines, 100 * taken / branches, branches
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
	done | sum_up
}

case ${1:-} in
collect | report) "$1" ;;
*) echo "usage: coverage.sh collect|report" >&2; exit 2 ;;
esac
