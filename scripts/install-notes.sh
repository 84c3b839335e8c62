#!/bin/sh
# SPDX-License-Identifier: MIT
# After `make install`: what a program that uses PREFIX has to be told, if anything.
#
#   install-notes.sh PREFIX
set -eu
prefix=$1

if ! pkg-config --exists libmemlane 2>/dev/null; then
	echo "to compile:  export PKG_CONFIG_PATH=$prefix/lib/pkgconfig"
fi
# A user's ldconfig lists what root made; it may lie where no user's PATH goes.
if ! PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | grep -qF "=> $prefix/lib/libmemlane.so.1"; then
	echo "to run:      export LD_LIBRARY_PATH=$prefix/lib (or link with -Wl,-rpath,$prefix/lib)"
fi
