"""The programs on the pages about actors run as they stand, and print what the pages say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import Block, claim, run_program

RUN_S = 100
PROGRAMS = {
    "registry": (
        claim("docs/topics/registry.md", "class Trader(ProcessActor)"),
        r"^4\.2 \(<ActorRef for Prices \(Prices-1\.\d\)>,\)$",
    ),
    "pools": (
        claim("docs/topics/pools.md", "class Squarer(ProcessActor)"),
        r"1\.52\n\[0\.0, 1\.0, 4\.0, 9\.0\]\n(?s:.*)^4\.0(?s:.*)^PoolStatistics\(name='squarers', size=3, ",
    ),
    "publish-subscribe": (
        claim("docs/topics/publish-subscribe.md", "class Screen(ProcessActor)"),
        r"^{'ATOM': 4\.2}\n7\n",
    ),
    "actor-metrics": (
        claim("docs/topics/actor-metrics.md", "class Squarer(ProcessActor)"),
        r"^\[0, 1, 4\]\n__main__:Squarer 1 0 3 0\n",
    ),
    "checkpoints": (
        claim("docs/topics/checkpoints.md", "class Counter(ProcessActor)"),
        r"\A2\n(?s:.*)^5\n",
    ),
    "tracing": (
        claim("docs/topics/tracing.md", "class Front(ProcessActor)"),
        r'^41\n(?s:.*)"name": "request"',
    ),
}


@pytest.mark.timeout(RUN_S)
@pytest.mark.parametrize(("program", "printed"), PROGRAMS.values(), ids=PROGRAMS)
def test_the_program_of_the_page_does_what_it_says(program: Block, printed: str, tmp_path: Path) -> None:
    """Copied by a reader, in a fresh folder."""
    found = run_program(tmp_path, "example.py", program, timeout=RUN_S)
    assert re.search(printed, found, re.MULTILINE), found
