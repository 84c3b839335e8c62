#!/bin/sh
# SPDX-License-Identifier: MIT
# The harness itself: what it must pass on, and what it must call a failure.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../ktap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

vm() {
	"$here/run.sh" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
}
ended() { [ "$status" = "$1" ] || { echo "# status $status"; sed 's/^/# /' "$tmp/err"; return 1; }; }
said() { grep -q "$2" "$tmp/$1" || { sed 's/^/# /' "$tmp/$1"; return 1; }; }

# A module that warns when it is loaded.
warning_module() {
	mkdir -p "$tmp/kmod" "$tmp/include"
	printf 'obj-m := memlane.o\nmemlane-y := warn.o\n' >"$tmp/kmod/Kbuild"
	cat >"$tmp/kmod/warn.c" <<-'END'
	#include <linux/module.h>
	static int __init warn_init(void) { WARN_ON(1); return 0; }
	module_init(warn_init);
	MODULE_LICENSE("GPL");
	MODULE_DESCRIPTION("warns");
	END
	ML_SOURCE=$tmp ML_OUT=$tmp "$here/module.sh" 6.1 >"$tmp/out" 2>&1
}

# race MODULE [LINE...]: a console log with a race, as KCSAN writes it. MODULE is that of
# who reads; LINEs stand below who writes. $pair names both.
race() {
	rule=$(printf '=%.0s' $(seq 66))
	module=$1
	shift
	printf '[    1.0] %s\n' "$rule" "BUG: KCSAN: data-race in ${pair-one / two}" \
		"write to 0x0 of 8 bytes by interrupt on cpu 1:" " two+0x10/0x20" "$@" \
		"read to 0x0 of 8 bytes by task 1 on cpu 0:" " one+0x10/0x20 $module" "$rule" \
		"memlane-stage: end" >"$tmp/log"
}

# Everything that belongs to a run has its folder in the command line.
gone() {
	for try in 1 2 3 4 5 6 7 8 9 10; do
		pgrep -f "$tmp/memlane-vm" >/dev/null || return 0
		sleep "0.$try"
	done
	pgrep -af "$tmp/memlane-vm" | sed 's/^/# /'
	return 1
}

killed_outright() {
	TMPDIR=$tmp "$here/run.sh" --no-module -- 'sleep 60' >/dev/null 2>&1 &
	for try in 1 2 3 4 5 6 7 8 9 10; do
		pgrep -f "qemu-system.*$tmp/memlane-vm" >/dev/null && break
		sleep "0.$try"
	done
	pgrep -f "qemu-system.*$tmp/memlane-vm" >/dev/null || { echo "# no VM came up"; return 1; }
	kill -KILL $!
	gone
}

two_at_once() {
	"$here/run.sh" --no-module -- 'exit 5' >/dev/null 2>&1 &
	vm --no-module -- 'exit 6'
	wait $!
	[ $? = 5 ] && [ "$status" = 6 ]
}

# As people do: make itself would end with 2. What calls this may be a make, too.
by_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$here/../.." vm \
		RUN='echo "sum $((40 + 2))"; exit 7' >"$tmp/out" 2>"$tmp/err"
	status=$?
	ended 7 && said out 'sum 42'
}

plan 26
vm --no-module -- 'echo to-out; echo to-err >&2; echo again >/dev/stderr
	touch /memlane-harness 2>/dev/null && echo writable-root
	touch build/harness && rm build/harness && echo writable-folder
	for i in $(seq 20000); do echo "a line of no great length, number $i"; done; exit 7'
check "the command's status" ended 7
check "its output" said out to-out
check "its errors" said err to-err
check "errors through /dev/stderr" said err again
check "root is read-only" sh -c "! grep -q writable-root '$tmp/out'"
check "the current folder is writable" said out writable-folder
check "nothing of a long output is lost" said out "number 20000"
vm --no-module -- sh -c 'test "$1" = "it'\''s one"' sh "it's one"
check "words keep their bounds" ended 0
: >"$tmp/log"
check "no fault in a clean log" "$here/scan-log.sh" "$tmp/log"
race "[ext4]"
check "no fault in a race of the kernel's own" "$here/scan-log.sh" "$tmp/log"
race "" " asm_sysvec_apic_timer_interrupt+0x1b/0x20" " busy+0x10/0x20 [memlane]"
check "no fault in a race of an interrupt's" "$here/scan-log.sh" "$tmp/log"
pair='hrtimer_wakeup / schedule_hrtimeout_range_clock'
race "" " pause+0x10/0x20 [memlane]"
check "no fault in the race of a timer with who sleeps" "$here/scan-log.sh" "$tmp/log"
pair='page_remove_rmap / validate_page_before_insert'
race "[memlane]" " map_one+0x10/0x20 [memlane]"
unset pair
check "no fault in the race of two who map a page" "$here/scan-log.sh" "$tmp/log"
race "[memlane]"
check "a fault in a race of memlane's" sh -c '! "$0" "$1" >/dev/null' "$here/scan-log.sh" "$tmp/log"
check "a module that warns builds" warning_module
vm --ko "$tmp/6.1/memlane.ko" -- true
check "a warning fails the run" ended 125
check "and is shown" said err "WARNING:.*warn_init"
vm --no-module --announce --timeout 15 -- 'sleep 100'
check "a hang ends in a time-out" ended 124
check "which is said" said err "no end after 15 s"
check "with the kernel's log" said err '^\[ *[0-9.]*\] '
check "--announce says what comes up, and under what" \
	said out '^Booting Linux [0-9].* under \(KVM\|software emulation\)'
vm --no-module -- 'echo c >/proc/sysrq-trigger'
check "a crash fails the run" ended 125
vm --ko "$0" -- true
check "a module that does not load fails the run" ended 125
check "killed outright, it leaves nothing behind" killed_outright
check "two VMs at once" two_at_once
check "make vm RUN=... ends as the command does" by_make
finish
