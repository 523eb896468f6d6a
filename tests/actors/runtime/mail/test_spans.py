"""Which parts of a stretch of memory are free."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.runtime.mail.spans import Spans

EDGE = st.integers(0, 40)
STEPS = st.lists(st.tuples(st.booleans(), EDGE, st.integers(1, 12), EDGE))


@given(STEPS)
def test_it_holds_what_a_set_of_numbers_would(steps: list[tuple[bool, int, int, int]]) -> None:
    """In as few spans as there can be, in order; and it finds room where the first is."""
    spans, numbers = Spans(5, 15), set(range(5, 15))
    for is_added, start, size, probe in steps:
        span = set(range(start, start + size))
        if is_added:
            spans.add(start, start + size)
            numbers |= span
        else:
            assert spans.remove(start, start + size) is bool(numbers & span)
            numbers -= span
        assert spans.has_any(probe, probe + 3) is bool(numbers & set(range(probe, probe + 3)))
        found = list(spans)
        assert {number for each in found for number in range(*each)} == numbers
        assert all(one[1] < other[0] for one, other in itertools.pairwise(found))
        fits = [at for at in sorted(numbers) if numbers >= set(range(at, at + size))]
        assert spans.lowest(size) == (fits[0] if fits else None)
