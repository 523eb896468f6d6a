"""OpenTelemetry spans that follow a message from process to process. Needs the extra `peerage[otel]`.

def setup():                                     called in every process
trace.set_tracer_provider(…)                 your SDK, your exporter

trace_actors(setup)                              before the first actor is started

span of the caller ── ask Prices ── handle Prices ── tell Log ── handle Log
here          in the actor's process        in the next one's
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pykka.messages import ProxyCall, _ActorStop

from peerage.actors.runtime.host import instruments
from peerage.actors.runtime.host.instruments import Receive
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.codec import Encoded, Frames
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.proxy import Introspect
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.trace_context import Trace, take_trace, traced

try:
    from opentelemetry import context, propagate, trace
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
except ImportError as error:
    raise ImportError("tracing actors needs opentelemetry-api: pip install 'peerage[otel]'") from error

__all__ = ["trace_actors"]

NAME = "trace_actors()"
FLUSH_MS = 2000  # for what a process has not exported when it ends
# Not messages of the program's, or packed already, with the trace of whoever has packed them.
PASSED = frozenset({_ActorStop, Introspect, Encoded})


def trace_actors(setup: Callable[[], object] | None = None, *, roots: bool = False) -> None:
    """Make spans of what actors send and handle, in every process of the system that is made next.

    Each tell, ask and call of a proxy inside a span is a span of its own, and so is its handling, in whatever process. An
    exception is recorded where it was raised and where it arrives. Messages that are sent outside of any span cost a look
    whether there is one, and nothing travels with them.

    Args:
        setup: called here and in each process of an actor, before its actor starts; it can be pickled. It sets the tracer
            provider up. What has not been exported when a process ends is flushed, for at most 2 s.
        roots: begin a trace with each message that is sent outside of any span.

    Raises: RuntimeError, when this process has a system already; ImportError, from the module, without opentelemetry-api.
    """
    if setup is not None:
        setup()
    spans = Spans(trace.get_tracer("peerage"), roots=roots)
    instruments.install(NAME, spans, functools.partial(trace_actors, setup, roots=roots))
    spans.follow_senders()


class Spans:
    """An instrument that makes the spans. Args: tracer, OpenTelemetry's; roots, as of `trace_actors`."""

    def __init__(self, tracer: Tracer, *, roots: bool) -> None:
        self._tracer, self._roots = tracer, roots

    def finish(self) -> None:
        """Export what is left."""
        flush = getattr(trace.get_tracer_provider(), "force_flush", None)
        if flush is not None:
            flush(FLUSH_MS)

    # Handling

    def around(self, ref: ActorRef[Any], receive: Receive) -> Receive:
        """A span for each message that comes with a trace. Other messages are none of the span's that is open here: the
        handler may run while another actor of its host waits for an answer.
        """
        title = f"handle {_kind_of(ref)}"
        about = _about(ref)

        def handle(message: Any) -> Any:
            came = take_trace(message)
            if came is None:
                token = context.attach(context.Context())
                try:
                    return receive(message)
                finally:
                    context.detach(token)
            token = context.attach(propagate.extract(came.carrier, context.Context()))
            try:
                attributes: dict[str, str | float] = {
                    **about,
                    "peerage.message.class": _name_of(message),
                    "peerage.message.queue_seconds": max(0.0, time.monotonic() - came.sent_at),
                }
                kind = SpanKind.SERVER if came.is_asked else SpanKind.CONSUMER
                with self._tracer.start_as_current_span(title, kind=kind, attributes=attributes):
                    return receive(message)
            finally:
                context.detach(token)

        return handle

    # Sending

    def follow_senders(self) -> None:
        """Make spans of what is sent from this process: put functions in place of a ref's own.

        In their place, and not in a hook that they would call: whoever does not trace pays nothing.
        """
        for name, make in (
            ("tell", self._tell),
            ("tell_many", self._tell_many),
            ("ask", self._ask),
            ("ask_async", self._ask_async),
            ("tell_async", self._tell_async),
        ):
            method = getattr(ActorRef, name)
            method = getattr(method, "__wrapped__", method)  # of an earlier call
            setattr(ActorRef, name, functools.wraps(method)(make(method)))
        codec.outgoing = self._outgoing

    def _is_wanted(self) -> bool:
        return self._roots or trace.get_current_span().get_span_context().is_valid

    def _outgoing(self, message: Any) -> Any:
        """A message that is packed for several receivers takes the trace of whoever packs it."""
        return self._with_trace(message, is_asked=False) if self._is_wanted() else message

    def _with_trace(self, message: Any, *, is_asked: bool) -> Any:
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return traced(message, Trace(carrier, time.monotonic(), is_asked))

    def _begin(self, what: str, ref: ActorRef[Any], message: str, kind: SpanKind) -> Span:
        attributes = {**_about(ref), "peerage.message.class": message}
        return self._tracer.start_span(f"{what} {_kind_of(ref)}", kind=kind, attributes=attributes)

    def _tell(self, method: Callable[..., None]) -> Callable[..., None]:
        def tell(ref: ActorRef[Any], message: Any, **options: Any) -> None:
            if type(message) in PASSED or not self._is_wanted():
                method(ref, message, **options)
                return
            span = self._begin("tell", ref, _name_of(message), SpanKind.PRODUCER)
            with trace.use_span(span, end_on_exit=True):
                method(ref, self._with_trace(message, is_asked=False), **options)

        return tell

    def _tell_many(self, method: Callable[..., None]) -> Callable[..., None]:
        def tell_many(ref: ActorRef[Any], messages: Iterable[Any], **options: Any) -> None:
            if not self._is_wanted():
                method(ref, messages, **options)
                return
            span = self._begin("tell", ref, "(several)", SpanKind.PRODUCER)
            with trace.use_span(span, end_on_exit=True):
                method(ref, self._each(messages), **options)

        return tell_many

    def _each(self, messages: Iterable[Any]) -> Iterator[Any]:
        for message in messages:
            yield message if type(message) in PASSED else self._with_trace(message, is_asked=False)

    def _ask(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def ask(ref: ActorRef[Any], message: Any, *, block: bool = True, **options: Any) -> Any:
            if type(message) in PASSED or not self._is_wanted():
                return method(ref, message, block=block, **options)
            span = self._begin("ask", ref, _name_of(message), SpanKind.CLIENT)
            with trace.use_span(span, end_on_exit=block), _ended_if_it_fails(span, block=block):
                answer = method(ref, self._with_trace(message, is_asked=True), block=block, **options)
            if not block:
                answer.when_done(functools.partial(_answered, span, answer))
            return answer

        return ask

    def _ask_async(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def ask_async(
            ref: ActorRef[Any], message: Any, timeout: float | None = None, **options: Any
        ) -> Coroutine[Any, Any, Any]:
            if type(message) in PASSED or not self._is_wanted():
                return method(ref, message, timeout, **options)  # type: ignore[no-any-return]
            span = self._begin("ask", ref, _name_of(message), SpanKind.CLIENT)
            with trace.use_span(span):
                answer = method(ref, self._with_trace(message, is_asked=True), timeout, **options)
            return _awaited(span, answer)

        return ask_async

    def _tell_async(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def tell_async(ref: ActorRef[Any], message: Any, **options: Any) -> Coroutine[Any, Any, Any]:
            if type(message) in PASSED or not self._is_wanted():
                return method(ref, message, **options)  # type: ignore[no-any-return]
            span = self._begin("tell", ref, _name_of(message), SpanKind.PRODUCER)
            with trace.use_span(span):
                sent = method(ref, self._with_trace(message, is_asked=False), **options)
            return _awaited(span, sent)

        return tell_async


@contextmanager
def _ended_if_it_fails(span: Span, *, block: bool) -> Iterator[None]:
    """A span that goes on until the answer comes ends all the same when nothing could be sent."""
    try:
        yield
    except BaseException:
        if not block:
            span.end()
        raise


def _answered(span: Span, answer: Future[Any]) -> None:
    _note(span, answer.error)
    span.end()


async def _awaited(span: Span, answer: Coroutine[Any, Any, Any]) -> Any:
    with trace.use_span(span, end_on_exit=True):
        return await answer


def _note(span: Span, error: BaseException | None) -> None:
    if error is not None:
        span.record_exception(error)
        span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))


def _about(ref: ActorRef[Any]) -> dict[str, str]:
    return {
        "peerage.actor.name": ref.name,
        "peerage.actor.host": ref.host,
        "peerage.actor.class": ref.class_path,
    }


def _kind_of(ref: ActorRef[Any]) -> str:
    """The class's name: there are few of them, whereas a span's name should not be one of thousands of actors."""
    return ref.class_path.rpartition(":")[2] or "actor"


def _name_of(message: Any) -> str:
    """What a message is called in a span."""
    if type(message) is Frames:
        message = message.header
    if type(message) is ProxyCall:
        return f"{'.'.join(message.attr_path)}()"
    return type(message).__qualname__
