"""Declarations of settings. Everything else is derived from them: TOML, flags, environment, help, docs, config.toml.

A section is a frozen dataclass whose fields are declared with `text`, `names`, `switch`, `whole_number`, `real` and
`duration`. `settings_of(section)` returns the declarations, bound to the section.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Generic, TypeVar, cast

from peerage.config.duration import NANOSECONDS_PER_SECOND, parse_duration
from peerage.config.errors import ConfigError, Mistake, UnfitValueError
from peerage.config.kind import (
    DURATION,
    NAMES,
    NAMES_ARRAY,
    REAL,
    SWITCH,
    TEXT,
    WHOLE_NUMBER,
    Kind,
    WholeNumberOrAuto,
)
from peerage.config.quoting import quoted, shown
from peerage.config.rule import Rule

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration(Generic[T]):
    """What a section declares about one of its fields.

    about: what the setting does, in one or more sentences, without the last full stop.
    default: the value, or a callable that finds it on this machine; then default_text says what it finds.
    rule: must hold as soon as the value is read. start_rule: what a node needs beyond that, checked before it starts.
    normal: converts a value that can be written in several ways to a single form.
    key: the spelling in the file, by default the field's name. flag: the flag, by default made from section and key.
    """

    kind: Kind[T]
    default: T | Callable[[], T]
    about: str
    unit: str = ""
    default_text: str = ""
    rule: Rule[T] | None = None
    start_rule: Rule[T] | None = None
    normal: Callable[[T], T] | None = None
    key: str = ""
    flag: str = ""
    repeatable: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """A declaration bound to its section and attribute."""

    section: str
    attribute: str
    declared: Declaration[T]

    @property
    def key(self) -> str:
        """The key in the setting's section of the file."""
        return self.declared.key or self.attribute

    @property
    def name(self) -> str:
        """The full name: `p2p.laddr`, `moniker`."""
        return f"{self.section}.{self.key}" if self.section else self.key

    @property
    def flag(self) -> str:
        """The flag as --help shows it. On the command line hyphens and underscores are equivalent."""
        if self.declared.flag:
            return self.declared.flag
        if self.section in {"", "peerage"}:
            return "--" + self.key.replace("_", "-")
        return f"--{self.name}"

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that are read; the first one wins."""
        if self.section == "peerage":
            return (f"PEERAGE_{self.key.upper()}",)
        suffix = self.name.replace(".", "_").upper()
        return f"PEERAGE_{suffix}", f"CMT_{suffix}"

    @property
    def allowed(self) -> str:
        """All requirements on the value, in words."""
        rules = (self.declared.rule, self.declared.start_rule)
        return ", ".join([self.declared.kind.allowed, *(rule.allowed for rule in rules if rule)])

    @property
    def default(self) -> T:
        """The default on this machine."""
        default = self.declared.default
        return default() if callable(default) else default

    @property
    def default_toml(self) -> str:
        """The default as config.toml shows it."""
        if isinstance(self.declared.kind, WholeNumberOrAuto):
            return quoted("auto")
        return self.declared.kind.to_toml(self.default)

    def from_toml(self, raw: object) -> T:
        """Read the value of a TOML key. Raises: UnfitValueError."""
        return self._ruled(self.declared.kind.from_toml(raw), raw)

    def from_text(self, text: str) -> T:
        """Read the value of a flag or environment variable. Raises: UnfitValueError."""
        return self._ruled(self.declared.kind.from_text(text), text)

    def from_python(self, value: object) -> T:
        """Read the value that an embedder passed. Raises: UnfitValueError."""
        return self._ruled(self.declared.kind.from_python(value), value)

    def start_mistakes(self, value: T, source: str) -> list[Mistake]:
        """The mistakes that keep a node from starting with this value, one per offending item."""
        rule = self.declared.start_rule
        if rule is None:
            return []
        is_span = self.declared.kind is DURATION  # which is seconds, and nobody writes that
        return [
            Mistake(
                self.name,
                source,
                DURATION.to_toml(cast("float", item)) if is_span else shown(item),
                rule.allowed,
                rule.reason(item),
            )
            for item in rule.offenders(value)
        ]

    def _ruled(self, value: T, found: object) -> T:
        rule = self.declared.rule
        if rule is not None and any(True for _ in rule.offenders(value)):
            raise UnfitValueError(found, self.allowed)
        return value if self.declared.normal is None else self.declared.normal(value)


class Section:
    """Base class of the sections. A section that exists is valid.

    Raises: ConfigError, from the constructor, with every value that is not allowed.
    """

    __slots__ = ()
    SECTION: ClassVar[str]

    def __post_init__(self) -> None:
        mistakes = []
        for setting in settings_of(type(self)):
            value = getattr(self, setting.attribute)
            try:
                object.__setattr__(self, setting.attribute, setting.from_python(value))
            except UnfitValueError as error:
                found = shown(error.found)
                mistakes.append(Mistake(setting.name, "argument", found, error.allowed, error.reason))
        if mistakes:
            raise ConfigError(mistakes)


def settings_of(section: type[Section]) -> tuple[Setting[Any], ...]:
    """The settings that a section declares, in order, without those of its subsections."""
    return tuple(
        Setting(section.SECTION, each.name, each.metadata["declaration"])
        for each in fields(cast("Any", section))
        if "declaration" in each.metadata
    )


def text(default: str | Callable[[], str], about: str, **more: Any) -> str:
    """Declare a string."""
    return _declared(TEXT, default, about, more)


def names(about: str, **more: Any) -> tuple[str, ...]:
    """Declare a comma-separated list, empty by default."""
    return _declared(NAMES, (), about, more)


def names_array(default: tuple[str, ...], about: str, **more: Any) -> tuple[str, ...]:
    """Declare a list that is an array of strings in the file."""
    return _declared(NAMES_ARRAY, default, about, more)


def switch(default: bool, about: str, **more: Any) -> bool:
    """Declare a boolean."""
    return _declared(SWITCH, default, about, more)


def whole_number(default: int, about: str, **more: Any) -> int:
    """Declare an integer."""
    return _declared(WHOLE_NUMBER, default, about, more)


def auto_number(default: Callable[[], int], about: str, **more: Any) -> int:
    """Declare an integer whose default is found on this machine."""
    return _declared(WholeNumberOrAuto(default), default, about, more)


def real(default: float, about: str, **more: Any) -> float:
    """Declare a floating-point number."""
    return _declared(REAL, default, about, more)


def duration(default: str, about: str, **more: Any) -> float:
    """Declare a span of time, its default in Go's notation; its value is in seconds."""
    return _declared(DURATION, parse_duration(default) / NANOSECONDS_PER_SECOND, about, more)


def _declared(kind: Kind[T], default: T | Callable[[], T], about: str, more: dict[str, Any]) -> T:
    """A dataclass field, typed as its value, so that `laddr: str = text(...)` passes the type checker."""
    declaration = Declaration(kind=kind, default=default, about=about, **more)
    metadata = {"declaration": declaration}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)
