#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs go by the size classes and magazines that the engine tells: the library works, as it is, with an
# engine that has fewer classes and smaller magazines, and refuses one that tells what cannot be.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/ktap.sh
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
tests="cost object resize group tally thread"
cc=${CC:-cc}
top=$out/tree
core=$top/kmod/core

# edited FILE EDIT: that file of the engine is the project's with this edit.
edited() {
	sed "$2" "kmod/core/$1" >"$core/$1"
	! cmp -s "kmod/core/$1" "$core/$1" || { echo "# nothing was edited"; return 1; }
}

library() { CFLAGS=-O0 make -s -C "$top/lib" "$top/build/lib/libmemlane.a" >"$out/log" 2>&1 || { sed 's/^/# /' "$out/log"; return 1; }; }

fewer() {
	mkdir -p "$top/kmod" && cp -r lib include "$top" && cp -r kmod/core "$top/kmod" &&
		edited class.h '/define ML_CLASS_SHIFT/s/3/2/; /define ML_MAG_STRIDE/s/512U/256U/' && library
}

# program FILE NAME
program() {
	$cc -std=gnu11 -pthread -D_GNU_SOURCE -I"$top/lib/include" -I"$top/include/uapi" \
		-o "$out/$2" "$1" "$top/build/lib/libmemlane.a" -lm
}

passes() {
	program "selftests/api/test-$1.c" "test-$1" && MEMLANE_BACKEND=local "$out/test-$1" >"$out/log" 2>&1 ||
		{ sed 's/^/# /' "$out/log"; return 1; }
}

# liar EDIT: nothing can be opened.
liar() { edited arena.c "$1" && library && program "$out/open.c" open && MEMLANE_BACKEND=local "$out/open"; }

nowhere() { ! grep -nE 'MEMLANE_(CLASSES|MAG_SIZE)\>|->mag\[[A-Z_a-z]*\]\[|sizeof\(struct memlane_(slot|mag)\)' lib/*.[ch] | sed 's/^/# /' | grep .; }

cat >"$out/open.c" <<-END
	#include <errno.h>
	#include <memlane.h>
	int main(void) { struct memlane *m; return memlane_open(&m, 0) != -EPROTO; }
END

# shellcheck disable=SC2086 # one word each
set -- $tests
plan $(($# + 7))
check "what this module tells is nowhere in the library" nowhere
check "an engine with 40 classes, and magazines of 62" fewer
for t; do
	check "$t" passes "$t"
done
check "a class that is no larger than the one before" liar 's/= ml_class_size(cls);/= ml_class_size(cls \& ~1U);/'
check "a largest class that is none" liar '/out_classes =/s/ML_CLASSES/ML_CLASSES - 1/'
check "no classes" liar '/out_classes =/s/ML_CLASSES/0/'
check "magazines that run into each other" liar '/out_mag_stride =/s/ML_MAG_STRIDE/8/'
check "magazines past the end of the slot" liar '/out_mag_offset =/s/ML_PAGE_SIZE/2 * ML_PAGE_SIZE/'
finish
