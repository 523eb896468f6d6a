"""Does what the command `peerage seed` is asked for."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from peerage.actors.http.listening import ListenFailedError
from peerage.actors.private_memory import close_memory
from peerage.actors.runtime.log import get_logger
from peerage.actors.runtime.processes.title import set_title
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import warn
from peerage.commands.printing import print_line
from peerage.commands.seed_status import show_status
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
from peerage.supervisors.chains.endpoint import MetricsEndpoint
from peerage.supervisors.chains.keeper import ChainKeeper, KeptChain
from peerage.supervisors.node.stop_request import StopRequest

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

log = get_logger("peerage.chains")


def run_seed(
    home: Home,
    flags: Mapping[str, str],
    chains: Sequence[str],
    file: Path | None,
    port: int | None,
    metrics: str | None,
    output: Path | None,
    *,
    shared_key: bool,
    status: bool,
    as_json: bool,
) -> None:
    """Keep the chains, or say how they stand. The arguments are the command's. Raises: MistakeError, FailureError."""
    if status:
        show_status(home, output, as_json=as_json)
        return
    if as_json or output:
        raise MistakeError("--json, --output: found without --status, allowed: with it")
    manager = ServiceManager.of(os.environ)
    table = _table(home, chains, file, port=port, metrics=metrics, shared_key=shared_key)
    plans = plan_chains(home, table, flags)
    for plan in plans:
        warn(*(f"chain {plan.id}: {warning}" for warning in plan.config.warnings))
    settings = plans[0].config
    set_up_logging(LogSettings(settings.log_level, settings.log_format))
    if any(plan.config.peerage.private_memory for plan in plans):
        close_memory()  # the keys are read next
    with HomeLock(home, "a seed of several chains"):
        check_ports(plans, table.metrics)
        for plan in plans:
            make_home(plan)
        set_title("peerage[seed]", f"chains: {shlex.join(sys.argv)}", short="chains")
        with StopRequest() as stop:
            stop.heed_signals()
            _run(plans, table.metrics, stop, manager)


def _run(plans: Sequence[ChainPlan], metrics: str, stop: StopRequest, manager: ServiceManager) -> None:
    """Keep the chains until a stop is requested, or none of them lives. Raises: FailureError, MistakeError."""
    keeper = ChainKeeper(
        [KeptChain(plan.id, command_of(plan.arguments), plan.home.path) for plan in plans],
        on_up=lambda chain, address: print_line(f"{chain} {address}"),
        on_end=stop.ask,
    )
    endpoint = _endpoint(plans, metrics, keeper) if metrics else None
    facts = {} if endpoint is None else {"metrics": endpoint.address}
    log.info("seed started", chains=" ".join(plan.id for plan in plans), **facts)
    try:
        keeper.start()
        manager.ready(f"{len(plans)} chains")
        stop.on_hangup = keeper.reload
        manager.await_stop(stop, keeper.responds)
    finally:
        manager.stopping()
        keeper.stop()
        keeper.wait()
        if endpoint is not None:
            endpoint.close()
    log.info("seed stopped", chains=" ".join(plan.id for plan in plans))
    if keeper.gave_up:
        raise FailureError("no chain could be kept running; the log says why each was given up")
    if keeper.has_failed:
        raise FailureError("the keeper of the chains failed; the log says why")


def _endpoint(plans: Sequence[ChainPlan], metrics: str, keeper: ChainKeeper) -> MetricsEndpoint:
    sockets = [(plan.id, plan.metrics_socket) for plan in plans]
    names = tuple(dict.fromkeys(name for plan in plans for name in plan.config.peerage.http_hosts))
    try:
        return MetricsEndpoint(ListenAddress.parse(metrics), names, partial(_collector, sockets, keeper))
    except ListenFailedError as error:
        raise MistakeError(f"metrics: {error}") from error


def _collector(sockets: Sequence[tuple[str, Path]], keeper: ChainKeeper) -> Collector:
    from peerage.supervisors.chains.chain_metrics import ChainCollector  # a library that only a scrape needs

    return ChainCollector(sockets, keeper.statuses)


def _table(
    home: Home,
    chains: Sequence[str],
    file: Path | None,
    *,
    port: int | None,
    metrics: str | None,
    shared_key: bool,
) -> ChainTable:
    """What file and command line say, the latter before the former. Raises: ConfigError; MistakeError."""
    try:
        table = read_chains(file or chains_file(home))
    except FileNotFoundError:
        if file is not None:
            raise MistakeError(f"--chains: found {shown(str(file))}, and there is no such file") from None
        table = ChainTable()
    warn(*table.warnings)
    try:
        table = table.with_chains(map(parse_chain, chains))
    except UnfitValueError as error:
        raise MistakeError(f"--chain: {error}") from error
    return ChainTable(
        table.chains,
        table.port if port is None else port,
        shared_key or table.shared_key,
        table.metrics if metrics is None else metrics,
    )
