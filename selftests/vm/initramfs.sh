#!/bin/sh
# SPDX-License-Identifier: MIT
# Make the first stage of a VM, once for each kernel, and print its path:
#
#   initramfs.sh KERNEL-NAME
#
# A static busybox, the modules without which no root file system can be
# reached (those that memlane.ko and tests need), and ./init. Uncompressed: it loads
# faster under emulation than anything unpacks.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

wanted="virtio_pci virtio_console virtiofs overlay zsmalloc lz4 lz4_compress zstd_compress crc32c_generic loop dm_flakey virtio_blk"

located=$("$here/kernel.sh" "$1")
eval "$located"
: "${release:?}" "${modules=}"
key=$({ echo "$release $wanted"; cat "$here/init" "$0" /bin/busybox; [ -z "$modules" ] ||
	cat "$modules/lib/modules/$release/modules.dep"; } | sha256sum | cut -c1-16)
archive=$cache/initramfs/$1-$key.cpio
if [ -f "$archive" ]; then echo "$archive"; exit 0; fi

mkdir -p "$cache/initramfs"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/root/modules" "$stage/root/bin" "$stage/root/dev"
cp /bin/busybox "$stage/root/bin/"
cp "$here/init" "$stage/root/init"
chmod +x "$stage/root/init"

# A name that this kernel has built in is no module and needs no loading.
depends() {
	for module in $wanted; do
		modprobe -d "$modules" -S "$release" --show-depends "$module" 2>/dev/null || :
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

number=100
if [ -n "$modules" ]; then
	for file in $(depends); do
		number=$((number + 1))
		name=$(basename "$file")
		case $file in
		*.xz) xz -dc "$file" >"$stage/root/modules/$number-${name%.xz}" ;;
		*.zst) zstd -qdc "$file" >"$stage/root/modules/$number-${name%.zst}" ;;
		*) cp "$file" "$stage/root/modules/$number-$name" ;;
		esac
	done
fi
(cd "$stage/root" && find . | cpio -o -H newc --quiet -R 0:0) >"$stage/cpio"
mv "$stage/cpio" "$archive"
echo "$archive"
