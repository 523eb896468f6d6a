"""What `peerage blocks` says at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from peerage.blocks.block_folder import BlockStore
from peerage.commands.printing import put_json, put_lines

__all__ = ["Done", "report"]


@dataclass(slots=True)
class Done:
    """What was done.

    Attributes: given, blocks by who gave them; dropped, peers, why they were let go, and whether they lied; undone, why not
        everything was done; stopped, the signal that ended it.
    """

    written: int = 0
    size: int = 0
    checked_in_file: int = 0
    last: tuple[int, str] | None = None
    signatures: int = 0
    check_seconds: float = 0.0
    given: Counter[str] = field(default_factory=Counter)
    dropped: list[tuple[str, str, bool]] = field(default_factory=list)
    undone: str = ""
    stopped: int = 0
    seconds: float = 0.0


def report(done: Done, chain_id: str, file: BlockStore, first: int, *, as_json: bool) -> None:
    """Print it. Args: first, the first block that was wanted."""
    height, block_hash = done.last or (None, None)
    if as_json:
        put_json(
            {
                "network": chain_id,
                "output": str(file.path),
                "from": first,
                "to": file.heights[-1] if file.heights else None,
                "written": done.written,
                "bytes": done.size,
                "checked_in_file": done.checked_in_file,
                "last": None if height is None else {"height": height, "hash": block_hash},
                "signatures": done.signatures,
                "signature_seconds": round(done.check_seconds, 3),
                "seconds": round(done.seconds, 3),
                "given": dict(done.given),
                "dropped": [
                    {"peer": peer, "reason": reason, "lied": lied} for peer, reason, lied in done.dropped
                ],
                "undone": done.undone or None,
            },
            None,
        )
        return
    rate = done.signatures / done.check_seconds if done.check_seconds else 0.0
    lines = [
        f"blocks      {done.written} written, {done.checked_in_file} checked that were there",
        f"signatures  {done.signatures} checked, {rate:.0f} a second and core",
        f"peers       {', '.join(f'{peer} gave {count}' for peer, count in done.given.items()) or 'none'}",
    ]
    if height is not None:
        lines.insert(0, f"last        {height} {block_hash}")
    put_lines(lines, None)
