#!/bin/sh
# SPDX-License-Identifier: MIT
# The documents' C is true: every ```c block that has a main() is a program that compiles
# without a warning and ends with 0; every relative link leads to a file.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/ktap.sh

out=build/docs
export MEMLANE_BACKEND="${MEMLANE_BACKEND:-local}"
rm -rf "$out"
mkdir -p "$out"

# cut FILE: its C blocks as build/docs/NAME-N.c, printed as they are found.
cut_blocks() {
	awk -v stem="$out/$(basename "$1" .md)" '
		/^```c$/ { file = stem "-" ++n ".c"; inside = 1; next }
		/^```$/ && inside { inside = 0; close(file); print file; next }
		inside { print > file }' "$1"
}

programs() {
	for page in README.md Documentation/*.md; do
		cut_blocks "$page"
	done | while read -r file; do
		if grep -q '^int main(' "$file"; then echo "$file"; fi
	done
}

compiles() {
	${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -pthread \
		-Ilib/include -Iinclude/uapi -o "${1%.c}" "$1" build/lib/libmemlane.a
}

runs() {
	timeout 60 "${1%.c}" >"${1%.c}.out" 2>&1
	status=$?
	sed 's/^/# /' "${1%.c}.out"
	[ "$status" = 0 ]
}

program() { compiles "$1" && runs "$1"; }

# missing PAGE: links of a page that lead nowhere.
missing() {
	grep -oE '\]\([^)#: ]+' "$1" | cut -c3- | while read -r link; do
		[ -e "$(dirname "$1")/$link" ] || echo "$1: $link"
	done
}

links() {
	! for page in *.md Documentation/*.md; do
		missing "$page"
	done | sed 's/^/# leads nowhere: /' | grep .
}

list=$(programs)
# shellcheck disable=SC2086
set -- $list
plan $(($# + 2))
check "there are programs in the pages" test "$#" -ge 10
check "every link of a page leads to a file" links
for file; do
	check "$(basename "$file" .c)" program "$file"
done
finish
