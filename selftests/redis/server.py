# SPDX-License-Identifier: MIT
"""A redis-server of one's own, on a Unix socket in a temporary directory, and its client."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODULE = os.path.join(TOP, "build", "clients", "memlane-redis.so")
CHUNK = 1 << 18
START_SECONDS = 60


class Error(str):
    """An error that Redis replied."""


def encode(*args):
    """A command as Redis reads it."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        data = arg if isinstance(arg, bytes) else str(arg).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


class Client:
    """One connection. Replies: bytes, int, None, list, Error; a status is str."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.settimeout(120)
        self.buf = b""
        self.at = 0

    def close(self):
        self.sock.close()

    def _more(self):
        data = self.sock.recv(CHUNK)
        if not data:
            raise EOFError("the server closed the connection")
        self.buf = self.buf[self.at:] + data
        self.at = 0

    def _line(self):
        while True:
            end = self.buf.find(b"\r\n", self.at)
            if end >= 0:
                line = self.buf[self.at:end]
                self.at = end + 2
                return line
            self._more()

    def _bytes(self, length):
        while len(self.buf) - self.at < length + 2:
            self._more()
        data = self.buf[self.at:self.at + length]
        self.at += length + 2
        return data

    def reply(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self._bytes(int(rest))
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return Error(rest.decode())
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        if kind == b"_":
            return None
        raise ValueError(f"a reply that begins with {line!r}")

    def __call__(self, *args):
        self.sock.sendall(encode(*args))
        return self.reply()

    def pipeline(self, commands, batch=500):
        """Send many, in batches; their replies in a list."""
        replies = []
        commands = list(commands)
        for first in range(0, len(commands), batch):
            part = commands[first:first + batch]
            self.sock.sendall(b"".join(encode(*c) for c in part))
            replies.extend(self.reply() for _ in part)
        return replies

    def info(self, section):
        """INFO of a section as a dictionary of strings."""
        lines = self("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)


class Server:
    """
    module: None for plain Redis, else the arguments of the module.
    With directory, data of an earlier server there are loaded.
    """

    def __init__(self, module=None, options=(), directory=None):
        self.own = directory is None
        self.dir = directory or tempfile.mkdtemp(prefix="memlane-redis-")
        self.path = os.path.join(self.dir, "socket")
        self.module = module
        command = ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "",
                   "--dir", self.dir, "--enable-debug-command", "yes",
                   "--enable-module-command", "yes", *options]
        if module is not None:
            command += ["--loadmodule", MODULE, *module]
        self.log = open(os.path.join(self.dir, "log"), "ab")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL)
        try:
            self.client = self._first_client()
        except BaseException:
            self.stop()
            raise

    def _first_client(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                client = Client(self.path)
                if client("PING") == "PONG":
                    return client
                client.close()
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError("redis-server does not come up:\n" + self.messages())

    def connect(self):
        return Client(self.path)

    def messages(self):
        with open(os.path.join(self.dir, "log"), errors="replace") as log:
            return log.read()

    def status(self, field):
        """A number of kB from /proc/PID/status, as bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        return 0

    def cpu_seconds(self):
        """CPU time that it has had."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """End it. Its data stay if the directory was given."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        if self.own:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def wait_for(what, seconds=60, every=0.02):
    """Until what() is true; its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError("waited in vain")
        time.sleep(every)
