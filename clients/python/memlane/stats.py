# SPDX-License-Identifier: MIT
"""What the library tells of an arena, as values that do not change."""
from dataclasses import dataclass
from typing import Tuple

from .library import LaneC, StatsC, UsageC


@dataclass(frozen=True)
class Stats:
    """What an arena holds and has done."""
    allocs: int
    frees: int
    alloc_bytes: int
    free_bytes: int
    live_objects: int
    live_bytes: int
    vetoes: int
    waits: int

    @classmethod
    def of(cls, c: StatsC) -> "Stats":
        return cls(**{name: getattr(c, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class LaneStats:
    """How a lane does: parts of its limit and maximum, and bytes."""
    usage: float
    fragmentation: float
    pressure: float
    limit: int
    max: int
    used: int
    bound: int
    objects: int
    spans: int
    blobs: int
    resident: int

    @classmethod
    def of(cls, c: LaneC) -> "LaneStats":
        return cls(**{name: getattr(c, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Usage:
    """A sum over the objects of a tag or a group; pairs are by lane."""
    objects: Tuple[int, int]
    bytes: Tuple[int, int]
    room: Tuple[int, int]
    pinned: int
    accessed: int
    purged: int

    @classmethod
    def of(cls, c: UsageC) -> "Usage":
        return cls(objects=tuple(c.objects), bytes=tuple(c.bytes), room=tuple(c.room),
                   pinned=c.pinned, accessed=c.accessed, purged=c.purged)
