#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
A cache of the least recently used, of pages of text that come and go: its values are in an
arena, which is compacted now and then, so that it stays as large as what is in there.

    PYTHONPATH=clients/python MEMLANE_LIBRARY=build/lib/libmemlane.so.1 lru.py
"""
import random
from collections import OrderedDict
from typing import Optional

import memlane


class Cache:
    """At most so many bytes of values."""

    def __init__(self, arena: memlane.Arena, limit: int) -> None:
        self.arena = arena
        self.limit = limit
        self.bytes = 0
        self.handles: "OrderedDict[str, memlane.Handle]" = OrderedDict()

    def get(self, key: str) -> Optional[bytes]:
        handle = self.handles.get(key)
        if handle is None:
            return None
        self.handles.move_to_end(key)
        return handle.read()

    def put(self, key: str, value: bytes) -> None:
        self.drop(key)
        self.handles[key] = self.arena.alloc(value, lane=memlane.SLOW)
        self.bytes += len(value)
        while self.bytes > self.limit:
            self.drop(next(iter(self.handles)))

    def drop(self, key: str) -> None:
        handle = self.handles.pop(key, None)
        if handle is not None:
            self.bytes -= handle.size
            handle.free()


def main() -> None:
    r = random.Random(1)
    with memlane.Arena() as arena:
        cache = Cache(arena, 8 << 20)
        for i in range(40000):
            size = r.randrange(100, 500 if i < 30000 else 2000)
            cache.put(f"page {r.randrange(50000)}", b"%d " % i * (size // 6 + 1))
        before = arena.lane_stats(memlane.SLOW).used
        step = arena.compact()
        after = arena.lane_stats(memlane.SLOW).used
        print(f"{len(cache.handles)} values of {cache.bytes} bytes: {before} bytes of pages, "
              f"{after} after {step.moved} moves: {after / cache.bytes:.2f} times the values")


if __name__ == "__main__":
    main()
