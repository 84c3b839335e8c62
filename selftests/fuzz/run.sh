#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh check|fuzz|corpus DRIVER...  run fuzz drivers, as KTAP
#
# check   what the corpus has, then ML_OPS new inputs from ML_SEED on; writes nothing
# fuzz    FUZZ_TIME for each; what reaches something new goes into the corpus
# corpus  the smallest set of inputs that reaches as much
#
# The corpus of a driver is one archive, corpus/DRIVER.tar.zst. An input that fails is
# left in build/fuzz, and its name printed; `fuzz` keeps it as corpus/DRIVER-crash-SUM,
# which `check` runs too, until somebody removes it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/../.." && pwd)/build/fuzz
mode=$1
shift
seed=${ML_SEED:-$(date +%s)}
n=0 failed=0
# Addresses are among what libFuzzer tries: the same ones in each run, where that can be had.
still=$(setarch -R true 2>/dev/null && echo setarch -R)

# The trace reader is fast, an arena is not.
runs() {
	case $1 in
	trace) echo "${ML_OPS:-200000}" ;;
	*) echo "${ML_OPS:-3000}" ;;
	esac
}

longest() {
	case $1 in
	trace) echo 4096 ;;
	*) echo 1500 ;;
	esac
}

unpack() {
	rm -rf "$out/corpus-$1" "$out/new-$1"
	mkdir -p "$out/corpus-$1" "$out/new-$1"
	[ ! -f "$here/corpus/$1.tar.zst" ] ||
		zstd -qdc "$here/corpus/$1.tar.zst" | tar -xf - -C "$out/corpus-$1"
}

# The same inputs give the same archive.
pack() {
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=0644 \
		-cf - -C "$out/corpus-$1" . | zstd -q -19 >"$out/$1.tar.zst" &&
		mv "$out/$1.tar.zst" "$here/corpus/$1.tar.zst"
}

# What made a driver fail: crash-SUM, leak-SUM, oom-SUM, timeout-SUM.
failing() { find "$1" -name "$2-crash-*" -o -name "$2-leak-*" -o -name "$2-oom-*" -o -name "$2-timeout-*"; }

# Whatever becomes of a run, nothing that it found is lost.
long() {
	failing "$out" "$1" | xargs -r rm
	drive "$1" -max_total_time="${FUZZ_TIME:-600}" "$out/corpus-$1"
	status=$?
	failing "$out" "$1" | xargs -r cp -t "$here/corpus"
	pack "$1" && return "$status"
}

again() {
	for input in $(failing "$here/corpus" "$1"); do
		drive "$1" "$input" || return 1
	done
}

# libFuzzer counts among its runs what the corpus has, and an empty input.
check() {
	again "$1" || return 1
	given=$(($(find "$out/corpus-$1" -type f | wc -l) + 1))
	drive "$1" -runs=$((given + $(runs "$1"))) "$out/new-$1" "$out/corpus-$1" || return 1
	new=$(($(executed "$1") - given))
	echo "# $given inputs of the corpus, $new new ones"
	[ "$new" -ge "$(runs "$1")" ]
}

executed() { awk '/stat::number_of_executed_units/ { n = $2 } END { print n + 0 }' "$out/$1.log"; }

drive() {
	driver=$1
	shift
	# shellcheck disable=SC2086 # a command and its option, or nothing
	$still "$out/fuzz-$driver" -max_len="$(longest "$driver")" -len_control=0 -seed="$seed" \
		-artifact_prefix="$out/$driver-" -print_final_stats=1 "$@"
}

fuzz() {
	unpack "$1"
	case $mode in
	check) check "$1" ;;
	fuzz) long "$1" ;;
	corpus)
		drive "$1" -merge=1 "$out/new-$1" "$out/corpus-$1" || return 1
		rm -rf "$out/corpus-$1"
		mv "$out/new-$1" "$out/corpus-$1"
		pack "$1"
		;;
	esac
}

echo "TAP version 13"
echo "1..$#"
echo "# ML_SEED=$seed"
for driver; do
	n=$((n + 1))
	if fuzz "$driver" >"$out/$driver.log" 2>&1; then
		echo "# $(executed "$driver") inputs"
		echo "ok $n fuzz-$driver"
	else
		grep -e '^# ' -e SUMMARY -e Test\ unit "$out/$driver.log" | sed 's/^[# ]*/# /'
		echo "not ok $n fuzz-$driver"
		failed=1
	fi
done
exit $failed
