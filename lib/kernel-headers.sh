#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the flags that CC needs to find the kernel's headers: none as a rule. Debian's
# musl-gcc looks in musl's folder alone, where they are not; for it the machine's own are
# linked into OUT, and nothing else of the machine's C library.
#
#   kernel-headers.sh CC OUT
set -eu
cc=$1 out=$2

# shellcheck disable=SC2086
finds() { printf '#include <linux/types.h>\n' | $cc "$@" -E -x c - >/dev/null 2>&1; }

if finds; then
	exit
fi
mkdir -p "$out"
for folder in linux asm asm-generic; do
	for place in /usr/include /usr/include/*-linux-gnu; do
		[ -d "$place/$folder" ] || continue
		ln -sfn "$place/$folder" "$out/$folder"
		break
	done
done
finds -idirafter "$out" || exit 0
echo "-idirafter $out"
