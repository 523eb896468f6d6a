#!/usr/bin/env bash
# An actor that is started with atomr's dispatcher "python-subprocess".
#
# Expected: its README lists python-pinned, python-subinterpreter-pool, python-nogil and python-subprocess as strategies
#           about the GIL, so an actor of the last one runs in another process, and one of the second in an interpreter
#           of its own.
# Seen:     all of them run in the caller's process and in the main interpreter: os.getpid() is the same, and a global of
#           the caller's module that the actor changes is changed for the caller. A name that no dispatcher has is taken
#           as well. (Before that: `import atomr` fails until pytest is installed, which only its extra "dev" asks for.)
# Matters:  whoever moves processor-bound or crash-prone handlers to "python-subprocess" still shares one GIL, one memory
#           and one fate with them, without an error or a warning.
#
# Needs: python3. Takes some seconds.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 120 venv/bin/pip install --quiet atomr==0.10.1
if venv/bin/python -c 'import atomr' 2> error; then echo "import works without pytest: no longer as described"; exit 1; fi
tail -1 error
timeout 120 venv/bin/pip install --quiet pytest==9.1.1
cat > program.py <<'P'
import os
import sys
from importlib.metadata import version

import atomr
from atomr.system import props

SEEN = []


class Where(atomr.Actor):
    async def handle(self, context, message):
        SEEN.append(message)
        return os.getpid()


print("atomr", version("atomr"))
system = atomr.ActorSystem.create_blocking("finding")
same = {}
for name in ("python-pinned", "python-subinterpreter-pool", "python-subprocess", "no-such-dispatcher"):
    ref = system.actor_of(props(Where, dispatcher=name), name)
    pid = ref.ask_blocking(name, timeout=10.0)
    same[name] = pid == os.getpid(), SEEN[-1:] == [name]
    print(f"{name:28} same process: {same[name][0]}, the caller's global was changed: {same[name][1]}")
system.terminate_blocking()
sys.exit(set(same.values()) != {(True, True)})
P
timeout 60 venv/bin/python program.py
echo "as described"
