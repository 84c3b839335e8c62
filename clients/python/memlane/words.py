# SPDX-License-Identifier: MIT
"""Constants of the ABI (linux/memlane.h) by name."""
import enum

FAST = 0
SLOW = 1


class Backend(enum.IntEnum):
    """Who owns the pages."""
    AUTO = 0
    MODULE = 1
    LOCAL = 2


class State(enum.IntEnum):
    """What has become of a handle."""
    NONE = 0
    LIVE = 1
    MOVING = 2
    PINNED = 3
    CACHED = 4
    FREED = 5
    STALE = 6
    FOREIGN = 7
    WILD = 8
    RETIRED = 9
    PURGED = 10
    COMPRESSED = 11
    STORED = 12
    LOST = 13


class Hint(enum.IntFlag):
    """What the policy is told of an object."""
    NONE = 0
    FRAME_CRITICAL = 1
    COLD = 2
    OLD = 4
    EVICTABLE = 8


class Capability(enum.IntFlag):
    """What a backend can do."""
    MODULE = 1
    REMAP = 2
    SHARE = 4
    MEMCG = 8
    EVENTS = 16
    REAP = 32
    SHRINKER = 64
    COLD = 128
