"""A fork server that is forked from this process. Each test forks in a process of its own: pytest has threads."""

from __future__ import annotations

import subprocess
import sys
import textwrap

PREAMBLE = """
import os, signal, subprocess, sys, threading, time
from peerage.actors.runtime.processes.own_fork import OwnFork, is_possible

def talk(work, keep=()):
    reader, writer = os.pipe()
    def serve():
        os.write(writer, repr(work()).encode())
        os.close(writer)
    child = OwnFork(serve, (writer, *keep))
    os.close(writer)
    with open(reader) as said:
        text = said.read()
    return child, text
"""


def run(code: str) -> list[str]:
    """The lines that a fresh interpreter prints."""
    code = PREAMBLE + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=40
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_is_possible_without_threads_only() -> None:
    assert run("""
        print(is_possible())
        go = threading.Event()
        threading.Thread(target=go.wait).start()
        print(is_possible())
        go.set()
    """) == ["True", "False"]


def test_it_has_a_group_of_its_own_no_input_and_what_it_must_keep() -> None:
    """A descriptor that closes on exec is closed, one that a program would inherit is not."""
    assert run("""
        kept, lost, inherited = os.pipe()[0], os.pipe()[0], os.pipe()[0]
        os.set_inheritable(inherited, True)
        def is_open(fd):
            try:
                os.fstat(fd)
            except OSError:
                return False
            return True
        child, text = talk(
            lambda: (os.getpgrp() == os.getpid(), os.read(0, 1), is_open(kept), is_open(lost), is_open(inherited)), (kept,)
        )
        print(text, child.wait(), child.wait(1.0))
    """) == ["(True, b'', True, False, True) 0 0"]


def test_signals_of_a_group_wait_until_it_is_ready_for_them() -> None:
    """Here they are as before."""
    assert run("""
        child, text = talk(lambda: sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))))
        print(eval(text) and {int(signal.SIGINT), int(signal.SIGTERM)} <= set(eval(text)))
        print(signal.pthread_sigmask(signal.SIG_BLOCK, ()), child.wait())
    """) == ["True", "set() 0"]


def test_its_end_is_told_as_popen_does() -> None:
    """One that raises exits with 1; one that lives on can be killed."""
    assert run("""
        child = OwnFork(lambda: 1 / 0, ())
        print(child.wait(20.0))
        child = OwnFork(lambda: time.sleep(60), ())
        try:
            child.wait(0.01)
        except subprocess.TimeoutExpired:
            print("lives")
        child.kill()
        print(child.wait())
        child.kill()
        child = OwnFork(lambda: None, ())
        os.waitpid(child.pid, 0)
        print(child.wait(1.0))
    """) == ["1", "lives", "-9", "0"]


def test_what_its_modules_leave_for_the_exit_is_done_there() -> None:
    """As in a program that ends by itself."""
    said = run("""
        import atexit
        child = OwnFork(lambda: atexit.register(print, "done"), ())
        print(child.wait())
    """)
    assert said == ["done", "0"]
