"""The command `peerage systemd`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from peerage.commands.exit_status import MISTAKE, MistakeError
from peerage.commands.options import home_option
from peerage.commands.printing import put_lines
from peerage.config.home import Home

NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9:_.-]{0,199}")  # as of units and users, without what needs escapes

UNIT = """\
# Written by `peerage systemd`. To install it: put it into /etc/systemd/system/{name}.service, then
#   systemctl daemon-reload && systemctl enable --now {name}
[Unit]
Description=peerage {kind} {description}
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target
# What cannot live is not started for ever.
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
# It says when it is up, and again and again that its topmost supervisor answers.
Type=notify
NotifyAccess=main
WatchdogSec=30
ExecStart={command}
ExecReload={reload}
User={user}
Restart=on-failure
RestartSec=1
# A mistake in the configuration does not go away by itself.
RestartPreventExitStatus={mistake}
# The main process stops the others in their order; whoever is left is killed.
KillMode=mixed
TimeoutStopSec=30
# Many peers need many descriptors, and every process some threads.
LimitNOFILE=65536
TasksMax=4096
# Where the mailboxes are, as long as the service lives.
RuntimeDirectory={name}
RuntimeDirectoryMode=0700
UMask=0077

NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ReadWritePaths={home}
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


@click.command(
    "systemd", epilog="Example: peerage systemd --home /srv/node > /etc/systemd/system/peerage.service"
)
@home_option
@click.option("--name", default="peerage", show_default=True, metavar="NAME", help="Name of the service.")
@click.option(
    "--user", default="peerage", show_default=True, metavar="USER", help="The user that the node runs as."
)
@click.option("--seed", "is_seed", is_flag=True, help="For `peerage seed`, one seed of many chains.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to a file instead of standard output.",
)
def systemd(home: Home, name: str, user: str, output: Path | None, *, is_seed: bool) -> None:
    """Print a systemd unit for the node of a home, or for the seed of many chains.

    With it systemd knows when the node listens, starts it again when it has failed or hangs, but not after a mistake in
    its configuration, and lets it write to its home and nowhere else. The user must exist, and own the home. The chains of
    a seed are those of config/chains.toml in its home.
    """
    for option, value in (("--name", name), ("--user", user)):
        if not NAME.fullmatch(value):
            raise MistakeError(
                f"{option}: found {value!r}, allowed: letters, digits, and _ - . : behind the first"
            )
    path = str(home.path)
    if not path.isprintable():
        raise MistakeError(f"--home: found {path!r}, allowed in a unit: a path of printable characters")
    program = Path(sys.executable).absolute()
    # The interpreter by its path: a unit knows no virtual environment.
    start, reload = (
        " ".join(
            _word(word).replace("$", "$$")
            for word in (str(program), "-P", "-m", "peerage", command, "--home", path)
        )
        for command in ("seed" if is_seed else "start", "reload")
    )
    put_lines(
        UNIT.format(
            name=name,
            user=user,
            description=_specifiers(path),
            command=start,
            # A seed has no socket: whoever reloads it sends a signal.
            reload="/bin/kill -HUP $MAINPID" if is_seed else reload,
            kind="seed of" if is_seed else "node",
            home=_word(path),
            mistake=MISTAKE,
        ).splitlines(),
        output,
    )


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """A word of a unit's value. Source: systemd.syntax(7), Quoting."""
    escaped = _specifiers(text).replace("\\", "\\\\")
    return '"' + escaped.replace('"', '\\"') + '"' if re.search(r"[\s\"';]", text) else escaped
