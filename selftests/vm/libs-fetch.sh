#!/bin/sh
# SPDX-License-Identifier: MIT
# Unpack the libraries of bookworm's that the tools link with, for arm64, into the cache, once;
# prints the folder. The C library is that of Debian's cross compiler.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
. "$here/debian.sh"

tree=$cache/libs/arm64
mkdir -p "$tree"
exec 9>"$tree.lock"
flock 9
if [ ! -f "$tree/complete" ]; then
	debian_open libs-arm64 arm64 bookworm
	debian_update
	debian_fetch libjson-c-dev libjson-c5 libkmod-dev libkmod2 liblzma5 libncurses-dev libncurses6 \
		libncursesw6 libsmartcols-dev libsmartcols1 libssl3 libtinfo6 libzstd-dev libzstd1
	debian_unpack "$tree"
	touch "$tree/complete"
fi
echo "$tree"
