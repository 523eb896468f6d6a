"""An actor is called when its descriptors are ready: `test_context.py` has it in a host."""

from __future__ import annotations

import os
import select

from peerage.actors.runtime.host.descriptor_calls import DescriptorCalls
from peerage.actors.runtime.host.descriptors import Descriptors
from peerage.actors.runtime.host.loop import Loop
from tests.actors.runtime.host.fakes import Act, Clock, Poller


def test_readers_and_writers_are_asked_for_and_given_up_apart() -> None:
    """As the actor's, and each replaces an earlier one."""
    clock = Clock()
    poller = Poller(clock)
    loop: Loop[Act] = Loop(clock=clock, descriptors=Descriptors(poller))
    read, write = os.pipe()
    act = Act()
    calls = DescriptorCalls(act, loop)
    calls.add_reader(read, lambda: None)
    calls.add_writer(read, lambda: None)
    assert poller.masks[read] & (select.EPOLLIN | select.EPOLLOUT) == select.EPOLLIN | select.EPOLLOUT
    calls.remove_writer(read)
    assert poller.masks[read] & (select.EPOLLIN | select.EPOLLOUT) == select.EPOLLIN
    other = DescriptorCalls(heir := Act(), loop)
    other.take_over(read, lambda: None, None)
    assert (act.fds, heir.fds) == (set(), {read})
    other.remove_reader(read)
    assert read not in poller.masks
    loop.close()
    os.close(read)
    os.close(write)
