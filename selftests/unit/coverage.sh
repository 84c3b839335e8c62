#!/bin/sh
# SPDX-License-Identifier: MIT
#
# coverage.sh TOP PROGRAM...  run the programs, then lines and branches of kmod/core
set -eu
top=$(cd "$1" && pwd)
shift
objects=$top/build/core/gcov

find "$objects" -name '*.gcda' -delete
for program; do
	timeout 300 "$program" >"$program.log" 2>&1 || { cat "$program.log"; exit 1; }
done
cd "$objects"
gcov -b "$objects"/*.o 2>/dev/null | awk -v core=/kmod/core/ '
	function part(text) { sub(/^[^:]*:/, "", text); split(text, p, "% of "); }
	/^File/ { file = $2; gsub(/'"'"'/, "", file); ours = index(file, core) && file ~ /\.c$/
		sub(/.*\//, "", file) }
	!ours { next }
	/^Lines executed/ { part($0); hit = p[1] * p[2] / 100; l += hit; ln += p[2]; lp = p[1] }
	/^Taken at least once/ {
		part($0); b += p[1] * p[2] / 100; bn += p[2]
		printf "%-12s lines %6.2f %%  branches %6.2f %%\n", file, lp, p[1]
	}
	END { printf "%-12s lines %6.2f %%  branches %6.2f %%\n", "all",
	      100 * l / ln, 100 * b / bn }'
