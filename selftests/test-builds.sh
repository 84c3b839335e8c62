#!/bin/bash
# SPDX-License-Identifier: MIT
# Other compilers, C libraries and machines, and installing for good: what is built
# works, and the headers cause no warning in a strict program.

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/selftests/ktap.sh"
export MEMLANE_BACKEND=local
export WERROR=-Werror
work=$top/build/builds
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$work"
include="-I$top/lib/include -I$top/include/uapi"
strict="-Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wpedantic -Werror"

# show COMMAND...: what it says is shown when it fails.
show()
{
	"$@" > "$scratch/log" 2>&1 && return
	echo "# $*:"
	sed 's/^/#   /' "$scratch/log" | tail -n 20
	return 1
}

# tree NAME: the sources once more, in a folder of their own, so that builds do not mix.
tree()
{
	mkdir -p "$work/$1/selftests"
	find "$work/$1" -xtype l -delete
	(cd "$top" && cp -rsf "$PWD"/lib "$PWD"/kmod "$PWD"/include "$PWD"/examples "$work/$1/" &&
		cp -rsf "$PWD"/selftests/unit "$work/$1/selftests/")
}

# library NAME VARIABLE=VALUE...: into build/builds/NAME/build/lib.
library()
{
	local name=$1

	shift
	tree "$name" && show make -s -j2 -C "$work/$name/lib" all "$@"
}

# hello [OPTION...]: runs the example that was linked to that place.
hello()
{
	show "$@" "$scratch/hello" && grep -q '^afterwards the handle is freed$' "$scratch/log"
}

# shellcheck disable=SC2086
c_headers()
{
	printf '#include <memlane.h>\nint main(void) { return 0; }\n' > "$scratch/t.c"
	printf '#include <memlane_typed.h>\nMEMLANE_TYPED(int, number);\nint main(void) { return 0; }\n' \
		> "$scratch/typed.c"
	for cc in gcc clang; do
		for std in c99 c11 gnu17 c2x; do
			show $cc -std=$std $strict $include -fsyntax-only "$scratch/t.c" &&
				show $cc -std=$std $strict $include -fsyntax-only "$scratch/typed.c" || return 1
		done
	done
}

# shellcheck disable=SC2086
cxx_headers()
{
	cat > "$scratch/t.cc" <<-'END'
		#include <memlane.hpp>
		#include <memlane_typed.h>
		struct point { int x, y; };
		int main()
		{
			mlane::arena a;
			auto h = a.make<point>({ 1, 2 });
			mlane::vector<int> v(a);
			v.push_back(3);
			mlane::section s(a);
			return s[h].x == 1 ? 0 : 1;
		}
	END
	printf '#include <memlane.h>\nint main() { return 0; }\n' > "$scratch/plain.cc"
	printf '#include <memlane.hpp>\n' > "$scratch/old.cc"
	for cc in g++ clang++; do
		for std in c++11 c++14 c++2b; do
			show $cc -std=$std $strict -Wold-style-cast -fno-exceptions $include -fsyntax-only \
				"$scratch/plain.cc" || return 1
		done
		! $cc -std=c++11 $include -fsyntax-only "$scratch/old.cc" > "$scratch/log" 2>&1 &&
			grep -q 'needs C++17' "$scratch/log" || return 1
		for std in c++17 c++20 c++2b; do
			show $cc -std=$std $strict -Wold-style-cast $include -fsyntax-only "$scratch/t.cc" &&
				show $cc -std=$std $strict -Wold-style-cast -fno-exceptions $include \
					-fsyntax-only "$scratch/t.cc" || return 1
		done
	done
}

# Without exceptions what fails ends the program, and says why.
# shellcheck disable=SC2086
no_exceptions()
{
	cat > "$scratch/no.cc" <<-'END'
		#include <memlane.hpp>
		int main()
		{
			mlane::arena a;
			mlane::make_array<int>(a.raw(), 0);
		}
	END
	show g++ -std=c++17 -fno-exceptions $include -o "$scratch/no" "$scratch/no.cc" \
		"$work/gcc-lto/build/lib/libmemlane.a" -pthread || return 1
	{ "$scratch/no" 2> "$scratch/out"; } 2> /dev/null
	[ $? = 134 ] && grep -q '^memlane: ' "$scratch/out"
}

# The archive is machine code: any linker takes it, with or without -flto.
# shellcheck disable=SC2086
link_static()
{
	local lib=$work/$1/build/lib/libmemlane.a

	shift
	[ "$(nm -g --defined-only "$lib" | awk 'NF == 3' | grep -vc ' memlane_')" = 0 ] || return 1
	for options in "gcc" "gcc -flto" "$@"; do
		show $options -O2 $include -o "$scratch/hello" "$top/examples/hello.c" "$lib" -pthread &&
			hello || return 1
	done
}

# shellcheck disable=SC2086
link_shared()
{
	show $2 $include -o "$scratch/hello" "$top/examples/hello.c" -L"$work/$1/build/lib" -lmemlane &&
		hello env LD_LIBRARY_PATH="$work/$1/build/lib"
}

gcc_lto()
{
	library gcc-lto CC=gcc CFLAGS=-flto && link_static gcc-lto && link_shared gcc-lto gcc
}

clang_lto()
{
	library clang-lto CC=clang CFLAGS=-flto && link_static clang-lto "clang -flto -fuse-ld=lld" &&
		link_shared clang-lto clang
}

with_clang()
{
	library clang CC=clang && link_static clang clang && link_shared clang clang
}

# shellcheck disable=SC2086
with_musl()
{
	local lib=$work/musl/build/lib headers

	library musl CC=musl-gcc || return 1
	headers=$("$top/lib/kernel-headers.sh" musl-gcc "$work/musl/build/kernel-headers")
	show musl-gcc $headers $include -static -o "$scratch/hello" "$top/examples/hello.c" \
		"$lib/libmemlane.a" && hello || return 1
	link_shared musl "musl-gcc $headers" && readelf -d "$lib/libmemlane.so" | grep -q 'NEEDED.*libc.so]'
}

# -E: no other machine's C library is needed to be refused.
# shellcheck disable=SC2086
refused()
{
	for other in -U__x86_64__ -m32 -mx32 "-U__x86_64__ -D__aarch64__ -D__AARCH64EB__"; do
		gcc $other $include -E -o /dev/null -x c - > "$scratch/log" 2>&1 <<< '#include <linux/memlane.h>' &&
			return 1
		grep -q '#error "MemoryLane is for x86-64 and little-endian arm64' "$scratch/log" || return 1
	done
}

# Emulation keeps more order than the machine: this shows that it is built, not that it is right.
# shellcheck disable=SC2086
arm64_library()
{
	local cc=aarch64-linux-gnu-

	library arm64 CROSS_COMPILE=$cc || return 1
	for example in hello game_loop group_purge; do
		show ${cc}gcc -std=c11 -D_GNU_SOURCE $strict -Wno-conversion -Wno-sign-conversion $include -static \
			-o "$scratch/$example" "$top/examples/$example.c" "$work/arm64/build/lib/libmemlane.a" &&
			show qemu-aarch64-static "$scratch/$example" || return 1
	done
}

arm64_engine()
{
	local tests='test-block test-run test-table test-mag test-move test-slot test-arena'

	# shellcheck disable=SC2086,SC2046
	show make -s -j2 -C "$work/arm64/selftests/unit" CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar \
		CORE_FLAGS_plain='-O2 -static' $(printf '../../build/unit/plain/%s ' $tests) || return 1
	for test in $tests; do
		ML_OPS=2000 show timeout 100 qemu-aarch64-static "$work/arm64/build/unit/plain/$test" || return 1
	done
}

# After arm64_library.
arm64_tools()
{
	local machine=aarch64-linux-gnu libs places

	libs=$("$top/selftests/vm/libs-fetch.sh") || return 1
	places=$libs/usr/lib/$machine:$libs/lib/$machine
	(cd "$top" && cp -rsf "$PWD"/tools "$PWD"/scripts "$PWD"/Documentation "$work/arm64/") || return 1
	show env PKG_CONFIG_SYSROOT_DIR="$libs" PKG_CONFIG_LIBDIR="$libs/usr/lib/$machine/pkgconfig" \
		make -s -j2 -C "$work/arm64/tools" CC="$machine-gcc" LDFLAGS="-L$libs/lib/$machine -Wl,-rpath-link=$places" || return 1
	show qemu-aarch64-static -L "/usr/$machine" -E LD_LIBRARY_PATH="$places" "$work/arm64/build/tools/memlane" \
		trace "$top/traces/redis-small.mlt.zst" && grep -q '2132918 objects' "$scratch/log"
}

arm64_module()
{
	show "$top/selftests/vm/module.sh" arm64
}

# A warning is the project's business, and not that of who builds it.
warnings()
{
	tree warns
	printf '%s\n' 'static int unused(void) { return 1; }' > "$work/warns/lib/warns.c"
	make -s -j2 -C "$work/warns/lib" all WERROR= > "$scratch/log" 2>&1 || { cat "$scratch/log"; return 1; }
	grep -q 'warning: .*unused' "$scratch/log" || return 1
	touch "$work/warns/lib/warns.c"
	! make -s -C "$work/warns/lib" all > "$scratch/log" 2>&1
}

# For a user: what needs no root is there, the rest is named, and all of it goes again.
user_install()
{
	local copy=$scratch/copy home=$scratch/home

	chmod 755 "$scratch"
	mkdir -p "$copy/build" "$home" "$copy/selftests"
	(cd "$top" && cp -a Makefile lib tools clients kmod include Documentation scripts "$copy/" &&
		cp -a build/core build/lib build/tools "$copy/build/") || return 1
	find "$copy/build" -name '*.d' -delete
	chown -R 65534:65534 "$copy" "$home"
	as_user install && grep -q 'left out' "$scratch/log" && grep -q 'PKG_CONFIG_PATH' "$scratch/log" &&
		[ -x "$home/.local/bin/memlane" ] && [ -s "$home/.local/lib/pkgconfig/libmemlane.pc" ] &&
		[ -s "$home/.local/share/man/man1/memlane.1" ] && as_user uninstall &&
		[ -z "$(find "$home/.local" -not -type d)" ]
}

as_user()
{
	show setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$home" PATH="$PATH" \
		make -s -C "$copy" "$1" PREFIX="$home/.local"
}

# The whole of it, as root and without DESTDIR, on a copy-on-write view of this system:
# the loader finds the library at once, the README's line compiles, nothing is left after.
root_install()
{
	# shellcheck disable=SC2016
	show unshare --mount bash -ec '
		scratch=$1 top=$2
		mkdir "$scratch/over"
		mount -t tmpfs none "$scratch/over"
		for folder in etc usr var; do
			mkdir -p "$scratch/over/$folder/u" "$scratch/over/$folder/w"
			mount -t overlay -o "lowerdir=/$folder,upperdir=$scratch/over/$folder/u,workdir=$scratch/over/$folder/w" \
				overlay "/$folder"
		done
		make -s -C "$top" install
		cd "$scratch"
		awk "/^\`\`\`c\$/ { inside = 1; next } /^\`\`\`/ { if (inside) exit } inside" "$top/README.md" > hello.c
		cc -o readme hello.c $(pkg-config --cflags --libs libmemlane)
		./readme
		memlane --version
		[ -s /usr/lib/udev/rules.d/70-memlane.rules ] && ls -d /usr/src/memlane-*
		make -s -C "$top" uninstall
		! ldconfig -p | grep libmemlane
		find /usr -xdev -newer "$scratch/over" -name "*memlane*" -not -path "$top/*" | grep . && exit 1
		exit 0' bash "$scratch" "$top"
}

plan 15
check "C headers, gcc and clang, strict" c_headers
check "C++ headers, with and without exceptions, strict" cxx_headers
check "gcc -flto" gcc_lto
check "C++ without exceptions" no_exceptions
check "clang -flto" clang_lto
check "clang" with_clang
check "musl, static and dynamic" with_musl
check "another machine is refused by a sentence" refused
check "arm64: library and examples, emulated" arm64_library
check "arm64: the tools, emulated" arm64_tools
check "arm64: the engine's unit tests, emulated" arm64_engine
check "arm64: the module" arm64_module
check "a warning stops our checks, and no user's make" warnings
check "make install and uninstall as a user" user_install
check "make install and uninstall as root" root_install
finish
