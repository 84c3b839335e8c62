#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The Redis module beside plain Redis: the same commands, the same replies; and what a
server does with its values: save, load, replicate, evict, fork, compact.

ML_SEED  of the random commands; printed, and random without
ML_OPS   how many of them in each round (1500)
MEMLANE_BACKEND  module or local, as for the library
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import ktap  # noqa: E402
from server import Error, Server, TOP, wait_for  # noqa: E402

SEED = int(os.environ.get("ML_SEED") or random.SystemRandom().randrange(1 << 31))
OPS = int(os.environ.get("ML_OPS") or 1500)
REDIRECT = ("redirect",)
FAR = 4102444800    # a time that does not come while this runs


class Stream:
    """Random commands on few keys, so that they meet."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.kinds = [getattr(self, n) for n in sorted(dir(self)) if n.startswith("c_")]

    def key(self):
        return "k%d" % self.r.randrange(12)

    def value(self):
        r = self.r
        return r.choice((
            lambda: b"", lambda: b"%d" % r.randrange(-5, 100), lambda: b"3.25",
            lambda: r.randbytes(r.randrange(1, 60)), lambda: r.randbytes(r.randrange(300, 500)),
            lambda: b"x" * r.randrange(4000, 9000), lambda: b"9223372036854775807",
            lambda: b"-9223372036854775808", lambda: b" 1", lambda: b"007", lambda: b"1e3"))()

    def number(self):
        return self.r.choice((0, 1, -1, 7, -3, 100, 1 << 40, -(1 << 63), (1 << 63) - 1, "x", "",
                              "+1", "1.5"))

    def when(self):
        return self.r.choice((("EX", 1000), ("PX", 1000000), ("EXAT", FAR), ("PXAT", FAR * 1000),
                              ("EX", 0), ("PX", -4), ("EX", "x"), ("EX", 1 << 62), ("EX",)))

    def c_set(self):
        words = [w for w in ("NX", "XX", "GET", "KEEPTTL") if self.r.random() < 0.15]
        if self.r.random() < 0.3:
            words += self.when()
        if self.r.random() < 0.05:
            words.append("nonsense")
        return ("SET", self.key(), self.value(), *words)

    def c_get(self):
        return (self.r.choice(("GET", "get", "STRLEN", "TYPE", "GETDEL", "EXISTS", "TOUCH",
                               "INCR", "DECR", "PERSIST")), self.key())

    def c_read_many(self):
        return ("MGET", *[self.key() for _ in range(self.r.randrange(1, 4))])

    def c_write_many(self):
        args = [x for _ in range(self.r.randrange(1, 4)) for x in (self.key(), self.value())]
        if self.r.random() < 0.1:
            args.pop()
        return (self.r.choice(("MSET", "MSETNX")), *args)

    def c_append(self):
        return (self.r.choice(("APPEND", "SETNX", "GETSET")), self.key(), self.value())

    def c_setex(self):
        return (self.r.choice(("SETEX", "PSETEX")), self.key(),
                self.r.choice((5000000, 0, -1, "x", 1 << 62)), self.value())

    def c_getex(self):
        more = self.r.choice(((), self.when(), ("PERSIST",), ("PERSIST", "EX", 5)))
        return ("GETEX", self.key(), *more)

    def c_range(self):
        return (self.r.choice(("GETRANGE", "SUBSTR")), self.key(), self.number(), self.number())

    def c_setrange(self):
        at = self.r.choice((0, 3, 500, 5000, -1, "x", 1 << 40))
        return ("SETRANGE", self.key(), at, self.value())

    def c_count(self):
        return (self.r.choice(("INCRBY", "DECRBY", "INCRBYFLOAT")), self.key(), self.number())

    def c_bits(self):
        key = self.key()
        return self.r.choice((("SETBIT", key, 77, 1), ("GETBIT", key, 9), ("BITCOUNT", key),
                              ("BITPOS", key, 1), ("BITOP", "XOR", self.key(), key, self.key()),
                              ("BITFIELD", key, "INCRBY", "u8", 8, 3), ("BITFIELD_RO", key),
                              ("LCS", key, self.key()), ("PFCOUNT", key)))

    def c_keys(self):
        key, other = self.key(), self.key()
        return self.r.choice((("DEL", key), ("UNLINK", key, other), ("RENAME", key, other),
                              ("COPY", key, other, "REPLACE"), ("EXPIRE", key, 100000),
                              ("LPUSH", key, "a"), ("SADD", key, "b")))

    def c_wrong(self):
        return self.r.choice((("GET",), ("SET", "k1"), ("GETRANGE", "k1", 1), ("INCR",),
                              ("SETEX", "k1", 5), ("TYPE",), ("LCS", "k1")))

    def c_script(self):
        return ("EVAL", "local r = redis.pcall(ARGV[1], KEYS[1], ARGV[2]) "
                "if type(r) == 'table' and r.err then return r.err end return r", 1,
                self.r.choice(("SET", "APPEND", "GETSET", "SETNX", "INCRBY", "GETBIT")),
                self.key(), self.value()[:40])

    def c_script_fixed(self):
        return ("EVAL", "redis.call('SETBIT', KEYS[1], 3, 1) return redis.call('GET', KEYS[1])", 1,
                "bits")

    def next(self):
        return self.r.choice(self.kinds)()


# EVAL's arguments stand in another order than its keys.
def ordered(command):
    if command[0] == "EVAL" and len(command) == 6:
        return (*command[:3], command[4], command[3], command[5])
    return command


def contents(client, keys):
    """All values and expiries, as a client sees them; times to ten seconds."""
    out = {}
    for key in keys:
        kind = client("TYPE", key)
        value = client("GET", key) if kind == "string" else client("EXISTS", key)
        ttl = client("PTTL", key)
        out[key] = (kind, value, ttl if ttl < 0 else (ttl + 5000) // 10000)
    return out


def fill(client, nr, seed=1, low=300, high=500):
    """Keys of the form that redis-benchmark has; returns the values."""
    r = random.Random(seed)
    values = {b"key:%012d" % i: r.randbytes(r.randrange(low, high + 1)) for i in range(nr)}
    client.pipeline(("SET", k, v) for k, v in values.items())
    return values


class Same(unittest.TestCase):
    """Random commands, replies compared with plain Redis's."""

    def compare(self, commands, plain, ours):
        for i, command in enumerate(commands):
            a, b = plain(*command), ours(*command)
            self.assertEqual((type(a), a), (type(b), b), f"seed {SEED}, command {i}: {command!r}")

    def stream(self, seed, nr):
        s = Stream(seed)
        return [ordered(s.next()) for _ in range(nr)]

    def test_random(self):
        """random commands have the replies that plain Redis gives"""
        print(f"# ML_SEED={SEED}")
        with Server() as plain, Server(REDIRECT) as ours:
            self.compare(self.stream(SEED, OPS), plain.client, ours.client)
            keys = ["k%d" % i for i in range(12)]
            self.assertEqual(contents(plain.client, keys), contents(ours.client, keys))
            self.assertEqual(ours.client("DBSIZE"), plain.client("DBSIZE"))
            ours.client("FLUSHALL")
            self.assertEqual(ours.client.info("memlane")["memlane_values"], "0")

    def test_transactions(self):
        """in a transaction too, and while objects move"""
        with Server() as plain, Server((*REDIRECT, "idle")) as ours:
            s = Stream(SEED + 1)
            for _ in range(max(OPS // 20, 1)):
                part = [c for c in (ordered(s.next()) for _ in range(6)) if len(c) > 2]
                self.compare([("MULTI",), *part, ("EXEC",)], plain.client, ours.client)
                self.assertEqual(ours.client("ml.compact"), "OK")

    def test_watch(self):
        """a key that is watched is seen to change, and only then"""
        with Server(REDIRECT) as ours:
            c, other = ours.client, ours.connect()
            for command, changes in ((("SET", "a", "2"), True), (("APPEND", "a", "2"), True),
                                     (("GET", "a"), False), (("GETBIT", "a", "1"), False),
                                     (("SETNX", "a", "3"), False), (("GETDEL", "a"), True)):
                c("SET", "a", "1")
                c("WATCH", "a")
                other(*command)
                c("MULTI")
                c("PING")
                self.assertEqual(c("EXEC") is None, changes, command)

    def test_events(self):
        """keyspace events are those of plain Redis"""
        seen = []
        for module in (None, REDIRECT):
            with Server(module, ("--notify-keyspace-events", "E$gx")) as server:
                listener = server.connect()
                listener("PSUBSCRIBE", "*")
                for c in (("SET", "a", "1", "EX", 100), ("APPEND", "a", "2"), ("INCR", "a"),
                          ("GETEX", "a", "PERSIST"), ("SETRANGE", "a", 1, "5"), ("GETDEL", "a"),
                          ("INCRBYFLOAT", "f", "1.5"), ("MSET", "x", "1", "y", "2")):
                    server.client(*c)
                server.client("PUBLISH", "end", "end")
                got = []
                while not got or got[-1][0] != b"end":
                    got.append(listener.reply()[2:])
                seen.append(got)
        self.assertEqual(seen[0], seen[1])

    def test_access(self):
        """whoever may not touch a key may not by a command that was redirected"""
        with Server(REDIRECT) as ours:
            ours.client("ACL", "SETUSER", "u", "on", "nopass", "+@all", "~mine:*")
            c = ours.connect()
            self.assertEqual(c("AUTH", "u", "any"), "OK")
            for command in (("SET", "%s", "1"), ("APPEND", "%s", "1"), ("INCR", "%s"),
                            ("SETBIT", "%s", 9, 1), ("GETBIT", "%s", 9), ("GET", "%s"),
                            ("MSETNX", "mine:b", "1", "%s", "2"), ("PFCOUNT", "mine:b", "%s"),
                            ("BITOP", "AND", "mine:c", "%s"), ("LCS", "mine:c", "%s")):
                mine, other = ([w.replace("%s", key) if isinstance(w, str) else w for w in command]
                               for key in ("mine:a", "other"))
                self.assertIn("NOPERM", str(c(*other)), command)
                self.assertNotIn("NOPERM", str(c(*mine)), command)
            self.assertEqual(ours.client("EXISTS", "other"), 0)

    def test_told(self):
        """what changes nothing is not told to replicas and files; a time is told as it is"""
        with Server(REDIRECT, ("--appendonly", "yes", "--appendfsync", "always")) as ours:
            c = ours.client
            c("MSET", "a", "1", "b", b"b" * 100)
            size = c.info("persistence")["aof_current_size"]
            for command in (("SETNX", "a", "2"), ("SET", "a", "2", "NX"), ("GETEX", "a"),
                            ("GETBIT", "b", 9), ("BITCOUNT", "b"), ("INCR", "b"), ("LCS", "a", "b"),
                            ("SET", "none", "2", "XX"), ("MSETNX", "new", "1", "a", "1")):
                c(*command)
                self.assertEqual(c.info("persistence")["aof_current_size"], size, command)
            told = 0
            for command in (("SET", "a", "1", "EX", 1000), ("SETEX", "a", 900, "1"),
                            ("SET", "a", "2", "GET", "PX", 800000), ("GETEX", "a", "EX", 700)):
                c(*command)
                at = c("PEXPIRETIME", "a")
                folder = os.path.join(ours.dir, "appendonlydir")
                files = [os.path.join(folder, f) for f in os.listdir(folder) if ".incr." in f]
                with open(files[0], "rb") as file:
                    rest = file.read()[told:]
                told += len(rest)
                self.assertIn(b"%d" % at, rest, command)

    def test_dump(self):
        """DUMP and RESTORE"""
        with Server(REDIRECT) as ours:
            c = ours.client
            for value in (b"", b"1", b"v" * 5000):
                c("SET", "a", value)
                self.assertEqual(c("RESTORE", "b", 0, c("DUMP", "a"), "REPLACE"), "OK")
                self.assertEqual(c("GET", "b"), value)

    def test_own_names(self):
        """ml.set and the others without a filter, beside strings of Redis's own"""
        with Server(()) as ours:
            c = ours.client
            self.assertEqual(c("ml.set", "a", "1"), "OK")
            self.assertEqual(c("TYPE", "a"), "memlane-s")
            self.assertIn("WRONGTYPE", c("GET", "a"))
            self.assertEqual(c("SET", "b", "2"), "OK")
            self.assertEqual(c("ml.mget", "a", "b"), [b"1", b"2"])
            self.assertEqual(c("ml.append", "b", "3"), 2)
            self.assertEqual(c("TYPE", "b"), "memlane-s")
            self.assertEqual(c("ml.del", "a", "b", "c"), 2)
            self.assertIsInstance(c("ml.get"), Error)


class Kept(unittest.TestCase):
    """What is saved comes back."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="memlane-redis-")

    def tearDown(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def values(self, client, nr=800):
        values = fill(client, nr)
        client("SET", "empty", "")
        client("SET", "blob", b"b" * 300000)
        client("SET", "soon", "x", "PXAT", FAR * 1000)
        client("APPEND", "key:%012d" % 3, "more")
        return values, client("DEBUG", "DIGEST")

    def look(self, client, values, digest):
        self.assertEqual(client("DEBUG", "DIGEST"), digest)
        self.assertEqual(client("PEXPIRETIME", "soon"), FAR * 1000)
        self.assertEqual(client("GET", "blob"), b"b" * 300000)
        self.assertEqual(client("GET", "empty"), b"")
        key = b"key:%012d" % 5
        self.assertEqual(client("GET", key), values[key])

    def test_rdb(self):
        """an RDB file, written by SAVE, by a child, and at shutdown, and read again"""
        for how in ("SAVE", "BGSAVE", "SHUTDOWN"):
            with Server(REDIRECT, directory=self.dir) as ours:
                ours.client("FLUSHALL")
                values, digest = self.values(ours.client)
                ours.client("DEBUG", "RELOAD")
                self.look(ours.client, values, digest)
                if how == "SHUTDOWN":
                    ours.client.sock.sendall(b"SHUTDOWN SAVE\r\n")
                    self.assertEqual(ours.process.wait(60), 0)
                else:
                    ours.client(how)
                    wait_for(lambda: ours.client.info("persistence")
                             ["rdb_bgsave_in_progress"] == "0")
                    self.assertEqual(ours.client.info("persistence")["rdb_last_bgsave_status"],
                                     "ok")
            with Server(REDIRECT, directory=self.dir) as ours:
                self.look(ours.client, values, digest)

    def test_aof(self):
        """an append-only file, as it is written, and rewritten with and without preamble"""
        for preamble in ("yes", "no"):
            options = ("--appendonly", "yes", "--aof-use-rdb-preamble", preamble,
                       "--appendfsync", "no")
            with Server(REDIRECT, options, self.dir) as ours:
                ours.client("FLUSHALL")
                s = Stream(SEED + 2)
                for _ in range(OPS // 3):
                    ours.client(*ordered(s.next()))
                values, digest = self.values(ours.client)
            with Server(REDIRECT, options, self.dir) as ours:
                self.look(ours.client, values, digest)
                ours.client("BGREWRITEAOF")
                ours.client("SET", "later", "1")
                digest = ours.client("DEBUG", "DIGEST")
                wait_for(lambda: ours.client.info("persistence")
                         ["aof_rewrite_in_progress"] == "0")
                self.assertEqual(ours.client.info("persistence")["aof_last_bgrewrite_status"], "ok")
            with Server(REDIRECT, options, self.dir) as ours:
                self.look(ours.client, values, digest)

    def test_gone(self):
        """what a command deletes is deleted for replicas, too, whatever kind of value it was"""
        options = ("--appendonly", "yes", "--appendfsync", "no")
        with Server(REDIRECT, options, self.dir) as ours:
            c = ours.client
            c("SET", "ours", "of the arena")
            for key in ("empty1", "empty2", "empty3"):
                c("SET", key, "")
            c("LPUSH", "list", "a")
            self.assertEqual(c("GETDEL", "empty1"), b"")
            self.assertEqual(c("GETEX", "empty2", "PXAT", 1), b"")
            self.assertEqual(c("BITOP", "AND", "empty3", "none", "none"), 0)
            self.assertEqual(c("BITOP", "AND", "list", "none", "none"), 0)
            self.assertEqual(c("GETDEL", "ours"), b"of the arena")
            self.assertEqual(c("DBSIZE"), 0)
            c("SET", "last", "1")
        with Server(REDIRECT, options, self.dir) as ours:
            self.assertEqual((ours.client("DBSIZE"), ours.client("GET", "last")), (1, b"1"))

    def test_snapshot(self):
        """a child saves what there was when it was forked, whatever happens meanwhile"""
        with Server((*REDIRECT, "idle"), ("--rdb-key-save-delay", "500"), self.dir) as ours:
            c = ours.client
            values = fill(c, 1500)
            before = c("DEBUG", "DIGEST")
            c("BGSAVE")
            c.pipeline(("APPEND", k, "!") for k in list(values)[:500])
            c.pipeline(("SETRANGE", k, 0, "changed") for k in list(values)[500:900])
            c.pipeline(("DEL", k) for k in list(values)[900:1300])
            c("ml.compact")
            info = c.info("memlane")
            self.assertEqual(info["memlane_children"], "1")
            self.assertGreater(int(info["memlane_kept_for_children"]), 1000)
            wait_for(lambda: c.info("persistence")["rdb_bgsave_in_progress"] == "0")
            wait_for(lambda: c.info("memlane")["memlane_kept_for_children"] == "0")
            self.assertEqual(c("GET", b"key:%012d" % 7), values[b"key:%012d" % 7] + b"!")
            c("CONFIG", "SET", "save", "")
            c.sock.sendall(b"SHUTDOWN NOSAVE\r\n")
            ours.process.wait(60)
        with Server(REDIRECT, directory=self.dir) as ours:
            self.assertEqual(ours.client("DEBUG", "DIGEST"), before)

    def test_replica(self):
        """a replica has the same, after a full copy and by the stream"""
        with Server(REDIRECT, ("--repl-diskless-sync-delay", "0")) as ours:
            # A replica connects by TCP; it is loopback's, on a port that the system picks.
            port = self.listen(ours)
            values = fill(ours.client, 300)
            with Server(REDIRECT, ("--replicaof", f"127.0.0.1 {port}")) as copy:
                wait_for(lambda: copy.client.info("replication")["master_link_status"] == "up")
                s = Stream(SEED + 3)
                for _ in range(OPS // 3):
                    ours.client(*ordered(s.next()))
                self.assertEqual(ours.client("WAIT", 1, 30000), 1)
                self.assertEqual(copy.client("DEBUG", "DIGEST"), ours.client("DEBUG", "DIGEST"))
                self.assertEqual(copy.client("GET", b"key:%012d" % 9), values[b"key:%012d" % 9])
                self.assertIn("READONLY", copy.client("SET", "a", "1"))

    def listen(self, server):
        r = random.SystemRandom()
        for _ in range(50):
            port = r.randrange(20000, 60000)
            if server.client("CONFIG", "SET", "bind", "127.0.0.1", "port", port) == "OK":
                return port
        self.skipTest("no port to listen on")
        return 0


class Memory(unittest.TestCase):
    """Where the bytes are."""

    def test_compaction(self):
        """after most keys were deleted, pages go, and every value is right"""
        with Server(REDIRECT) as ours:
            c = ours.client
            values = fill(c, 60000)
            c("EXPIREAT", b"key:%012d" % 0, FAR)
            gone = random.Random(2).sample(sorted(values)[1:], 42000)
            c.pipeline(("DEL", k) for k in gone)
            for k in gone:
                del values[k]
            wait_for(lambda: self.rests(c.info("memlane")))
            self.assertEqual(c("ml.compact"), "OK")
            info = c.info("memlane")
            self.assertGreater(int(info["memlane_moved"]), 1000)
            self.assertGreater(int(info["memlane_packed_keys"]), len(values) // 2)
            self.assertLessEqual(float(info["memlane_ratio"]), 1.12)
            self.assertEqual(int(info["memlane_value_bytes"]), sum(map(len, values.values())))
            self.assertEqual(c.pipeline(("GET", k) for k in values), list(values.values()))
            self.assertEqual(c("EXPIRETIME", b"key:%012d" % 0), FAR)
            self.assertEqual(c("DBSIZE"), len(values))

    def rests(self, info):
        return (info["memlane_compactions"] != "0" and info["memlane_packed_keys"] != "0" and
                info["memlane_compacting"] == "0" and info["memlane_packing"] == "0")

    def test_eviction(self):
        """maxmemory counts what the arena has"""
        for policy in ("allkeys-lru", "volatile-ttl", "noeviction"):
            with Server(REDIRECT, ("--maxmemory", "12mb", "--maxmemory-policy", policy)) as ours:
                c = ours.client
                more = ("EX", 5000) if policy == "volatile-ttl" else ()
                replies = c.pipeline(("SET", "k%d" % i, b"v" * 1000, *more) for i in range(20000))
                errors = [r for r in replies if isinstance(r, Error)]
                info = c.info("memlane")
                self.assertLess(int(info["memlane_value_bytes"]), 12 << 20)
                self.assertGreater(int(info["memlane_value_bytes"]), 7 << 20)
                if policy == "noeviction":
                    self.assertTrue(errors and all("OOM" in e for e in errors))
                    self.assertEqual(c("GETDEL", "k1"), b"v" * 1000)
                else:
                    self.assertEqual(errors, [])
                    self.assertGreater(int(c.info("stats")["evicted_keys"]), 5000)

    def test_expiry(self):
        """what has expired is gone, and its bytes with it"""
        with Server(REDIRECT) as ours:
            c = ours.client
            c.pipeline(("SET", "k%d" % i, b"v" * 400, "PX", 30) for i in range(2000))
            wait_for(lambda: c("DBSIZE") == 0)
            self.assertEqual(c.info("memlane")["memlane_value_bytes"], "0")

    @unittest.skipUnless(os.environ.get("MEMLANE_BACKEND") == "module", "needs the module")
    def test_cold(self):
        """what nobody reads leaves memory, goes to a file, and comes back right"""
        for more in ((), ("folder", "/tmp")):
            with Server(REDIRECT + ("cold", "2") + more) as ours:
                c = ours.client
                r = random.Random(SEED)
                values = {b"key:%d" % i: b"%x" % r.getrandbits(64) * r.randrange(40, 60)
                          for i in range(4000)}
                c.pipeline(("SET", k, v) for k, v in values.items())
                hot = sorted(values)[:40]

                def settled():
                    self.assertEqual(c.pipeline(("GET", k) for k in hot), [values[k] for k in hot])
                    info = c.info("memlane")
                    return int(info["memlane_stored_pages" if more else "memlane_away_pages"]) > 500

                before = int(c.info("memlane")["memlane_resident_bytes"])
                wait_for(settled, every=0.2)
                info = c.info("memlane")
                away = int(info["memlane_away_pages"])
                self.assertLess(int(info["memlane_resident_bytes"]), before - away * 2048)
                # In no order: neighbours would come along, and are no touches.
                r.shuffle(keys := list(values))
                self.assertEqual(c.pipeline(("GET", k) for k in keys), [values[k] for k in keys])
                wait_for(lambda: int(c.info("memlane")["memlane_refaults"]) > 400)

    def test_lazy_free(self):
        """the lazy-free thread frees values as well"""
        with Server(REDIRECT) as ours:
            c = ours.client
            fill(c, 3000)
            c("SET", "large", b"l" * (1 << 20))
            c("UNLINK", "large")
            c("FLUSHALL", "ASYNC")
            wait_for(lambda: c.info("memlane")["memlane_values"] == "0")
            self.assertEqual(c.info("memlane")["memlane_value_bytes"], "0")

    def test_usage(self):
        """MEMORY USAGE, used_memory and INFO know the values"""
        with Server(REDIRECT) as ours:
            c = ours.client
            used = int(c.info("memory")["used_memory"])
            c("SET", "a", b"a" * 4000000)
            self.assertGreater(c("MEMORY", "USAGE", "a"), 4000000)
            self.assertGreater(int(c.info("memory")["used_memory"]) - used, 3900000)
            self.assertEqual(c.info("memlane")["memlane_value_bytes"], "4000000")
            c("COPY", "a", "b")
            self.assertEqual(c.info("memlane")["memlane_value_bytes"], "8000000")

    @unittest.skipIf(os.environ.get("MEMLANE_BACKEND") == "module", "the module shows it itself")
    def test_seen(self):
        """memlane list shows the arena and its name where MEMLANE_STAT says"""
        with tempfile.TemporaryDirectory() as folder, \
                unittest.mock.patch.dict(os.environ, MEMLANE_STAT=folder), \
                Server((*REDIRECT, "backend", "local")) as ours:
            ours.client("SET", "a", "1")
            seen = subprocess.run([os.path.join(TOP, "build/tools/memlane"), "list"],
                                  capture_output=True, text=True, check=True).stdout
            self.assertRegex(seen, f"{ours.process.pid} redis-server +values +[1-9]")


class Module(unittest.TestCase):
    """Loading it, and not unloading it."""

    def test_unload(self):
        """it is not unloaded, and says so, and goes on"""
        with Server(REDIRECT) as ours:
            ours.client("SET", "a", "1")
            self.assertIsInstance(ours.client("MODULE", "UNLOAD", "memlane"), Error)
            self.assertEqual(ours.client("GET", "a"), b"1")

    def test_arguments(self):
        """an argument that makes no sense is refused, and named"""
        for words in (("nonsense",), ("ratio", "0.5"), ("ratio", "x"), ("backend", "other"),
                      ("cold", "0"), ("folder", "/tmp")):
            with self.assertRaises(RuntimeError) as caught:
                Server(words).stop()
            self.assertIn(f"{words[0]}? Arguments are", str(caught.exception))

    def test_threads(self):
        """eight clients at once, while objects move and children save"""
        with Server(REDIRECT) as ours:
            failed = []

            def work(number):
                r, c, mine = random.Random(number), ours.connect(), {}
                for _ in range(OPS):
                    key = "%d:%d" % (number, r.randrange(50))
                    if r.random() < 0.5:
                        mine[key] = r.randbytes(r.randrange(1, 5000))
                        c("SET", key, mine[key])
                    elif r.random() < 0.3:
                        c("DEL", key)
                        mine.pop(key, None)
                    elif c("GET", key) != mine.get(key):
                        failed.append(key)

            threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
            for t in threads:
                t.start()
            while any(t.is_alive() for t in threads):
                ours.client("ml.compact")
                ours.client("BGSAVE")
                time.sleep(0.05)
            for t in threads:
                t.join()
            self.assertEqual(failed, [])


if __name__ == "__main__":
    ktap.main()
