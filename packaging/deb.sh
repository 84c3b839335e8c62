#!/bin/sh
# SPDX-License-Identifier: MIT
# Debian packages of the tree as git has it, into build/deb:
#
#   deb.sh            build them, with Debian's own tools
#   deb.sh --source   put the sources with debian/ into build/deb/memlane-VERSION, no more
#
# What follows from other files is made here: the changelog has the release's number, and
# a symbol is there since the release that its node of the symbol map is named after.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^#define MEMLANE_VERSION_STRING.*"\(.*\)"/\1/p' lib/include/memlane.h)
out=build/deb
tree=$out/memlane-$version

changelog() {
	echo "memlane ($version) unstable; urgency=medium"
	echo
	echo "  * Release $version: see CHANGELOG.md."
	echo
	echo " -- The MemoryLane authors <authors@memlane.invalid>  $(date -R -u -d "@$1")"
}

# Nodes up to 1.1 came with the first packages.
symbols() {
	echo "libmemlane.so.1 libmemlane1 #MINVER#"
	awk '/^MEMLANE_/ { node = $1; since = substr(node, 9) ".0"; if (since < "1.1.0") since = "1.1.0"
			names[++n] = " " node "@" node " " since }
		/^\tmemlane_/ { sub(/;/, "", $1); names[++n] = " " $1 "@" node " " since }
		END { for (i = 1; i <= n; i++) print names[i] }' lib/libmemlane.map | LC_ALL=C sort
}

rm -rf "$tree"
mkdir -p "$tree"
git ls-files -z | xargs -0 tar -cf - | tar -xf - -C "$tree"
cp -r "$tree/packaging/debian" "$tree/debian"
mkdir "$tree/debian/source"
echo "3.0 (native)" >"$tree/debian/source/format"
changelog "$(git log -1 --format=%ct)" >"$tree/debian/changelog"
cp kmod/sysusers.conf "$tree/debian/memlane-dkms.sysusers"
symbols >"$tree/debian/libmemlane1.symbols"
[ "${1:-}" != --source ] || exit 0

rm -f "$out"/*.deb
cd "$tree"
dpkg-buildpackage --build=binary --no-sign --jobs=2 >../build.log 2>&1 ||
	{ tail -n 40 ../build.log >&2; echo "deb: failed; all of it is in $out/build.log" >&2; exit 1; }
cd ../../..
ls "$out"/*.deb
