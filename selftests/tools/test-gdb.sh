#!/bin/sh
# SPDX-License-Identifier: MIT
# tools/gdb/memlane-gdb.py says of handles what the library says of them.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/ktap.sh

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
said=$tmp/said

cat >"$tmp/handles.c" <<'END'
#include <memlane.h>
#include <string.h>

struct memlane *m;
memlane_handle live, dead, never, slow;

void here(void)
{
	__asm__ volatile("");
}

int main(void)
{
	struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_SLOW };

	if (memlane_open(&m, NULL))
		return 1;
	live = memlane_alloc(m, 32);
	dead = memlane_alloc(m, 32);
	if (memlane_alloc_with(m, 100000, &opts, &slow))
		return 1;
	memlane_enter(m);
	strcpy(memlane_get(m, live), "find me");
	strcpy(memlane_get(m, slow), "and me");
	memlane_exit(m);
	memlane_free(m, dead);
	never = live + (1ULL << MEMLANE_GEN_SHIFT);
	here();
	return 0;
}
END

ask() {
	${CC:-cc} -g -O0 -Ilib/include -Iinclude/uapi -o "$tmp/handles" "$tmp/handles.c" \
		build/lib/libmemlane.a -lpthread || return 1
	MEMLANE_BACKEND=local gdb -q -nx -batch -ex 'source tools/gdb/memlane-gdb.py' \
		-ex 'break here' -ex run \
		-ex 'memlane m live' -ex 'printf "is <%s>\n", (char *)$_memlane' \
		-ex 'memlane m slow' -ex 'printf "is <%s>\n", (char *)$_memlane' \
		-ex 'memlane m dead' -ex 'memlane m never' -ex 'memlane m 0' \
		-ex 'memlane m' "$tmp/handles" >"$said" 2>&1
	sed 's/^/# /' "$said"
}

says() { grep -qxF "$1" "$said"; }

if ! command -v gdb >/dev/null; then
	echo '1..0 # SKIP there is no gdb'
	exit 4
fi
plan 7
check "gdb runs the program" ask
check "a small object is found" says 'is <find me>'
check "a large object is found" says 'is <and me>'
check "a freed handle is told" says 'the handle was freed (or its object dropped)'
check "one that was never given out is told" says 'the handle never was given out'
check "0 is no handle" says 'the handle never was a handle'
check "wrong usage is told" says 'usage: memlane ARENA HANDLE'
finish
