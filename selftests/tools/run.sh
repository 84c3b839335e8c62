#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - build the tools' tests and run them: KTAP of each, one after the other
set -eu
cd "$(dirname "$0")"
make -s -C ../../tools
make -s
status=0
for t in test-trace test-parts test-explain test-advice test-doctor test-verdict test-export; do
	../../build/selftests/tools/$t || status=1
done
./test-tools.sh || status=1
./test-view.sh || status=1
./test-probes.sh || [ $? = 4 ] || status=1
./test-map.py ../../build/tools/memlane || status=1
exit $status
