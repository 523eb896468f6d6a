"""The last hook that an actor's host calls on it: `on_stop` when it was told to stop, `on_failure` after an exception.

A last hook may fail like any other code of the actor. That must not keep the host from ending the actor: its watchers,
its askers and whoever waits for it to stop would wait for ever. So nothing is raised here.
"""

from __future__ import annotations

import traceback

from peerage.actors.runtime.errors import StopIncompleteError
from peerage.actors.runtime.host.coroutines import is_coroutine
from peerage.actors.runtime.host.hosted import HostedActor
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail.exit_reason import DownReason, from_exception
from peerage.actors.runtime.mail.ref import ActorRef


def call_on_stop(actor: HostedActor, ref: ActorRef, reason: DownReason) -> DownReason:
    """Call `on_stop`, and wait for it if it is a coroutine.

    Returns: why the actor ends: the given reason, or what `on_stop` raised.

    `StopIncompleteError` is how an actor says that it could not finish something. It comes without a traceback, because
    the actor has raised it on purpose and its text says everything.
    """
    try:
        actor.on_ending()
        stopped = actor.on_stop()
        if is_coroutine(stopped):
            actor.runtime.coroutines.finish(stopped)
    except StopIncompleteError as error:
        return from_exception(error, "")
    except BaseException as error:
        trace = traceback.format_exc()
        logger().exception("on_stop failed", actor=ref.name, host=ref.host)
        return from_exception(error, trace)
    return reason


def call_on_failure(actor: HostedActor, ref: ActorRef, error: BaseException) -> None:
    """Call `on_failure` with the exception that ends the actor. One that it raises itself is logged and changes nothing."""
    try:
        actor.on_failure(type(error), error, error.__traceback__)
    except BaseException:
        logger().exception("on_failure failed", actor=ref.name, host=ref.host)
