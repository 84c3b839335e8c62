#!/bin/sh
# SPDX-License-Identifier: MIT
# Say where a kernel of the matrix lies, as shell assignments to be evaluated:
#
#   kernel.sh 6.1|6.12|7|debug|kcsan|host|arm64
#
#   release  its uname -r
#   image    what QEMU boots (empty for host and arm64)
#   modules  the folder that holds lib/modules/RELEASE (empty: all built in)
#   build    what `make -C ... M=` wants
#   toolroot a root file system to build in (empty: this machine's)
#
# Exit 1 with a sentence when it cannot be had.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

show() {
	printf 'release=%s\nimage=%s\nmodules=%s\nbuild=%s\ntoolroot=%s\n' "$@"
}

installed() {
	base=$(dpkg-query -W -f '${Depends}' linux-image-cloud-amd64 2>/dev/null) ||
		die "linux-image-cloud-amd64 is not installed (make deps)"
	release=$(echo "$base" | sed -n 's/.*linux-image-\([^ ,]*\).*/\1/p')
	[ -f "/boot/vmlinuz-$release" ] || die "no /boot/vmlinuz-$release"
	show "$release" "/boot/vmlinuz-$release" / "/lib/modules/$release/build" ""
}

debug() {
	tree=$("$here/kernel-debug.sh" --path "$1") ||
		die "the $1 kernel is not built (selftests/vm/kernel-debug.sh $1)"
	show "$(cat "$tree/include/config/kernel.release")" \
		"$tree/arch/x86/boot/bzImage" "" "$tree" ""
}

fetched() {
	tree=$("$here/kernel-fetch.sh" "$1") || die "Linux $1 could not be had"
	release=$(cat "$tree/release")
	toolroot=
	[ ! -d "$tree/toolroot" ] || toolroot=$tree/toolroot
	show "$release" "$tree/boot/vmlinuz-$release" "$tree" \
		"$tree/usr/src/linux-headers-$release" "$toolroot"
}

case ${1:-} in
6.1) installed ;;
6.12 | 7) fetched "$1" ;;
arm64)
	tree=$("$here/kernel-fetch.sh" arm64) || die "the headers for arm64 could not be had"
	show "$(cat "$tree/release")" "" "" "$tree/usr/src/linux-headers-$(cat "$tree/release")" "" ;;
debug) debug memdbg ;;
kcsan) debug kcsan ;;
host)
	[ -d "/lib/modules/$(uname -r)/build" ] ||
		die "no headers of the running kernel ($(uname -r))"
	show "$(uname -r)" "" / "/lib/modules/$(uname -r)/build" "" ;;
*) die "usage: kernel.sh 6.1|6.12|7|debug|kcsan|host|arm64" ;;
esac
