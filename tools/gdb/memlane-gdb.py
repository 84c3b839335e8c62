# SPDX-License-Identifier: MIT
"""memlane-gdb.py - resolve handles in gdb, in a running program or a core

    (gdb) source memlane-gdb.py
    (gdb) memlane ARENA HANDLE

ARENA is an expression for a struct memlane *, HANDLE one for a memlane_handle. Prints
the handle's parts, the state of its entry and the address of the object, and sets
$_memlane to that address (0: the handle does not resolve). The bits are those of
<linux/memlane.h>; the object is in no section here, so it may move when the program
goes on.
"""
import gdb

STATES = ["free", "purged", "free, a move is planned", "free, without a place",
          "live, not used of late", "busy: being moved",
          "live, not used of late, a move is planned", "live, a move is planned", "live"]
FREE_STATES = (0, 1, 2, 3)
USED = 8
COOKIE_SHIFT, COOKIE_MAX = 57, 63
GEN_SHIFT, GEN_MAX = 37, 0xfffff
LOC_MASK = (1 << 37) - 1
GRANULE = 8
ZEROS = 1 << 63 | 0x1f << 32


def gen_of(word):
    return word >> GEN_SHIFT & GEN_MAX


def state_of(entry):
    return USED if entry >> 63 else entry >> 60


class Hot:
    """What an arena shows to the inline functions: it begins with a struct memlane_hot."""

    def __init__(self, arena):
        hot = arena.cast(gdb.lookup_type("struct memlane_hot").pointer()).dereference()
        self.table = hot["table"]
        # The entries of a small arena are elsewhere (lib/local_small.c), and this is what shows it.
        self.no_table = int(hot["limit"]) == -1 << 63
        self.data = int(hot["data"].cast(gdb.lookup_type("long")))

    def entry(self, index):
        return int(self.table[index]) & (1 << 64) - 1


def explain(handle, entry):
    """Why a handle does not resolve; None if it does."""
    state = state_of(entry)
    if not handle or handle & ZEROS or not gen_of(handle):
        return "never was a handle"
    if gen_of(entry) < gen_of(handle):
        return "never was given out"
    if gen_of(entry) > gen_of(handle) or state in FREE_STATES:
        return "was freed (or its object dropped)"
    if state == USED and entry >> COOKIE_SHIFT & COOKIE_MAX != handle >> COOKIE_SHIFT:
        return "belongs to another arena"
    return None


class Memlane(gdb.Command):
    """memlane ARENA HANDLE: what a handle names, and where it is ($_memlane)"""

    def __init__(self):
        super().__init__("memlane", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if len(words) != 2:
            raise gdb.GdbError("usage: memlane ARENA HANDLE")
        hot = Hot(gdb.parse_and_eval(words[0]))
        handle = int(gdb.parse_and_eval(words[1])) & (1 << 64) - 1
        index = handle & 0xffffffff
        entry = hot.entry(index)
        if hot.no_table and not entry:
            raise gdb.GdbError("the table has no such handle, or the arena is small, and has none")
        address = 0 if explain(handle, entry) else \
            hot.data + ((entry & LOC_MASK) ^ index) * GRANULE
        print("handle 0x%016x: index %d, generation %d, cookie %d" %
              (handle, index, gen_of(handle), handle >> COOKIE_SHIFT & COOKIE_MAX))
        print("entry  0x%016x: %s" % (entry, STATES[state_of(entry)]))
        print("object at 0x%x" % address if address else
              "the handle " + explain(handle, entry))
        gdb.set_convenience_variable("_memlane", address)


Memlane()
