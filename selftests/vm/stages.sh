#!/bin/sh
# SPDX-License-Identifier: MIT
# In a guest: run a list of stages in a row, each under its own time limit.
#
#   stages.sh LIST FOLDER
#
# LIST has lines `name|seconds|command`. FOLDER/name.log takes a stage's
# output. Marks in the kernel's log and lines on stdout say where we are, so
# that the host knows which stage a report or a death belongs to.
mark() { echo "memlane-stage: $*" >/dev/kmsg; }

while IFS='|' read -r name limit command; do
	mark "begin $name"
	echo "begin $name"
	start=$(cut -d. -f1 /proc/uptime)
	timeout -k 5 "$limit" /bin/sh -c "$command" </dev/null >"$2/$name.log" 2>&1
	status=$?
	mark "end $name"
	echo "end $name $status $(($(cut -d. -f1 /proc/uptime) - start))"
done <"$1"
