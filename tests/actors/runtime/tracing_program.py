"""A program that traces its actors; each process writes its spans to a file. It needs a system of its own."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from peerage.actors.runtime import (
    HERE,
    THREAD,
    ActorDeadError,
    ActorRef,
    Frames,
    ProcessActor,
    System,
    Topic,
    trace_actors,
)

FILE = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()


def line_of(span: ReadableSpan) -> str:
    return str(span.to_json(indent=None)) + "\n"


class Setup:
    """Spans are held back, as programs do it, so that the end of a process has to flush them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> None:
        provider = TracerProvider()
        file = self.path.open("a", encoding="utf-8", buffering=1)
        exporter = ConsoleSpanExporter(out=file, formatter=line_of)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=600_000))
        trace.set_tracer_provider(provider)


class Back(ProcessActor):
    """At the end of the line."""

    def on_receive(self, message: Any) -> Any:
        if message == "fail":
            raise ValueError("boom")
        return message

    def double(self, number: int) -> int:
        return 2 * number


class Front(ProcessActor):
    """Passes on what it is asked."""

    def __init__(self, back: ActorRef[Any]) -> None:
        super().__init__()
        self.back = back

    def on_receive(self, message: Any) -> Any:
        match message:
            case "chain" | "fail":
                return self.back.ask(message)
            case "tell":
                self.back.tell("told")
                return self.back.tell_many(["one", "two"])
            case "neighbour":
                # While this one waits, its neighbour handles what another trace has sent.
                neighbour = Front.options(place=HERE).start(self.back)
                neighbour.tell("ignored")
                return self.back.ask("waits")
        return None


async def from_asyncio(ref: ActorRef[Any]) -> None:
    await ref.ask_async("async ask")
    await ref.tell_async("async tell")


def main() -> None:
    trace_actors(Setup(FILE))
    tracer = trace.get_tracer("test")
    with System(preload=("opentelemetry.sdk.trace.export",)):
        back = Back.options(name="back").start()
        front = Front.options(name="front").start(back)
        thread = Back.options(name="thread", place=THREAD).start()
        for name in ("chain", "fail", "tell", "neighbour"):
            with tracer.start_as_current_span(name), contextlib.suppress(ValueError):
                front.ask(name)
        with tracer.start_as_current_span("future"):
            future = thread.ask("later", block=False)
        future.get()
        with tracer.start_as_current_span("proxy"):
            back.proxy().double(2).get()
        with tracer.start_as_current_span("frames"):
            thread.ask(Frames({"a": 1}, [b"frame"]))
        with tracer.start_as_current_span("topic"):
            for ref in (back, thread):
                Topic("t").subscribe(ref)
            Topic("t").publish({"b": 2})
        with tracer.start_as_current_span("asyncio"):
            asyncio.run(from_asyncio(back))
        with tracer.start_as_current_span("dead"), contextlib.suppress(ActorDeadError):
            ActorRef.to("nobody").ask("hello")
        thread.ask("outside of all spans")
        front.stop()
        back.stop()
    trace.get_tracer_provider().force_flush()  # type: ignore[attr-defined]  # the SDK's


if __name__ == "__main__":
    main()
