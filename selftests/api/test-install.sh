#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make install` puts down is all a program needs: C and C++, shared and
# static, found by pkg-config; and the library shows nothing but its interface.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=../ktap.sh
. "$here/../ktap.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
root=$dir/root
export MEMLANE_BACKEND=local
export PKG_CONFIG_PATH="$root/opt/ml/lib/pkgconfig"
export PKG_CONFIG_SYSROOT_DIR="$root"
lib=$root/opt/ml/lib
warn="-Wall -Wextra -Wpedantic -Wno-long-long -Werror"

installed() {
	make -s -C "$top/lib" install DESTDIR="$root" PREFIX=/opt/ml
	for f in include/memlane.h include/linux/memlane.h lib/libmemlane.a \
		lib/libmemlane.so lib/libmemlane.so.1 lib/pkgconfig/libmemlane.pc; do
		[ -s "$root/opt/ml/$f" ] || return 1
	done
}

soname() {
	readelf -d "$lib/libmemlane.so" | grep -q 'SONAME.*\[libmemlane.so.1\]'
}

listed() { sed -n 's/^\t\(memlane_[a-z_]*\);/\1/p' "$top/lib/libmemlane.map" | sort; }

# Everything in the map, all of one version, and nothing else.
exports() {
	nm -D --defined-only "$lib/libmemlane.so" | awk '$2 != "A" { print $3 }' |
		sed 's/@@MEMLANE_1.0$//' | sort >"$dir/shown"
	listed | diff - "$dir/shown"
}

static_names() {
	nm -g --defined-only "$lib/libmemlane.a" | awk 'NF == 3 { print $3 }' | sort >"$dir/static"
	listed | diff - "$dir/static"
}

# What the headers promise is in the map, and what is in the map they promise.
declared() {
	sed '/^#/d' "$top"/lib/include/memlane*.h | tr '\n' ' ' |
		grep -oE 'MEMLANE_(API|INLINE) [^;{]*[;{]' |
		sed 's/__attribute__.*//; s/[(;].*//; s/[ \t]*$//; s/.*[ *]//' | sort -u | diff - "$dir/shown"
}

# shellcheck disable=SC2046,SC2086
c_shared() {
	cc -std=c11 $warn -o "$dir/shared" "$top/examples/hello.c" \
		$(pkg-config --cflags --libs libmemlane) &&
		LD_LIBRARY_PATH=$lib "$dir/shared" | grep -q '^afterwards the handle is freed$'
}

# shellcheck disable=SC2046,SC2086
c_static() {
	cc -std=c11 $warn -o "$dir/static" "$top/examples/hello.c" \
		$(pkg-config --cflags libmemlane) "$lib/libmemlane.a" -pthread &&
		"$dir/static" | grep -q '^afterwards the handle is freed$'
}

# shellcheck disable=SC2046,SC2086
cxx() {
	cat >"$dir/t.cc" <<-'END'
		#include <memlane.h>
		int main()
		{
			struct memlane *m;
			if (memlane_open(&m, nullptr))
				return 1;
			memlane_handle h = memlane_alloc(m, sizeof(int));
			memlane_enter(m);
			*static_cast<int *>(memlane_get(m, h)) = 5;
			memlane_exit(m);
			int *p = static_cast<int *>(memlane_pin(m, h));
			bool good = p && *p == 5 && memlane_unpin(m, h) == 0;
			memlane_close(m);
			return good ? 0 : 1;
		}
	END
	c++ -std=c++17 $warn -o "$dir/cxx" "$dir/t.cc" \
		$(pkg-config --cflags --libs libmemlane) && LD_LIBRARY_PATH=$lib "$dir/cxx"
}

# shellcheck disable=SC2046,SC2086
dlopened() {
	cat >"$dir/d.c" <<-'END'
		#include <dlfcn.h>
		int main(void)
		{
			void *lib;
			int i;
			for (i = 0; i < 3; i++) {
				lib = dlopen("libmemlane.so.1", RTLD_NOW);
				if (!lib || !dlsym(lib, "memlane_open") || dlclose(lib))
					return 1;
			}
			return 0;
		}
	END
	cc -o "$dir/d" "$dir/d.c" -ldl && LD_LIBRARY_PATH=$lib "$dir/d"
}

# As a language does that has no C compiler: nothing but symbols.
ffi() {
	cat >"$dir/f.c" <<-'END'
		#include <dlfcn.h>
		#include <stdint.h>
		#include <string.h>
		struct mark { void *at; uint32_t chunk; };
		static void *lib;
		#define F(ret, name, ...) ret (*name)(__VA_ARGS__) = (ret (*)(__VA_ARGS__))dlsym(lib, "memlane_" #name)
		int main(void)
		{
			char config[4096];
			void *m, *p;
			uint64_t h;
			lib = dlopen("libmemlane.so.1", RTLD_NOW);
			F(void, config_init, void *);
			F(int, open, void **, const void *);
			F(uint64_t, alloc, void *, uint64_t);
			F(int, enter, void *);
			F(void *, get, void *, uint64_t);
			F(int, exit, void *);
			F(struct mark, frame_begin, void *);
			F(void *, frame_alloc, void *, size_t);
			F(int, frame_end, void *, struct mark);
			F(void, close, void *);
			struct mark mark;
			config_init(config);
			if (open(&m, config))
				return 1;
			h = alloc(m, 100);
			if (!h || enter(m) || !(p = get(m, h)))
				return 2;
			memset(p, 5, 100);
			if (exit(m))
				return 3;
			mark = frame_begin(m);
			p = frame_alloc(m, 100);
			if (!mark.at || !p || frame_end(m, mark))
				return 4;
			close(m);
			return 0;
		}
	END
	cc -o "$dir/f" "$dir/f.c" -ldl && LD_LIBRARY_PATH=$lib "$dir/f"
}

# The first block of C in the README, as it stands.
# shellcheck disable=SC2046,SC2086
readme() {
	awk '/^```c$/ { inside = 1; next } /^```/ { if (inside) exit } inside' \
		"$top/README.md" >"$dir/readme.c"
	[ -s "$dir/readme.c" ] &&
		cc -std=c11 $warn -o "$dir/readme" "$dir/readme.c" \
			$(pkg-config --cflags --libs libmemlane) &&
		LD_LIBRARY_PATH=$lib "$dir/readme"
}

# The udev rule, and sources that dkms finds and that build by themselves.
module_source() {
	make -s -C "$top/kmod" install-source DESTDIR="$root" &&
		grep -q 'KERNEL=="memlane".*MODE="0660"' "$root/usr/lib/udev/rules.d/99-memlane.rules" &&
		[ -s "$root/usr/src/memlane-1.0/dkms.conf" ]
}

module_installs() {
	eval "$("$top/selftests/vm/kernel.sh" 6.1)"
	# shellcheck disable=SC2154
	make -s -C "$root/usr/src/memlane-1.0/kmod" install KDIR="$build" \
		INSTALL_MOD_PATH="$root" >"$dir/module.log" 2>&1 || { cat "$dir/module.log"; return 1; }
	find "$root/lib/modules" -name 'memlane.ko*' | grep -q .
}

plan 13
check "install puts down all files" installed
check "soname" soname
check "the shared library shows its interface and nothing else" exports
check "so does the static library" static_names
check "the headers and the symbol map agree" declared
check "a C program with the shared library" c_shared
check "a C program with the static library" c_static
check "a C++ program" cxx
check "dlopen and dlclose, again and again" dlopened
check "a program that has the symbols alone" ffi
check "the README's example" readme
check "the udev rule and the module's sources" module_source
check "the sources build, and the module installs" module_installs
finish
