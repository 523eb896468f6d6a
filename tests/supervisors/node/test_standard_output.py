"""Standard output is the program's: what supervisors and actors log goes elsewhere, also where nobody has set logging up."""

import subprocess
import sys

PROGRAM = """
import time

from peerage.actors.runtime import HERE, PROCESS, THREAD, ProcessActor, watch
from peerage.supervisors import ChildSpec, Flags, Intensity, Start, Supervisor, SupervisorRef

class Part(ProcessActor):
    def on_receive(self, message):
        raise ValueError("boom")

for home in (PROCESS, THREAD):
    places = {"process": PROCESS, "thread": THREAD, "here": HERE}
    specs = [ChildSpec(name, Start.of(Part).using(place=place)) for name, place in places.items()]
    flags = Flags(intensity=Intensity(2, 60.0))
    top = SupervisorRef(Supervisor.options(name="top", place=home).start(specs, flags))
    end = watch(top.ref)
    for number, child in enumerate(top.which_children()):
        child.ref.tell(1)
        while number < 2 and sum(each.restarts for each in top.which_children()) == number:
            time.sleep(0.01)  # else it may give up before the first of them is up again
    assert "SupervisorGaveUpError" in end.wait(30.0).text
print('{"result": 1}')
"""


def test_what_supervisors_log_is_not_on_standard_output() -> None:
    """Three children fail in three places, two restarts are done, and the supervisor gives up, in each of two places."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stdout) == (0, '{"result": 1}\n'), done.stderr
    for line in ("child restarted: supervisor=top", "supervisor gives up: supervisor=top"):
        assert line in done.stderr
