#!/bin/sh
# SPDX-License-Identifier: MIT
# Every program that a script or a makefile of ours runs is in a package that
# packages.txt names, that one of those needs, or that no Debian is without:
# otherwise a fresh machine would lack it after `make deps`. And a second build has
# nothing to do.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.." || exit 1
. selftests/ktap.sh

# The guest's two stages have their programs from busybox.
scripts() {
	{
		git ls-files | xargs grep -lE '^#!/bin/(ba)?sh'
		git ls-files -- '*.sh' '*Makefile' '*.mk'
	} | grep -vxF selftests/vm/guest.sh | sort -u
}

# The words that stand where a command does. A makefile has them in its recipes.
words() {
	scripts | xargs awk '
	FNR == 1 { makefile = FILENAME ~ /(Makefile|\.mk)$/; end = "" }
	end { if ($1 == end) end = ""; next }
	/<<-?.?END/ { end = "END" }
	/^[ \t]*#/ { next }
	makefile { if (!/^\t/ && !/\(shell /) next; sub(/^\t[-@+]*/, ""); gsub(/\$\(shell /, "|") }
	{
		gsub(/[ \t]# .*/, "")
		gsub(/\$\(|&&|\|\||[|;!]|[{}] /, "\n")
		n = split($0, part, "\n")
		for (i = 1; i <= n; i++) {
			words = split(part[i], w, " ")
			for (j = 1; j < words && w[j] ~ /^(then|do|else|if|elif|while|until|exec|xargs|env|[A-Za-z_]+=.*)$/; j++);
			if (w[j] ~ /^[a-z][a-z0-9_.+-]+$/ && w[j + 1] !~ /^[-+*\/~]?[=~]/)
				print w[j]
		}
	}' | sort -u | grep -vxF "$(functions)"
}

# What looks like a program and is a function of ours.
functions() { scripts | xargs sed -n 's/^\([a-z_]*\)() *{*.*/\1/p; s/^\([a-z_]*\)()$/\1/p' | sort -u; }

# package FILE: who has it, whichever way /usr was merged.
package() {
	dpkg-query -S "$1" "/usr$1" "${1#/usr}" "$(readlink -f "$1")" 2>/dev/null |
		sed -n '/^diversion /!{s/:.*//p;q}'
}

names() { sed 's/#.*//; s/ //g; /^$/d' packages.txt; }

# What is there when all of packages.txt is, by the dependencies that dpkg knows.
there() {
	names >"$tmp/names"
	dpkg-query -W -f '${Package}|${Essential} ${Priority}|${Pre-Depends}, ${Depends}|${Provides}\n' >"$tmp/status"
	awk -F '|' 'NR == FNR { todo[n++] = $1; next }
	{
		if ($2 ~ /yes|required/) todo[n++] = $1
		needs[$1] = $3
		m = split($4, p, /[ ,|]+/)
		for (i = 1; i <= m; i++) by[p[i]] = $1
	}
	END {
		for (i = 0; i < n; i++) {
			name = todo[i] in needs ? todo[i] : by[todo[i]]
			if (name == "" || seen[name]++)
				continue
			print name
			gsub(/\([^)]*\)|:[a-z0-9]+/, "", needs[name])
			m = split(needs[name], p, /[ ,|]+/)
			for (j = 1; j <= m; j++) todo[n++] = p[j]
		}
	}' "$tmp/names" "$tmp/status"
}

all_named() {
	there >"$tmp/there"
	words | while read -r word; do
		file=$(command -v "$word") || continue
		case $file in /*) ;; *) continue ;; esac
		owner=$(package "$file")
		[ -z "$owner" ] || grep -qxF "$owner" "$tmp/there" || echo "$word, in $owner"
	done >"$tmp/missing"
	sed 's/^/# not in packages.txt: /' "$tmp/missing"
	[ ! -s "$tmp/missing" ]
}
# What a user types on a fresh machine begins with what is missing there.
installed_first() {
	for target in vm demo check check-debug check-race check-seeded matrix fuzz bench style; do
		sed -n 's/^\([a-z -]*\): deps$/ \1 /p' Makefile | grep -q " $target " || echo "$target"
	done >"$tmp/without"
	sed 's/^/# does not install first: /' "$tmp/without"
	[ ! -s "$tmp/without" ]
}

# Whoever runs this test writes to build/check.
nothing_is_made_again() {
	make -s all selftests || return 1
	touch "$tmp/stamp"
	sleep 1
	make -s all selftests || return 1
	find build -path build/check -prune -o -type f ! -name log ! -name lock -newer "$tmp/stamp" -print >"$tmp/new"
	sed 's/^/# made again: /' "$tmp/new"
	[ ! -s "$tmp/new" ]
}

plan 3
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
check "every program that is run is in a package that is named" all_named
check "what runs or boots something installs them first" installed_first
check "a second build makes nothing again" nothing_is_made_again
finish
