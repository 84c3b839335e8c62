#!/bin/sh
# SPDX-License-Identifier: MIT
# Build a debug kernel from Debian's linux-source package, once, and keep it.
#
#   kernel-debug.sh [--path] memdbg|kcsan
#
# prints the folder of the finished build: arch/x86/boot/bzImage, and a tree
# that `make -C FOLDER M=...` accepts. With --path nothing is built: where somebody is
# building it, that is waited for; exit 1 when the kernel is not there. The folder's name carries the sum of the fragments
# and of the source's version, so a change of either makes a new one.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${MEMLANE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/memlane}
source_package=linux-source-6.1

die() { echo "kernel-debug: $*" >&2; exit 1; }
say() { echo "kernel-debug: $*" >&2; }

build=yes
if [ "${1:-}" = --path ]; then build=no; shift; fi
name=${1:-}
[ -f "$here/$name.config" ] || die "usage: kernel-debug.sh [--path] memdbg|kcsan"

version=$(dpkg-query -W -f '${Version}' "$source_package" 2>/dev/null) ||
	die "$source_package is not installed (make deps)"
key=$({ cat "$here/base.config" "$here/$name.config"; echo "$version"; } |
	sha256sum | cut -c1-16)
tree=$cache/kernel/$name-$key

finished() { [ -f "$tree/complete" ]; }

# wait_for_others: while it is being built, elsewhere
wait_for_others() {
	exec 9>>"$tree.lock"
	flock 9
}

if [ "$build" = no ]; then
	finished || [ ! -e "$tree.lock" ] || wait_for_others
	finished && echo "$tree"
	exit
fi
mkdir -p "$cache/kernel"
wait_for_others
if finished; then
	echo "$tree"
	exit 0
fi

src=$("$here/kernel-source.sh")
log=$tree.log
say "building $name ($version) in $tree: about ten minutes on two cores; log in $log"
rm -rf "$tree"
mkdir -p "$tree"
cat "$here/base.config" "$here/$name.config" >"$tree/fragment"

kmake() { nice -n "${ML_NICE:-10}" make -s -C "$src" O="$tree" "$@" >>"$log" 2>&1; }
fail() { tail -n 30 "$log" >&2; die "$1 failed, whole log in $log"; }

: >"$log"
kmake KCONFIG_ALLCONFIG="$tree/fragment" allnoconfig || fail configuring
# allnoconfig drops a line in silence when something it needs is missing.
lost=$(grep -E '^(# )?CONFIG_' "$tree/fragment" | sort -u | while IFS= read -r line; do
	case $line in
	'#'*) symbol=${line#\# }; symbol=${symbol%% *}
		if grep -q "^$symbol=" "$tree/.config"; then echo "$line"; fi ;;
	*) grep -qxF "$line" "$tree/.config" || echo "$line" ;;
	esac
done)
[ -z "$lost" ] || die "lines of the fragment that did not stick:
$lost"

export CCACHE_DIR="$cache/ccache" CCACHE_MAXSIZE=1G CCACHE_SLOPPINESS=time_macros
export KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=memlane KBUILD_BUILD_HOST=memlane
start=$(date +%s)
kmake -j"$(nproc)" CC="ccache gcc" HOSTCC="ccache gcc" bzImage modules || fail building
# What an external module and gdb-less boot do not need goes away: objects are
# four fifths of the tree, and ccache has them.
find "$tree" \( -path "$tree/scripts" -o -path "$tree/tools" \) -prune -o \
	-type f \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' -o -name 'vmlinux*' \
	-o -name '.tmp_vmlinux*' -o -name '*.bin*' \) -exec rm -f {} +
touch "$tree/complete"
say "$name built in $(($(date +%s) - start)) s, $(du -sh "$tree" | cut -f1)"
echo "$tree"
