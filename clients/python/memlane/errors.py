# SPDX-License-Identifier: MIT
"""What calls raise: the library's sentence for each errno value, under a class of its own."""
import errno
from typing import Dict, Type

from .library import lib


class Error(OSError):
    """Something that the library refused. errno says what, strerror how to go on."""


class HandleError(Error):
    """The value never was a handle of an arena."""


class StaleHandleError(HandleError):
    """The object was freed."""


class ForeignHandleError(HandleError):
    """The handle is another arena's."""


class PurgedError(HandleError):
    """The object was dropped with its purgeable group."""


class BusyError(Error):
    """Something is in use: pinned, in a section, or held by the kernel."""


class NoSpaceError(Error):
    """The lane or the handle table is full."""


class MemoryError_(Error, MemoryError):
    """The system or the memory cgroup has no memory."""


class SectionError(Error):
    """A section that is over, another thread's, or in the way."""


class OwnerError(Error):
    """The arena stayed with the parent of this fork."""


class ClosedError(Error):
    """The arena is closed."""


CLASSES: Dict[int, Type[Error]] = {
    errno.EBADF: HandleError,
    errno.ESTALE: StaleHandleError,
    errno.EXDEV: ForeignHandleError,
    errno.ENODATA: PurgedError,
    errno.EBUSY: BusyError,
    errno.EAGAIN: BusyError,
    errno.EOVERFLOW: BusyError,
    errno.ENOSPC: NoSpaceError,
    errno.ENOMEM: MemoryError_,
    errno.ENOLCK: SectionError,
    errno.EDEADLK: SectionError,
    errno.EOWNERDEAD: OwnerError,
}


def error(number: int) -> Error:
    """The exception for what a call returned: a negative errno value."""
    text = lib.strerror(number).decode()
    # errno first, or OSError would choose a class of its own.
    return CLASSES.get(-number, Error)(-number, text)


def check(number: int) -> int:
    """number, unless it is an error: that is raised."""
    if number < 0:
        raise error(number)
    return number


def closed() -> ClosedError:
    return ClosedError(errno.EBADF, "The arena is closed: open another one")


def section_error(text: str) -> SectionError:
    return SectionError(errno.ENOLCK, text)


def busy(text: str) -> BusyError:
    return BusyError(errno.EBUSY, text)
