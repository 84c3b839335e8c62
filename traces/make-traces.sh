#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make-traces.sh [NAME...] - record the traces of this folder again
#
# Names: redis redis_small sqlite cc1; all of them when none is given. Needs build/tools and
# the packages redis-server, redis-tools, sqlite3, linux-source-6.1, libelf-dev.
# What is recorded are the machine's own programs on its own data: a new trace
# is like the old one, not the same. OUT is where they go; this folder otherwise.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
memlane=$here/../build/tools/memlane
out=${OUT:-$here}
work=$(mktemp -d)
server=

cleanup()
{
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

die()
{
	echo "make-traces: $*" >&2
	exit 1
}

# Replies to one command, on the server that is recorded.
redis()
{
	redis-cli -s redis.sock "$@"
}

# A random key out of many, so that most are new and the cache is always full.
fill()
{
	redis-benchmark -s redis.sock -q -c 4 -P 16 -t set -r 100000000 -d "$1" -n "$2"
}

# cache NAME SIZE COUNT SIZE COUNT: a cache that is full of values of the first
# size, and then gets values of twice that: the old ones are evicted one here and
# one there, and leave holes that are too small.
cache()
{
	"$memlane" record -o "$out/$1.mlt.zst" -- redis-server --port 0 \
		--unixsocket redis.sock --save '' --appendonly no --daemonize no \
		--loglevel warning --maxmemory 32mb --maxmemory-policy allkeys-lru &
	server=$!
	for _ in $(seq 100); do
		redis ping >/dev/null 2>&1 && break
		sleep 0.1
	done
	fill "$2" "$3"
	fill "$4" "$5"
	redis info memory | grep -E '^(used_memory_human|used_memory_rss_human|mem_fragmentation_ratio|mem_allocator)'
	redis info stats | grep '^evicted_keys'
	redis shutdown nosave || true
	wait "$server" || true
	server=
}

record_redis()
{
	cache redis-lru 2000 40000 4000 5000
}

record_redis_small()
{
	cache redis-small 240 220000 492 50000
}

# Files of the machine as a table in memory: load, index, join, change, search.
record_sqlite()
{
	find /usr/share /usr/include -xdev -printf '%p\t%s\t%y\t%T@\n' 2>/dev/null |
		head -n 20000 > files.tsv
	local status=0

	"$memlane" record -o "$out/sqlite.mlt.zst" -- sqlite3 :memory: \
		< "$here/sqlite.sql" > /dev/null || status=$?
	[ $status = 7 ] || die "sqlite3 ended with $status, not as sqlite.sql ends it"
}

record_cc1()
{
	local tree=linux-source-6.1 flags

	tar -xf /usr/src/$tree.tar.xz $tree/tools/lib $tree/tools/include $tree/tools/arch \
		$tree/include/uapi $tree/arch/x86/include/uapi ||
		die "install the package linux-source-6.1"
	flags="-I$tree/tools/lib -I$tree/tools/include -I$tree/tools/include/uapi"
	# shellcheck disable=SC2086
	gcc -E -P -D_GNU_SOURCE $flags -o libbpf.i $tree/tools/lib/bpf/libbpf.c
	"$memlane" record -o "$out/cc1.mlt.zst" -- "$(gcc -print-prog-name=cc1)" \
		-quiet -O2 -fpreprocessed -o libbpf.s libbpf.i
}

[ -x "$memlane" ] || die "build/tools/memlane is missing; run make tools"
out=$(cd "$out" && pwd)
cd "$work"
for name in "${@:-redis redis_small sqlite cc1}"; do
	for one in $name; do
		case $one in
		redis | redis_small | sqlite | cc1) "record_$one" ;;
		*) die "there is no trace \"$one\"; these are: redis redis_small sqlite cc1" ;;
		esac
	done
done
