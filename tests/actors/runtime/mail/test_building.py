"""Definitions of another process are put together whole, or not at all."""

from __future__ import annotations

import linecache
import pickle
import threading
from typing import Any

import pytest

from peerage.actors.runtime.mail import building
from peerage.actors.runtime.mail.building import known, make_cached, make_code, make_property
from peerage.actors.runtime.mail.definitions import news, registry
from peerage.actors.runtime.mail.pickling import dumps


def test_a_definition_that_cannot_be_read_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a class would be worse than none: the next message builds it anew."""
    body, identity = _of_another_process()
    with monkeypatch.context() as patched:
        patched.setattr(building, "fill_class", _fail)
        with pytest.raises(ImportError):
            pickle.loads(body)
    assert identity not in registry.by_identity
    assert pickle.loads(body)().name() == "Local"
    assert identity in registry.by_identity


def test_nobody_sees_a_class_that_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads get the first messages of a class at once: the second waits until the first has built it."""
    body, _ = _of_another_process()
    seen: list[Any] = []
    second = threading.Thread(target=lambda: seen.append(pickle.loads(body)().name()))
    fill = building.fill_class

    def fill_slowly(*args: Any) -> None:
        second.start()
        second.join(0.1)
        fill(*args)

    monkeypatch.setattr(building, "fill_class", fill_slowly)
    cls = pickle.loads(body)
    second.join(5.0)
    assert seen == ["Local"]
    assert pickle.loads(body) is cls


def _of_another_process() -> tuple[bytes, bytes]:
    class Local:
        def name(self) -> str:
            return Local.__name__

    body = dumps(Local)
    definition = registry.by_id[id(Local)]
    registry.forget(definition)  # as if it had never been here
    return body, definition.identity


def _fail(*_: Any) -> None:
    raise ImportError


def test_a_definition_that_is_kept_and_comes_again_is_news() -> None:
    """Whoever has sent it need not send it again."""
    body, identity = _of_another_process()
    pickle.loads(body)
    registry.by_identity[identity].kept = registry.by_identity[identity].weak()
    news.clear()
    pickle.loads(body)
    assert news == {identity}
    news.clear()


def test_an_identity_without_its_definition_is_refused_where_it_is_not_known() -> None:
    """Its sender believed that this process keeps it."""
    with pytest.raises(pickle.UnpicklingError, match="does not keep"):
        known(b"never heard of", b"")


def test_code_that_stands_in_no_file_brings_its_lines() -> None:
    """A traceback shows them."""
    code = compile("1 / 0", "<cell 1 of another process>", "eval")
    args = (
        *(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_nlocals),
        *(code.co_stacksize, code.co_flags, code.co_code, code.co_consts, code.co_names),
        *(code.co_varnames, code.co_filename, code.co_name, code.co_qualname, code.co_firstlineno),
        *(code.co_linetable, code.co_exceptiontable, code.co_freevars, code.co_cellvars),
    )
    made = make_code(args, code.co_filename, ("1 / 0\n",))
    assert made == code
    assert linecache.getline(code.co_filename, 1) == "1 / 0\n"


def test_caches_are_made_anew() -> None:
    """Empty ones, with the parameters of those at home."""
    cached = make_cached(abs, {"maxsize": 7, "typed": True})
    assert cached(-1) == 1
    assert cached.cache_parameters() == {"maxsize": 7, "typed": True}

    class Holder:
        value = make_property(lambda _self: [1], "value")

    holder = Holder()
    assert holder.value is holder.value
