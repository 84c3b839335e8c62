#!/bin/sh
# SPDX-License-Identifier: MIT
# Style of everything that git tracks, as KTAP. With --format: apply
# clang-format to lib/ and tools/ instead.
set -u
cd "$(dirname "$0")/.." || exit 1
. selftests/ktap.sh

# checkpatch types that do not fit this tree:
ignored=FILE_PATH_CHANGES,EMAIL_SUBJECT     # about patches, not files
ignored=$ignored,SPDX_LICENSE_TAG           # checked below, in its own way
ignored=$ignored,CONFIG_DESCRIPTION         # no Kconfig
ignored=$ignored,LINUX_VERSION_CODE         # compat.h is for that, checked below
ignored=$ignored,PREFER_KERNEL_TYPES        # userspace has <stdint.h>'s
ignored=$ignored,PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_PRINTF,PREFER_SCANF # and no macros
ignored=$ignored,ENOSYS                     # programs do meet it
ignored=$ignored,AVOID_EXTERNS,SYMBOLIC_PERMS,MULTIPLE_ASSIGNMENTS,SPLIT_STRING
ignored=$ignored,MACRO_ARG_REUSE,MACRO_ARG_PRECEDENCE,UNNECESSARY_ELSE
ignored=$ignored,REPEATED_WORD              # takes `enum kind kind` for prose
ignored=$ignored,NEW_TYPEDEFS,ARRAY_SIZE    # of libraries; userspace has no such macro
# and of tests, which are hostile on purpose and dense with tables:
tests=TRAILING_STATEMENTS,VOLATILE,MEMSET,MACRO_WITH_FLOW_CONTROL,MEMORY_BARRIER

code() { git ls-files -- '*.c' '*.h'; }
formatted() { git ls-files -- 'lib/*.c' 'tools/*.c'; }
scripts() { git ls-files | xargs grep -lE '^#!(/bin/sh|/bin/bash|/bin/busybox sh|/usr/bin/env bash)'; }

# none PREFIX: whatever comes in is wrong, and is shown.
none() { ! sed "s/^/# $1/" | grep .; }

# patch IGNORED: the files on stdin.
patch() {
	xargs perl "$tree/scripts/checkpatch.pl" --no-tree --no-summary --terse --show-types \
		--max-line-length=100 --ignore "$1" --file 2>&1
}

checkpatch() {
	tree=$(selftests/vm/kernel-source.sh) || return 1
	# --strict would ask for more than the kernel's own files keep.
	# The shim stands in for the kernel's own macros, which it does not accept;
	# memlane_typed.h is one macro that writes functions. MEMLANE_INLINE is two
	# keywords, which it takes for an expression without parentheses.
	{
		code | grep -vE '^(lib/shim/|lib/include/memlane(_[a-z]+)?\.h|selftests/)' | patch "$ignored"
		code | grep '^lib/include/' | grep -v '_typed' | patch "$ignored,COMPLEX_MACRO"
		code | grep '^selftests/' | patch "$ignored,$tests"
	} | none ''
}

# Of struct ml_ops each member says in its own place what is asked of it.
kernel_doc() {
	tree=$(selftests/vm/kernel-source.sh) || return 1
	git ls-files -- 'include/uapi/*.h' 'lib/include/*.h' 'kmod/*.[ch]' |
		xargs perl "$tree/scripts/kernel-doc" -none 2>&1 | grep -v "in 'ml_ops'$" | none ''
}

clang_format() { formatted | xargs -r clang-format --dry-run --Werror 2>&1 | grep -A2 'error:' | head -40 | none ''; }

spdx() {
	git ls-files | grep -vE '^LICENSES/|/corpus/|\.(zst|png|mlt)$' | while read -r file; do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ' || echo "$file"
	done | none 'no SPDX line: '
}

functions() {
	code | xargs awk 'FNR == 1 { start = 0 } /^{/ { start = FNR }
		/^}/ && start { if (FNR - start > 81) print FILENAME ":" start ": " FNR - start - 1 " lines"
			start = 0 }' | none 'function over 80 lines: '
}

fences() {
	{
		code | grep -v 'compat\.h$' | xargs grep -n LINUX_VERSION_CODE
		git ls-files -- 'kmod/*.[ch]' | grep -v '^kmod/ioctl\.[ch]$' | xargs -r grep -nw __user
		git ls-files -- 'kmod/core/*.[ch]' | xargs -r grep -nE '__KERNEL__|^ *# *if(def|ndef)? +[^_A-Z]*CONFIG'
	} | none 'outside its place: '
}

left_open() {
	git ls-files | grep -v '^scripts/style.sh$' | xargs grep -nIE '\b(TO''DO|FIX''ME|X''XX)\b|^#if 0' | none 'left open: '
}

shell() { scripts | xargs shellcheck 2>&1 | none ''; }

whitespace() {
	git ls-files | grep -vE '/corpus/|\.(zst|png|mlt)$' | xargs grep -nIE '[[:blank:]]+$' | none 'blank at the end: '
}

# A lock that an engine's function asks for (`@a: arena; arena.lock`) is asserted in it.
locks() {
	git ls-files -- 'kmod/core/*.c' | xargs awk '
		/^\/\*\*/ { asks = "" }
		/^ \* @a: arena; (arena\.lock|arena\.mover|both locks)/ { asks = $4 }
		/^{/ && asks { wants["lock"] = asks !~ /mover/; wants["mover"] = asks !~ /lock/ }
		/^\tlockdep_assert_held\(&a->(lock|mover)\);/ { wants[/mover/ ? "mover" : "lock"] = 0 }
		/^}/ {
			for (lock in wants)
				if (wants[lock])
					print FILENAME ":" FNR ": arena." lock " is not asserted"
			split("", wants)
			asks = ""
		}' | none ''
}

# What the inline functions call is not for use.
documented() {
	git ls-files 'lib/include/*.h' | grep -v _typed | xargs awk '/^\/\*\*/ { doc = 1; answer = 0 }
		/^ \* Return:/ { answer = 1 }
		/^(struct|enum) .*\{$/ { doc = 0 }
		/^(MEMLANE_(API|INLINE)|typedef) / {
			if (!doc)
				print FILENAME ":" FNR ": no kernel-doc: " $0
			else if (!answer && !/^typedef [^(]*;$/ && !/^[A-Za-z_]+ void [^*]/)
				print FILENAME ":" FNR ": no Return: " $0
			doc = 0
		}' |
		grep -vE '(exit_other|get_slow|frame_first|frame_more|frame_rewind)\(' | none ''
}

# One number for everything: Documentation/versions.md. Commands in the documents have it,
# and CHANGELOG.md a section.
versions() {
	version=$(sed -n 's/^#define MEMLANE_VERSION_STRING.*"\(.*\)"/\1/p' lib/include/memlane.h)
	numbers=$(sed -n 's/^#define MEMLANE_VERSION_\(MAJOR\|MINOR\|PATCH\)[[:blank:]]*//p' lib/include/memlane.h |
		paste -sd.)
	{
		[ "$numbers" = "$version" ] || echo "memlane.h: $numbers"
		for place in kmod/dkms.conf:PACKAGE_VERSION=\" kmod/main.c:MODULE_VERSION\(\" \
			clients/python/pyproject.toml:'version = "' packaging/arch/PKGBUILD:pkgver= \
			"packaging/rpm/memlane.spec:Version:        "; do
			grep -qF -- "${place#*:}$version" "${place%%:*}" || echo "$place"
		done
		grep -qx "## $version" CHANGELOG.md || echo CHANGELOG.md
		git ls-files -- '*.md' | xargs grep -noE '(memlane/|-a v)[0-9]+(\.[0-9]+)+' |
			grep -v -- "\(memlane/\|-a v\)$version\$"
	} | none "not $version: "
}

picture() { scripts/picture.sh | diff - Documentation/lanes.svg | head -5 | none 'lanes.svg: '; }

# The pages are made of the same kernel-doc. memlane(4) has the module's parameters.
manual() {
	{
		scripts/man.pl --check
		sed -n 's/^module_param(\([a-z_]*\),.*/\1/p' kmod/*.c | while read -r name; do
			grep -qF "*$name*" Documentation/memlane.4.scd || echo "memlane.4.scd: no parameter $name"
		done
	} | none 'manual: '
}

if [ "${1:-}" = --format ]; then
	formatted | xargs -r clang-format -i
	exit
fi
plan 14
check "checkpatch" checkpatch
check "kernel-doc" kernel_doc
check "clang-format of lib and tools" clang_format
check "SPDX lines" spdx
check "functions of 80 lines at most" functions
check "version tests, __user and conditions in their files only" fences
check "the lock that a comment asks for is asserted" locks
check "nothing left open" left_open
check "shellcheck" shell
check "every public call has kernel-doc" documented
check "every page of the manual has an example, and its errors" manual
check "one version in every place" versions
check "no blanks at the end of a line" whitespace
check "the picture is what scripts/picture.sh draws" picture
finish
