#!/bin/sh
# SPDX-License-Identifier: MIT
# quick.sh - the packages' descriptions, without building one: Debian's tools read
# debian/, rpmlint the spec, shellcheck the PKGBUILD. `make check-packages` does the rest.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=../ktap.sh
. "$here/../ktap.sh"
cd "$top" || exit 1
version=$(sed -n 's/^#define MEMLANE_VERSION_STRING.*"\(.*\)"/\1/p' lib/include/memlane.h)
tree=build/deb/memlane-$version
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# quietly COMMAND: what it says is shown where it fails.
quietly() { "$@" >"$log" 2>&1 || { sed 's/^/# /' "$log"; return 1; }; }

sources() { quietly packaging/deb.sh --source && [ -x "$tree/debian/rules" ]; }

changelog() { [ "$(dpkg-parsechangelog -l "$tree/debian/changelog" -S Version)" = "$version" ]; }

packages() {
	(cd "$tree" && dh_listpackages) | sort >"$log"
	printf '%s\n' libmemlane-dev libmemlane1 memlane-dkms memlane-selftests memlane-tools | cmp -s - "$log"
}

# Each symbol of the library, and its node.
symbols() {
	nodes=$(grep -c '^MEMLANE_' lib/libmemlane.map)
	calls=$(grep -c '^	memlane_' lib/libmemlane.map)
	[ "$(grep -c '^ ' "$tree/debian/libmemlane1.symbols")" = $((nodes + calls)) ]
}

spec() {
	grep -q "^Version: *$version\$" packaging/rpm/memlane.spec &&
		quietly rpmlint -r packaging/rpm/rpmlintrc packaging/rpm/memlane.spec &&
		grep -q ' 0 errors, 0 warnings' "$log"
}

pkgbuild() {
	grep -q "^pkgver=$version\$" packaging/arch/PKGBUILD && quietly bash -n packaging/arch/PKGBUILD &&
		quietly shellcheck packaging/arch/PKGBUILD
}

plan 6
check "debian/ is put together" sources
check "its changelog has the release" changelog
check "it describes five packages" packages
check "it has every symbol" symbols
check "the spec for rpm" spec
check "the PKGBUILD" pkgbuild
finish
