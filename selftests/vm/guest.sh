#!/bin/sh
# SPDX-License-Identifier: MIT
# Second stage in the guest, process 1 on the host's root file system: finish
# the mounts, load the module, run the command, report on the control port.
# The report, with this run's token in it, is the one proof of success.
# shellcheck disable=SC1091,SC2154
. /run/vm/config
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH HOME=/root TERM="${VM_TERM:-dumb}"

log() { echo "memlane-vm: $*" >/dev/kmsg; }

port() {
	for dir in /sys/class/virtio-ports/*; do
		read -r name <"$dir/name" && [ "$name" = "$1" ] && echo "/dev/${dir##*/}" && return
	done
}

report() {
	echo "$VM_TOKEN $1" >"$(port vm.control)"
	sync
	reboot -f
	exec sleep 1000
}

mounts() {
	mkdir -p /dev/pts /dev/shm
	mount -t devpts devpts /dev/pts
	mount -t tmpfs tmpfs /dev/shm
	ln -sf /proc/self/fd /dev/fd
	ln -sf fd/0 /dev/stdin
	ln -sf fd/1 /dev/stdout
	ln -sf fd/2 /dev/stderr
	[ ! -d /sys/kernel/debug ] || mount -t debugfs debugfs /sys/kernel/debug
	[ ! -d /sys/kernel/tracing ] || mount -t tracefs tracefs /sys/kernel/tracing
	[ ! -d /sys/fs/cgroup ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup
	ip link set lo up 2>/dev/null || /run/vm/busybox ifconfig lo 127.0.0.1 up
	# shellcheck disable=SC3045
	ulimit -n 65536
}

load() {
	[ -n "$VM_MODULE" ] || return 0
	insmod "$VM_MODULE" 2>/run/vm/insmod && return 0
	log "$(cat /run/vm/insmod)"
	report 125
}

# When the command is over, whatever it left running dies, and then the module
# must go: a lost reference to it would show here.
unload() {
	kill -9 -1 2>/dev/null
	grep -q '^memlane ' /proc/modules || return 0
	for try in 1 2 3 4 5 6 7 8 9 10; do
		rmmod memlane 2>/run/vm/rmmod && return 0
		sleep 0.3
	done
	log "after $try tries: $(cat /run/vm/rmmod)"
	return 1
}

# Pipes stand between the command and the ports, so that it can open
# /dev/stdout again; the ports themselves take one opener only.
run_command() {
	mkfifo /run/vm/1 /run/vm/2
	cat /run/vm/1 >"$(port vm.stdout)" &
	first=$!
	cat /run/vm/2 >"$(port vm.stderr)" &
	second=$!
	(cd "$VM_FOLDER" && exec setsid "$VM_SHELL" /run/vm/command) \
		>/run/vm/1 2>/run/vm/2 </dev/null
	status=$?
	for try in 1 2 3 4 5 6 7 8 9 10; do
		[ -d /proc/$first ] || [ -d /proc/$second ] || break
		sleep "0.$try"
	done
}

run_shell() {
	cd "$VM_FOLDER" || exit
	# shellcheck disable=SC2086
	PS1='vm# ' setsid -c $VM_SHELL </dev/hvc0 >/dev/hvc0 2>&1
	status=$?
}

mounts
while read -r variable; do export "${variable?}"; done </run/vm/environment
load
log "ready"
if [ -f /run/vm/command ]; then run_command; else run_shell; fi
log "command ended with $status"
unload || status=125
report "$status"
