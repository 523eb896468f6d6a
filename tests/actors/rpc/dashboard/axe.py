"""axe-core, which looks for what keeps people from using a page (https://github.com/dequelabs/axe-core, MPL-2.0).

npm fetches it; nothing of it is kept here. What was fetched once is in the tests' cache.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from tests.actors.rpc.dashboard.browser import Browser
from tests.interop.gobuild import cache_directory

PACKAGE = "axe-core@4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
SCRIPT = "package/axe.min.js"
FETCH_S = 40.0
SERIOUS = {"serious", "critical"}
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] }).then(
  (found) => done(found.violations.map((each) => ({
    id: each.id, impact: each.impact, help: each.help, where: each.nodes.slice(0, 5).map((node) => node.target.join(" ")),
  }))),
  (error) => done([{ id: "axe", impact: "critical", help: String(error), where: [] }]));
"""


class AxeMissingError(Exception):
    """It can neither be found nor fetched; the text says what to do."""


def axe_script() -> str:
    """The script. Raises: AxeMissingError."""
    kept = cache_directory() / f"{PACKAGE.replace('@', '-')}.tgz"
    if not (kept.is_file() and _is_right(kept)):
        kept.parent.mkdir(parents=True, exist_ok=True)
        _fetch(kept)
    with tarfile.open(fileobj=io.BytesIO(kept.read_bytes())) as package:
        script = package.extractfile(SCRIPT)
        assert script is not None
        return script.read().decode()


def _is_right(file: Path) -> bool:
    return base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode() == SHA512


def _fetch(kept: Path) -> None:
    if shutil.which("npm") is None:
        raise AxeMissingError(f"npm, which fetches {PACKAGE}, is not installed: apt install npm")
    with tempfile.TemporaryDirectory(dir=kept.parent) as directory:
        command = ["npm", "pack", PACKAGE, "--silent", "--pack-destination", directory]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, check=False)
        except subprocess.TimeoutExpired:
            raise AxeMissingError(f"npm has not fetched {PACKAGE} within {FETCH_S:g} s") from None
        fetched = next(Path(directory).glob("*.tgz"), None)
        if done.returncode or fetched is None:
            raise AxeMissingError(f"npm could not fetch {PACKAGE}: {done.stderr.strip()[-300:]}")
        if not _is_right(fetched):
            raise AxeMissingError(f"{PACKAGE}: what npm fetched has another SHA-512 than {SHA512}")
        fetched.replace(kept)


def findings(page: Browser, script: str) -> list[dict[str, Any]]:
    """What axe has to say of the page as it is now; `impact` is minor, moderate, serious or critical."""
    if not page.run("return typeof axe !== 'undefined'"):
        page.run(script)
    found: list[dict[str, Any]] = page.run_async(RUN)
    return found


def serious(found: list[dict[str, Any]]) -> list[str]:
    """The serious findings, a line for each."""
    return [
        f"{each['impact']}: {each['id']}: {each['help']}: {', '.join(each['where'])}"
        for each in found
        if each["impact"] in SERIOUS
    ]
