#!/bin/sh
# SPDX-License-Identifier: MIT
# packages.sh - the packages: built with Debian's own tools, looked at by lintian, installed in a system
# made for it, used there, and purged without a trace. Needs root and Debian's archive.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=../ktap.sh
. "$here/../ktap.sh"
cd "$top" || exit 1
dir=$(mktemp -d)
root=$dir/root
trap 'rm -rf "$dir"' EXIT
# Made by others already: PREBUILT=folder of them.
PREBUILT=${PREBUILT:-}

# Without questions; dkms wants /proc. The mount ends with its name space.
inside() {
	DEBIAN_FRONTEND=noninteractive LC_ALL=C MEMLANE_BACKEND=local \
		unshare --mount --propagation private sh -c 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"' \
		"$root" "$@" >"$dir/log" 2>&1 ||
		{ tail -n 20 "$dir/log" | sed 's/^/# /'; return 1; }
}

built() {
	if [ -n "$PREBUILT" ]; then
		mkdir -p build/deb && cp "$PREBUILT"/*.deb build/deb/
	else
		packaging/deb.sh >"$dir/debs"
	fi || return 1
	for p in libmemlane1 libmemlane-dev memlane-tools memlane-dkms memlane-selftests; do
		ls build/deb/"${p}"_*.deb >/dev/null || return 1
	done
}

clean_for_lintian() {
	lintian --allow-root --fail-on error,warning build/deb/*.deb >"$dir/lintian" 2>&1 && return 0
	sed 's/^/# /' "$dir/lintian"
	return 1
}

# The archive is the one that this machine uses.
made() {
	mmdebstrap --quiet --variant=apt --include=gcc,libc6-dev,pkg-config,man-db bookworm "$root" \
		>"$dir/log" 2>&1 || { tail -n 20 "$dir/log" | sed 's/^/# /'; return 1; }
}

# Headers of a kernel are not there: dkms says so, and the package is installed.
installed() {
	mkdir "$root/debs" && cp build/deb/*.deb "$root/debs/" && rm "$root"/debs/*dbgsym* &&
		inside sh -c 'apt-get -q update && apt-get -q install -y --no-install-recommends /debs/*.deb' && rm -r "$root/debs"
}

group() { inside getent group memlane; }

compiles() {
	cp examples/hello.c "$root/tmp/" &&
		inside sh -c 'cd /tmp && gcc -o hello hello.c $(pkg-config --cflags --libs libmemlane) && ./hello'
}

tools() { inside memlane --version && grep -q '^memlane 1' "$dir/log" && inside memlane replay --help; }

tests() { inside /usr/lib/memlane/selftests/run.sh api/test-make api/test-print; }

module_known() { inside dkms status && grep -q '^memlane/' "$dir/log"; }

# What the packages brought, and what dkms and sysusers made of it, but the group.
purged() {
	inside apt-get -q purge -y libmemlane1 libmemlane-dev memlane-tools memlane-dkms memlane-selftests || return 1
	chroot "$root" find / -xdev -path /proc -prune -o -path /sys -prune -o -print |
		grep -i memlane | grep -v '^/var/cache\|^/var/log' >"$dir/left"
	[ ! -s "$dir/left" ] || { sed 's/^/# /' "$dir/left"; return 1; }
}

plan 10
check "built" built
check "lintian has nothing to say" clean_for_lintian
check "a system for them" made
check "installed" installed
check "the group is made" group
check "a program is compiled and runs" compiles
check "the command" tools
check "the tests of the library" tests
check "dkms knows the module" module_known
check "purged, nothing is left" purged
finish
