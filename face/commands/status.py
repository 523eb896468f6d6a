"""The command `peerage status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from peerage.commands.exit_status import FailureError
from peerage.commands.options import home_option
from peerage.commands.printing import age, output_options, put_json, put_lines
from peerage.commands.running_node import node_of
from peerage.config.errors import NodeKeyFileError
from peerage.config.home import Home
from peerage.config.node_key_file import load_node_key
from peerage.wire.remote_text import shown


@click.command("status", epilog="Example: peerage status --json")
@home_option
@output_options
def status(home: Home, output: Path | None, *, as_json: bool) -> None:
    """Say how a running node stands, on one screen.

    Who it is, how many peers and addresses it has, restarts of its parts, and warnings. Exit code 1 if no node runs in the
    home, or it does not answer.
    """
    try:
        found = node_of(home, "overview")
    except FailureError as error:
        if as_json:
            put_json({"running": False, "home": str(home), "id": _own_id(home), "why": error.message}, output)
        raise
    found = {"running": True, **found}
    if as_json:
        put_json(found, output)
    else:
        put_lines(_lines(found), output)


def _own_id(home: Home) -> str | None:
    """Who would run there, if the key is where it is by default."""
    with suppress(NodeKeyFileError):
        return load_node_key(home.resolve("config/node_key.json")).node_id
    return None


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    peers, book = found["peers"], found["addresses"]
    yield f"node       {shown(found['moniker'])}{', a seed' if found['seed'] else ''}"
    yield f"address    {found['address']}"
    yield f"network    {found['network']}"
    yield f"version    {found['version']}, announced as {found['announced_version']}"
    yield f"home       {found['home']}"
    if found["pid"] is not None:
        yield f"up         {age(found['uptime_s'])}, process {found['pid']}, log level {found['log_level']}"
    if peers is not None:
        yield f"peers      {_of(peers, 'inbound')} in, {_of(peers, 'outbound')} out"
    if book is not None:
        yield f"addresses  {book['size']} ({book['new']} new, {book['old']} old), {book['banned']} banned"
    if found["parts"] is not None:
        restarted = [part for part in found["parts"] if part["restarts"]]
        yield f"restarts   {found['restarts']}"
        for part in restarted:
            yield f"           {part['name']}: {part['restarts']}, last: {shown(part['last_cause'])}"
    for warning in found["warnings"]:
        yield f"warning    {shown(warning)}"


def _of(peers: Mapping[str, Any], way: str) -> str:
    most = peers.get(f"max_{way}")
    return str(peers[way]) if most is None else f"{peers[way]} of {most}"
