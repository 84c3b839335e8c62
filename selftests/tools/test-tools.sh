#!/bin/bash
# SPDX-License-Identifier: MIT
# test-tools.sh - the command itself: what it records, replays, refuses and says

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$here/../ktap.sh"
. "$here/says.sh"

memlane=$top/build/tools/memlane
tests=$top/build/selftests/tools
allocs=$tests/allocs
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

# record WHAT: allocs WHAT into WHAT.mlt, and its records into WHAT.txt.
record()
{
	"$memlane" record -o "$1.mlt" -- "$allocs" "$1" > record.out 2>&1
	status=$?
	"$memlane" trace --dump "$1.mlt" > "$1.txt"
}

# calls WHAT: operation and size of those calls that allocs makes itself.
calls()
{
	awk -F '\t' '$5 >= 70000 { print $3, $5, $6 }' "$1.txt" | sed 's/ *$//'
}

all_forms()
{
	record forms
	[ "$status" = 0 ] || return 1
	calls forms > got
	cat > want <<-END
	malloc 70001
	free 70001
	calloc 90003
	free 90003
	malloc 70003
	realloc 170003
	realloc 70014
	free 70014
	memalign 70005 align 64
	free 70005
	memalign 73728 align 4096
	free 73728
	memalign 70007 align 256
	free 70007
	memalign 70009 align 4096
	free 70009
	memalign 70011 align 4096
	free 70011
	malloc 70013
	END
	diff want got
}

# Every thread's calls are there, and none of them contradicts another.
all_threads()
{
	record threads
	[ "$status" = 0 ] || return 1
	awk -F '\t' '$3 == "malloc" || $3 == "realloc" { n[$2]++ }
		END { for (t in n) if (n[t] > 5000) many++; exit many != 4 }' threads.txt
}

# first WORDS: the report's first line has them.
first()
{
	head -n 1 record.out | grep -qF -e "$1" || { sed 's/^/# /' record.out; return 1; }
}

no_children()
{
	record children
	[ "$status" = 0 ] && first 'NOT recorded: 2 processes' && first '(allocs, ls); --follow' || return 1
	calls children > got
	printf 'malloc 70021\nrealloc 70025\n' | diff - got
}

# A forked child knows nothing of what its parent made: its free is one of the missed.
follows_children()
{
	"$memlane" record --follow -o all.mlt -- "$allocs" children > record.out 2>&1 &&
		"$memlane" trace --dump all.1.mlt > all.1.txt && calls all.1 > got &&
		echo 'malloc 70023' | diff - got &&
		says 0 'missed    1 frees' "$memlane" trace all.1.mlt &&
		says 0 'ls /' "$memlane" trace all.2.mlt && [ ! -e all.3.mlt ] &&
		"$memlane" trace --dump all.mlt > all.txt && calls all > got &&
		printf 'malloc 70021\nrealloc 70025\n' | diff - got
}

# became COMMAND...: another program in the same process, and the trace is of that one.
became()
{
	"$memlane" record -o became.mlt -- "$@" > record.out 2>&1 || { cat record.out; return 1; }
	"$memlane" trace --dump became.mlt > became.txt && calls became > got && diff want got
}

follows_exec()
{
	printf '#!/bin/sh\nls > /dev/null\nexec "%s" "$@"\n' "$allocs" > shim && chmod +x shim &&
		became env A=b "$allocs" forms && first 'env became allocs' &&
		became sh -c "exec $allocs forms" && became env -i "$allocs" forms &&
		became ./shim forms && first 'NOT recorded: 1 process that ./shim started (ls)'
}

# A build: its programs, each in a file of its own, and each whole.
follows_make()
{
	printf 'all: a b\na b:\n\t@true; env -i %s forms\n' "$allocs" > Makefile
	"$memlane" record --follow -o make.mlt.zst -- make -s -j2 > record.out 2>&1 || return 1
	ls make.mlt.zst make.*.mlt.zst > traces && ! ls -- *.part > left 2>&1 || return 1
	while read -r file; do
		"$memlane" trace "$file" > out || return 1
		# A shell's own command has these words, too.
		grep -q '^[^ ]*: [^ ]*/allocs forms' out && echo "$file"
	done < traces > forms
	[ "$(wc -l < forms)" = 2 ]
}

up_to_the_kill()
{
	record killed
	[ "$status" = 137 ] || return 1
	grep -q 'killed by signal 9' record.out &&
		"$memlane" trace killed.mlt | grep -q 'killed by a signal' &&
		[ "$(calls killed | grep -c 'malloc 70031')" = 1000 ]
}

# Both are killed: nobody closes the file.
recorder_killed()
{
	local recorder program

	# shellcheck disable=SC2016
	"$memlane" record -o lost.mlt -- sh -c 'echo $$; while :; do :; done' > lost.out &
	recorder=$!
	for _ in $(seq 200); do
		[ -s lost.out ] && break
		sleep 0.05
	done
	program=$(cat lost.out)
	kill -9 "$recorder"
	wait "$recorder" 2>/dev/null
	[ -n "$program" ] || return 1
	# It writes on, to a file that has no name any more.
	says 0 'written to lost2.mlt' "$memlane" record -o lost2.mlt -- true || return 1
	cp lost.mlt lost3.mlt && says 0 'written to lost.mlt' "$memlane" record -o lost.mlt -- true &&
		kill -9 "$program" && says 0 'never closed' "$memlane" trace lost3.mlt &&
		says 0 'true' "$memlane" trace lost.mlt && [ "$(stat -c %s lost3.mlt)" -lt 8388608 ]
}

# A signal to end is the program's; what it did is closed.
recorder_ended()
{
	local recorder

	# shellcheck disable=SC2016
	"$memlane" record -o term.mlt -- sh -c 'echo $$; while :; do :; done' > term.out 2> err &
	recorder=$!
	for _ in $(seq 200); do
		[ -s term.out ] && break
		sleep 0.05
	done
	kill "$recorder"
	wait "$recorder"
	[ $? = 143 ] && says 0 'killed by a signal' "$memlane" trace term.mlt
}

two_writers()
{
	local first

	mkfifo go
	"$memlane" record -o both.mlt -- sh -c "cat go > /dev/null; exec $allocs forms" 2> err &
	first=$!
	for _ in $(seq 200); do
		[ -s both.mlt ] && break
		sleep 0.05
	done
	says 1 'another memlane record' "$memlane" record -o both.mlt -- true
	local ret=$?
	echo > go
	wait "$first" && [ "$ret" = 0 ] && "$memlane" trace --dump both.mlt > both.txt &&
		calls both > got && diff want got
}

no_place()
{
	mkdir folder && says 1 'no regular file' "$memlane" record -o folder -- true &&
		says 1 'no regular file' "$memlane" record -o /dev/null -- true && [ -c /dev/null ] &&
		mkfifo pipe.mlt && says 1 'no regular file' "$memlane" record -o pipe.mlt -- true &&
		says 1 'no regular file' "$memlane" record -o /dev/full -- true
}

# A trace is a new file under that name: what is there as a link, as /dev/stdout, stays.
through_a_link()
{
	echo kept > file && ln -s file link.mlt && ln -s nowhere dangling.mlt || return 1
	for link in link dangling; do
		says 1 'is a symbolic link' "$memlane" record -o "$link.mlt" -- true && [ -L "$link.mlt" ] || return 1
	done
	[ "$(cat file)" = kept ] && [ ! -e nowhere ]
}

within_another()
{
	local inner="$memlane record -o inner.mlt -- $allocs forms"

	# shellcheck disable=SC2086
	says 1 'another memlane record' "$memlane" record -o outer.mlt -- $inner && [ ! -e inner.mlt ] &&
		says 1 'another memlane record' "$memlane" record --follow -o outer.mlt -- sh -c "$inner; exit"
}

# on_disk SIZE COMMAND: in a mount name space of its own.
on_disk()
{
	unshare --mount sh -c "mount -t tmpfs -o size=$1 tmpfs disk && $2"
}

# Full from the start; of less than a trace takes at first; and full later.
full_disk()
{
	mkdir disk && says 1 'No space left' on_disk 4k \
		"head -c 4096 /dev/zero > disk/all; $memlane record -o disk/x.mlt -- true" &&
		says 1 'disk is full' on_disk 64k "$memlane record -o disk/x.mlt -- $allocs threads" &&
		says 1 'disk is full' on_disk 64k "$memlane record -o disk/x.mlt.zst -- $allocs threads" &&
		says 1 'disk is full' on_disk 6m "$memlane record -o disk/x.mlt -- $allocs descriptors"
}

# It goes on in a session of its own, and the trace has what it does then.
outlives_the_command()
{
	says 0 'runs on' "$memlane" record --follow -o daemon.mlt -- "$allocs" daemon || return 1
	for _ in $(seq 100); do
		"$memlane" trace --dump daemon.1.mlt > daemon.1.txt && calls daemon.1 | grep -q 'malloc 70041' && return
		sleep 0.05
	done
	return 1
}

# A child that borrows its parent's memory and exits or becomes another program.
borrowed_memory()
{
	record vfork && [ "$status" = 0 ] && first 'NOT recorded: 1 process' || return 1
	calls vfork > got
	printf 'malloc 70051\nfree 70051\n' | diff - got
}

statically_linked()
{
	gcc -static -o still -x c - <<< 'int main(void) { return 5; }' || return 1
	says 1 'NOT recorded: ./still is statically linked' "$memlane" record -o still.mlt -- ./still &&
		grep -q 'itself ended with 5' out && [ ! -e still.mlt ] || return 1
	says 0 'NOT recorded: 1 process (still)' "$memlane" record -o still.mlt -- sh -c './still; exit 0' &&
		says 1 'still, which sh became' "$memlane" record -o still.mlt -- sh -c 'exec ./still'
}

# To whom it is that: root has all rights anyway.
raised_rights()
{
	mkdir -m 777 open && chmod 755 "$dir" && cp "$memlane" "${memlane%/*}/libmemlane-record.so" open &&
		install -m 4755 "$allocs" open/raised && cd open || return 1
	says 1 'raised rights' setpriv --reuid 65534 --regid 65534 --clear-groups \
		./memlane record -o raised.mlt -- ./raised forms
	local ret=$?
	cd ..
	[ "$ret" = 0 ] && [ ! -e open/raised.mlt ]
}

own_malloc()
{
	cat > own.c <<-'END'
	#include <stddef.h>
	static char heap[1 << 20];
	static size_t used;
	void *malloc(size_t n) { used += (n + 31) & ~15UL; return heap + used - ((n + 31) & ~15UL) + 16; }
	void free(void *p) { (void)p; }
	void *volatile p;
	int main(void) { p = malloc(5); free(p); return 0; }
	END
	gcc -w -fno-builtin -rdynamic -o ownmalloc own.c &&
		says 1 'has a malloc of its own' "$memlane" record -o own.mlt -- ./ownmalloc
}

nothing_allocated()
{
	says 0 'made no call of malloc' "$memlane" record -o nothing.mlt -- "$allocs" nothing &&
		says 0 '0 calls' "$memlane" trace nothing.mlt
}

file_limit()
{
	(ulimit -f 100 && says 1 'ulimit -f' "$memlane" record -o size.mlt -- "$allocs" threads) &&
		says 0 'stopped at a limit' "$memlane" trace size.mlt &&
		[ "$("$memlane" trace --dump size.mlt | wc -l)" -gt 10000 ] || return 1
	# One that the program's own limit stops: it goes on, and is told.
	says 1 'ulimit -f' "$memlane" record -o size.mlt -- sh -c "ulimit -f 8; exec $allocs threads"
}

descriptors_closed()
{
	"$memlane" record -o fds.mlt -- "$allocs" descriptors 2> record.out || { cat record.out; return 1; }
	[ "$("$memlane" trace fds.mlt | awk '$1 == "malloc" { print $2 }')" -ge 1500000 ] &&
		[ ! -s own ] && [ "$(stat -c %s fds.mlt)" -gt 4194304 ]
}

limited()
{
	"$memlane" record -n 100 -o limit.mlt -- "$allocs" threads 2> record.out || return 1
	says 0 'stopped at a limit' "$memlane" trace limit.mlt &&
		[ "$("$memlane" trace --dump limit.mlt | wc -l)" -le 100 ]
}

packed()
{
	"$memlane" record -o p.mlt.zst -- "$allocs" forms 2> record.out || return 1
	[ "$(head -c 4 p.mlt.zst | od -An -tx1 | tr -d ' ')" = 28b52ffd ] && [ ! -e p.mlt.part ] &&
		"$memlane" trace --dump p.mlt.zst > p.txt && calls p > got && diff want got
}

# A preloaded allocator is recorded through, and a program gets its own preloads.
through_jemalloc()
{
	local lib

	lib=$(ldconfig -p | awk '/libjemalloc.so.2/ { print $NF; exit }')
	[ -n "$lib" ] || { echo "# no libjemalloc2"; return 1; }
	LD_PRELOAD=$lib "$memlane" record -o je.mlt -- "$allocs" threads 2> record.out &&
		"$memlane" trace je.mlt > out &&
		LD_PRELOAD=$lib "$memlane" record -o env.mlt -- env > env.out 2> record.out &&
		grep -qx "LD_PRELOAD=.*/libmemlane-record.so:$lib" env.out
}

# Options end where the command begins, with or without --.
help_of_another()
{
	says 0 'Usage: ls' "$memlane" record -o ls.mlt ls --help && [ -s ls.mlt ] &&
		says 0 'Usage: ls' "$memlane" record -o ls.mlt -- ls --help &&
		says 0 'Usage: memlane record' "$memlane" record -o other.mlt --help ls && [ ! -e other.mlt ]
}

# full COMMAND...: its output goes nowhere, and it says so.
full()
{
	"$memlane" "$@" 2> err > /dev/full && { echo "# $*: ended with 0"; return 1; }
	grep -q 'stdout: No space left' err || { echo "# $*:"; sed 's/^/#   /' err; return 1; }
}

lost_output()
{
	full --help && full --version && full help replay && full record --help && full trace forms.mlt &&
		full trace --dump threads.mlt && full replay --backend local forms.mlt &&
		full replay --json --backend local forms.mlt || return 1
	"$memlane" --version >&- 2> err && return 1
	grep -q 'stdout: Bad file descriptor' err
}

# It is known before anything is replayed, and what malloc can do is not asked.
too_aligned()
{
	record aligned && [ "$status" = 0 ] && says 1 'asks for an alignment of 4194304 bytes' \
		"$memlane" replay --backend local aligned.mlt && grep -q 'aligned.mlt: record [0-9]' out
}

# damage NAME OFFSET BYTES: a copy of forms.mlt with other bytes at OFFSET.
damage()
{
	cp forms.mlt "$1.mlt"
	# shellcheck disable=SC2059
	printf "$3" | dd of="$1.mlt" bs=1 seek="$2" conv=notrunc status=none
}

refuses()
{
	says 1 "$2" "$memlane" replay --backend local "$1.mlt" &&
		says 1 "$2" "$memlane" trace "$1.mlt"
}

malformed()
{
	local first=$((96 + $(od -An -tu4 -j44 -N4 forms.mlt)))

	damage magic 0 'X' && refuses magic 'wrong magic' || return 1
	damage version 8 '\377' && refuses version 'version' || return 1
	damage op "$first" '\077' && refuses op "record 0 at byte $first: unknown operation" || return 1
	# Its first record may be a thread's number or a birth: make it a free.
	damage free "$first" '\005\000' && refuses free 'record 0' && grep -q 'never allocated' out || return 1
	head -c -3 forms.mlt > short.mlt && refuses short 'cut short' || return 1
	head -c 50 forms.mlt > header.mlt && refuses header 'cut short' || return 1
	: > empty.mlt && refuses empty 'cut short' || return 1
	head -c 60 p.mlt.zst > packed.mlt && refuses packed 'compressed data end' || return 1
	{ head -c 40 p.mlt.zst; head -c 400 /dev/zero; } > noise.mlt && refuses noise 'cannot be unpacked'
}

# trace_of RECORD_BYTES RECORDS OBJECTS: a header to stdout; each number in octal, lowest byte first.
trace_of()
{
	printf 'MLTRACE\n\1\0\0\0\1\0\0\0'
	for number; do
		# shellcheck disable=SC2059
		printf "$number"
	done
	printf '\1\0\0\0'
	head -c 52 /dev/zero
}

# What lies behind the records is not read, be it a hole of any size. The limit
# on what a process may write holds for memory files, too.
holes()
{
	cp forms.mlt hole.mlt && truncate -s 40G hole.mlt || return 1
	(ulimit -f 1024 && says 0 'memalign' "$memlane" trace hole.mlt) || return 1
	cat p.mlt.zst p.mlt.zst > twice.mlt.zst && says 0 'memalign' "$memlane" trace twice.mlt.zst
}

# The trace's bytes end where the reader's buffer does, which is no end of its own.
whole_buffers()
{
	local size

	for size in 128 256 1024; do
		cp forms.mlt "b$size.mlt" && truncate -s "${size}K" "b$size.mlt" &&
			zstd -q "b$size.mlt" && says 0 'memalign' "$memlane" trace "b$size.mlt.zst" || return 1
		head -c -4 "b$size.mlt.zst" > part.mlt.zst &&
			says 1 'compressed data end' "$memlane" trace part.mlt.zst || return 1
	done
}

# Half a tebibyte of records, and then one object of as much.
absurd_sizes()
{
	local half='\0\0\0\0\200\0\0\0' seven='\7\0\0\0\0\0\0\0' one='\1\0\0\0\0\0\0\0'

	trace_of "$half" "$one" "$one" > huge.mlt && truncate -s 513G huge.mlt || return 1
	(ulimit -f 1024 && refuses huge 'says that it has 512.0 GiB of trace') || return 1
	{ trace_of "$seven" "$one" "$one"; printf '\1\200\200\200\200\200\020'; } > large.mlt
	says 1 'after record 0 it has 512.0 GiB live' "$memlane" replay --backend local large.mlt
}

replays_locally()
{
	"$memlane" replay --backend local --maintain 1000 --json threads.mlt > out 2> err || return 1
	grep -q '"allocator": "memlane (local)"' out && grep -q '"allocator": "own malloc"' out &&
		awk -F '[:,]' '/"objects_verified"/ { n++; if ($2 < 10000) bad = 1 }
			/"maintain": \{/ { getline; if ($2 > 0) maintained = 1 }
			END { exit n != 2 || bad || !maintained }' out
}

# A line for each look, as many numbers in each as in the first; and a picture of them.
series()
{
	"$memlane" replay --backend local --against jemalloc --csv s.csv --svg s.svg threads.mlt > out 2> err &&
		head -n 1 s.csv | grep -qx 'calls,live bytes,memlane (local),own malloc,jemalloc' &&
		awk -F , 'NF != 5 || (NR > 2 && $1 < last) { exit 1 } { last = $1 } END { exit NR < 150 }' s.csv &&
		[ "$(grep -c '<polyline' s.svg)" = 4 ] && grep -q '^=> ' out &&
		grep -q 'This trace decides nothing' out || { sed 's/^/# /' out err; return 1; }
	says 1 'cannot be written' "$memlane" replay --backend local --csv /no/where forms.mlt
}

replays_on_rivals()
{
	"$memlane" replay --backend local --against glibc,jemalloc,mimalloc,tcmalloc threads.mlt > out 2> err &&
		grep -q 'own malloc *glibc *jemalloc *mimalloc *tcmalloc' out && [ ! -s err ]
}

# An allocator that hands out one place twice must be found out.
finds_spoiled_objects()
{
	cat > bad.c <<-'END'
	#include <stdlib.h>
	#include <dlfcn.h>
	void *malloc(size_t size)
	{
		static void *(*next)(size_t);
		static void *last;

		if (!next)
			*(void **)&next = dlsym(RTLD_NEXT, "malloc");
		if (size == 70001)
			return last = next(size);
		return size == 70003 && last ? last : next(size);
	}
	END
	cat > two.c <<-'END'
	#include <stdlib.h>
	void *volatile a, *volatile b;
	int main(void) { a = malloc(70001); b = malloc(70003); free(a); return 0; }
	END
	gcc -O0 -shared -fPIC -o bad.so bad.c -ldl && gcc -O0 -o two two.c &&
		"$memlane" record -o two.mlt -- ./two 2> record.out &&
		LD_PRELOAD=$dir/bad.so says 1 'does not have the bytes it was given' \
			"$memlane" replay --backend local two.mlt
}

# within NAME HEX: is it in that function of ./sites?
within()
{
	local at size
	read -r at size <<< "$(nm -S "$tests/sites" | awk -v name="$1" '$4 == name { print $1, $2 }')"
	[ $((0x$2)) -ge $((0x$at)) ] && [ $((0x$2)) -lt $((0x$at + 0x$size)) ]
}

# call_site NAME LINES: of them the one that came from wrapper() in NAME(), in all threads alike.
call_site()
{
	local line
	while read -r line; do
		[[ $line =~ ^\"sites\+0x([0-9a-f]+)\ \<\ sites\+0x([0-9a-f]+)\ \< ]] &&
			within wrapper "${BASH_REMATCH[1]}" && within "$1" "${BASH_REMATCH[2]}" && echo "$line"
	done | sed 's/.*",//' | awk -F, '{ for (i = 1; i <= NF; i++) s[i] += $i; n++ }
		END { printf "%d", n; for (i = 1; i < 5; i++) printf " %d", s[i]; printf " %d\n", s[6] / n }'
}

# Two threads each have a site of their own, for run() was called from elsewhere.
sites()
{
	"$memlane" record --sites -o sites.mlt -- "$tests/sites" > record.out 2>&1 || return 1
	"$memlane" trace --sites --csv sites.mlt > sites.csv || return 1
	[ "$(call_site make_kept < sites.csv)" = '2 200 200000 200 200000 0' ] &&
		[ "$(call_site make_brief < sites.csv | cut -d' ' -f 1,2,4-)" = '2 20000 0 0 1' ] || {
		sed 's/^/# /' sites.csv; return 1; }
	"$memlane" trace --sites sites.mlt > sites.txt && ! grep -q 'without frame pointers' sites.txt &&
		[ "$(awk 'NR == 2 { print $1, $2 }' sites.txt)" = '100000 100' ] &&
		says 0 'Every object had the bytes' "$memlane" replay --backend local sites.mlt
}

sites_without_frames()
{
	"$memlane" record --sites -o bare.mlt -- "$tests/sites-bare" > record.out 2>&1 &&
		says 0 'without frame pointers' "$memlane" trace --sites bare.mlt &&
		"$memlane" trace --sites --csv bare.mlt | grep -q '^"sites-bare+0x[0-9a-f]*",20200,' &&
		says 1 'no call sites in it' "$memlane" trace --sites forms.mlt &&
		says 2 'with --sites only' "$memlane" trace --csv forms.mlt
}

plan 59
check "record: every form of allocation, in order" all_forms
check "record: threads" all_threads
check "record: children are left out, and the first line says so" no_children
check "record: --follow, a forked child and a program" follows_children
check "record: what the command becomes" follows_exec
check "record: --follow, a build" follows_make
check "record: a killed program's trace is good up to there" up_to_the_kill
check "record: a killed recorder's trace is good up to there" recorder_killed
check "record: a signal to the recorder ends the program" recorder_ended
check "record: two writers of one file" two_writers
check "record: what is no regular file" no_place
check "record: a symbolic link" through_a_link
check "record: within another" within_another
check "record: a full disk" full_disk
check "record: what outlives the command" outlives_the_command
check "record: a child that borrows memory" borrowed_memory
check "record: a statically linked program" statically_linked
check "record: a program with raised rights" raised_rights
check "record: a malloc of the program's own" own_malloc
check "record: a program that allocates nothing" nothing_allocated
check "record: a limit on file sizes" file_limit
check "record: a program that closes all descriptors" descriptors_closed
check "record: stops at a limit" limited
check "record: packs" packed
check "record: works on a preloaded allocator" through_jemalloc
check "record: the command's status is handed on" says 7 recorded \
	"$memlane" record -o x.mlt -- sh -c 'exit 7'
check "record: no such command" says 127 'cannot be run' "$memlane" record -o x.mlt -- ./no-such-program
check "record: no such folder" says 1 'cannot be made' "$memlane" record -o no/x.mlt -- true
check "record: no file named" says 2 'say where' "$memlane" record -- true
check "record: no command named" says 2 'is missing' "$memlane" record -o x.mlt
check "record: call sites, and what each holds" sites
check "record: call sites of a program without frame pointers" sites_without_frames
check "record: --help of the command that is recorded" help_of_another
check "record: nonsense number" says 2 'whole number' "$memlane" record -n 0 -o x.mlt -- true
check "malformed traces are refused, the record named" malformed
check "what lies behind the records takes no memory" holes
check "a packed trace of any length is read to its end" whole_buffers
check "absurd sizes are refused before they take memory" absurd_sizes
check "replay: every object verified, locally and on malloc" replays_locally
check "replay: progress in lines" says 0 'Every object had the bytes' \
	"$memlane" replay --progress --backend local p.mlt.zst
check "replay: four rivals" replays_on_rivals
check "replay: memory over time, as numbers and as a picture" series
check "replay: an allocator that spoils objects is found" finds_spoiled_objects
check "replay: an alignment that libmemlane lacks" too_aligned
check "replay: no such file" says 1 'No such file' "$memlane" replay none.mlt
check "replay: a folder" says 1 'is a folder' "$memlane" replay .
check "replay: unknown rival" says 2 'jemalloc, mimalloc' "$memlane" replay --against dlmalloc forms.mlt
check "replay: a rival twice" says 2 'named twice' "$memlane" replay --against glibc,glibc forms.mlt
check "replay: unknown backend" says 2 'auto, module or local' "$memlane" replay --backend gpu forms.mlt
check "replay: unknown option" says 2 'is not an option' "$memlane" replay --fast forms.mlt
check "replay: no trace named" says 2 'name one trace' "$memlane" replay
check "play is not for people" says 2 'memlane replay' "$memlane" play
check "unknown command" says 2 'no command "fly"' "$memlane" fly
check "no command" says 2 'a command is missing' "$memlane"
check "help of a command" says 0 'Usage: memlane record' "$memlane" record --help
check "list of commands" says 0 'memlane COMMAND --help' "$memlane" --help
check "output that cannot be written is a failure" lost_output
check "version" says 0 'memlane 1' "$memlane" --version
check "load: no such file" says 1 'cannot be read' "$memlane" load --file ./none.ko
finish
