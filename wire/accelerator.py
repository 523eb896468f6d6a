"""Chooses between the two forms of the hot loops: compiled (`_accelerator.c`) if it was built, or plain Python (`loops.py`).

Setting the environment variable PEERAGE_PURE to anything selects plain Python. Callers look the loops up in this module
at each call, so that tests can run on either form. Source: docs/decisions/0006-accelerator.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from peerage.wire import loops
from peerage.wire.loops import (
    FrameCipher,
    cut,
    cut_messages,
    read_header,
    read_messages,
    read_parts,
    split_messages,
    split_run,
)

__all__ = [
    "FrameCipher",
    "compiled",
    "cut",
    "cut_messages",
    "description",
    "read_header",
    "read_messages",
    "read_parts",
    "split_messages",
    "split_run",
    "use",
]


def _openssl_libraries() -> Iterator[str | None]:
    """Where to look for OpenSSL: first the library that Python itself has loaded."""
    try:
        import _hashlib
    except ImportError:
        pass
    else:
        yield getattr(_hashlib, "__file__", None)  # None: built into the interpreter
    yield "libcrypto.so.3"


def _load() -> tuple[object, str]:
    """Returns: the compiled loops and the version of the OpenSSL that they use. Raises: ImportError, saying why not."""
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
    """Use the loops of this form from now on; ciphers that exist already keep theirs."""
    globals().update({name: getattr(form, name) for name in loops.__all__})


def load_agreement(sodium: str | None, form: bytes, places: bytes) -> bool:
    """Have the compiled handshake (`quick_handshake.py`) find its libraries. Returns: whether it can be used.

    Args: sodium, a library that has libsodium in it, or depends on it; form and places, the transcript's.
    """
    load = getattr(compiled, "load_agreement", None)
    return load is not None and any(load(sodium, each, form, places) for each in _openssl_libraries())


compiled: object | None = None
description: str
"""Which form is in use, and why; for the operator."""
try:
    compiled, _openssl = _load()
except ImportError as _reason:
    description = f"plain Python ({_reason})"
else:
    description = f"compiled ({_openssl})"
    use(compiled)
