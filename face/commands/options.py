"""Options that several commands share: --home, and a flag for every setting."""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

import click

from peerage.commands.exit_status import MistakeError
from peerage.config.home import DEFAULT, VARIABLE, Home

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from peerage.config.setting import Setting

F = TypeVar("F", bound=Callable[..., Any])

_HOME = "peerage.home"
_FLAGS = "peerage.flags"


def group_home_option(function: F) -> F:
    """Adds --home in front of the command's name, where CometBFT allows it."""

    def remember(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        ctx.meta[_HOME] = _named(value)

    return click.option(
        "--home",
        metavar="DIR",
        expose_value=False,
        callback=remember,
        help=f"Home directory; may also be given after the command.  [default: {VARIABLE}, else {DEFAULT}]",
    )(function)


def home_option(function: F) -> F:
    """Adds --home; the command gets it as `home`, a Home."""

    def find(ctx: click.Context, _param: click.Parameter, value: str | None) -> Home:
        return Home.find(_named(value) or ctx.meta.get(_HOME))

    return click.option(
        "--home",
        metavar="DIR",
        callback=find,
        help=f"Home directory.  [default: {VARIABLE}, else {DEFAULT}]",
    )(function)


def _named(home: str | None) -> str | None:
    if (
        home == ""
    ):  # most likely a shell variable that is not set, so falling back to the default home would be wrong
        raise click.BadParameter('found "", allowed: a directory')
    return home


class SettingName(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click
    """The name of a setting, in any case, with hyphens or underscores. The command gets the Setting."""

    name = "setting"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Setting[Any]:
        """The setting. Raises: MistakeError."""
        from peerage.config.sections import SETTINGS
        from peerage.config.toml_file import nearest

        spelt = value.replace("-", "_").lower()
        names = {setting.name.lower(): setting for setting in SETTINGS}
        found = names.get("peerage.network" if spelt == "network" else spelt)
        if found is None:
            close = nearest(spelt, [setting.name for setting in SETTINGS])
            hint = f"; did you mean {close}?" if close else ""
            raise MistakeError(f"KEY: found {value!r}, allowed: a setting, like p2p.laddr{hint}")
        return found

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The settings' names."""
        from click.shell_completion import CompletionItem

        from peerage.config.sections import SETTINGS

        return [
            CompletionItem(setting.name, help=setting.declared.about)
            for setting in SETTINGS
            if setting.name.startswith(incomplete) and not setting.declared.hidden
        ]


class SettingOption(click.Option):
    """The flag of a setting. Its value becomes one of the flags that `settings_options` passes to the command, as text."""

    def __init__(self, setting: Setting[Any]) -> None:
        from peerage.config.kind import Switch

        self.setting = setting
        declared = setting.declared
        # as with Go's flags, a switch needs no value: --p2p.pex means --p2p.pex=true
        lone: dict[str, Any] = (
            {"is_flag": False, "flag_value": "true"} if isinstance(declared.kind, Switch) else {}
        )
        super().__init__(
            [f"setting_{setting.name.replace('.', '_')}", setting.flag],
            metavar=declared.kind.metavar,
            multiple=declared.repeatable,
            hidden=declared.hidden,
            expose_value=False,
            callback=self._remember,
            type=str,
            help=_help(setting),
            **lone,
        )

    def _remember(
        self, ctx: click.Context, _param: click.Parameter, value: str | tuple[str, ...] | None
    ) -> None:
        if value is None or value == ():
            return
        text = value if isinstance(value, str) else ",".join(value)
        ctx.meta.setdefault(_FLAGS, {})[self.setting.name] = text


class PagedCommand(click.Command):
    """A command whose --help is longer than a screen: on a terminal that it does not fit, a pager shows it."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Like click's."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


def _show_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    text = ctx.get_help()
    if _is_terminal() and text.count("\n") >= shutil.get_terminal_size().lines:
        click.echo_via_pager(text + "\n")
    else:
        click.echo(text)
    ctx.exit()


def _is_terminal() -> bool:
    return sys.stdout.isatty()


class SettingsCommand(PagedCommand):
    """A command whose --help lists its own options first, and then the settings' flags by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options."""
        params = self.get_params(ctx)
        own = [param.get_help_record(ctx) for param in params if not isinstance(param, SettingOption)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in own if record])
        settings = [param for param in params if isinstance(param, SettingOption)]
        for section, options in groupby(settings, key=lambda option: option.setting.section):
            records = [record for option in options if (record := option.get_help_record(ctx))]
            if records:
                with formatter.section(f"Settings of [{section}]" if section else "Settings"):
                    formatter.write_dl(records)


def settings_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds a flag for every setting; the command gets those that were given as `flags`, texts by name of setting."""
    from peerage.config.sections import SETTINGS  # half of the commands have no such flags

    @click.pass_context
    def with_flags(ctx: click.Context, *args: Any, **kwargs: Any) -> Any:
        return ctx.invoke(function, *args, flags=dict(ctx.meta.get(_FLAGS, {})), **kwargs)

    wrapped: Any = functools.update_wrapper(with_flags, function)
    params: list[click.Parameter] = getattr(function, "__click_params__", [])
    # click collects parameters from the innermost decorator outwards, and reverses them at the end
    wrapped.__click_params__ = [*params, *(SettingOption(setting) for setting in reversed(SETTINGS))]
    return wrapped  # type: ignore[no-any-return]  # a function, whatever update_wrapper is typed as


def _help(setting: Setting[Any]) -> str:
    declared = setting.declared
    default = declared.default_text or setting.default_toml
    unit = f" {declared.unit}" if declared.unit else ""
    return f"{declared.about}.  [default: {default}{unit}; env: {setting.variables[0]}]"
