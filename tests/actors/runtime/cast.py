"""The actors that play in these tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

from peerage.actors.runtime import (
    HERE,
    ActorDeadError,
    ActorRef,
    DownReason,
    Following,
    Frames,
    Future,
    ProcessActor,
    Reply,
    Timeout,
)
from peerage.actors.runtime.mail import here


def _host() -> Any:
    return here.host()


class Echo(ProcessActor):
    """Answers with what it was told; keeps what it was told."""

    def __init__(self, greeting: Any = None) -> None:
        super().__init__()
        self.greeting = greeting
        self.heard: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "heard":
            return self.heard
        self.heard.append(message)
        return message


class Worker(ProcessActor):
    """Does what its messages say: `(method name, *arguments)`."""

    outlasted: ClassVar[int] = 0  # messages of all actors of the process

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Any] = []
        self.held: list[Reply] = []
        self.child: ActorRef[Any] | None = None
        self.followed: Following
        self.hearing: tuple[Reply, int] | None = None

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Frames):
            return Frames(message.header, message.frames)
        name, *arguments = message
        return getattr(self, f"do_{name}")(*arguments)

    def on_down(self, ref: ActorRef[Any], reason: DownReason) -> None:
        self.log.append((ref.name, reason.kind, reason.signal))
        for reply in self.held:
            reply.set(list(self.log))
        self.held.clear()

    def do_log(self, *values: Any) -> list[Any]:
        self.log.extend(values)
        return self.log

    def do_pid(self) -> int:
        return os.getpid()

    def do_facts(self) -> tuple[Any, ...]:
        sender = self.runtime.sender
        return self.runtime.host_name, self.runtime.extra, None if sender is None else sender.name

    def do_raise(self, error: BaseException) -> None:
        raise error

    def do_die(self, number: int = signal.SIGKILL) -> None:
        os.kill(os.getpid(), number)

    def do_fail_once(self, mark: Path, how: str = "") -> str:
        """Leave a mark and end without an answer; if it is there already, answer."""
        if mark.exists():
            return "handled twice"
        mark.touch()
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise KeyboardInterrupt

    def do_exit(self, code: int) -> None:
        os._exit(code)

    def do_spin(self) -> None:
        while True:
            pass

    def do_stop(self) -> None:
        self.stop()

    def do_stop_other(self, ref: ActorRef[Any]) -> bool:
        return ref.stop(timeout=5.0)

    def do_ask(self, ref: ActorRef[Any], message: Any) -> Any:
        return ref.ask(message)

    def do_ask_within(self, ref: ActorRef[Any], message: Any, timeout: float) -> Any:
        return ref.ask(message, timeout=timeout)

    def do_gather(self, refs: list[ActorRef[Any]], message: Any) -> list[Any]:
        async def main() -> list[Any]:
            return await asyncio.gather(*(ref.ask_async(message, timeout=10.0) for ref in refs))

        return asyncio.run(main())

    def do_outlast(self, seconds: float) -> None:
        """Be busy for so long that whoever has begun to wait before does so no longer."""
        type(self).outlasted += 1
        time.sleep(seconds)

    def do_ask_beside(self, silent: ActorRef[Any], busy: ActorRef[Any], timeout: float) -> int:
        """Returns: how many messages of a busy neighbour ran beside an ask, of which each takes as long as it may wait."""
        for _ in range(20):
            busy.tell(("outlast", timeout))
        with contextlib.suppress(Timeout):
            silent.ask(("hold",), timeout=timeout)
        return self.outlasted

    def do_ask_again(self, ref: ActorRef[Any], *messages: Any) -> Any:
        """Ask the last of these messages until it is answered, once those before it have failed and the gate is open."""
        for message in messages[:-1]:
            with contextlib.suppress(ActorDeadError):
                ref.ask(message)
        os.eventfd_read(self.runtime.fds["gate"])
        while True:
            with contextlib.suppress(ActorDeadError):
                return ref.ask(messages[-1])

    def do_tell(self, ref: ActorRef[Any], message: Any, count: int = 1) -> None:
        for _ in range(count):
            ref.tell(message)

    def do_tell_many(self, ref: ActorRef[Any], messages: list[Any]) -> None:
        ref.tell_many(messages)

    def do_pass_on(self, ref: ActorRef[Any], message: Any) -> Future[Any]:
        return ref.ask(message, block=False)

    def do_pass_on_patiently(self, ref: ActorRef[Any], message: Any) -> Future[Any]:
        return ref.ask(message, block=False, patience=30.0)

    def do_ask_patiently(self, ref: ActorRef[Any], message: Any, patience: float = 30.0) -> Any:
        return ref.ask(message, patience=patience)

    def do_tell_if_there(self, ref: ActorRef[Any], message: Any) -> None:
        ref.tell(message, if_there=True)

    def do_follow(self, ref: ActorRef[Any]) -> None:
        self.followed = self.runtime.follow(
            ref,
            on_up=lambda: self.note("up"),
            on_down=lambda reason: self.note(reason.kind),
        )

    def do_unfollow(self) -> None:
        self.followed.cancel()

    def do_followers(self) -> int:
        return len(_host().port.followers)

    def do_heard(self, count: int) -> None:
        """Answer with the news once they are so many."""
        self.hearing = self.runtime.defer(), count
        self.hear()

    def note(self, what: str) -> None:
        self.log.append(what)
        self.hear()

    def hear(self) -> None:
        if self.hearing is not None and len(self.log) >= self.hearing[1]:
            self.hearing[0].set(list(self.log))

    def do_then(self, ref: ActorRef[Any], message: Any) -> None:
        reply = self.runtime.defer()
        ref.ask(message, block=False).then(lambda future: reply.set(("then", future.get())))

    def do_later(self, delay: float, value: Any) -> None:
        self.runtime.call_later(delay, self.runtime.defer().set, value)

    def do_later_log(self, *delays: float) -> None:
        reply = self.runtime.defer()
        for delay in delays:
            self.runtime.call_later(delay, self.log.append, delay)
        self.runtime.call_later(max(delays) + 0.01, lambda: reply.set(self.log))

    def do_cancelled_timer(self) -> None:
        reply = self.runtime.defer()
        self.runtime.call_later(0.01, self.log.append, "never").cancel()
        self.runtime.call_later(0.02, lambda: reply.set(self.log))

    def do_from_thread(self) -> None:
        reply = self.runtime.defer()
        threading.Thread(
            target=lambda: self.runtime.call_threadsafe(reply.set, threading.get_ident())
        ).start()

    def do_tell_from_thread(self, value: Any) -> None:
        thread = threading.Thread(target=lambda: self.actor_ref.tell(("log", value)))
        thread.start()
        thread.join()

    def do_fail_later(self) -> None:
        self.runtime.call_soon(self.do_raise, ValueError("in a callback"))

    def do_wait_and_let_others(self, ref: ActorRef[Any], message: Any) -> None:
        """Wait in a callback behind which the host itself has something to do."""
        reply = self.runtime.defer()
        self.runtime.call_soon(ref.ask, message)
        _host().call_soon(None, reply.set, "done")

    def do_ready_together(self, first: ActorRef[Any], second: ActorRef[Any]) -> None:
        """Have two actors of this host a message each; the first asks the second."""
        first.tell(("ask", second, ("log", "asked")))
        second.tell(("log", "told"))

    def do_end_of_turn(self) -> None:
        self.log.append("message")
        self.runtime.at_end_of_turn(lambda: self.log.append("end of turn"))

    def do_hold(self) -> None:
        self.held.append(self.runtime.defer())

    def do_release(self, value: Any) -> None:
        for reply in self.held:
            reply.set(value)
        self.held.clear()

    def do_watch(self, ref: ActorRef[Any]) -> None:
        self.runtime.watch(ref)

    def do_unwatch(self, ref: ActorRef[Any]) -> None:
        self.runtime.unwatch(ref)

    def do_downs(self) -> list[Any] | None:
        if self.log:
            return self.log
        self.held.append(self.runtime.defer())
        return None

    def do_start(self, place: Any = HERE, name: str | None = None) -> ActorRef[Any]:
        return Worker.options(place=place, name=name).start()

    def do_start_with_fd(self, place: Any) -> bytes:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ref = Upper.options(place=place, fds={"stream": theirs.fileno()}).start()
            ours.send(b"from inside")
            answer = ours.recv(100)
            ref.stop()
        return answer

    def do_start_by_reference(self, shared: list[int]) -> bool:
        ref = Echo.options(place=HERE, by_reference=True).start(shared)
        return self._greeting_of(ref) is shared

    def _greeting_of(self, ref: ActorRef[Any]) -> Any:
        return _host().cells[ref.name.encode()].actor.greeting

    def do_module_of_main(self) -> str:
        return str(getattr(sys.modules["__main__"], "__file__", "none"))

    def do_system_from_inside(self) -> list[str]:
        return sorted(facts.name for facts in _host().port.table.live.values())


class Upper(ProcessActor):
    """Answers in capitals on the descriptor it was passed."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = socket.socket(fileno=self.runtime.fds["stream"])
        self.runtime.add_reader(self.stream.fileno(), self.readable)

    def readable(self) -> None:
        data = self.stream.recv(100)
        if data == b"boom":
            raise ValueError("boom")
        if not data:
            self.runtime.remove_reader(self.stream.fileno())
            return
        self.stream.send(data.upper())

    def on_receive(self, message: Any) -> Any:
        return message

    def on_stop(self) -> None:
        self.stream.close()

    def on_failure(self, *args: Any) -> None:
        self.stream.close()


class Lifecycle(ProcessActor):
    """Tells `witness` of each hook."""

    def __init__(self, witness: ActorRef[Any], fail_in: str = "") -> None:
        super().__init__()
        self.witness, self.fail_in = witness, fail_in
        self._note("init")

    def _note(self, hook: str) -> None:
        self.witness.ask(("log", hook))
        if hook == self.fail_in:
            raise ValueError(hook)

    def on_start(self) -> None:
        self._note("on_start")

    def on_receive(self, message: Any) -> Any:
        self._note(message)
        return message

    def on_stop(self) -> None:
        self._note("on_stop")

    def on_failure(self, *args: Any) -> None:
        self._note(f"on_failure {args[0].__name__}")


class Slow(ProcessActor):
    """Handles nothing until the gate, an event file descriptor, opens."""

    def __init__(self) -> None:
        super().__init__()
        self.handled = 0

    def on_receive(self, message: Any) -> Any:
        if message == "block":
            os.eventfd_read(self.runtime.fds["gate"])
        elif message == "handled":
            return self.handled
        else:
            self.handled += 1
        return None


def whereabouts(host: str) -> tuple[str, int]:
    """An errand: who does it. It stands here because hosts have this module anyway."""
    return host, os.getpid()


def refuse_errand(_host: str) -> None:
    """An errand that cannot be done."""
    raise ValueError("not here")
