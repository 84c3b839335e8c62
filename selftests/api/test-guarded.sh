#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests of the library once more, with objects that move after each use: right programs
# run through, and the environment alone makes them do it.
cd "$(dirname "$0")/../.." || exit 1
export MEMLANE_GUARD=moves
# Those that count no spans, bytes or moves: these are others in this mode.
for t in section frame get typed cxx; do
	echo "# test-$t, MEMLANE_GUARD=moves"
	build/api/test-$t || exit
done
