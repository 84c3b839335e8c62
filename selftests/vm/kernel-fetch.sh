#!/bin/sh
# SPDX-License-Identifier: MIT
# Unpack a newer Debian kernel, image and headers, into the cache, once:
#
#   kernel-fetch.sh 6.12|7|arm64
#
# prints the folder: boot/, lib/modules/, usr/src/ and the file `release`. 6.12 is that of bookworm-backports. 7 is the newest of
# trixie-backports and sid; its tools need a newer C library, so its folder
# has a small system in toolroot/ beside. arm64 is the headers alone of bookworm's
# kernel for that machine, to build with the cross compiler; the scripts of a kernel's
# build are this machine's own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
. "$here/debian.sh"

arch=amd64
case ${1:-} in
arm64) suites=bookworm arch=arm64 ;;
6.12) suites=bookworm-backports ;;
7) suites="trixie trixie-backports sid" ;;
*) die "usage: kernel-fetch.sh 6.12|7|arm64" ;;
esac
tree=$cache/kernel/$1
if [ -f "$tree/complete" ]; then echo "$tree"; exit 0; fi
mkdir -p "$tree"
exec 9>"$tree.lock"
flock 9
if [ -f "$tree/complete" ]; then echo "$tree"; exit 0; fi

# shellcheck disable=SC2086
debian_open "$1" "$arch" $suites

# The first dependency of package $1 that looks like $2.
depends() {
	private apt-cache show "$1" | sed -n 's/^Depends: //p' |
		tr -d ' ' | tr ',' '\n' | sed 's/(.*//' | grep -m 1 "$2"
}

# The newest version of package $1 and the suite that it is from.
newest() {
	private apt-cache madison "$1" | awk '{ sub(/\/.*/, "", $6); print $3, $6 }' | sort -V | tail -n 1
}

say "looking for Linux $1 in $suites"
debian_update
found=$(newest "linux-headers-cloud-$arch")
version=${found% *}
suite=${found#* }
suite=${suite%-backports}
[ -n "$version" ] || die "no linux-headers-cloud-$arch in $suites"
headers=$(depends "linux-headers-cloud-$arch=$version" '^linux-headers-')
release=${headers#linux-headers-}
common=$(depends "$headers" '^linux-headers-.*common$')
kbuild=$(depends "$headers" '^linux-kbuild-')
# Newer suites have the image in parts.
parts=$(for part in binary modules; do
	private apt-cache pkgnames "linux-$part-$release" | grep -xF "linux-$part-$release" || :
done)
say "Linux $release (package version $version)"

rm -f "$state/archives/"*.deb
# shellcheck disable=SC2086
if [ "$arch" = amd64 ]; then
	debian_fetch "$headers" "$common" "$kbuild" "linux-image-$release" $parts
else
	[ -d "/usr/lib/$kbuild" ] || die "$kbuild is not installed (make deps)"
	debian_fetch "$headers" "$common"
	mkdir -p "$tree/usr/lib"
	ln -sfn "/usr/lib/$kbuild" "$tree/usr/lib/$kbuild"
fi
debian_unpack "$tree"

# The unpacked makefile names a place below / where nothing of its own lies.
sed -i "s#/usr/src/#$tree/usr/src/#g; s#/usr/lib/#$tree/usr/lib/#g" "$tree/usr/src/$headers/Makefile"
if [ "$arch" != amd64 ]; then
	echo "$release" >"$tree/release"
	touch "$tree/complete"
	echo "$tree"
	exit 0
fi
[ -d "$tree/lib/modules" ] || [ ! -d "$tree/usr/lib/modules" ] || ln -s usr/lib "$tree/lib"
depmod -b "$tree" "$release" 2>>"$state/log"
mkdir -p "$tree/boot"
[ -f "$tree/boot/vmlinuz-$release" ] ||
	ln -s "$tree/lib/modules/$release/vmlinuz" "$tree/boot/vmlinuz-$release"
[ -f "$tree/boot/vmlinuz-$release" ] || die "no image in its packages"
if [ "$1" = 7 ]; then
	"$here/toolroot.sh" --make "$suite" "$mirror" "$tree/toolroot" >>"$state/log" 2>&1 ||
		{ tail -n 5 "$state/log" >&2; die "no system to build in"; }
fi
echo "$release" >"$tree/release"
touch "$tree/complete"
echo "$tree"
