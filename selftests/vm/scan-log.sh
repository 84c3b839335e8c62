#!/bin/sh
# SPDX-License-Identifier: MIT
# Look for a report of the kernel's own in a console log:
#
#   scan-log.sh LOG
#
# Prints the first one with what follows it and exits 1; exits 0 on a clean log.
set -eu

# KCSAN's reports stand between two lines of =. The kernel has races of its own: one
# that memlane has no part in is dropped. Nor is it a part to have been interrupted: what
# an interrupt does is listed above what it came upon. Nor to have slept: the timer that
# ends a sleep clears a word that the sleeper looks at, inside two functions of the kernel's.
# Nor to map a page that another one maps or unmaps: vm_insert_page() looks whether a page is
# of a special kind by the word that counts its mappings, which are never as many as that.
own_races() {
	awk '
	/==============================/ {
		if (held && (!race || (ours && !theirs)))
			printf "%s", block
		held = !held
		block = ""
		race = ours = theirs = came_upon = 0
		next
	}
	held { block = block $0 "\n" }
	/KCSAN:/ { race = 1 }
	/KCSAN: data-race in hrtimer_wakeup \/ schedule_hrtimeout_range_clock/ { theirs = 1 }
	/KCSAN: data-race in page_(add_file|remove)_rmap \/ validate_page_before_insert/ { theirs = 1 }
	/ to 0x[0-9a-f]+ of [0-9]+ bytes by / { came_upon = 0 }
	/ asm_(sysvec|common_interrupt|exc_nmi)/ { came_upon = 1 }
	/memlane[^-]/ && !came_upon { ours = 1 }
	!held
	END { if (held && (!race || (ours && !theirs))) printf "%s", block }' "$1"
}

own_races "$1" | awk '
/WARNING:|BUG:|Oops:|KASAN:|KCSAN:|UBSAN:|ODEBUG:|general protection fault/ ||
/possible (circular|recursive) locking|inconsistent lock state|suspicious RCU/ ||
/(list_add|list_del) corruption|refcount_t:|pagealloc: memory corruption/ ||
/Bad page (state|map)|Bad rss-counter|blocked for more than|soft lockup/ ||
/detected stall|self-detected|workqueue lockup|Kernel panic|unreferenced object/ ||
/cut here|Objects remaining|still has objects|unable to handle|invalid opcode/ { found = 1 }
found && lines++ < 60
END { exit found }'
