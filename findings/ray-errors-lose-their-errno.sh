#!/usr/bin/env bash
# An OSError that was raised in a Ray actor or task and comes out of ray.get.
#
# Expected: it is caught with `except OSError`, as Ray promises, and "contains all of the attributes of the cause", as the
#           method that makes it says: `errno` first of all.
# Seen:     it is an instance of OSError (of FileNotFoundError, of ConnectionRefusedError, …), but its `errno`, `strerror` and
#           `filename` are None. So it is with all that the exceptions of CPython keep in C: `value` of StopIteration,
#           `name` of ModuleNotFoundError, `lineno` of SyntaxError; `start` of UnicodeDecodeError is 0, a number like any
#           other; `args[0]` of a KeyError is another KeyError, not the key. What an exception class of Python keeps in
#           itself (`returncode` of CalledProcessError) comes through, so a test with an exception of one's own passes.
# Matters:  `if error.errno == errno.ENOSPC` is false without a word, and no subclass of OSError tells a full disk, or too
#           many open files, from the rest. Code that moves into an actor takes the branch for everything else.
#           `error.cause` is the exception as it was raised; ask that.
#
# The error is made here as ray.get makes it of what a worker sends, without a worker: those listen on all interfaces. With
# workers it was the same.
#
# Needs: python3. Takes about a minute, most of it for a download of some 70 MB. Starts nothing that listens.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 240 venv/bin/pip install --quiet --no-compile --only-binary :all: ray==2.60.0
cat > program.py <<'P'
import errno
import importlib
import platform
import subprocess
import sys
import traceback
from importlib.metadata import version

from ray.exceptions import RayTaskError


def full_disk():
    raise OSError(errno.ENOSPC, "No space left on device", "blocks.db")


def generator_ends():
    raise StopIteration("a result")


CASES = [  # what raises, its attribute, what is left of that
    (full_disk, "errno", None),
    (full_disk, "strerror", None),
    (full_disk, "filename", None),
    (generator_ends, "value", None),
    (lambda: importlib.import_module("not_there"), "name", None),
    (lambda: compile("\n\na b", "text", "exec"), "lineno", None),
    (lambda: b"abc\xff".decode(), "start", 0),
    (lambda: subprocess.run(["false"], check=True), "returncode", 1),
]


def both(act):
    try:
        act()
    except Exception as error:
        return error, RayTaskError("task", traceback.format_exc(), error).as_instanceof_cause()


print(f"ray {version('ray')}, Python {platform.python_version()}")
as_described = True
for act, name, left in CASES:
    raised, got = both(act)
    title = f"{type(raised).__name__}.{name}"
    print(f"{title:29} raised with {getattr(raised, name)!r}, comes out with {getattr(got, name)!r}")
    as_described &= isinstance(got, type(raised)) and getattr(got, name) == left
    as_described &= getattr(got.cause, name) == getattr(raised, name)
raised, got = both(lambda: {}["moniker"])
print(f"{'KeyError.args[0]':29} raised with {raised.args[0]!r}, comes out with {got.args[0]!r}")
as_described &= isinstance(got, KeyError) and repr(got.args[0]) == "KeyError('moniker')"
if not as_described:
    sys.exit("CHANGED")
P
timeout 60 venv/bin/python program.py
echo "as described"
