# SPDX-License-Identifier: MIT
"""
Arenas, and what there is in them.

Who keeps whom: handles, sections and pins keep their arena; the bytes of a pin, and so any
memoryview of them, keep the pin. An arena is therefore closed by close(), the end of its
`with`, or when nothing of it is left. While anything is pinned, in a section or in a call,
close() refuses: so no address outlives what it points to.
"""
import collections
import ctypes
import errno
import os
import threading
import weakref
from dataclasses import dataclass
from types import TracebackType
from typing import Iterable, List, Optional, Type, Union

from .errors import busy, check, closed, section_error
from .library import ARENA, HANDLE, Config, LaneC, Options, StatsC, StepC, UsageC, lib, put
from .stats import LaneStats, Stats, Usage
from .words import FAST, SLOW, Backend, Capability, Hint, State

Buffer = Union[bytes, bytearray, memoryview]

ZERO = 1
NO_SPILL = 2

# enum memlane_alloc_lane
BY_SIZE = 0
IN_LANE = {None: BY_SIZE, FAST: 4, SLOW: 5}


@dataclass(frozen=True)
class Step:
    """What a call that moves has done; more: a limit was reached first."""
    moved: int
    moved_bytes: int
    remapped: int
    vetoed: int
    pinned: int
    held: int
    given_up: int
    pages_returned: int
    ns: int
    more: bool

    @classmethod
    def of(cls, c: StepC) -> "Step":
        fields = {name: getattr(c, "out_" + name) for name in cls.__dataclass_fields__}
        fields["more"] = bool(fields["more"])
        return cls(**fields)


class _Arena:
    """
    The library's arena, and who uses it at the moment.

    Signal handlers and finalizers run in the middle of anything here, in the same thread: the
    lock lets them in, and use ends by one step that needs none.
    """

    def __init__(self, config: Config) -> None:
        self.pointer: Optional[int] = None
        self.lock = threading.RLock()
        self.used_by = {what: collections.deque() for what in ("pins", "sections", "calls")}
        pointer = ARENA()
        check(lib.open(ctypes.byref(pointer), ctypes.byref(config)))
        self.pointer = pointer.value
        _arenas.add(self)

    def __del__(self) -> None:
        # Nobody can be in it any more. At the end of the interpreter the process ends it.
        if self.pointer is not None and lib is not None:
            lib.close(self.pointer)
            self.pointer = None

    def begin(self, what: str) -> int:
        with self.lock:
            if self.pointer is None:
                raise closed()
            self.used_by[what].append(None)
            return self.pointer

    def end(self, what: str) -> None:
        self.used_by[what].pop()

    def call(self, function, *args):
        pointer = self.begin("calls")
        try:
            return function(pointer, *args)
        finally:
            self.end("calls")

    def close(self) -> None:
        with self.lock:
            pointer, self.pointer = self.pointer, None
            pins, sections, calls = (len(users) for users in self.used_by.values())
            if pins or sections or calls:
                self.pointer = pointer
                raise busy(f"The arena is in use by {pins} pins, {sections} sections "
                           f"and {calls} calls: end them, then close it")
        if pointer is not None:
            lib.close(pointer)


_arenas: "weakref.WeakSet[_Arena]" = weakref.WeakSet()


def _in_child() -> None:
    """A lock may be held by a thread that the child of a fork lacks."""
    for arena in _arenas:
        arena.lock = threading.RLock()


os.register_at_fork(after_in_child=_in_child)


class Handle:
    """
    The name of an object: a number that stays the same wherever the object is.

    It does not own the object: free() ends that, and so does the arena's end. Handles are
    equal if they name the same object of the same arena.
    """
    __slots__ = ("_arena", "_value", "__weakref__")

    def __init__(self, arena: "Arena", value: int) -> None:
        self._arena = arena
        self._value = value

    def __int__(self) -> int:
        return self._value

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, Handle) and other._value == self._value
                and other._arena is self._arena)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"<memlane.Handle {self._value:#x}>"

    @property
    def arena(self) -> "Arena":
        return self._arena

    @property
    def state(self) -> State:
        return State(check(self._arena._call(lib.state, self._value)))

    @property
    def valid(self) -> bool:
        return self.state in (State.LIVE, State.MOVING, State.PINNED)

    @property
    def size(self) -> int:
        """Bytes that it was made with."""
        check(self._arena._call(lib.lane, self._value))
        return self._arena._call(lib.size, self._value)

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True

    @property
    def lane(self) -> int:
        return check(self._arena._call(lib.lane, self._value))

    @property
    def tag(self) -> int:
        return check(self._arena._call(lib.tag, self._value))

    @property
    def group(self) -> int:
        return check(self._arena._call(lib.group, self._value))

    @property
    def hints(self) -> Hint:
        return Hint(check(self._arena._call(lib.hints, self._value)))

    @hints.setter
    def hints(self, hints: Hint) -> None:
        check(self._arena._call(lib.set_hints, self._value, int(hints)))

    @property
    def priority(self) -> int:
        return check(self._arena._call(lib.priority, self._value))

    @priority.setter
    def priority(self, priority: int) -> None:
        check(self._arena._call(lib.set_priority, self._value, priority))

    def read(self, offset: int = 0, length: Optional[int] = None) -> bytes:
        """Copy of its bytes, in a section of its own."""
        with self._arena.section() as section:
            return section.read(self, offset, length)

    def write(self, data: Buffer, offset: int = 0) -> None:
        """Put bytes into it, in a section of its own."""
        with self._arena.section() as section:
            section.write(self, data, offset)

    def pin(self, long: bool = False) -> "Pin":
        """
        Keep it where it is, and show its bytes: see Pin.

        long: for more than some milliseconds: it is first moved out of compaction's way.
        """
        return Pin(self, long)

    def migrate(self, lane: int) -> None:
        """Move it to FAST or SLOW."""
        check(self._arena._call(lib.migrate, self._value, lane))

    def cool(self) -> None:
        """Put the pages that it is on away, until they are touched (module)."""
        check(self._arena._call(lib.cool, self._value))

    def warm(self) -> None:
        """Bring all of it back, so that no touch has to."""
        check(self._arena._call(lib.warm, self._value))

    def resize(self, size: int) -> None:
        """Give it another size. Its bytes are kept, up to the smaller of the two."""
        check(self._arena._call(lib.resize, self._value, size))

    def free(self) -> None:
        """End the object. Its handle is bad from now on, and for ever."""
        check(self._arena._call(lib.free, self._value))


class Section:
    """
    A stretch of one thread in which nothing that it reads moves: `with m.section() as s`.

    Bytes go in and out by copying: an address would be wrong as soon as the section is over.
    Sections nest. Keep them short, as moves wait for them.
    """

    def __init__(self, arena: "Arena") -> None:
        self._arena = arena
        self._thread: Optional[int] = None

    def __enter__(self) -> "Section":
        if self._thread is not None:
            raise section_error("This section was entered already: ask for another one")
        pointer = self._arena._core.begin("sections")
        err = lib.enter(pointer)
        if err:
            self._arena._core.end("sections")
            check(err)
        self._thread = threading.get_ident()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self._mine()
        self._thread = None
        err = lib.exit(self._arena._core.pointer)
        self._arena._core.end("sections")
        check(err)

    def _mine(self) -> None:
        if self._thread is None:
            raise section_error("The section is not open: read and write inside its `with`")
        if self._thread != threading.get_ident():
            raise section_error("The section is another thread's: open one in this thread")

    def _place(self, handle: Handle, offset: int, length: Optional[int]) -> "tuple[int, int]":
        """Address and length of a part of an object."""
        self._mine()
        if handle._arena is not self._arena:
            check(-errno.EXDEV)
        pointer = self._arena._core.pointer
        at = ctypes.c_void_p()
        check(lib.try_get(pointer, handle._value, 0, ctypes.byref(at)))
        size = lib.size(pointer, handle._value)
        if length is None:
            length = size - offset
        if offset < 0 or length < 0 or offset + length > size:
            raise ValueError(f"bytes {offset} to {offset + length} of an object of {size}")
        return at.value + offset, length

    def read(self, handle: Handle, offset: int = 0, length: Optional[int] = None) -> bytes:
        """Copy of the object's bytes, to its end without length."""
        return ctypes.string_at(*self._place(handle, offset, length))

    def write(self, handle: Handle, data: Buffer, offset: int = 0) -> None:
        """Put bytes into the object. ValueError: they do not fit, and none were written."""
        raw = bytes(data)
        at, length = self._place(handle, offset, len(raw))
        ctypes.memmove(at, raw, length)


def _unpin(core: _Arena, value: int) -> None:
    lib.unpin(core.pointer, value)
    core.end("pins")


class Pin:
    """
    A pinned object: `with h.pin() as view` shows its bytes as a memoryview for writing.

    The object is unpinned when the pin was released and nothing uses its bytes any more: a
    slice, or an array made from the view, keeps it pinned. release() says so by BufferError.
    """

    def __init__(self, handle: Handle, long: bool = False) -> None:
        core = handle._arena._core
        pointer = core.begin("pins")
        at = ctypes.c_void_p()
        err = (lib.pin_long if long else lib.try_pin)(pointer, handle._value, ctypes.byref(at))
        if err:
            core.end("pins")
            check(err)
        size = lib.size(pointer, handle._value)
        # This array is what all views refer to. When the last has gone, so has the pin.
        array = (ctypes.c_ubyte * size).from_address(at.value)
        self._end = weakref.finalize(array, _unpin, core, handle._value)
        self._end.atexit = False
        self._view: Optional[memoryview] = memoryview(array).cast("B")

    @property
    def view(self) -> memoryview:
        """All bytes of the object."""
        if self._view is None:
            raise ValueError("the pin was released")
        return self._view

    def release(self) -> None:
        """
        Show the bytes no more, and unpin the object.

        BufferError: something else still uses its bytes; it is unpinned when that has ended.
        """
        view, self._view = self._view, None
        if view is None:
            return
        view.release()
        del view
        if self._end.alive:
            raise BufferError("the bytes of the pinned object are still in use: it stays pinned "
                              "until no slice or array of them is left")

    def __enter__(self) -> memoryview:
        return self.view

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if kind is None:
            self.release()
            return
        try:
            self.release()
        except BufferError:
            pass    # the traceback may hold it, and what was raised matters more


def _options(lane: Optional[int], align: int, zero: bool, no_spill: bool, tag: int, group: int,
             priority: int, hints: Hint) -> Options:
    if lane not in IN_LANE:
        raise ValueError("a lane is FAST or SLOW")
    options = Options(lane=IN_LANE[lane], flags=(ZERO if zero else 0) | (NO_SPILL if no_spill else 0))
    for name, value in (("align", align), ("tag", tag), ("group", group), ("priority", priority),
                        ("hints", int(hints))):
        put(options, name, value)
    return options


class Arena:
    """
    Two lanes of memory that can move: `with memlane.Arena() as m`.

    backend: "auto", "module" or "local"; further arguments are the fields of struct
    memlane_config by their names, as fast_lane_size, threshold, policy_check_interval.
    """

    def __init__(self, backend: str = "auto", **fields: Union[int, float, bool, str, None]) -> None:
        config = Config()
        lib.config_init_sized(ctypes.byref(config), ctypes.sizeof(config))
        config.backend = Backend[backend.upper()]
        known = {name for name, _ in Config._fields_} - {"size", "backend", "report", "report_arg"}
        for name, value in fields.items():
            if name not in known or name.startswith("reserved"):
                raise TypeError(f"a configuration has no {name}")
            put(config, name, value.encode() if isinstance(value, str) else value)
        wrong = lib.config_check(ctypes.byref(config))
        if wrong:
            raise ValueError(wrong.decode())
        self._core = _Arena(config)

    def _call(self, function, *args):
        return self._core.call(function, *args)

    def close(self) -> None:
        """End the arena and all its objects. BusyError: something of it is in use."""
        self._core.close()

    @property
    def is_closed(self) -> bool:
        return self._core.pointer is None

    def __enter__(self) -> "Arena":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    @property
    def name(self) -> str:
        """What it is called, or ""."""
        return self._call(lib.name).decode()

    @property
    def backend(self) -> Backend:
        return Backend(self._call(lib.backend))

    @property
    def capabilities(self) -> Capability:
        return Capability(self._call(lib.capabilities))

    def alloc(self, what: Union[int, Buffer], *, lane: Optional[int] = None, align: int = 0,
              zero: bool = False, no_spill: bool = False, tag: int = 0, group: int = 0,
              priority: int = 0, hints: Hint = Hint.NONE) -> Handle:
        """Make an object of so many bytes, or of these bytes."""
        data = None if isinstance(what, int) else bytes(what)
        size = what if data is None else len(data)
        if size <= 0:
            raise ValueError("an object has 1 byte at least")
        options = _options(lane, align, zero, no_spill, tag, group, priority, hints)
        value = HANDLE()
        check(self._call(lib.alloc_with, size, ctypes.byref(options), ctypes.byref(value)))
        handle = Handle(self, value.value)
        if data is not None:
            handle.write(data)
        return handle

    def alloc_many(self, size: int, nr: int, *, lane: Optional[int] = None, align: int = 0,
                   zero: bool = False, no_spill: bool = False, tag: int = 0, group: int = 0,
                   priority: int = 0, hints: Hint = Hint.NONE) -> List[Handle]:
        """
        Make nr objects of so many bytes, up to 2^20, in one call.

        Fewer come back if the lane is full; what alloc() raises, if there would be none.
        """
        if size <= 0:
            raise ValueError("an object has 1 byte at least")
        options = _options(lane, align, zero, no_spill, tag, group, priority, hints)
        # Without wishes they come from the thread's stock all at once.
        wishes = ctypes.byref(options) if bytes(options) != bytes(Options()) else None
        array = (HANDLE * nr)()
        made = check(self._call(lib.alloc_many, size, wishes, array, nr))
        return [Handle(self, value) for value in array[:made]]

    def free_many(self, handles: Iterable[Handle]) -> int:
        """End objects in one call; how many were refused, as free() would: they are as they were."""
        values: List[int] = [int(h) for h in handles]
        array = (HANDLE * len(values))(*values)
        return check(self._call(lib.free_many, array, len(values), None))

    def handle(self, value: int) -> Handle:
        """The handle of a number that int(handle) gave. Whether it is good is told by its use."""
        return Handle(self, value & 0xffffffffffffffff)

    def section(self) -> Section:
        """A section, for `with`."""
        return Section(self)

    def migrate(self, handles: Iterable[Handle], lane: int) -> int:
        """Move objects to a lane in one call; how many did not arrive."""
        values: List[int] = [int(h) for h in handles]
        array = (HANDLE * len(values))(*values)
        return check(self._call(lib.migrate_batch, lane, array, len(values), None, None))

    def cool(self) -> int:
        """Put away what may go of the SlowLane; how many objects stay as they are."""
        return check(self._call(lib.cool_lane, 1, None))

    def warm(self) -> int:
        """Bring the SlowLane back; how many objects were not reached."""
        return check(self._call(lib.warm_lane, 1, None))

    def compact(self, lanes: int = 0, hole: int = 0, max_bytes: int = 0, max_ns: int = 0) -> Step:
        """Move objects together, and give empty pages back. lanes: 1 fast, 2 slow, 0 both."""
        step = StepC(max_bytes=max_bytes, max_ns=max_ns)
        check(self._call(lib.compact, lanes, hole, ctypes.byref(step)))
        return Step.of(step)

    def maintain(self, max_bytes: int = 0, max_ns: int = 0) -> Step:
        """Run one cycle of the policy."""
        step = StepC(max_bytes=max_bytes, max_ns=max_ns)
        check(self._call(lib.maintain, ctypes.byref(step)))
        return Step.of(step)

    def set_limit(self, lane: int, size: int) -> None:
        """Bytes that a lane may use before it grows."""
        check(self._call(lib.set_limit, lane, size))

    def set_max(self, lane: int, size: int) -> None:
        """Bytes that a lane may grow to."""
        check(self._call(lib.set_max, lane, size))

    def set_purgeable(self, group: int, purgeable: bool = True) -> None:
        """May a group's objects be dropped when memory is short?"""
        check(self._call(lib.set_purgeable, group, purgeable))

    def free_group(self, group: int) -> int:
        """Free all objects of a group; how many are left because they are pinned."""
        return check(self._call(lib.group_free, group))

    def stats(self) -> Stats:
        """Counters, without a system call."""
        c = StatsC(size=ctypes.sizeof(StatsC))
        check(self._call(lib.stat, ctypes.byref(c)))
        return Stats.of(c)

    def lane_stats(self, lane: int) -> LaneStats:
        """How a lane does."""
        c = LaneC()
        check(self._call(lib.stat_lane_sized, lane, ctypes.byref(c), ctypes.sizeof(c)))
        return LaneStats.of(c)

    def tag_usage(self, tag: int) -> Usage:
        """What objects of a tag there are."""
        c = UsageC()
        check(self._call(lib.stat_tag_sized, tag, ctypes.byref(c), ctypes.sizeof(c)))
        return Usage.of(c)

    def group_usage(self, group: int) -> Usage:
        """What objects of a group there are."""
        c = UsageC()
        check(self._call(lib.stat_group_sized, group, ctypes.byref(c), ctypes.sizeof(c)))
        return Usage.of(c)

    def name_tag(self, tag: int, name: Optional[str]) -> None:
        """Give a tag a name, for reports."""
        check(self._call(lib.tag_name, tag, None if name is None else name.encode()))

    def tag_name(self, tag: int) -> str:
        """The name of a tag, or ""."""
        return self._call(lib.name_of_tag, tag).decode()

    def leave(self) -> None:
        """This thread takes part no more, until its next call."""
        check(self._call(lib.thread_leave))

    def flush(self) -> None:
        """Give this thread's unused stock back."""
        check(self._call(lib.thread_flush))
