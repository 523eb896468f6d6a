"""The command `peerage debug dump`."""

from __future__ import annotations

import errno
import gzip
import io
import os
import shutil
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

import click

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.group import SubcommandGroup
from peerage.commands.loading import warn
from peerage.commands.options import home_option
from peerage.config.home import Home
from peerage.config.new_file import write_new_file

ARCHIVES = (".tar.gz", ".tgz", ".tar")
FILE_MODE, DIRECTORY_MODE = 0o600, 0o700


@click.command("dump", epilog="Example: peerage debug dump --home /srv/node --output node.tar.gz")
@home_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="An archive (.tar.gz, .tgz, .tar), or else a new directory.  [default: peerage-debug-TIME.tar.gz]",
)
@click.option(
    "--log",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Take along the last lines of this log.",
)
def dump(home: Home, output: Path | None, log: Path | None) -> None:
    """Collect what is needed to find a node's fault: also of one that hangs, or does not run.

    How the node stands, its actors, peers, settings, processes and limits, what happened last, and where each thread of
    each process is. It holds no key, and no private peer. Whatever cannot be got is listed in missing.txt. Run it as the
    node's user.
    """
    from peerage.commands.debug_dump import dump_of

    output = output or Path(time.strftime("peerage-debug-%Y%m%d-%H%M%S.tar.gz", time.gmtime()))
    if output.exists():
        raise MistakeError(f"--output: {output} exists already; a name that is free is expected")
    if not output.absolute().parent.is_dir():
        raise MistakeError(f"--output: found {str(output)!r}, and {output.parent} is no directory")
    if not home.path.is_dir():
        raise MistakeError(f"--home: found {str(home)!r}, which is no directory")
    files = dump_of(home, log)
    try:
        (_write_archive if output.name.endswith(ARCHIVES) else _write_directory)(output, files)
    except OSError as error:
        raise FailureError(f"{output} cannot be written: {error.strerror or error}") from error
    warn(*files["missing.txt"].splitlines())
    click.echo(f"{len(files)} files in {output}")


debug = SubcommandGroup(
    "debug",
    commands=[dump],
    help="Collect what is needed to find a node's fault.",
    no_args_is_help=True,
)


def _write_directory(path: Path, files: Mapping[str, str]) -> None:
    path.mkdir(mode=DIRECTORY_MODE)
    try:
        for name, text in files.items():
            _write(path / name, text.encode(errors="replace"))
    except OSError:
        shutil.rmtree(path, ignore_errors=True)  # nobody is to take a part for the whole
        raise


def _write_archive(path: Path, files: Mapping[str, str]) -> None:
    folder = path.name.partition(".")[0]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            data = text.encode(errors="replace")
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode, entry.mtime = len(data), FILE_MODE, int(time.time())
            archive.addfile(entry, io.BytesIO(data))
    data = packed.getvalue()
    _write(path, data if path.name.endswith(".tar") else gzip.compress(data))


def _write(path: Path, data: bytes) -> None:
    if not write_new_file(path, data, FILE_MODE):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
