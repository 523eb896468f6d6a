"""Which form of the hot loops is in use: compiled (`_accelerator.c`) where it was built, else plain Python (`loops.py`).

The environment variable PEERAGE_PURE, set to anything, chooses plain Python. Users of the loops look them up here at each
call, so that tests may run on either form. Source: docs/decisions/0006-accelerator.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from peerage.wire import loops
from peerage.wire.loops import FrameCipher, cut, join_run, split_run

__all__ = ["FrameCipher", "compiled", "cut", "description", "join_run", "split_run", "use"]


def _openssl_libraries() -> Iterator[str | None]:
    """Where to look for OpenSSL: what Python itself has loaded comes first."""
    try:
        import _hashlib
    except ImportError:
        pass
    else:
        yield getattr(_hashlib, "__file__", None)  # None: built into the interpreter
    yield "libcrypto.so.3"


def _load() -> tuple[object, str]:
    """Returns: the compiled loops, and the OpenSSL they use. Raises: ImportError with the reason why there are none."""
    if os.environ.get("PEERAGE_PURE"):
        raise ImportError("PEERAGE_PURE is set")
    try:
        from peerage.wire import _accelerator
    except ImportError as error:
        raise ImportError("the extension was not built") from error
    for library in _openssl_libraries():
        version = _accelerator.load_openssl(library)
        if version is not None:
            return _accelerator, version
    raise ImportError("no OpenSSL with ChaCha20-Poly1305 was found")


def use(form: object) -> None:
    """Use this form's loops from now on, and for ciphers made from now on."""
    globals().update({name: getattr(form, name) for name in loops.__all__})


compiled: object | None = None
description: str
"""For the operator: which form, and why."""
try:
    compiled, _openssl = _load()
except ImportError as _reason:
    description = f"plain Python ({_reason})"
else:
    description = f"compiled ({_openssl})"
    use(compiled)
