# SPDX-License-Identifier: MIT
"""
Memory that can move, behind handles that do not change: libmemlane for Python.

    import memlane

    with memlane.Arena() as m:
        h = m.alloc(b"hello")            # an object, and its name
        with m.section() as s:           # in a section nothing of it moves
            print(s.read(h))
        with h.pin() as view:            # a memoryview of the object itself
            view[0:1] = b"J"
        h.migrate(memlane.SLOW)          # the handle stays the same
        m.compact()
        print(h.read())                  # b"Jello"
        h.free()

An object's address is shown by a pin alone, as a memoryview, and the object is pinned for as
long as that or any part of it is used. Everything else copies bytes in or out.

The library is libmemlane.so.1 as the system finds it, or what MEMLANE_LIBRARY says.
"""
from .arena import Arena, Handle, Pin, Section, Step
from .errors import (BusyError, ClosedError, Error, ForeignHandleError, HandleError, MemoryError_,
                     NoSpaceError, OwnerError, PurgedError, SectionError, StaleHandleError)
from .stats import LaneStats, Stats, Usage
from .words import FAST, SLOW, Backend, Capability, Hint, State

__all__ = [
    "FAST", "SLOW", "Arena", "Backend", "BusyError", "Capability", "ClosedError", "Error",
    "ForeignHandleError", "Handle", "HandleError", "Hint", "LaneStats", "MemoryError_",
    "NoSpaceError", "OwnerError", "Pin", "PurgedError", "Section", "SectionError",
    "StaleHandleError", "State", "Stats", "Step", "Usage",
]
