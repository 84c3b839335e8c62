# SPDX-License-Identifier: MIT
# Sourced by the shell tests of the tools, in a folder of their own.
# shellcheck shell=bash

# says STATUS WORDS COMMAND...: ends so, and prints these words.
says()
{
	local want=$1 words=$2 got=0

	shift 2
	"$@" > out 2>&1 || got=$?
	if [ "$got" != "$want" ] || ! grep -qF -e "$words" out; then
		echo "# $*: ended with $got, not $want, or does not say \"$words\":"
		sed 's/^/#   /' out
		return 1
	fi
}
