"""Every logging call in the sources, found in their syntax trees: event, levels and keys.

A call names its event in the source, directly or as an argument on the way to it. What is passed as `**facts` is followed
to the dictionaries that it is made of. A call that cannot be followed so is an error, which says what to write instead.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from tests.house import ROOMS, Module, modules

LEVELS = {name: name for name in ("debug", "info", "warning", "error", "critical")} | {"exception": "error"}
LOGS = re.compile(r"\blog\.|_log\.|\blogger\(\)|\.say\(")
LOGGERS = ("log", "_log", "logger()")
OWN_WORDS = {"exc_info": "exception"}  # what an argument is called in the line
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Event:
    """All calls that log one event."""

    levels: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)


class UnreadableCallError(Exception):
    """A logging call whose event or keys are not in the source."""


@dataclass(frozen=True)
class Place:
    """A call in a syntax tree, with the function and the module around it, and by which call that function was entered, if
    that matters.
    """

    node: ast.Call
    function: Function | None
    module: Module
    caller: Place | None = None

    def __str__(self) -> str:
        return f"{self.module.name}:{self.node.lineno}"


@dataclass
class _Index:
    """What is in one module."""

    calls: list[Place] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)


class Sources:
    """The modules of the rooms. Those are looked into that log something, or that something leads to from there."""

    def __init__(self, sources: Iterable[Module]) -> None:
        self._modules = tuple(sources)
        self._indexes: dict[str, _Index] = {}

    def _index(self, module: Module) -> _Index:
        if module.name not in self._indexes:
            self._indexes[module.name] = index = _Index()
            _enter(index, module, module.tree, None)
        return self._indexes[module.name]

    def _calls(self, name: str) -> Iterator[Place]:
        for module in self._modules:
            if f"{name}(" in module.text:
                yield from (call for call in self._index(module).calls if _called(call.node) == name)

    def _functions(self, name: str) -> list[tuple[Function, Module]]:
        found = [module for module in self._modules if f"def {name}(" in module.text]
        return [(each, of) for of in found for each in self._index(of).functions if each.name == name]

    def events(self) -> dict[str, Event]:
        """Return what can be logged. Raises: UnreadableCallError."""
        found: dict[str, Event] = {}
        logging = [module for module in self._modules if LOGS.search(module.text)]
        for place in [call for module in logging for call in self._index(module).calls]:
            levels, event, common = _logged(place)
            if not levels:
                continue
            for way in self._ways_to(place, event):
                for name in self._texts(event, way):
                    entry = found.setdefault(name, Event())
                    entry.levels |= levels
                    entry.keys |= self._keys_of(way, common)
                    entry.places.add(str(place))
        return found

    def _ways_to(self, place: Place, event: ast.expr) -> Iterator[Place]:
        """If a function is handed the event, one for each of its callers: what else they hand over belongs to that event."""
        function = place.function
        match event:
            case ast.Name(id=name) if function is not None and name in _parameters(function):
                for value, caller in self._given(function, name, place.module):
                    for way in self._ways_to(caller, value):
                        yield replace(place, caller=way)
            case _:
                yield place

    def _keys_of(self, place: Place, common: ast.expr | None) -> set[str]:
        keys: set[str] = set()
        for keyword in place.node.keywords:
            keys |= {keyword.arg} if keyword.arg else self._keys(keyword.value, place)
        if isinstance(place.node.func, ast.Attribute) and place.node.func.attr == "exception":
            keys.add("exc_info")
        return {OWN_WORDS.get(key, key) for key in keys}

    def _texts(self, node: ast.expr, place: Place) -> set[str]:
        """The texts that an expression can be."""
        match node:
            case ast.Constant(value=str() as text):
                return {text}
            case ast.IfExp():
                return self._texts(node.body, place) | self._texts(node.orelse, place)
            case ast.Name():
                found: set[str] = set()
                for value, where in self._values(node, place):
                    found |= self._texts(value, where)
                return found
        raise UnreadableCallError(f"{place}: write the event out, not as {ast.unparse(node)}")

    def _keys(self, node: ast.expr, place: Place) -> set[str]:
        """The keys that a dictionary can have."""
        match node:
            case ast.Dict():
                return {
                    key
                    for pair in zip(node.keys, node.values, strict=True)
                    for key in self._entry(*pair, place)
                }
            case ast.IfExp():
                return self._keys(node.body, place) | self._keys(node.orelse, place)
            case ast.BinOp(op=ast.BitOr()):
                return self._keys(node.left, place) | self._keys(node.right, place)
            case ast.Call(func=ast.Name(id=name)) if self._functions(name):
                return self._returned(name, place)
            case ast.Name():
                found = _set_later(node, place)
                for value, where in self._values(node, place):
                    found |= self._keys(value, where)
                return found
        raise UnreadableCallError(f"{place}: write the keys out, not as **{ast.unparse(node)}")

    def _entry(self, key: ast.expr | None, value: ast.expr, place: Place) -> set[str]:
        if key is None:
            return self._keys(value, place)
        return self._texts(key, place)

    def _returned(self, name: str, caller: Place) -> set[str]:
        found: set[str] = set()
        for function, module in self._functions(name):
            if name.startswith("_") and module is not caller.module:
                continue
            for node in _own(function):
                if isinstance(node, ast.Return) and node.value is not None:
                    call = ast.Call(node.value, [], [], lineno=node.lineno)
                    found |= self._keys(node.value, Place(call, function, module))
        return found

    def _values(self, name: ast.Name, place: Place) -> Iterator[tuple[ast.expr, Place]]:
        """What a name may stand for: what its function assigns to it, what callers give for it, or the module's."""
        function = place.function
        if values := _assigned(name.id, function):
            yield from ((value, place) for value in values)
        elif function is not None and name.id in _parameters(function) and place.caller is not None:
            yield from ((value, place.caller) for value in _argument(place.caller.node, function, name.id))
        elif function is not None and name.id in _parameters(function):
            yield from self._given(function, name.id, place.module)
        elif values := _assigned(name.id, place.module.tree):
            yield from ((value, place) for value in values)
        else:
            raise UnreadableCallError(f"{place}: {name.id} is not set where it is used")

    def _given(self, function: Function, parameter: str, module: Module) -> Iterator[tuple[ast.expr, Place]]:
        for call in self._calls(function.name):
            if function.name.startswith("_") and call.module is not module:
                continue
            for value in _argument(call.node, function, parameter):
                yield value, call


def _enter(index: _Index, module: Module, node: ast.AST, function: Function | None) -> None:
    for child in ast.iter_child_nodes(node):
        inside = function
        if isinstance(child, Function):
            index.functions.append(child)
            inside = child
        if isinstance(child, ast.Call):
            index.calls.append(Place(child, function, module))
        _enter(index, module, child, inside)


def _logged(place: Place) -> tuple[set[str], ast.expr, ast.expr | None]:
    """Levels, event and the facts of its group, if this call logs anything."""
    call = place.node
    nothing: tuple[set[str], ast.expr, None] = (set(), call, None)
    if place.function is not None and place.function.name in LEVELS:
        return nothing  # a logger's own method, which passes on what it is given
    match call:
        case ast.Call(func=ast.Attribute(attr="say"), args=[how, event, _subject, common]):
            return _levels(how, place), event, common
        case ast.Call(func=ast.Attribute() | ast.Name(), args=[event]):
            return _levels(call.func, place), event, None
    return nothing


def _levels(node: ast.expr, place: Place) -> set[str]:
    """The levels of an expression that is a logger's method."""
    match node:
        case ast.Attribute(attr=name) if name in LEVELS and _is_logger(node.value):
            return {LEVELS[name]}
        case ast.IfExp():
            return _levels(node.body, place) | _levels(node.orelse, place)
        case ast.Name(id=name) if place.function is not None:
            return {level for value in _assigned(name, place.function) for level in _levels(value, place)}
    return set()


def _is_logger(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="bind", value=value)):
            return _is_logger(value)
        case ast.Attribute(attr=attr):
            return attr in LOGGERS
    return ast.unparse(node) in LOGGERS


@cache
def _assigned(name: str, scope: ast.AST | None) -> list[ast.expr]:
    """What is assigned to a name directly in a function or module."""
    if scope is None:
        return []
    found: list[ast.expr] = []
    for node in ast.walk(scope) if isinstance(scope, Function) else ast.iter_child_nodes(scope):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    found += _pairs(name, target, value)
            case ast.AnnAssign(target=ast.Name(id=found_name), value=ast.expr() as value) if (
                found_name == name
            ):
                found.append(value)
    return found


def _pairs(name: str, target: ast.expr, value: ast.expr) -> list[ast.expr]:
    match target, value:
        case ast.Name(id=found), _ if found == name:
            return [value]
        case ast.Tuple(elts=targets), ast.Tuple(elts=values):
            return [
                found for each, of in zip(targets, values, strict=False) for found in _pairs(name, each, of)
            ]
    return []


def _set_later(name: ast.Name, place: Place) -> set[str]:
    """The keys that are set in a dictionary of this name."""
    found: set[str] = set()
    for node in ast.walk(place.function) if place.function is not None else ():
        match node:
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id=of), slice=ast.Constant(value=str() as key))]
            ):
                found |= {key} if of == name.id else set()
    return found


def _argument(call: ast.Call, function: Function, parameter: str) -> Iterator[ast.expr]:
    """What a call hands over as this parameter, if anything."""
    yield from (keyword.value for keyword in call.keywords if keyword.arg == parameter)
    position = [each for each in _parameters(function) if each not in {"self", "cls"}].index(parameter)
    yield from call.args[position : position + 1]


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a function but those of functions in it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, Function):
            yield from _own(child)


def _parameters(function: Function) -> list[str]:
    arguments = function.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def events() -> dict[str, Event]:
    """Return every event that the sources can log. Raises: UnreadableCallError."""
    return Sources(module for module in modules() if module.name.partition("/")[0] in ROOMS).events()
