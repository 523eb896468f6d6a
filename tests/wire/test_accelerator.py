"""Which form of the hot loops an installation uses."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from peerage.wire import accelerator, loops

SHOW = "from peerage.wire import accelerator as a; print(a.FrameCipher.__module__, a.cut.__module__, a.description)"
NOT_BUILT = "import sys; sys.modules['peerage.wire._accelerator'] = None;"
NO_OPENSSL = """
import sys, types
sys.modules['peerage.wire._accelerator'] = types.SimpleNamespace(load_openssl=lambda _: None)
"""


@pytest.mark.parametrize(
    ("before", "environment", "reason"),
    [
        ("", {"PEERAGE_PURE": "1"}, "PEERAGE_PURE is set"),
        (NOT_BUILT, {}, "the extension was not built"),
        (NO_OPENSSL, {}, "no OpenSSL with ChaCha20-Poly1305 was found"),
    ],
)
def test_plain_python_does_it_all_the_same(before: str, environment: dict[str, str], reason: str) -> None:
    """By choice, without a compiler, or without OpenSSL; the description says which."""
    variables = {name: value for name, value in os.environ.items() if name != "PEERAGE_PURE"} | environment
    done = subprocess.run(
        [sys.executable, "-c", before + SHOW], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"peerage.wire.loops peerage.wire.loops plain Python ({reason})\n"


def test_a_form_is_used_whole() -> None:
    """A test that chooses a form gets all of its loops."""
    accelerator.use(loops)
    try:
        assert all(getattr(accelerator, name) is getattr(loops, name) for name in loops.__all__)
    finally:
        accelerator.use(accelerator.compiled or loops)
