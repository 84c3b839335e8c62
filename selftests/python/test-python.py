#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The Python package on the library as it was built, and on the backend that MEMLANE_BACKEND says.
"""
import ctypes
import errno
import gc
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import typing
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PACKAGE = os.path.join(TOP, "clients", "python")
sys.dont_write_bytecode = True
sys.path[:0] = [PACKAGE, os.path.dirname(HERE)]
os.environ.setdefault("MEMLANE_LIBRARY", os.path.join(TOP, "build", "lib", "libmemlane.so.1"))
import ktap  # noqa: E402
import memlane  # noqa: E402
from memlane import arena as arena_module, library  # noqa: E402

SEED = int(os.environ.get("ML_SEED") or random.SystemRandom().randrange(1 << 31))


def quiet(**fields):
    """An arena in which nothing happens by itself."""
    return memlane.Arena(policy_check_interval=0, **fields)


def run(code, **env):
    """Python in a process of its own; what it printed."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": PACKAGE, **env})
    return done.returncode, done.stdout + done.stderr


def flags_of(address):
    """VmFlags of the mapping that an address is in."""
    inside = False
    with open("/proc/self/smaps", encoding="ascii") as smaps:
        for line in smaps:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                first, end = (int(word, 16) for word in words[0].split("-"))
                inside = first <= address < end
            elif inside and words[0] == "VmFlags:":
                return words[1:]
    return []


class Objects(unittest.TestCase):
    def test_bytes(self):
        """bytes go in and come out, whole and in part"""
        with quiet() as m:
            h = m.alloc(b"hello, world")
            self.assertEqual(h.read(), b"hello, world")
            self.assertEqual(h.read(7), b"world")
            self.assertEqual(h.read(0, 5), b"hello")
            h.write(bytearray(b"W"), 7)
            h.write(memoryview(b"!"), 11)
            self.assertEqual(h.read(), b"hello, Worl!")
            self.assertEqual((h.size, len(h)), (12, 12))
            self.assertEqual(m.alloc(100, zero=True).read(), bytes(100))
            large = os.urandom(3 << 20)
            self.assertEqual(m.alloc(large).read(), large)

    def test_bounds(self):
        """what is outside an object is refused, and nothing is written"""
        with quiet() as m:
            h = m.alloc(b"abc")
            for offset, length in ((0, 4), (3, 1), (-1, 1), (4, 0), (0, -1)):
                self.assertRaises(ValueError, h.read, offset, length)
            self.assertRaises(ValueError, h.write, b"xy", 2)
            self.assertRaises(ValueError, h.write, b"x", -1)
            self.assertEqual(h.read(), b"abc")
            self.assertRaises(ValueError, m.alloc, 0)
            self.assertRaises(ValueError, m.alloc, b"")
            self.assertRaises(ValueError, m.alloc, -5)

    def test_notes(self):
        """lane, tag, group, priority, hints, state"""
        with quiet() as m:
            h = m.alloc(50, lane=memlane.SLOW, tag=3, group=4, priority=2, hints=memlane.Hint.COLD)
            self.assertEqual((h.lane, h.tag, h.group, h.priority), (memlane.SLOW, 3, 4, 2))
            self.assertEqual((h.hints, h.state), (memlane.Hint.COLD, memlane.State.LIVE))
            h.hints, h.priority = memlane.Hint.OLD | memlane.Hint.EVICTABLE, 1
            self.assertEqual((int(h.hints), h.priority), (12, 1))
            m.name_tag(3, "three")
            self.assertEqual((m.tag_name(3), m.tag_name(9)), ("three", ""))
            self.assertTrue(h.valid)
            self.assertEqual(m.handle(int(h)), h)
            self.assertEqual({h: 1}[m.handle(int(h))], 1)

    def test_groups(self):
        """sums of tags and groups, and freeing a group"""
        with quiet() as m:
            kept = m.alloc(10)
            for i in range(10):
                m.alloc(100, tag=1, group=7, lane=i % 2)
            self.assertEqual(m.group_usage(7).bytes, (500, 500))
            self.assertEqual(m.tag_usage(1).objects, (5, 5))
            self.assertEqual(m.free_group(7), 0)
            self.assertEqual(m.group_usage(7).objects, (0, 0))
            self.assertTrue(kept.valid)

    def test_many(self):
        """objects are made, resized and freed, many in a call"""
        with quiet() as m:
            handles = m.alloc_many(100, 500)
            self.assertEqual(len(set(handles)), 500)
            self.assertEqual(m.stats().live_bytes, 50000)
            handles[0].write(b"kept")
            handles[0].resize(5000)
            self.assertEqual((handles[0].read(0, 4), handles[0].size), (b"kept", 5000))
            handles[1].free()
            with handles[2].pin():
                self.assertEqual(m.free_many(handles), 2)
            self.assertEqual([h.valid for h in handles[:4]], [False, False, True, False])
            self.assertEqual(m.free_many(handles[2:3]), 0)
            self.assertEqual(m.stats().live_objects, 0)
            self.assertEqual(m.alloc_many(50, 3, tag=3)[2].tag, 3)
            self.assertRaises(memlane.NoSpaceError, m.alloc_many, 1 << 39, 2)
            self.assertRaises(ValueError, m.alloc_many, 0, 2)

    def test_cold(self):
        """what was put away comes back by a touch"""
        with quiet() as m:
            puts_away = bool(m.capabilities & memlane.Capability.COLD)
            data = b"the same words again " * 5000
            h = m.alloc(data, lane=memlane.SLOW)
            h.cool()
            self.assertEqual(h.state, memlane.State.COMPRESSED if puts_away
                             else memlane.State.LIVE)
            self.assertEqual(h.read(), data)
            self.assertEqual(h.state, memlane.State.LIVE)
            self.assertEqual(m.cool(), 0)
            h.warm()
            self.assertEqual(m.warm(), 0)
            self.assertEqual(h.read(), data)
            fast = m.alloc(b"x", lane=memlane.FAST)
            self.assertRaises(memlane.BusyError, fast.cool)

    def test_moves(self):
        """objects move, by hand and by compaction; handles and bytes stay"""
        print(f"# ML_SEED={SEED}")
        r = random.Random(SEED)
        with quiet() as m:
            live = {m.alloc(data): data for data in (r.randbytes(r.randrange(1, 600))
                                                     for _ in range(6000))}
            for h in r.sample(list(live), 4500):
                del live[h]
                h.free()
            step = m.compact(lanes=1)
            self.assertGreater(step.moved, 0)
            self.assertFalse(step.more)
            # A page for what is left of each of some 27 classes, at most, is not full.
            lane = m.lane_stats(memlane.FAST)
            self.assertLess(lane.used, lane.bound + 40 * 4096)
            handles = list(live)
            handles[0].migrate(memlane.SLOW)
            self.assertEqual(m.migrate(handles, memlane.SLOW), 0)
            self.assertEqual({h.lane for h in handles}, {memlane.SLOW})
            self.assertTrue(all(h.read() == data for h, data in live.items()))
            m.maintain()
            m.flush()
            m.leave()

    def test_stats(self):
        """statistics add up"""
        with quiet() as m:
            handles = [m.alloc(100) for _ in range(50)]
            for h in handles[:20]:
                h.free()
            s = m.stats()
            self.assertEqual((s.allocs, s.frees, s.live_objects, s.live_bytes), (50, 20, 30, 3000))
            lane = m.lane_stats(memlane.FAST)
            self.assertGreater(lane.used, 3000)
            self.assertTrue(0 < lane.usage <= 1)
            self.assertEqual(lane.limit, 1 << 20)
            m.set_limit(memlane.FAST, 2 << 20)
            self.assertEqual(m.lane_stats(memlane.FAST).limit, 2 << 20)
            self.assertRaises(memlane.Error, m.lane_stats, 2)

    def test_space(self):
        """a lane that may not grow is full at some time, and says so"""
        with quiet(fast_lane_size=65536, fast_lane_max=65536, slow_lane_size=65536,
                   slow_lane_max=65536) as m:
            with self.assertRaises(memlane.NoSpaceError) as caught:
                for _ in range(1000):
                    m.alloc(1000, lane=memlane.FAST, no_spill=True)
            self.assertEqual(caught.exception.errno, errno.ENOSPC)
            self.assertIn("free objects", str(caught.exception))


class Errors(unittest.TestCase):
    def test_handles(self):
        """stale, foreign and invented handles have exceptions of their own"""
        with quiet() as m, quiet() as other:
            h = m.alloc(b"x")
            h.free()
            self.assertRaises(memlane.StaleHandleError, h.read)
            self.assertRaises(memlane.StaleHandleError, h.free)
            self.assertRaises(memlane.StaleHandleError, h.pin)
            self.assertRaises(memlane.StaleHandleError, lambda: h.size)
            self.assertFalse(h.valid)
            good = m.alloc(b"x")
            self.assertRaises(memlane.ForeignHandleError, other.handle(int(good)).free)
            with other.section() as s:
                self.assertRaises(memlane.ForeignHandleError, s.read, good)
            self.assertRaises(memlane.HandleError, m.handle(12345).free)
            self.assertRaises(memlane.HandleError, m.handle(-1).free)
            self.assertEqual(good.read(), b"x")

    def test_sentences(self):
        """an error is the library's sentence, and an OSError"""
        with quiet() as m:
            h = m.alloc(1)
            h.free()
            with self.assertRaises(OSError) as caught:
                h.free()
            self.assertEqual(caught.exception.errno, errno.ESTALE)
            self.assertEqual(caught.exception.strerror,
                             library.lib.strerror(-errno.ESTALE).decode())

    def test_config(self):
        """a configuration that makes no sense is refused, and the field is named"""
        with self.assertRaisesRegex(ValueError, "threshold"):
            memlane.Arena(threshold=0)
        with self.assertRaisesRegex(TypeError, "no such_thing"):
            memlane.Arena(such_thing=1)
        with self.assertRaises(TypeError):
            memlane.Arena(reserved=1)
        with self.assertRaises(KeyError):
            memlane.Arena(backend="neither")

    def test_layout(self):
        """the structs are those of the library: its defaults are where they should be"""
        c = library.Config()
        library.lib.config_init_sized(ctypes.byref(c), ctypes.sizeof(c))
        self.assertEqual(c.size, ctypes.sizeof(c))
        self.assertEqual((c.threshold, c.enable_auto_compaction), (4096, True))
        self.assertEqual((c.compaction_threshold, c.section_grace), (0.90, 0.010))
        self.assertEqual((c.max_threads, c.age_interval, c.frames_per_cycle), (1024, 1.0, 0))
        self.assertFalse(c.guard or c.report_leaks or c.tracking or c.aged or c.report)
        self.assertEqual((c.decay, c.no_core_dump, c.guard_moves), (1.0, False, False))
        self.assertEqual((c.name, c.backing_fd, c.cold_age, c.backing_max), (None, -1, 0, 0))

    def test_too_large(self):
        """what C's types would cut is refused, and means nothing else"""
        with quiet() as m:
            h = m.alloc(b"x", group=3)
            for call in (lambda: m.free_group(65536 + 3), lambda: m.group_usage(-1),
                         lambda: h.resize((1 << 64) + 1), lambda: m.alloc((1 << 64) + 1),
                         lambda: h.migrate(1 << 32), lambda: m.set_limit(0, 1 << 64)):
                self.assertRaises(ctypes.ArgumentError, call)
            for wish in (dict(group=65536 + 3), dict(tag=-1), dict(align=1 << 32),
                         dict(priority=1 << 32)):
                self.assertRaises(ValueError, m.alloc, 1, **wish)
            self.assertRaises(ValueError, quiet, max_threads=1 << 32)
            self.assertEqual(h.read(), b"x")

    def test_header(self):
        """the structs are those of the header: every member is where C has it"""
        structs = {"config": library.Config, "alloc_opts": library.Options, "step": library.StepC,
                   "stats": library.StatsC, "usage": library.UsageC}
        names = [(struct, name) for struct, c in structs.items() for name, _ in c._fields_
                 if not name.startswith("reserved")]
        lines = "".join(f'printf("%zu\\n", offsetof(struct memlane_{struct}, {name}));\n'
                        for struct, name in names)
        code = ("#include <memlane.h>\nint main(void) {\n" + lines +
                'printf("%zu\\n", sizeof(struct memlane_config)); }\n')
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "offsets")
            subprocess.run(["cc", "-x", "c", "-", "-o", program,
                            "-I", os.path.join(TOP, "lib", "include"),
                            "-I", os.path.join(TOP, "include", "uapi")],
                           input=code, text=True, check=True)
            offsets = subprocess.run([program], capture_output=True, text=True, check=True).stdout
        ours = [getattr(structs[struct], name).offset for struct, name in names]
        self.assertEqual([int(n) for n in offsets.split()], ours + [ctypes.sizeof(library.Config)])

    def test_fields(self):
        """fields of all kinds arrive where they are meant"""
        with memlane.Arena(backend="local", decay=0.5, guard_moves=True, name="of python",
                           no_core_dump=True) as m:
            h = m.alloc(b"x")
            with h.pin() as view:
                address = ctypes.addressof(view.obj)
            self.assertIn("dd", flags_of(address))
            self.assertEqual(m.name, "of python")
        with self.assertRaisesRegex(ValueError, "name"):
            memlane.Arena(name="x" * 32)

    def test_no_library(self):
        """where there is no library, the import says what to do"""
        status, text = run("import memlane", MEMLANE_LIBRARY="/nowhere/libmemlane.so.1")
        self.assertNotEqual(status, 0)
        self.assertIn("say in MEMLANE_LIBRARY where", text)

    def test_backend(self):
        """the backend is chosen, and what it can do is told"""
        with memlane.Arena(backend="local") as m:
            self.assertEqual(m.backend, memlane.Backend.LOCAL)
            self.assertNotIn(memlane.Capability.SHARE, m.capabilities)
            self.assertIn(memlane.Capability.EVENTS, m.capabilities)


class Sections(unittest.TestCase):
    def test_nest(self):
        """sections nest, and nothing can be had of one that is over"""
        with quiet() as m:
            h = m.alloc(b"abc")
            with m.section() as outer:
                with m.section() as inner:
                    inner.write(h, b"x")
                self.assertEqual(outer.read(h), b"xbc")
                self.assertRaises(memlane.SectionError, inner.read, h)
            self.assertRaises(memlane.SectionError, outer.read, h)
            self.assertRaises(memlane.SectionError, outer.write, h, b"y")
            self.assertRaises(memlane.SectionError, m.section().read, h)

    def test_moves_refused(self):
        """a move inside a section would wait for it, and is refused"""
        with quiet() as m:
            h = m.alloc(b"abc")
            with m.section():
                self.assertRaises(memlane.SectionError, m.compact)
                self.assertRaises(memlane.SectionError, h.migrate, memlane.SLOW)

    def test_exceptions(self):
        """an exception ends a section"""
        with quiet() as m:
            h = m.alloc(b"abc")
            with self.assertRaises(KeyError):
                with m.section():
                    raise KeyError
            h.migrate(memlane.SLOW)
            section = m.section()
            with section:
                self.assertRaises(memlane.SectionError, section.__enter__)

    def test_threads(self):
        """a section is its thread's; many threads read while all moves"""
        with quiet() as m:
            values = [bytes([i]) * 300 for i in range(200)]
            handles = [m.alloc(v) for v in values]
            wrong, stop = [], threading.Event()
            with m.section() as mine:
                t = threading.Thread(target=lambda: wrong.append(
                    self.assertRaises(memlane.SectionError, mine.read, handles[0])))
                t.start()
                t.join()
            self.assertEqual(wrong, [None])
            wrong.clear()

            def read(seed):
                r = random.Random(seed)
                while not stop.is_set():
                    i = r.randrange(len(handles))
                    if handles[i].read() != values[i]:
                        wrong.append(i)

            threads = [threading.Thread(target=read, args=(i,)) for i in range(4)]
            for t in threads:
                t.start()
            for i in range(200):
                m.migrate(handles, i % 2)
            stop.set()
            for t in threads:
                t.join()
            self.assertEqual(wrong, [])


class Pins(unittest.TestCase):
    def test_view(self):
        """a pin shows the object itself, and keeps it in its place"""
        with quiet() as m:
            h = m.alloc(b"hello")
            with h.pin() as view:
                view[0:1] = b"J"
                self.assertEqual((len(view), bytes(view), view.readonly), (5, b"Jello", False))
                self.assertEqual(h.state, memlane.State.PINNED)
                self.assertRaises(memlane.BusyError, h.free)
                self.assertRaises(memlane.BusyError, h.migrate, memlane.SLOW)
            self.assertRaises(ValueError, lambda: view[0])
            self.assertEqual((h.state, h.read()), (memlane.State.LIVE, b"Jello"))
            with h.pin(long=True) as view:
                self.assertEqual(view.tobytes(), b"Jello")
            h.free()

    def test_slices(self):
        """a slice of a view keeps the pin, and so the arena open"""
        with quiet() as m:
            h = m.alloc(b"hello")
            pin = h.pin()
            part = pin.view[1:3]
            with self.assertRaises(BufferError):
                pin.release()
            self.assertEqual(bytes(part), b"el")
            self.assertEqual(h.state, memlane.State.PINNED)
            self.assertRaises(memlane.BusyError, m.close)
            del part
            gc.collect()
            self.assertEqual(h.state, memlane.State.LIVE)
            self.assertRaises(ValueError, lambda: pin.view)
            pin.release()

    def test_forgotten(self):
        """a pin that is forgotten is taken back"""
        with quiet() as m:
            h = m.alloc(b"hello")
            h.pin()
            gc.collect()
            self.assertEqual(h.state, memlane.State.LIVE)

    def test_counts(self):
        """pins are counted"""
        with quiet() as m:
            h = m.alloc(b"x")
            a, b = h.pin(), h.pin()
            a.release()
            a.release()
            self.assertEqual(h.state, memlane.State.PINNED)
            b.release()
            h.free()


class Ends(unittest.TestCase):
    def test_close(self):
        """after close() everything says that the arena is closed"""
        m = quiet()
        h = m.alloc(b"x")
        m.close()
        m.close()
        self.assertTrue(m.is_closed)
        for call in (h.read, h.free, h.pin, m.stats, m.compact, lambda: m.alloc(1),
                     lambda: h.state, lambda: m.section().__enter__()):
            self.assertRaises(memlane.ClosedError, call)

    def test_close_in_use(self):
        """close() refuses while a section is open"""
        with quiet() as m:
            with m.section():
                self.assertRaises(memlane.BusyError, m.close)

    def test_orders(self):
        """arena, handles, pins and views may be forgotten in any order"""
        for order in ("m h p v", "v p h m", "h m v p", "p v m h", "v m p h"):
            names = dict(m=quiet())
            names["h"] = names["m"].alloc(b"hello")
            names["p"] = names["h"].pin()
            names["v"] = names["p"].view[1:]
            for name in order.split():
                del names[name]
                gc.collect()
                if "v" in names:
                    self.assertEqual(bytes(names["v"]), b"ello")
                if "h" in names:
                    self.assertEqual(names["h"].read(), b"hello")

    def test_cycle(self):
        """an arena in a cycle of references is collected"""
        fds = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            m = quiet()
            m.me, m.handle_of_me = m, m.alloc(b"x")
            del m
        gc.collect()
        self.assertLessEqual(len(os.listdir("/proc/self/fd")), fds + 2)

    def test_exit(self):
        """the interpreter ends whatever is open"""
        status, text = run("import memlane, threading\n"
                           "m = memlane.Arena(); h = m.alloc(b'x'); p = h.pin(); v = p.view[:]\n"
                           "s = m.section(); s.__enter__()\n"
                           "e = threading.Event()\n"
                           "def t():\n  with m.section(): e.set(); threading.Event().wait()\n"
                           "threading.Thread(target=t, daemon=True).start(); e.wait()\n")
        self.assertEqual((status, text), (0, ""))

    def test_signals(self):
        """a handler of a signal, which Python runs between two steps of anything, may call"""
        with quiet() as m:
            h = m.alloc(b"hello")
            seen = []
            before = signal.signal(signal.SIGALRM, lambda *_: seen.append(h.read()))
            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
            try:
                for _ in range(1000000):
                    h.read()
                    if len(seen) >= 50:
                        break
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
            self.assertEqual(set(seen), {b"hello"})

    def test_fork(self):
        """the child of a fork has no arena, and is told so"""
        status, text = run("import memlane, os\n"
                           "m = memlane.Arena(); h = m.alloc(b'x')\n"
                           "pid = os.fork()\n"
                           "if not pid:\n"
                           "  try: h.read()\n"
                           "  except memlane.OwnerError: os._exit(7)\n"
                           "  os._exit(1)\n"
                           "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), h.read())\n")
        self.assertEqual((status, text), (0, "7 b'x'\n"))


class Package(unittest.TestCase):
    def test_hints(self):
        """every public call has type hints that resolve"""
        for kind in (memlane.Arena, memlane.Handle, memlane.Section, memlane.Pin):
            for name, member in vars(kind).items():
                call = member.fget if isinstance(member, property) else member
                if name.startswith("_") or not callable(call):
                    continue
                hints = typing.get_type_hints(call, vars(arena_module))
                self.assertIn("return", hints, f"{kind.__name__}.{name}")
                self.assertTrue(call.__doc__ or isinstance(member, property),
                                f"{kind.__name__}.{name}")

    def test_calls(self):
        """every call that the package has is in the library's map"""
        with open(os.path.join(TOP, "lib", "libmemlane.map")) as f:
            exported = set(f.read().split())
        for name in library.CALLS:
            self.assertIn(f"memlane_{name};", exported)

    def test_example(self):
        """the example runs"""
        done = subprocess.run([sys.executable, os.path.join(PACKAGE, "examples", "lru.py")],
                              capture_output=True, text=True, timeout=120,
                              env={**os.environ, "PYTHONPATH": PACKAGE})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("times the values", done.stdout)

    def test_readme(self):
        """what the package's own words show works"""
        code = [line[4:] for line in memlane.__doc__.splitlines() if line.startswith("    ")]
        status, text = run("\n".join(code))
        self.assertEqual((status, text), (0, "b'hello'\nb'Jello'\n"))


if __name__ == "__main__":
    ktap.main()
