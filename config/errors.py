"""The errors that an operator can cause and correct.

    OperatorError                 something the operator can correct: the command line ends with exit code 2
    ├── ConfigError               one or more settings; carries every mistake found
    ├── HomeError                 the home directory cannot be used
    │   └── HomeInUseError        a node runs in it, or a command is changing its address book
    └── NodeKeyFileError          the node key file
        ├── NodeKeyMissingError   there is none
        ├── NodeKeyExistsError    there is one already, and it is never overwritten
        ├── NodeKeyAccessError    it cannot be read or written, or is not a regular file
        ├── NodeKeyModeError      others than its owner may read or write it
        └── NodeKeyContentError   it does not hold a usable key

UnfitValueError does not leave this package: a kind or a rule raises it, and the caller, who knows the key and the source,
turns it into a Mistake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

from peerage.config.quoting import shown


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with one setting.

    key is the setting's name (`p2p.laddr`), or empty if the whole source is meant. source says where the value comes
    from. found is the value in printable form. allowed says what would have been right, and reason, if there is one,
    what exactly is wrong with the value.
    """

    key: str
    source: str
    found: str
    allowed: str
    reason: str = ""

    def __str__(self) -> str:
        where = f"{self.key}: " if self.key else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{where}found {self.found} ({self.source}){reason}, allowed: {self.allowed}"


class UnfitValueError(ValueError):
    """A value is not what its kind or rule allows; `reason`, if there is one, says what exactly is wrong."""

    def __init__(self, found: object, allowed: str, reason: str = "") -> None:
        super().__init__(found, allowed, reason)
        self.found, self.allowed, self.reason = found, allowed, reason

    def __str__(self) -> str:
        return f"found {shown(self.found)}, allowed: {self.allowed}"


class OperatorError(Exception):
    """Something that the operator can correct."""


class ConfigError(OperatorError):
    """Settings that cannot be used.

    mistakes: all of them, in the order of the settings. warnings: what else looked odd; it may explain a mistake.
    """

    def __init__(self, mistakes: Sequence[Mistake], warnings: Sequence[str] = ()) -> None:
        super().__init__(tuple(mistakes), tuple(warnings))
        self.mistakes, self.warnings = tuple(mistakes), tuple(warnings)

    def __str__(self) -> str:
        if len(self.mistakes) == 1:
            return str(self.mistakes[0])
        return "\n".join(
            [f"{len(self.mistakes)} mistakes in the configuration:", *(f"  {m}" for m in self.mistakes)]
        )


class HomeError(OperatorError):
    """The home directory, or a path in it, cannot be used; `reason` says why."""

    def __init__(self, path: str | PathLike[str], reason: str) -> None:
        super().__init__(str(path), reason)
        self.path, self.reason = str(path), reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class HomeInUseError(HomeError):
    """Another process writes in this home. Two of them would share one node key and one address book.

    Attributes: what holds the home ("a node"), its pid (None if unknown), the address of the node (ID@host:port, empty
    until it listens), its host if that is not ours, and the addresses that it tells peers of another IP family.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        what: str,
        pid: int | None,
        address: str = "",
        host: str = "",
        also: tuple[str, ...] = (),
    ) -> None:
        super().__init__(path, "in use")
        self.args = (str(path), what, pid, address, host, also)
        self.what, self.pid, self.address, self.host, self.also = what, pid, address, host, also
        self.reason = f"in use by {self._who()}; a home that nobody else uses is expected"

    def _who(self) -> str:
        process = "" if self.pid is None else f"process {self.pid}" + (f" on {self.host}" * bool(self.host))
        details = ", ".join(filter(None, (process, self.address)))
        return f"{self.what} ({details})" if details else self.what


class NodeKeyFileError(OperatorError):
    """The node key file at `path` cannot be used."""

    def __init__(self, path: str | PathLike[str], *details: object) -> None:
        super().__init__(str(path), *details)
        self.path = str(path)


class NodeKeyMissingError(NodeKeyFileError):
    """There is no node key file."""

    def __str__(self) -> str:
        return f"{self.path}: no node key file; `peerage init` or `peerage gen-node-key` writes one"


class NodeKeyExistsError(NodeKeyFileError):
    """There is a node key already, which writing another one would destroy."""

    def __str__(self) -> str:
        return f"{self.path}: there is a node key already, and it is never overwritten"


class NodeKeyAccessError(NodeKeyFileError):
    """The system refuses to read or write the file, or it is not a regular file."""

    def __init__(self, path: str | PathLike[str], reason: str) -> None:
        super().__init__(path, reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: node key file: {self.reason}"


class NodeKeyModeError(NodeKeyFileError):
    """The file's mode gives others than its owner access to the private key."""

    def __init__(self, path: str | PathLike[str], mode: int) -> None:
        super().__init__(path, mode)
        self.mode = mode

    def __str__(self) -> str:
        return (
            f"{self.path}: node key file: found mode {self.mode:04o}, expected 0600 or stricter "
            f"(nothing for group and others): `chmod 600` it"
        )


class NodeKeyContentError(NodeKeyFileError):
    """The file does not hold a usable node key."""

    def __init__(self, path: str | PathLike[str], reason: str) -> None:
        super().__init__(path, reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.path}: node key file: {self.reason}; expected "
            '{"priv_key":{"type":"tendermint/PrivKeyEd25519","value":"<base64 of seed and public key>"}}'
        )
