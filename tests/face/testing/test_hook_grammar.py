"""Records that follow the grammar of hooks are accepted, and no others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from peerage.testing import GrammarError, HookCall, check_grammar

Call = tuple[HookCall, HookCall]  # its beginning and its end


def call(
    hook: str, connection: str = "", life: str = "1", channel: int = -1, *, has_failed: bool = False
) -> Call:
    channel = 1 if hook == "receive" and channel < 0 else channel
    peer = connection[:1]
    begin = HookCall(life, hook, connection, peer, channel)
    return begin, HookCall(life, hook, connection, peer, channel, is_end=True, has_failed=has_failed)


def flat(calls: list[Call]) -> list[HookCall]:
    return [half for each in calls for half in each]


@st.composite
def lives(draw: st.DrawFn, name: str) -> list[Call]:
    """What one life of a reactor may look like: each call over before the next one begins."""
    peers = []
    for peer in draw(st.sets(st.sampled_from("abc"))):
        calls: list[Call] = []
        for number in range(draw(st.integers(1, 2))):  # connections, one after the other
            connection = f"{peer}{number}"
            if draw(st.booleans()):
                calls += [call("init_peer", connection, name), call("add_peer", connection, name)]
                calls += [call("receive", connection, name)] * draw(st.integers(0, 3))
            else:
                calls += [call("init_peer", connection, name, has_failed=True)]
            calls += [call("remove_peer", connection, name)]
        peers.append(calls)
    return [call("on_start", life=name), *draw(interleaved(peers)), call("on_stop", life=name)]


@st.composite
def interleaved(draw: st.DrawFn, parts: list[list[Call]]) -> list[Call]:
    """The calls of all parts, each part in its order."""
    rest = [list(part) for part in parts if part]
    merged = []
    while rest:
        part = draw(st.sampled_from(rest))
        merged.append(part.pop(0))
        rest = [each for each in rest if each]
    return merged


@given(first=lives("1"), second=lives("2"), cut=st.floats(0, 1))
def test_what_the_grammar_allows_is_accepted(first: list[Call], second: list[Call], cut: float) -> None:
    """Also if a life ends early, and another one begins while its last words are written."""
    calls = flat(first)
    check_grammar(calls)
    check_grammar(calls[: int(cut * len(calls))] + flat(second))


def without(calls: list[Call], index: int) -> list[Call]:
    return calls[:index] + calls[index + 1 :]


def doubled(calls: list[Call], index: int) -> list[Call]:
    return [*calls[: index + 1], *calls[index:]]


def moved_to_the_front(calls: list[Call], index: int) -> list[Call]:
    return [calls[index], *without(calls, index)]


def moved_to_the_end(calls: list[Call], index: int) -> list[Call]:
    return [*without(calls, index), calls[index]]


BREAKS: list[tuple[Callable[[list[Call], int], list[Call]], set[str]]] = [
    (without, {"on_start", "init_peer", "add_peer"}),
    (doubled, {"on_start", "init_peer", "add_peer", "remove_peer", "on_stop"}),
    (moved_to_the_front, {"init_peer", "add_peer", "receive", "remove_peer", "on_stop"}),
    (moved_to_the_end, {"on_start", "init_peer", "add_peer", "receive", "remove_peer"}),
]


@pytest.mark.parametrize(("change", "hooks"), BREAKS, ids=[change.__name__ for change, _hooks in BREAKS])
@given(data=st.data())
def test_what_the_grammar_does_not_allow_is_refused(
    data: st.DataObject, change: Callable[[list[Call], int], list[Call]], hooks: set[str]
) -> None:
    """A call too few, too many, too early, too late."""
    calls = data.draw(lives("1"))
    places = [index for index, (begin, _end) in enumerate(calls) if begin.hook in hooks]
    assume(places)
    index = data.draw(st.sampled_from(places))
    with pytest.raises(GrammarError):
        check_grammar(flat(change(calls, index)))


BEGUN = [*flat([call("on_start"), call("init_peer", "a"), call("add_peer", "a")])]
RECEIVE, RECEIVED = call("receive", "a")
OTHER, _OTHER_END = call("receive", "a", channel=2)
REMOVE, REMOVED = call("remove_peer", "a")


def test_calls_of_one_channel_overlap_as_far_as_the_class_says() -> None:
    """Those of different channels may."""
    check_grammar([*BEGUN, RECEIVE, OTHER, RECEIVED])
    check_grammar([*BEGUN, RECEIVE, RECEIVE, RECEIVED, RECEIVE], concurrency=2)
    with pytest.raises(GrammarError, match="1 messages of its channel were being handled"):
        check_grammar([*BEGUN, RECEIVE, RECEIVE])


@pytest.mark.parametrize(
    ("calls", "fault"),
    [
        ([*BEGUN, RECEIVE, REMOVE], "before the call before it had returned"),
        ([*BEGUN[:3], call("add_peer", "a")[0]], "before the call before it had returned"),
        ([BEGUN[0], call("init_peer", "a")[0]], "before on_start had returned"),
        ([*BEGUN, *call("init_peer", "a2")], "the peer was still there, on a"),
        ([*BEGUN, RECEIVED], "it had not begun"),
        ([call("on_start")[1]], "it had not begun"),
        ([*call("on_stop")], "it came after nothing"),
        (
            flat([call("on_start"), call("init_peer", "a", has_failed=True), call("add_peer", "a")]),
            "which failed",
        ),
    ],
)
def test_an_error_says_what_is_wrong(calls: list[HookCall], fault: str) -> None:
    """And where."""
    with pytest.raises(GrammarError, match=fault) as raised:
        check_grammar(calls)
    assert str(raised.value).startswith(f"call {raised.value.index}: ")


def test_after_a_failed_message_there_may_be_others_and_then_the_end() -> None:
    """They had been begun."""
    failed = call("receive", "a", has_failed=True)
    check_grammar([*BEGUN, *failed, RECEIVE, RECEIVED, REMOVE, REMOVED])
