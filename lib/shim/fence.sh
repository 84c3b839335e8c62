#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fence.sh TOP [DIR] - the engine stays one source for two builds
#
# Every header that DIR (default: TOP/kmod/core) includes must be one of its
# own, the ABI's, or the shim's; lib/shim comes first in the include path, so
# what is found here is what the compiler takes. Conditional compilation and
# __KERNEL__ would make two sources of one: refused, except for include guards.
set -eu
top=$1
dir=${2:-$top/kmod/core}

awk -v top="$top" -v dir="$dir" '
function bad(what) {
	printf "%s:%d: %s: %s\n", FILENAME, FNR, what, $0
	failed = 1
}
function there(path,    line, found) {
	found = (getline line < path) >= 0
	close(path)
	return found
}
FNR == 1 { guards = 0 }
/__KERNEL__|__has_include|%:|\?\?=/ || /^[ \t]*#[ \t]*\\$/ { bad("refused") }
/^[ \t]*#[ \t]*(if|ifdef|else|elif)([^a-z]|$)/ { bad("conditional compilation") }
/^[ \t]*#[ \t]*ifndef/ {
	if (FILENAME !~ /\.h$/ || $2 !~ /^ML_[A-Z0-9_]*_H$/ || guards++)
		bad("conditional compilation")
}
/^[ \t]*#[ \t]*(include|import)/ {
	name = $0
	if (sub(/^#include </, "", name) && sub(/>.*/, "", name)) {
		if (!there(top "/lib/shim/" name) && !there(top "/include/uapi/" name))
			bad("a header that the shim lacks")
	} else if (sub(/^#include "/, "", name) && sub(/".*/, "", name)) {
		if (name ~ /\// || !there(dir "/" name))
			bad("a header from elsewhere")
	} else {
		bad("an include that cannot be judged")
	}
}
END { exit failed }
' "$dir"/*.[ch] >&2
