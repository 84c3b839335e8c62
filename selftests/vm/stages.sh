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

# Seconds since the boot, in $now: without a process, which are slow to start.
look() { IFS=. read -r now _ </proc/uptime; }

look
deadline=$((now + $3))
while IFS='|' read -r name limit command; do
	look
	start=$now
	[ "$start" -lt "$deadline" ] || { echo "late $name"; continue; }
	mark "begin $name"
	echo "begin $name"
	timeout -k 5 "$limit" /bin/sh -c "$command" </dev/null >"$2/$name.log" 2>&1
	status=$?
	mark "end $name"
	look
	echo "end $name $status $((now - start))"
done <"$1"
