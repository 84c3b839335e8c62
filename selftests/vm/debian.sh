# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
# debian.sh - packages of Debian's through a package database of our own, made from the
# mirror that this machine uses; its own sources and packages are left alone. Sourced
# behind common.sh.

# debian_open NAME ARCH SUITE...: the database NAME, without what it has in it yet.
debian_open() {
	state=$cache/apt/$1 arch=$2
	shift 2
	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
		'Origin: Debian' 2>/dev/null | grep -v security | head -n 1)
	[ -n "$mirror" ] || die "no Debian mirror in this machine's package sources (apt-get update)"
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	mkdir -p "$state/lists/partial" "$state/archives/partial" "$state/parts"
	for suite; do
		echo "deb [signed-by=$keyring] $mirror $suite main"
	done >"$state/sources.list"
	: >"$state/status"
}

# The tool named first with our own database, archive folder and sources.
private() {
	tool=$1
	shift
	"$tool" -q -o APT::Architecture="$arch" -o Dir::State::Lists="$state/lists" -o Dir::State::status="$state/status" \
		-o Dir::Cache::archives="$state/archives" -o Dir::Cache::pkgcache= \
		-o Dir::Cache::srcpkgcache= -o Dir::Etc::sourcelist="$state/sources.list" \
		-o Dir::Etc::sourceparts="$state/parts" -o Dir::Etc::preferencesparts="$state/parts" \
		-o APT::Sandbox::User=root "$@"
}

debian_update() {
	private apt-get update >"$state/log" 2>&1 || { cat "$state/log" >&2; die "the mirror does not answer"; }
}

# debian_fetch PACKAGE...: into $state/archives.
debian_fetch() {
	(cd "$state/archives" && private apt-get download "$@") >>"$state/log" 2>&1 ||
		{ tail -n 5 "$state/log" >&2; die "downloading failed"; }
}

# debian_unpack FOLDER: all that was fetched.
debian_unpack() {
	for package in "$state/archives/"*.deb; do dpkg -x "$package" "$1"; done
	rm -f "$state/archives/"*.deb
}
