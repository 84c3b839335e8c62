#!/bin/sh
# SPDX-License-Identifier: MIT
# The documents' C is true: every ```c block that has a main() is a program that compiles
# without a warning and ends with 0; every relative link leads to a file. A page of the manual
# that would lack something is found.
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

# lacks TEXT CALL EXPRESSION: the headers, changed by sed, and what man.pl says of them.
lacks() {
	tree=$out/manual
	mkdir -p "$tree/lib"
	rm -rf "$tree/lib/include"
	cp -r lib/include "$tree/lib/"
	for folder in Documentation examples scripts selftests tools; do
		ln -sfn "$PWD/$folder" "$tree/$folder"
	done
	sed -i "$3" "$tree"/lib/include/*.h
	(cd "$tree" && ! scripts/man.pl --check) | grep -qx "memlane.*: $2: its page lacks $1"
}

manual() {
	lacks 'an error' memlane_free '/ memlane_free - /,/^MEMLANE_API/{s/-E[A-Z]*/nothing/g;s/_handle h/_thing h/}' &&
		lacks 'a Return: line' memlane_size '/ memlane_size - /,/^MEMLANE_API/s/Return:/Answer:/' &&
		lacks 'an example.*' memlane_unused 's/\bmemlane_tag_name\b/memlane_unused/' &&
		lacks 'what EODD means' memlane_free '/ memlane_free - /,/^MEMLANE_API/s/Return: 0/&; -EODD; -EPERM/'
}

list=$(programs)
# shellcheck disable=SC2086
set -- $list
plan $(($# + 3))
check "there are programs in the pages" test "$#" -ge 10
check "every link of a page leads to a file" links
check "a page of the manual without an error or an example is found" manual
for file; do
	check "$(basename "$file" .c)" program "$file"
done
finish
