"""Layers of configuration: for every setting, decides which source wins: flag, environment, file or default.

Two rules shape this module. Only the value that wins is converted and checked, so that a flag overrides a mistake in the
file. And mistakes are collected instead of raising at the first one, so that the operator sees all of them together; only
a file that cannot be read at all ends the search at once.
"""

from collections.abc import Mapping

from peerage.config.errors import ConfigError, Mistake, UnfitValueError
from peerage.config.foreign_setting import foreign_variables
from peerage.config.home import Home
from peerage.config.quoting import name_shown, shown
from peerage.config.resolution import Resolution
from peerage.config.sections import SETTINGS
from peerage.config.toml_file import TomlValues, nearest, read_toml_file

# CometBFT looks for these in this order (viper's list); see _preferred_by_cometbft
_KINDS_OF_FILE = (
    "json",
    "toml",
    "yaml",
    "yml",
    "properties",
    "props",
    "prop",
    "hcl",
    "tfvars",
    "dotenv",
    "env",
    "ini",
)

# A variable that begins like this was surely meant for a node, so an unknown one is misspelt. PEERAGE_ alone would also
# cover variables that are no settings, such as PEERAGE_HOME.
_VARIABLE_PREFIXES = (
    "PEERAGE_P2P_",
    "PEERAGE_RPC_",
    "PEERAGE_INSTRUMENTATION_",
    "CMT_P2P_",
    "CMT_RPC_",
)
_RETIRED_VARIABLES = frozenset({"CMT_P2P_UPNP", "PEERAGE_P2P_UPNP"})
# Others that begin with PEERAGE_ may be anybody's: Kubernetes makes PEERAGE_SERVICE_PORT and the like for a service of this
# name. So they have to be this similar to one of ours.
_OURS = "PEERAGE_"
_SURELY = 0.9
# Without effect unless libp2p is enabled, and then the node does not start anyway.
_LIBP2P_PREFIXES = ("CMT_P2P_LIBP2P_", "PEERAGE_P2P_LIBP2P_")


def settle_layers(
    home: Home, flags: Mapping[str, str], environ: Mapping[str, str], *, file_needed: bool
) -> Resolution:
    """Read all sources and decide which wins. An empty variable counts as not set, as in CometBFT.

    Only the values that win are checked: a flag overrides a mistake in the file.
    Raises: ConfigError if the file cannot be read at all, or is missing and needed.
    """
    elsewhere = _preferred_by_cometbft(home)
    try:
        file = _read_file(home, file_needed=file_needed)
    except ConfigError as error:
        raise ConfigError(error.mistakes, elsewhere) from error
    settled = Resolution(warnings=[*elsewhere, *file.warnings], mistakes=list(file.mistakes))
    given = _given_flags(flags, settled)
    for setting in SETTINGS:
        variable = next((name for name in setting.variables if environ.get(name)), None)
        if setting.name in given:
            settled.settle(setting, setting.from_text, given[setting.name], f"flag {setting.flag}")
        elif variable is not None:
            settled.settle(setting, setting.from_text, environ[variable], f"environment {variable}")
        elif setting.name.lower() in file.values:
            raw, source = file.values[setting.name.lower()], f"file {home.config_file}"
            settled.settle(setting, setting.from_toml, raw, source)
            remark = setting.declared.kind.remark(raw)
            if remark and setting.name in settled.values:
                settled.warnings.append(f"{setting.name} ({source}): {remark}")
    settled.warnings += _odd_variables(environ)
    return settled


def settle_network(home: Home, genesis_file: str, settled: Resolution) -> str:
    """The network's name: the setting if it is given, otherwise the genesis file's chain_id, otherwise empty."""
    named: str = settled.values.get("peerage.network", "")
    if named:
        settled.sources["network"] = settled.sources["peerage.network"]
        return named
    path = home.resolve(genesis_file)
    if not path.exists():  # as in most homes, which then need not know how such a file is read
        return ""
    from peerage.config.genesis import read_chain_id

    source = f"file {path}"
    try:
        chain_id = read_chain_id(path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        settled.mistakes.append(Mistake("network", source, error.strerror or str(error), "a readable file"))
    except UnfitValueError as error:
        settled.mistakes.append(Mistake("network", source, shown(error.found), error.allowed))
    else:
        settled.sources["network"] = source
        return chain_id
    return ""


def flag_name(text: str) -> str:
    """The form in which spellings of a flag or a setting's name are compared: p2p.external_address."""
    return text.removeprefix("--").replace("-", "_").lower()


def _read_file(home: Home, *, file_needed: bool) -> TomlValues:
    """The values of config.toml; none if it is missing and not needed. Raises: ConfigError."""
    try:
        return read_toml_file(home.config_file)
    except FileNotFoundError:
        if not file_needed:
            return TomlValues()
        source = f"file {home.config_file}"
        allowed = f"a config.toml: `peerage init --home {home}` writes one"
        raise ConfigError([Mistake("", source, "no such file", allowed)]) from None


def _preferred_by_cometbft(home: Home) -> list[str]:
    """A warning if CometBFT would read another file than we do.

    It tries many file names and takes the first that exists, beginning in the home directory itself. An operator who
    moves to peerage with such a file would otherwise wonder why its settings have no effect.
    Source: viper, the library by which CometBFT's commands find their file.
    """
    names = [home / f"config.{kind}" for kind in _KINDS_OF_FILE]
    names.append(home.config_file.with_suffix(".json"))
    for path in names:
        if path.is_file():
            return [f"{path}: not read; CometBFT would read it instead of {home.config_file}"]
    return []


def _given_flags(flags: Mapping[str, str], settled: Resolution) -> dict[str, str]:
    """Flags by the name of their setting, whether they were given by that name (peerage.network) or as --network."""
    names = {flag_name(setting.flag): setting.name for setting in SETTINGS}
    names |= {flag_name(setting.name): setting.name for setting in SETTINGS}
    given = {}
    for spelling, value in flags.items():
        name = names.get(flag_name(spelling))
        if name is None:
            close = nearest(flag_name(spelling), names)
            allowed = f"a setting's name, such as {close}" if close else "a setting's name"
            settled.mistakes.append(Mistake("", f"flag {name_shown(spelling)}", shown(value), allowed))
        else:
            given[name] = value
    return given


def _odd_variables(environ: Mapping[str, str]) -> list[str]:
    """Warnings about variables that look meant for a node but have no effect: misspelt, or other programs' settings."""
    known = {variable for setting in SETTINGS for variable in setting.variables}
    foreign = {variable: (name, setting) for variable, name, setting in foreign_variables()}
    warnings = []
    for variable in sorted(environ):
        if variable in known or not environ[variable]:
            continue
        if not variable.startswith(_VARIABLE_PREFIXES):
            if variable.startswith(_OURS) and (close := nearest(variable, known, _SURELY)):
                warnings.append(
                    f"{name_shown(variable)} (environment): unknown, ignored; did you mean {close}?"
                )
            continue
        if variable in _RETIRED_VARIABLES:
            continue
        if (others := foreign.get(variable.replace("PEERAGE_", "CMT_", 1))) is not None:
            name, setting = others
            if setting.asks_for(environ[variable]):
                warnings.append(f"{name} (environment {variable}): {setting.about}")
        elif not variable.startswith(_LIBP2P_PREFIXES):
            close = nearest(variable, known)
            hint = f"; did you mean {close}?" if close else ""
            warnings.append(f"{name_shown(variable)} (environment): unknown, ignored{hint}")
    return warnings
