from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from peerage.config.errors import UnfitValueError
from peerage.config.rule import NODE_IDS, NOT_NEGATIVE
from peerage.config.setting import Section, auto_number, duration, names, settings_of, text, whole_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Section):
    SECTION: ClassVar[str] = "sample.inner"

    count: int = whole_number(3, "How many", unit="things", rule=NOT_NEGATIVE)
    some_hosts: int = auto_number(lambda: 5, "Hosts")
    pause: float = duration("1m30s", "Pause", key="PauseTime")
    ids: tuple[str, ...] = names("IDs", start_rule=NODE_IDS, flag="--id")
    label: str = text(lambda: "found", "Label", default_text="what is found")


COUNT, HOSTS, PAUSE, IDS, LABEL = settings_of(Sample)


def test_one_declaration_feeds_all() -> None:
    """Names, flags, variables and defaults follow from the declaration."""
    assert [s.name for s in settings_of(Sample)] == [
        "sample.inner.count",
        "sample.inner.some_hosts",
        "sample.inner.PauseTime",
        "sample.inner.ids",
        "sample.inner.label",
    ]
    assert (COUNT.flag, IDS.flag) == ("--sample.inner.count", "--id")
    assert PAUSE.variables == ("PEERAGE_SAMPLE_INNER_PAUSETIME", "CMT_SAMPLE_INNER_PAUSETIME")
    assert [s.default_toml for s in settings_of(Sample)] == ["3", '"auto"', '"1m30s"', '""', '"found"']
    assert [s.default for s in settings_of(Sample)] == [3, 5, 90.0, (), "found"]


def test_rules_hold_for_every_way_in() -> None:
    """A value that breaks the rule is refused from text, TOML and Python alike, with kind and rule in the error."""
    ways: list[tuple[Callable[[Any], Any], object]] = [
        (COUNT.from_text, "-1"),
        (COUNT.from_toml, -1),
        (COUNT.from_python, -1),
    ]
    for read, raw in ways:
        with pytest.raises(UnfitValueError) as caught:
            read(raw)
        assert (caught.value.found, caught.value.allowed) == (raw, "a whole number, 0 or more")


def test_start_rules_wait_for_the_start() -> None:
    """What only a start needs is not a mistake when it is read; each offending item is one at the start."""
    assert IDS.from_text("a,b") == ("a", "b")
    first, second = IDS.start_mistakes(("a", "b"), "here")
    assert (first.key, first.source, first.found, second.found) == (IDS.name, "here", '"a"', '"b"')
    assert COUNT.start_mistakes(3, "here") == []


def test_sections_use_their_defaults() -> None:
    """Fields have their declared defaults."""
    assert Sample() == Sample(count=3, some_hosts=5, pause=90.0, ids=(), label="found")
