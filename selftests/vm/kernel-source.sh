#!/bin/sh
# SPDX-License-Identifier: MIT
# Unpack Debian's linux-source package into the cache, once, and print where.
set -eu

cache=${MEMLANE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/memlane}
package=linux-source-6.1

version=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) || {
	echo "kernel-source: $package is not installed (make deps)" >&2
	exit 1
}
tree=$cache/source/$package-$version
if [ ! -f "$tree/complete" ]; then
	mkdir -p "$cache/source"
	exec 9>"$tree.lock"
	flock 9
	if [ ! -f "$tree/complete" ]; then
		echo "kernel-source: unpacking $package $version" >&2
		rm -rf "$tree"
		mkdir -p "$tree"
		tar -C "$tree" --strip-components=1 -xf "/usr/src/$package.tar.xz"
		touch "$tree/complete"
	fi
fi
echo "$tree"
