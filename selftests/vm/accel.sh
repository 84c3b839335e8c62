#!/bin/sh
# SPDX-License-Identifier: MIT
# Print QEMU's options for the fastest emulation that works on this machine.
# KVM is believed only after a trial: a kernel that comes up under it. The
# answer is kept for as long as this machine stays up.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

# cmpxchg16b of QEMU 7.2's emulation crashes newer kernels at random: not offered. Nor are fast
# string instructions: they are emulated byte by byte, and each byte stored to a page that has been
# the code of many programs costs a look through all that was translated from it. A page was
# cleared in 21 s so. Without them kernel and library clear and copy by words.
emulated="-accel tcg,thread=multi -cpu max,-cx16,-erms,-fsrm"

answer=$cache/accel-$(cat /proc/sys/kernel/random/boot_id)

trial() {
	located=$("$here/kernel.sh" 6.1)
	eval "$located"
	seen=$(timeout -k 1 20 qemu-system-x86_64 -accel kvm -cpu host -m 256 -nodefaults \
		-display none -no-reboot -serial stdio -kernel "${image:?}" \
		-append "console=ttyS0 panic=-1" 2>/dev/null </dev/null || :)
	# With no root file system it panics there, having come all that way.
	case $seen in *"Unable to mount root fs"*) return 0 ;; *) return 1 ;; esac
}

if [ ! -w /dev/kvm ]; then
	echo "$emulated"
	exit
fi
if [ ! -f "$answer" ]; then
	mkdir -p "$cache"
	if trial; then echo "-accel kvm -cpu host"; else echo "$emulated"; fi >"$answer.$$"
	mv "$answer.$$" "$answer"
fi
cat "$answer"
