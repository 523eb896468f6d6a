"""Why peers are lost: one word each."""

from __future__ import annotations

from peerage.actors.loss import LossReason
from peerage.actors.refusal import RefusalReason


def test_a_word_that_refusals_have_too_means_the_same() -> None:
    assert {*LossReason} & {*map(str, RefusalReason)} == {LossReason.BANNED}
