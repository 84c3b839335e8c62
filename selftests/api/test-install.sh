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
version=$(sed -n 's/^#define MEMLANE_VERSION_STRING.*"\(.*\)"/\1/p' "$top/lib/include/memlane.h")
source=$root/usr/src/memlane-$version
warn="-Wall -Wextra -Wpedantic -Wno-long-long -Werror"

installed() {
	make -s -C "$top" install install-selftests DESTDIR="$root" PREFIX=/opt/ml || return 1
	for f in include/memlane.h include/memlane.hpp include/linux/memlane.h lib/libmemlane.a \
		lib/libmemlane.so lib/libmemlane.so.1 lib/pkgconfig/libmemlane.pc; do
		[ -s "$root/opt/ml/$f" ] || return 1
	done
}

# What is neither is read by another program, which is to be named.
executables() {
	find "$root" -type f -perm /111 | while read -r f; do
		case $(head -c 4 "$f" | tr -d '\0') in
		'#!'* | ?ELF) ;;
		*) echo "# ${f#"$root"} can be executed, and is no program and no script" ;;
		esac
	done >"$dir/wrong"
	cat "$dir/wrong"
	[ ! -s "$dir/wrong" ]
}

soname() {
	readelf -d "$lib/libmemlane.so" | grep -q 'SONAME.*\[libmemlane.so.1\]'
}

listed() { sed -n 's/^\t\(memlane_[a-z_]*\);/\1/p' "$top/lib/libmemlane.map" | sort; }

# Everything in the map, with a version each, and nothing else.
exports() {
	nm -D --defined-only "$lib/libmemlane.so" | awk '$2 != "A" { print $3 }' |
		sed 's/@@MEMLANE_1\.[01]$//' | sort >"$dir/shown"
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

# Each header is enough by itself, first or last; a small memlane.h leaves the rest out.
# shellcheck disable=SC2046,SC2086
headers() {
	flags=$(pkg-config --cflags libmemlane)
	for h in "$root"/opt/ml/include/memlane*.h; do
		h=$(basename "$h")
		printf '#include <%s>\n#include <memlane.h>\n' "$h" >"$dir/h.c"
		for small in -UMEMLANE_SMALL -DMEMLANE_SMALL; do
			cc -std=c11 $warn $small $flags -fsyntax-only "$dir/h.c" &&
				{ [ "$h" = memlane_typed.h ] ||
					c++ -x c++ -std=c++17 $warn $small $flags -fsyntax-only "$dir/h.c"; } ||
				{ echo "# $h $small"; return 1; }
		done
	done
	printf '#define MEMLANE_SMALL\n#include <memlane.h>\nstruct memlane_stats { int own; };\n' >"$dir/h.c"
	cc -std=c11 $warn $flags -fsyntax-only "$dir/h.c"
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
cxx_header() {
	for std in c++17 c++20; do
		c++ -std=$std $warn -o "$dir/jobs" "$top/examples/jobs.cc" \
			$(pkg-config --cflags --libs libmemlane) &&
			LD_LIBRARY_PATH=$lib "$dir/jobs" >"$dir/jobs.log" || return 1
	done
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
		struct mark { void *at; uint32_t chunk, frame; uint64_t id; };
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

# The command works from where it was put, and finds its recorder there.
tools() {
	bin=$root/opt/ml/bin
	"$bin/memlane" --version | grep -q '^memlane 1' || return 1
	"$bin/memlane" record -o "$dir/ls.mlt" -- ls / >"$dir/ls.out" 2>&1 &&
		"$bin/memlane" replay --backend local "$dir/ls.mlt" | grep -q 'Every object had the bytes'
}

# The commands that there are, as the command itself has it.
commands() { "$bin/memlane" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'; }

man_page() {
	page=$root/opt/ml/share/man/man1/memlane.1
	commands >"$dir/commands"
	for command in load unload status list stat top map doctor export record replay trace; do
		grep -qx "$command" "$dir/commands" || { echo "# no help on $command"; return 1; }
	done
	while read -r command; do
		grep -q "^.*\\\\fB$command\\\\fR" "$page" || { echo "# no $command"; return 1; }
	done <"$dir/commands"
}

# A page for each call that a program may use, from the headers that were installed.
call_pages() {
	grep -vE '^memlane_(exit_other|get_slow|frame_(first|more|rewind)|self)$' "$dir/shown" >"$dir/calls"
	(cd "$root/opt/ml/share/man/man3" && ls) | sed 's/\.3$//' | diff "$dir/calls" - || return 1
	for page in "$root"/opt/ml/share/man/man3/*.3; do
		for part in NAME SYNOPSIS DESCRIPTION 'RETURN VALUE' ERRORS EXAMPLES 'SEE ALSO'; do
			grep -qx ".SH $part" "$page" || { echo "# ${page##*/}: no $part"; return 1; }
		done
	done
	grep -q 'int memlane_free(struct memlane \*m, memlane_handle h);' "$root/opt/ml/share/man/man3/memlane_free.3" &&
		grep -q '\\-EBUSY' "$root/opt/ml/share/man/man3/memlane_free.3"
}

written_pages() {
	for page in man1/memlane.1 man4/memlane.4 man7/memlane.7; do
		for part in EXAMPLES FILES 'SEE ALSO'; do
			grep -qE "^\.SH \"?$part" "$root/opt/ml/share/man/$page" || { echo "# $page: no $part"; return 1; }
		done
	done
	grep -qE '^\.SH "?ENVIRONMENT' "$root/opt/ml/share/man/man1/memlane.1"
}

# complete WORD...: what the shell offers for the last word.
complete_bash() {
	# shellcheck disable=SC2016
	PATH=$root/opt/ml/bin:$PATH bash -c '. "$1"; shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _memlane; printf "%s\n" "${COMPREPLY[@]}"' bash \
		"$root/opt/ml/share/bash-completion/completions/memlane" "$@"
}

completion() {
	[ "$(complete_bash memlane rec)" = record ] && [ "$(complete_bash memlane record --fol)" = --follow ] &&
		[ "$(complete_bash memlane replay --backend m)" = module ] &&
		complete_bash memlane '' | grep -v '^help$\|^--' | diff "$dir/commands" -
}

# zsh chooses from what it was given: all that it is given comes out here.
complete_zsh() {
	# shellcheck disable=SC2016
	PATH=$root/opt/ml/bin:$PATH zsh -f -c '
		_describe() { print -l -- ${(P)2}; }
		compadd() { print -l -- "$@"; }
		_files() { print a file; }
		page=$1; shift; words=("$@") CURRENT=$#; . $page' zsh \
		"$root/opt/ml/share/zsh/site-functions/_memlane" "$@"
}

zsh_completion() {
	complete_zsh memlane '' | cut -d: -f1 | diff "$dir/commands" - &&
		complete_zsh memlane record --f | grep -qx -e --follow &&
		[ "$(complete_zsh memlane replay --backend '' | tr '\n' ' ')" = 'auto module local ' ] &&
		[ "$(complete_zsh memlane trace '')" = 'a file' ]
}

# A tag for udev's own rules comes before them: 73-seat-late.rules is Debian's.
udev_rule() {
	rules=$root/usr/lib/udev/rules.d
	grep -q '^KERNEL=="memlane".*MODE="0660", GROUP="memlane", TAG+="uaccess"$' "$rules"/*-memlane.rules &&
		grep -qx 'g memlane -' "$root/usr/lib/sysusers.d/memlane.conf" &&
		[ "$(printf '%s\n' "$(basename "$rules"/*-memlane.rules)" 73-seat-late.rules | LC_ALL=C sort | tail -n 1)" = \
			73-seat-late.rules ]
}

# Sources that dkms finds.
module_source() {
	[ -s "$source/dkms.conf" ] && [ -s "$source/kmod/main.c" ]
}

# They run where nothing else of this folder is, and say when they cannot.
selftests() {
	tests=$root/opt/ml/lib/memlane/selftests
	for test in abi/abi dev/move api/test-handle api/test-cxx share/share share/victim torture/torture; do
		[ -x "$tests/$test" ] || { echo "# no $test"; return 1; }
	done
	MEMLANE_BACKEND=local "$tests/run.sh" api/test-handle api/test-cxx >"$dir/run" &&
		grep -q '^1\.\.2$' "$dir/run" && grep -q '^    ok 1 ' "$dir/run" &&
		grep -q '^ok 2 api/test-cxx$' "$dir/run" || return 1
	status=0
	MEMLANE_BACKEND=local "$tests/run.sh" no/such >"$dir/run" || status=$?
	[ "$status" = 1 ] && grep -q '^not ok 1 no/such' "$dir/run" || return 1
	[ -e /dev/memlane ] || {
		status=0
		MEMLANE_BACKEND=module "$tests/run.sh" >"$dir/run" || status=$?
		[ "$status" = 4 ] && grep -q '^1\.\.0 # SKIP' "$dir/run" && [ ! -e /dev/memlane ] || return 1
	}
	# For stage install of the VM, which sees nothing of $dir.
	make -s -C "$top/selftests" install INSTALL_PATH="$top/build/installed"
}

module_installs() {
	eval "$("$top/selftests/vm/kernel.sh" 6.1)"
	# shellcheck disable=SC2154
	make -s -C "$source/kmod" install KDIR="$build" \
		INSTALL_MOD_PATH="$root" >"$dir/module.log" 2>&1 || { cat "$dir/module.log"; return 1; }
	find "$root/lib/modules" -name 'memlane.ko*' | grep -q .
}

plan 24
check "install puts down all files" installed
check "what can be executed is a program or a script" executables
check "soname" soname
check "the shared library shows its interface and nothing else" exports
check "so does the static library" static_names
check "the headers and the symbol map agree" declared
check "each header by itself" headers
check "a C program with the shared library" c_shared
check "a C program with the static library" c_static
check "a C++ program" cxx
check "a C++ program with the C++ header" cxx_header
check "dlopen and dlclose, again and again" dlopened
check "a program that has the symbols alone" ffi
check "the README's example" readme
check "the command and its recorder" tools
check "the man page, and the commands in it" man_page
check "a page of the manual for each call" call_pages
check "the other pages" written_pages
check "completion of the command" completion
check "also in zsh" zsh_completion
check "the udev rule and its group" udev_rule
check "the test programs" selftests
check "the module's sources" module_source
check "the sources build, and the module installs" module_installs
finish
