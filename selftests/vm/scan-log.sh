#!/bin/sh
# SPDX-License-Identifier: MIT
# Look for a report of the kernel's own in a console log:
#
#   scan-log.sh LOG
#
# Prints the first one with what follows it and exits 1; exits 0 on a clean log.
set -eu
awk '
/WARNING:|BUG:|Oops:|KASAN:|KCSAN:|UBSAN:|ODEBUG:|general protection fault/ ||
/possible (circular|recursive) locking|inconsistent lock state|suspicious RCU/ ||
/(list_add|list_del) corruption|refcount_t:|pagealloc: memory corruption/ ||
/Bad page (state|map)|Bad rss-counter|blocked for more than|soft lockup/ ||
/detected stall|self-detected|workqueue lockup|Kernel panic|unreferenced object/ ||
/cut here|Objects remaining|still has objects|unable to handle|invalid opcode/ { found = 1 }
found && lines++ < 60
END { exit found }
' "$1"
