# SPDX-License-Identifier: MIT
"""
The C library: where it is, what its calls take, and the structs that go to them.

Of structs that may grow only what is declared here is exchanged: the calls whose names end
in _sized are told how much that is, so a newer library works too.
"""
import ctypes
import ctypes.util
import os
from ctypes import (POINTER, Structure, c_bool, c_char_p, c_double, c_int, c_int32, c_int64,
                    c_size_t, c_uint16, c_uint32, c_uint64, c_uint8, c_void_p)

SONAME = "libmemlane.so.1"


class Config(Structure):
    """struct memlane_config"""
    _fields_ = [
        ("size", c_uint32), ("backend", c_uint32),
        ("fast_lane_size", c_uint64), ("slow_lane_size", c_uint64),
        ("fast_lane_max", c_uint64), ("slow_lane_max", c_uint64),
        ("threshold", c_uint64), ("enable_auto_compaction", c_bool),
        ("compaction_threshold", c_double), ("slow_lane_usage_threshold", c_double),
        ("slow_lane_safety_margin", c_double), ("policy_check_interval", c_double),
        ("section_grace", c_double), ("max_handles", c_uint64), ("max_threads", c_uint32),
        ("reserved", c_uint32), ("age_interval", c_double), ("frames_per_cycle", c_uint32),
        ("guard", c_bool), ("report_leaks", c_bool), ("tracking", c_bool),
        ("aged", c_bool), ("report", c_void_p), ("report_arg", c_void_p), ("decay", c_double),
        ("no_core_dump", c_bool), ("guard_moves", c_bool), ("reserved3", c_uint8 * 6),
        ("name", c_char_p), ("backing_fd", c_int32), ("cold_age", c_uint32),
        ("backing_max", c_uint64),
    ]


class Options(Structure):
    """struct memlane_alloc_opts"""
    _fields_ = [
        ("align", c_uint32), ("lane", c_uint32), ("flags", c_uint32), ("tag", c_uint16),
        ("group", c_uint16), ("priority", c_uint32), ("hints", c_uint32),
        ("reserved", c_uint32 * 2),
    ]


class StepC(Structure):
    """struct memlane_step"""
    _fields_ = [(name, c_uint64) for name in (
        "max_bytes", "max_ns", "out_moved", "out_moved_bytes", "out_remapped",
        "out_remapped_pages", "out_vetoed", "out_pinned", "out_held", "out_given_up",
        "out_pages_returned", "out_ns", "out_more")]


class StatsC(Structure):
    """The beginning of struct memlane_stats, of which the library fills in so much."""
    _fields_ = [("size", c_uint32), ("flags", c_uint32)] + [(name, c_uint64) for name in (
        "allocs", "frees", "alloc_bytes", "free_bytes", "live_objects", "live_bytes",
        "vetoes", "waits")]


class UsageC(Structure):
    """struct memlane_usage"""
    _fields_ = [("objects", c_uint64 * 2), ("bytes", c_uint64 * 2), ("room", c_uint64 * 2)] + [
        (name, c_uint64) for name in ("pinned", "accessed", "purged", "promoted", "demoted")]


class LaneC(Structure):
    """struct memlane_lane_usage"""
    _fields_ = [("usage", c_double), ("fragmentation", c_double), ("pressure", c_double)] + [
        (name, c_uint64) for name in (
            "limit", "max", "used", "bound", "block_used", "blob_used", "block_chunks",
            "blob_chunks", "objects", "spans", "blobs", "largest_hole", "migrated_in",
            "resident")]


def put(struct: Structure, name: str, value) -> None:
    """Set a member. ValueError: it is not what it was set to, as ctypes cuts what is too large."""
    setattr(struct, name, value)
    if getattr(struct, name) != value:
        raise ValueError(f"{name} is out of range: {value}")


def whole(kind):
    """A parameter of this kind which refuses, by ctypes.ArgumentError, what ctypes would cut."""
    class Whole(kind):
        @classmethod
        def from_param(cls, value):
            made = kind(value)
            if made.value != value:
                raise ValueError(f"{value} is out of range")
            return made
    return Whole


ARENA = c_void_p
HANDLE = c_uint64
INT, U16, U32, U64 = (whole(kind) for kind in (c_int, c_uint16, c_uint32, c_uint64))

# name: (returned type, parameters)
CALLS = {
    "config_init_sized": (None, [POINTER(Config), c_size_t]),
    "config_check": (c_char_p, [POINTER(Config)]),
    "open": (c_int, [POINTER(ARENA), POINTER(Config)]),
    "close": (None, [ARENA]),
    "backend": (c_int, [ARENA]),
    "capabilities": (c_uint64, [ARENA]),
    "name": (c_char_p, [ARENA]),
    "strerror": (c_char_p, [c_int]),
    "alloc_with": (c_int, [ARENA, U64, POINTER(Options), POINTER(HANDLE)]),
    "alloc_many": (c_int, [ARENA, U64, POINTER(Options), POINTER(HANDLE), U32]),
    "free": (c_int, [ARENA, HANDLE]),
    "free_many": (c_int, [ARENA, POINTER(HANDLE), U32, POINTER(c_int32)]),
    "resize": (c_int, [ARENA, HANDLE, U64]),
    "state": (c_int, [ARENA, HANDLE]),
    "size": (c_uint64, [ARENA, HANDLE]),
    "lane": (c_int, [ARENA, HANDLE]),
    "id": (c_int64, [ARENA, HANDLE]),
    "tag": (c_int, [ARENA, HANDLE]),
    "group": (c_int, [ARENA, HANDLE]),
    "set_hints": (c_int, [ARENA, HANDLE, U32]),
    "hints": (c_int, [ARENA, HANDLE]),
    "set_priority": (c_int, [ARENA, HANDLE, U32]),
    "priority": (c_int, [ARENA, HANDLE]),
    "enter": (c_int, [ARENA]),
    "exit": (c_int, [ARENA]),
    "try_get": (c_int, [ARENA, HANDLE, c_uint64, POINTER(c_void_p)]),
    "try_pin": (c_int, [ARENA, HANDLE, POINTER(c_void_p)]),
    "pin_long": (c_int, [ARENA, HANDLE, POINTER(c_void_p)]),
    "unpin": (c_int, [ARENA, HANDLE]),
    "migrate": (c_int, [ARENA, HANDLE, INT]),
    "migrate_batch": (c_int, [ARENA, INT, POINTER(HANDLE), U32, POINTER(c_int32),
                              POINTER(StepC)]),
    "cool": (c_int, [ARENA, HANDLE]),
    "cool_lane": (c_int, [ARENA, INT, POINTER(StepC)]),
    "warm": (c_int, [ARENA, HANDLE]),
    "warm_lane": (c_int, [ARENA, INT, POINTER(StepC)]),
    "compact": (c_int, [ARENA, U32, U64, POINTER(StepC)]),
    "maintain": (c_int, [ARENA, POINTER(StepC)]),
    "set_purgeable": (c_int, [ARENA, U16, c_bool]),
    "group_free": (c_int, [ARENA, U16]),
    "set_limit": (c_int, [ARENA, INT, U64]),
    "set_max": (c_int, [ARENA, INT, U64]),
    "stat": (c_int, [ARENA, POINTER(StatsC)]),
    "stat_lane_sized": (c_int, [ARENA, INT, POINTER(LaneC), c_size_t]),
    "stat_tag_sized": (c_int, [ARENA, U16, POINTER(UsageC), c_size_t]),
    "stat_group_sized": (c_int, [ARENA, U16, POINTER(UsageC), c_size_t]),
    "tag_name": (c_int, [ARENA, U16, c_char_p]),
    "name_of_tag": (c_char_p, [ARENA, U16]),
    "thread_flush": (c_int, [ARENA]),
    "thread_leave": (c_int, [ARENA]),
}


def find() -> str:
    """MEMLANE_LIBRARY, or the name by which the system's loader finds it."""
    return os.environ.get("MEMLANE_LIBRARY") or SONAME


class Library:
    """The calls, as attributes without `memlane_`. Python's other threads run meanwhile."""

    def __init__(self) -> None:
        path = find()
        try:
            lib = ctypes.CDLL(path)
        except OSError as err:
            raise ImportError(f"{err}: install libmemlane, or say in MEMLANE_LIBRARY where "
                              f"{SONAME} is") from None
        for name, (result, parameters) in CALLS.items():
            call = getattr(lib, "memlane_" + name)
            call.restype = result
            call.argtypes = parameters
            setattr(self, name, call)


lib = Library()
