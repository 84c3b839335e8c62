#!/bin/sh
# SPDX-License-Identifier: MIT
# Install what packages.txt names and this machine lacks. Asks nobody and
# changes nothing when all is there.
set -eu
list=$(sed 's/#.*//' "$(dirname "$0")/../packages.txt")

missing=
for package in $list; do
	case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
	installed) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

echo "deps: installing$missing"
[ "$(id -u)" = 0 ] || { echo "deps: this needs root" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get -q update
# shellcheck disable=SC2086
apt-get -q install -y --no-install-recommends $missing
