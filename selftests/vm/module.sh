#!/bin/sh
# SPDX-License-Identifier: MIT
# Build memlane.ko for one kernel of the matrix, in a folder of its own:
#
#   module.sh KERNEL-NAME [VARIABLE=VALUE...]
#
# The result is build/kmod/NAME/memlane.ko. The sources are linked into that
# folder, so that kernels never mix and a second run is incremental. ML_OUT
# names another folder than build/kmod, ML_SOURCE another tree that has kmod/
# and include/. With WERROR set, as `make check` sets it, a warning is a failure; C=2
# adds sparse's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

kernel=${1:?usage: module.sh KERNEL-NAME [VARIABLE=VALUE...]}
shift
source=${ML_SOURCE:-$top}
[ -f "$source/kmod/Kbuild" ] || die "there is no $source/kmod/Kbuild"
located=$("$here/kernel.sh" "$kernel")
eval "$located"
: "${build:?}" "${toolroot=}"

out=${ML_OUT:-$top/build/kmod}/$kernel
case $kernel in debug | kcsan) set -- ML_DEBUG=1 "$@" ;; esac
# A kernel that was not built for this machine brings no BTF to add to.
case $kernel in 6.12 | 7) set -- CONFIG_DEBUG_INFO_BTF_MODULES= "$@" ;; esac
case $kernel in
6.12) set -- CC=gcc-12 "$@" ;;
7) set -- CC=gcc-14 "$@" ;;
arm64) set -- ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc-12 "$@" ;;
esac

mkdir -p "$out"
exec 9>"$out/lock"
flock 9
find "$out/kmod" "$out/include" -xtype l -delete 2>/dev/null || :
cp -rsf "$source/kmod" "$source/include" "$out/"

make_in() {
	if [ -n "$toolroot" ]; then
		BIND="$source $out $(dirname "$toolroot")" "$here/toolroot.sh" "$toolroot" make "$@"
	else
		make "$@"
	fi
}

log=$out/log
status=0
make_in -C "$build" M="$out/kmod" W=1 "$@" modules >"$log" 2>&1 || status=$?
# pahole writes BTF, which is left out.
warned() { grep -v 'pahole version differs' "$log" | grep -iE '(warning|error):'; }

if [ "$status" = 0 ] && { [ -z "${WERROR-}" ] || ! warned >/dev/null; }; then
	warned >&2 || :
	grep -E '^ +(CC|LD) .*\[M\]' "$log" || :
	ln -sf kmod/memlane.ko "$out/memlane.ko"
	exit 0
fi
# What was compiled with a warning must be compiled, and warn, again.
cat "$log" >&2
find "$out/kmod" -type f \( -name '*.o' -o -name '*.ko' \) -delete
die "memlane.ko for $kernel: failed or not free of warnings"
