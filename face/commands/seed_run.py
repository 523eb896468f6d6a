"""Does what the command `peerage seed` is asked for."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listening import ListenFailedError
from peerage.actors.private_memory import close_memory
from peerage.actors.runtime.log import get_logger
from peerage.actors.runtime.processes.title import set_title
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import warn
from peerage.commands.printing import print_line
from peerage.commands.service_manager import ServiceManager
from peerage.config.chains import ChainTable, chains_file, parse_chain, read_chains
from peerage.config.errors import UnfitValueError
from peerage.config.home import Home
from peerage.config.home_lock import HomeLock
from peerage.config.listen_address import ListenAddress
from peerage.config.logging import LogSettings, set_up_logging
from peerage.config.quoting import shown
from peerage.supervisors.chains.chain_plan import ChainPlan, check_ports, make_home, plan_chains
from peerage.supervisors.chains.chain_process import command_of
from peerage.supervisors.chains.endpoint import ChainsEndpoint
from peerage.supervisors.chains.keeper import ChainKeeper, KeptChain
from peerage.supervisors.node.stop_request import StopRequest

if TYPE_CHECKING:
    from starlette.types import ASGIApp

log = get_logger("peerage.chains")

MOST_SCRAPERS = 64  # connections; as of a node's metrics
MOST_SCRAPES = 3  # at once
MOST_READERS = 256  # connections: a page has one for events, and a few to ask


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line says; the names are those of the command's options. Args: file, `--chains`."""

    flags: Mapping[str, str]
    chains: Sequence[str] = ()
    file: Path | None = None
    port: int | None = None
    metrics: str | None = None
    dashboard_at: str | None = None
    shared_key: bool = False

    def table(self, home: Home) -> ChainTable:
        """What file and command line say, the latter before the former. Raises: ConfigError; MistakeError."""
        try:
            table = read_chains(self.file or chains_file(home))
        except FileNotFoundError:
            if self.file is not None:
                raise MistakeError(
                    f"--chains: found {shown(str(self.file))}, and there is no such file"
                ) from None
            table = ChainTable()
        warn(*table.warnings)
        try:
            given = list(map(parse_chain, self.chains))
        except UnfitValueError as error:
            raise MistakeError(f"--chain: {error}") from error
        for chain, count in Counter(chain.id for chain in given).items():
            if count > 1:
                allowed = f"once, with commas between its seeds: {chain}=ID@host:port,ID@host:port"
                raise MistakeError(f"--chain: found {shown(chain)} {count} times, allowed: {allowed}")
        table = table.with_chains(given)
        return replace(
            table,
            port=table.port if self.port is None else self.port,
            shared_key=self.shared_key or table.shared_key,
            metrics=table.metrics if self.metrics is None else self.metrics,
            dashboard_at=table.dashboard_at if self.dashboard_at is None else self.dashboard_at,
        )


def run_seed(home: Home, wishes: Wishes) -> None:
    """Keep the chains until a stop is requested. Raises: MistakeError, FailureError; ConfigError."""
    manager = ServiceManager.of(os.environ)
    table = wishes.table(home)
    plans = plan_chains(home, table, wishes.flags)
    for plan in plans:
        warn(*(f"chain {plan.id}: {warning}" for warning in plan.config.warnings))
    settings = plans[0].config
    set_up_logging(LogSettings(settings.log_level, settings.log_format))
    if any(plan.config.peerage.private_memory for plan in plans):
        close_memory()  # the keys are read next
    with HomeLock(home, "a seed of several chains"):
        check_ports(plans, table)
        for plan in plans:
            make_home(plan)
        set_title("peerage[seed]", f"chains: {shlex.join(sys.argv)}", short="chains")
        with StopRequest() as stop:
            stop.heed_signals()
            _run(plans, table, stop, manager)


def _run(plans: Sequence[ChainPlan], table: ChainTable, stop: StopRequest, manager: ServiceManager) -> None:
    """Keep the chains until a stop is requested, or none of them lives. Raises: FailureError, MistakeError."""
    keeper = ChainKeeper(
        [KeptChain(plan.id, command_of(plan.arguments), plan.home.path) for plan in plans],
        on_up=lambda chain, address: print_line(f"{chain} {address}"),
        on_end=stop.ask,
    )
    endpoints = _endpoints(plans, table, keeper)
    metrics, dashboard = endpoints.get("metrics"), endpoints.get("dashboard")
    facts = {} if metrics is None else {"metrics": metrics.address}
    pages = {} if dashboard is None else {"dashboard": dashboard.address}
    log.info("seed started", chains=" ".join(plan.id for plan in plans), **facts, **pages)
    try:
        keeper.start()
        manager.ready(f"{len(plans)} chains")
        stop.on_hangup = keeper.reload
        manager.await_stop(stop, keeper.responds)
    finally:
        manager.stopping()
        keeper.stop()
        keeper.wait()
        for endpoint in endpoints.values():
            endpoint.close()
    log.info("seed stopped", chains=" ".join(plan.id for plan in plans))
    if keeper.gave_up:
        raise FailureError("no chain could be kept running; the log says why each was given up")
    if keeper.has_failed:
        raise FailureError("the keeper of the chains failed; the log says why")


def _endpoints(
    plans: Sequence[ChainPlan], table: ChainTable, keeper: ChainKeeper
) -> dict[str, ChainsEndpoint]:
    """Listen for those who ask after all chains. Raises: MistakeError."""
    names = tuple(dict.fromkeys(name for plan in plans for name in plan.config.peerage.http_hosts))
    wanted = {
        "metrics": (table.metrics, MOST_SCRAPERS, partial(_metrics, plans, keeper)),
        "dashboard": (table.dashboard_at, MOST_READERS, partial(_dashboard, plans, keeper, names)),
    }
    found: dict[str, ChainsEndpoint] = {}
    for service, (text, most, app) in wanted.items():
        if text:
            limits = HttpLimits(max_connections=most, host_names=names)
            try:
                found[service] = ChainsEndpoint(service, ListenAddress.parse(text), limits, app)
            except ListenFailedError as error:
                raise MistakeError(f"{service}: {error}") from error
    return found


def _metrics(plans: Sequence[ChainPlan], keeper: ChainKeeper) -> ASGIApp:
    from peerage.actors.metrics.app import metrics_app
    from peerage.supervisors.chains.chain_metrics import ChainCollector  # a library that only a scrape needs

    sockets = [(plan.id, plan.metrics_socket) for plan in plans]
    return metrics_app(ChainCollector(sockets, keeper.statuses), MOST_SCRAPES)


def _dashboard(plans: Sequence[ChainPlan], keeper: ChainKeeper, names: tuple[str, ...]) -> ASGIApp:
    from peerage.supervisors.chains.dashboard import chains_dashboard
    from peerage.supervisors.chains.overview import ChainPlace

    places = [
        ChainPlace(plan.id, plan.home.node_socket, plan.rpc_socket, plan.config.peerage.dashboard)
        for plan in plans
    ]
    return chains_dashboard(places, keeper.statuses, names)
