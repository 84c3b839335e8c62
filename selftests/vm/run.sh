#!/bin/sh
# SPDX-License-Identifier: MIT
# Boot a kernel in QEMU with this machine's programs and run a command in it.
#
#   run.sh [options] [-- COMMAND...]
#
#   --kernel NAME    6.1 (default), 6.12, 7, debug, kcsan: see kernel.sh
#   --cpus N         default 2
#   --mem MIB        default 2048; 1024 on a debug kernel, which fills it all
#   --timeout S      default 600; 0 for none (and with a shell)
#   --append ARGS    more kernel arguments
#   --numa           two nodes
#   --disk MIB       an empty disk, /dev/vda
#   --no-module      do not load memlane.ko
#   --ko FILE        load this one, not build/kmod/NAME/memlane.ko
#   --unchecked      no checks of the slab allocator's, which cost a multiple of
#                    what it does: for what is measured
#   --reports        the kernel's reports are what is wanted: it goes on after
#                    one, and none is a failure
#   --announce       say which kernel comes up, and under what
#   --log FILE       write the kernel's log there
#
# One COMMAND word is given to a shell; several are run as they are. With none
# and a terminal there is a shell to work in. The root file system is the
# host's, read-only; the current folder is writable. Exit status: the
# command's; 124 after a time-out; 125 when the VM died, the kernel reported
# a fault or the module could not be loaded or removed; 2 on wrong usage.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

kernel=6.1 cpus=2 mem='' timeout=600 append='' numa='' disk='' announce='' reports='' checks='slub_debug=FZPU ' module=yes ko='' log=''
while [ $# -gt 0 ]; do
	case $1 in
	--numa) numa=yes; shift; continue ;;
	--announce) announce=yes; shift; continue ;;
	--reports) reports=yes; shift; continue ;;
	--unchecked) checks=''; shift; continue ;;
	--no-module) module=no; shift; continue ;;
	--) shift; break ;;
	esac
	[ $# -ge 2 ] || die "$1: unknown, or its value is missing"
	case $1 in
	--kernel) kernel=$2 ;;
	--cpus) cpus=$2 ;;
	--mem) mem=$2 ;;
	--timeout) timeout=$2 ;;
	--append) append=$2 ;;
	--disk) disk=$2 ;;
	--ko) ko=$(realpath "$2") ;;
	--log) log=$(realpath "$2") ;;
	*) die "unknown option $1" ;;
	esac
	shift 2
done
[ $# -gt 0 ] || [ -t 0 ] || die "no command, and no terminal for a shell"

located=$("$here/kernel.sh" "$kernel")
eval "$located"
: "${image:?}" "${release:?}"
folder=$(pwd)
run=$(mktemp -d "${TMPDIR:-/tmp}/memlane-vm.XXXXXX")
log=${log:-$run/kernel.log}
children=

finish() {
	trap - EXIT INT TERM HUP
	# shellcheck disable=SC2086
	[ -z "$children" ] || kill $children 2>/dev/null || :
	wait
	[ -z "${terminal:-}" ] || stty "$terminal"
	rm -rf "$run"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Children die with this shell even when it is killed outright.
start() {
	setpriv --pdeathsig KILL "$@" &
	children="$! $children"
}

quote() {
	for word; do
		printf "'%s' " "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"
	done
}

# The guest reads these from /vm, in a second archive behind the cached one.
write_config() {
	mkdir "$run/initrd" "$run/initrd/vm"
	token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	{
		echo "VM_TOKEN=$token"
		echo "VM_MODULE=${ko:+/run/vm/memlane.ko}"
		echo "VM_FOLDER=$(quote "$folder")"
		echo "VM_TERM=$(quote "${TERM:-dumb}")"
		if [ $# -gt 0 ]; then echo VM_SHELL=/bin/sh; else echo "VM_SHELL='/bin/bash --norc'"; fi
	} >"$run/initrd/vm/config"
	case $# in
	0) ;;
	1) printf '%s\n' "$1" ;;
	*) quote "$@" ;;
	esac >"$run/initrd/vm/command"
	[ $# -gt 0 ] || rm "$run/initrd/vm/command"
	env | grep -E '^(ML|MEMLANE|ASAN|UBSAN|LC|LANG)[A-Z_]*=' \
		>"$run/initrd/vm/environment" || :
	cp "$here/guest.sh" "$run/initrd/vm/"
	[ -z "$ko" ] || cp "$ko" "$run/initrd/vm/memlane.ko"
	initramfs=$("$here/initramfs.sh" "$kernel")
	(cd "$run/initrd" && find . | cpio -o -H newc --quiet -R 0:0) |
		cat "$initramfs" - >"$run/initrd.cpio"
}

# A view of the whole tree that cannot be written through, whatever the guest
# does; where a mount name space is refused, the guest's own read-only mount
# has to do.
share_root() {
	mkdir "$run/root"
	start unshare --mount --propagation private sh -c '
		mount --rbind / "$1/root" &&
		awk -v top="$1/root" "index(\$5, top) == 1 { print \$5 }" /proc/self/mountinfo |
		while read -r dir; do mount -o remount,bind,ro "$dir" 2>/dev/null; done
		shift; exec setpriv --pdeathsig KILL "$@"' sh "$run" \
		/usr/lib/qemu/virtiofsd --socket-path="$run/host.sock" -o source="$run/root" \
		-o sandbox=chroot -o cache=always -o log_level=err >"$run/virtiofsd-host" 2>&1
	start /usr/lib/qemu/virtiofsd --socket-path="$run/work.sock" -o source="$folder" \
		-o sandbox=chroot -o cache=auto -o allow_direct_io -o log_level=err \
		>"$run/virtiofsd-work" 2>&1
	for try in $(seq 1 100); do
		[ ! -S "$run/host.sock" ] || [ ! -S "$run/work.sock" ] || return 0
		sleep "0.0$((try % 9 + 1))"
	done
	die "virtiofsd did not start: $(cat "$run"/virtiofsd-*)"
}

# Kernel arguments. Nothing may be zeroed or forgiven behind the tests' backs. The kernel
# wants to see ten ticks in a time that an emulated machine may sleep through, where its host
# is busy: without no_timer_check it then panics for its timer.
arguments() {
	printf '%s ' console=ttyS0 panic=-1 init_on_alloc=0 no_timer_check \
		mitigations=off random.trust_cpu=on \
		rcupdate.rcu_cpu_stall_timeout=60
	case $kernel in
	debug | kcsan)
		khz=$(awk '/^cpu MHz/ { printf "%d", $4 * 1000; exit }' /proc/cpuinfo)
		printf '%s ' "tsc_early_khz=$khz" tsc=reliable page_poison=1 page_owner=on
		# It slows all down and takes part in fault injection: asked for only.
		case $append in *kmemleak=*) ;; *) printf 'kmemleak=off ' ;; esac
		[ -z "$numa" ] || printf 'numa=fake=2 ' ;;
	*) printf '%s' "$checks" ;;
	esac
	# The kernel's own races, which are reported from its first steps on, are
	# told apart from ours afterwards.
	case $reports:$kernel in
	yes:*) printf 'kasan_multi_shot ' ;;
	:kcsan) printf 'oops=panic ' ;;
	*) printf 'oops=panic panic_on_warn=1 ' ;;
	esac
	printf '%s\n' "$append"
}

# Without ACPI the CPUs come from a table that has one for each socket.
machine() {
	case $kernel:$numa in
	debug:* | kcsan:* | *:)
		echo "-M q35 -object memory-backend-memfd,id=m0,size=${mem}M,share=on -numa node,memdev=m0" ;;
	*)
		echo "-M q35,hmat=on -object memory-backend-memfd,id=m0,size=$((mem / 2))M,share=on" \
			"-object memory-backend-memfd,id=m1,size=$((mem / 2))M,share=on" \
			"-numa node,nodeid=0,memdev=m0,cpus=0-$((cpus - 1))" \
			"-numa node,nodeid=1,memdev=m1,initiator=0 -numa dist,src=0,dst=1,val=31" \
			"-numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=100" \
			"-numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-latency,latency=400" \
			"-numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-bandwidth,bandwidth=20G" \
			"-numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-bandwidth,bandwidth=5G" ;;
	esac
	echo "-smp $cpus,sockets=$cpus,cores=1,threads=1 -m ${mem}M"
}

channels() {
	echo "-serial file:$log -device virtio-serial-pci" \
		"-chardev file,id=control,path=$run/control -device virtserialport,chardev=control,name=vm.control"
	if [ "$1" -gt 0 ]; then
		echo "-chardev file,id=out,path=$run/stdout -device virtserialport,chardev=out,name=vm.stdout" \
			"-chardev file,id=err,path=$run/stderr -device virtserialport,chardev=err,name=vm.stderr"
	else
		echo "-chardev stdio,id=tty,signal=off -device virtconsole,chardev=tty"
	fi
}

shares() {
	for tag in host work; do
		echo "-chardev socket,id=$tag,path=$run/$tag.sock" \
			"-device vhost-user-fs-pci,chardev=$tag,tag=$tag,queue-size=1024"
	done
}

disks() {
	[ -n "$disk" ] || return 0
	truncate -s "${disk}M" "$run/disk"
	echo "-drive file=$run/disk,format=raw,if=none,id=disk -device virtio-blk-pci,drive=disk"
}

announce() {
	case $1 in
	*kvm*) what="KVM, which a trial boot found good" ;;
	*) what="software emulation (no KVM here that works), $cpus CPUs" ;;
	esac
	echo "Booting Linux $release under $what ..."
}

# A job in the background has its stdin from nowhere: the terminal is kept as 3.
boot() {
	exec 3<&0
	accel=$("$here/accel.sh")
	[ -z "$announce" ] || announce "$accel"
	if [ $# -gt 0 ]; then
		mkfifo "$run/stdout" "$run/stderr"
		setpriv --pdeathsig KILL cat "$run/stdout" &
		out=$!
		setpriv --pdeathsig KILL cat "$run/stderr" >&2 &
		err=$!
	else
		terminal=$(stty -g)
	fi
	# Words are meant to be split: no path in them has a blank (mktemp's does not).
	# shellcheck disable=SC2046,SC2086
	setpriv --pdeathsig KILL qemu-system-x86_64 -nodefaults -display none -no-reboot \
		$accel $(machine) $(channels $#) $(shares) $(disks) \
		-kernel "$image" -initrd "$run/initrd.cpio" -append "$(arguments)" \
		<&3 3<&- 2>"$run/qemu.log" &
	qemu=$!
	children="$qemu $children"
}

# QEMU ends by itself: after the report, or when the kernel panics.
await() {
	waited=0
	while kill -0 "$qemu" 2>/dev/null; do
		if [ "$limit" -gt 0 ] && [ "$waited" -ge $((limit * 5)) ]; then
			say "no end after $limit s; the log's last lines:"
			tail -n 40 "$log" >&2
			exit 124
		fi
		# The report is there: what is left is a reboot of no interest.
		if [ -s "$run/control" ]; then
			sleep 0.1
			kill "$qemu" 2>/dev/null || :
			break
		fi
		sleep 0.2
		waited=$((waited + 1))
	done
	wait "$qemu" 2>/dev/null || :
	[ -n "${out:-}" ] || return 0
	# Should QEMU not have come as far as opening them, nobody else would.
	: 1<>"$run/stdout" 1<>"$run/stderr"
	wait "$out" "$err"
}

verdict() {
	if [ -z "$reports" ] && ! "$here/scan-log.sh" "$log" >"$run/report"; then
		say "the kernel reported a fault:"
		cat "$run/report" >&2
		exit 125
	fi
	read -r word status <"$run/control" || :
	if [ "${word:-}" != "$token" ]; then
		say "the VM ended without a report; the log's last lines:"
		cat "$run/qemu.log" >&2
		tail -n 40 "$log" >&2
		exit 125
	fi
	# The harness's own trouble in the guest, not the command's.
	[ "$status" != 125 ] || grep memlane-vm: "$log" >&2
	exit "$status"
}

case $kernel:$mem in
debug: | kcsan:) mem=1024 ;;
*:) mem=2048 ;;
esac
ko=${ko:-$top/build/kmod/$kernel/memlane.ko}
[ "$module" = yes ] || ko=
[ -z "$ko" ] || [ -f "$ko" ] || die "$ko is not there (make module KERNEL=$kernel)"
limit=$timeout
[ $# -gt 0 ] || limit=0
: >"$log"
: >"$run/control"
write_config "$@"
share_root
boot "$@"
await
verdict
