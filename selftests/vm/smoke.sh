#!/bin/sh
# SPDX-License-Identifier: MIT
# In a guest with the module loaded: the device is there with its mode, and the
# module goes and comes.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../ktap.sh"

loaded() { grep -q '^memlane ' /proc/modules; }
device() { [ "$(stat -c '%F %a' /dev/memlane)" = "character special file 660" ]; }
no_device() { [ ! -e /dev/memlane ]; }
reload() {
	for round in 1 2 3 4 5; do
		rmmod memlane && insmod /run/vm/memlane.ko || { echo "# round $round"; return 1; }
	done
}
refused_while_open() { ! rmmod memlane 2>/dev/null; }

plan 6
check "loaded" loaded
check "device of mode 0660" device
exec 3<>/dev/memlane
check "rmmod refused while open" refused_while_open
exec 3>&-
check "five reloads" reload
rmmod memlane
check "no device without the module" no_device
insmod /run/vm/memlane.ko
check "device again" device
finish
