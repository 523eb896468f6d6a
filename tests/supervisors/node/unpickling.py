"""Notes every attempt to unpickle something from outside, in each process that imports this module.

What is sent from outside is a pickle that names a class of a module that does not exist. Whoever unpickles it asks for that
module, which Python tells its audit hooks before anything else happens. The fork server imports this module, and so all that
is forked from it has the hook.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

MODULE = "peerage_from_outside"
REPORT = "PEERAGE_TEST_UNPICKLED"  # the variable that names the file to note it in
# In the oldest form and a new one: GLOBAL, and STACK_GLOBAL inside a frame.
PICKLES = (
    f"c{MODULE}\nClass\n)R.".encode(),
    b"\x80\x04\x95%s\x8c%s\x8c\x05Class\x93)R."
    % ((len(MODULE) + 13).to_bytes(8, "little"), bytes((len(MODULE),)) + MODULE.encode()),
)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class" and arguments[0] == MODULE and (path := os.environ.get(REPORT)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(file, b"%d\n" % os.getpid())
        os.close(file)


def unpickle() -> None:
    """Do what must never be done with these."""
    for data in PICKLES:
        try:
            pickle.loads(data)
        except ModuleNotFoundError:
            continue
        raise AssertionError(data)


sys.addaudithook(_note)
