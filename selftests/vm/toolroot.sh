#!/bin/sh
# SPDX-License-Identifier: MIT
# A small Debian system whose compiler and C library are new enough to build
# modules for kernels newer than this machine:
#
#   toolroot.sh --make SUITE MIRROR FOLDER      unpack one (nothing is set up in it)
#   toolroot.sh FOLDER COMMAND...               run COMMAND in it; BIND names
#                                               folders that it sees in place
set -eu

if [ "$1" = --make ]; then
	suite=$2 mirror=$3 root=$4
	command -v mmdebstrap >/dev/null || { echo "toolroot: no mmdebstrap (make deps)" >&2; exit 1; }
	rm -rf "$root"
	mmdebstrap --quiet --variant=extract --format=directory \
		--include=base-files,bash,binutils,coreutils,dash,diffutils,findutils,gcc-14,grep,gzip,kmod,libelf1t64,make,mawk,perl-base,sed,tar,xz-utils \
		"$suite" "$root" \
		"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
	ln -sf mawk "$root/usr/bin/awk"
	exit
fi

root=$1
shift
# The mounts live and die with the name space.
exec unshare --mount --propagation private sh -eu -c '
	root=$1; shift
	for folder in $BIND; do
		mkdir -p "$root$folder"
		mount --bind "$folder" "$root$folder"
	done
	mkdir -p "$root/proc"
	mount -t proc proc "$root/proc"
	exec chroot "$root" "$@"' sh "$root" "$@"
