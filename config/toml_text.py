"""Changes config.toml as its operator would: comments, order and spelling of everything else stay as they are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, TypeAlias

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Comment, InlineTable, Item, Key, SingleKey, Table, Trivia

from peerage.config.toml_file import plain_key

__all__ = ["TomlText", "UneditableError"]

_ASIDE = "# "
_LINE_END = re.compile(r"\r?\n")
_Body: TypeAlias = "list[tuple[Key | None, Item]]"


class UneditableError(ValueError):
    """The text is none of TOML, or its form leaves no place for the change."""


class TomlText:
    """A TOML document as text. Keys and sections are found in any case, with hyphens or underscores.

    Raises: UneditableError.
    """

    def __init__(self, text: str) -> None:
        self._is_of_windows = 0 < text.count("\n") == text.count("\r\n")
        try:
            self._document = tomlkit.parse(text)
        except (TOMLKitError, RecursionError) as error:
            raise UneditableError(str(error)) from error

    @property
    def text(self) -> str:
        """The document with all changes. Raises: UneditableError."""
        text = tomlkit.dumps(self._document)
        if self._is_of_windows:  # then new lines end as all others do
            text = _LINE_END.sub("\r\n", text)
        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UneditableError(str(error)) from error
        return text

    def keys(self, section: str) -> list[str]:
        """The keys of a section as they are spelt there, its subsections left out."""
        return [key.key for _, _, key, item in self._entries(section) if not _is_table(item)]

    def value(self, section: str, spelling: str) -> Any:
        """The value of a key. Args: spelling, as in `keys`."""
        return next(item.unwrap() for _, _, key, item in self._entries(section) if key.key == spelling)

    def put(self, section: str, key: str, value: str) -> None:
        """Give a key a value: where it is, or behind the last one of its section, which is made if it is missing.

        Args: section, empty for what stands before the first one; value, as TOML writes it.
        Raises: UneditableError.
        """
        item = tomlkit.value(value)
        there = [
            (body, at, found, old)
            for body, at, found, old in self._entries(section)
            if plain_key(found.key) == key.lower() and not _is_table(old)
        ]
        if there:
            body, at, found, old = min(there, key=lambda entry: "-" in entry[2].key)  # a_b counts before a-b
            _dress(item, old.trivia)
            body[at] = (found, item)
            return
        if not self._bodies(section):
            self._make(section)
        _insert(self._bodies(section)[0], key, item)

    def rename(self, section: str, spelling: str, key: str) -> None:
        """Give a key another name. Args: spelling, as in `keys`."""
        for body, at, found, item in self._entries(section):
            if found.key == spelling:
                blanks = found.as_string()[len(found.as_string().rstrip()) :]
                body[at] = (SingleKey(key, sep=found.sep, original=key + blanks), item)

    def set_aside(self, section: str, spelling: str) -> None:
        """Turn a key and its value into a comment, so that nothing is lost. Args: spelling, as in `keys`."""
        for body, at, found, item in self._entries(section):
            if found.key == spelling:
                trivia = item.trivia
                said = f"{found.as_string()}{found.sep}{item.as_string()}{trivia.comment_ws}{trivia.comment}"
                comment = f"\n{trivia.indent}".join(f"{_ASIDE}{line}" for line in said.splitlines())
                body[at] = (None, Comment(Trivia(trivia.indent, "", comment, trivia.trail)))

    def _entries(self, section: str) -> list[tuple[_Body, int, Key, Item]]:
        """Everything in a section that has a key, and where it stands."""
        return [(body, at, key, item) for body in self._bodies(section) for at, key, item in _keyed(body)]

    def _bodies(self, section: str) -> list[_Body]:
        """What stands in a section: several parts, if others stand between them. Those with keys of their own come first."""
        bodies = [self._document.body]
        for step in filter(None, section.split(".")):
            tables = [
                item
                for body in bodies
                for _, key, item in _keyed(body)
                if plain_key(key.key) == step and isinstance(item, (Table, InlineTable))
            ]
            tables.sort(key=lambda table: isinstance(table, Table) and bool(table.is_super_table()))
            bodies = [table.value.body for table in tables]
        return bodies

    def _make(self, section: str) -> None:
        """Add a section at the end."""
        text = tomlkit.dumps(self._document)
        gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
        try:
            self._document = tomlkit.parse(f"{text}{gap}[{section}]\n")
        except TOMLKitError as error:
            raise UneditableError(str(error)) from error


def _keyed(body: _Body) -> Iterator[tuple[int, Key, Item]]:
    for at, (key, item) in enumerate(body):
        if key is not None:
            yield at, key, item


def _is_table(item: object) -> bool:
    return isinstance(item, (Table, InlineTable, AoT))


def _dress(item: Item, trivia: Trivia) -> None:
    """Give a value the comment and the blanks of the one whose place it takes."""
    for name in ("indent", "comment_ws", "comment", "trail"):
        setattr(item.trivia, name, getattr(trivia, name))


def _insert(body: _Body, key: str, item: Item) -> None:
    """Behind the last key, and before the comments that belong to what comes next."""
    at = 0
    for index, _, other in _keyed(body):
        if not _is_table(other):
            at = index + 1
            if not other.trivia.trail.endswith("\n"):
                other.trivia.trail = "\n"
    item.trivia.trail = "\n"
    body.insert(at, (tomlkit.key(key), item))
