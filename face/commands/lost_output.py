"""What happens when nobody reads any more: the pipe's reader has ended, or the terminal was closed.

A command then ends quietly, as one does that the kernel kills by SIGPIPE or SIGHUP: whoever closed it knows why. An error
of the same number on a disk is another thing, and is told; so is that standard output is a file that takes no more.
"""

from __future__ import annotations

import errno
import os
import select
import stat

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def is_lost(error: OSError) -> bool:
    """Whether an error means that standard output or standard error leads nowhere any more."""
    if error.filename is not None:
        return False
    if error.errno == errno.EPIPE:
        return True
    return error.errno == errno.EIO and any(map(_is_hung_up, (STANDARD_OUTPUT, STANDARD_ERROR)))


def is_full(error: OSError) -> bool:
    """Whether an error means that standard output is a file or a device that takes no more.

    Python names the file of an error only if it was being opened, and commands name those that they write (`written`): so
    what says without a name that there is no room is of standard output.
    """
    return error.filename is None and error.errno in NO_ROOM and _is_file(STANDARD_OUTPUT)


def raise_if_nobody_reads() -> None:
    """For a command that may have nothing to write for long. Raises: BrokenPipeError, standard output's reader is gone."""
    watched = select.poll()
    watched.register(STANDARD_OUTPUT, 0)
    if any(happened & select.POLLERR for _, happened in watched.poll(0)):
        raise BrokenPipeError(errno.EPIPE, "nobody reads the output any more")


def give_up_output(*descriptors: int) -> None:
    """Let all that is still to be written go nowhere: Python writes what its buffers hold when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _is_file(descriptor: int) -> bool:
    """A regular one, or a device such as /dev/full: whatever can be full."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(descriptor))


def _is_hung_up(descriptor: int) -> bool:
    try:
        os.write(descriptor, b"")
    except OSError as error:
        return error.errno == errno.EIO
    return False
