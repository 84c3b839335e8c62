#!/bin/sh
# SPDX-License-Identifier: MIT
# In a guest: run a list of stages in a row, each under its own time limit.
#
#   stages.sh LIST FOLDER SECONDS
#
# LIST has lines `name|seconds|command`. FOLDER/name.log takes a stage's
# output. Marks in the kernel's log and lines on stdout say where we are, so
# that the host knows which stage a report or a death belongs to. No stage is
# begun after SECONDS.
mark() { echo "memlane-stage: $*" >/dev/kmsg; }

uptime_seconds() { cut -d. -f1 /proc/uptime; }

deadline=$(($(uptime_seconds) + $3))
while IFS='|' read -r name limit command; do
	[ "$(uptime_seconds)" -lt "$deadline" ] || { echo "late $name"; continue; }
	mark "begin $name"
	echo "begin $name"
	start=$(uptime_seconds)
	timeout -k 5 "$limit" /bin/sh -c "$command" </dev/null >"$2/$name.log" 2>&1
	status=$?
	mark "end $name"
	echo "end $name $status $(($(uptime_seconds) - start))"
done <"$1"
