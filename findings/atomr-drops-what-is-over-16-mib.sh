#!/usr/bin/env bash
# Bytes told from one process to another with atomr's tell_remote over its TCP transport.
#
# Expected: a message that is too large is refused where it is sent, or arrives.
# Seen:     16,000,000 bytes arrive. Of 17,000,000 bytes nobody hears again, nor of the two bytes that are told right after
#           them; what is told eight seconds later arrives. tell_remote returns None each time, nothing is raised, and
#           nothing is logged on either side.
# Matters:  there is no answer to a tell, so the sender's only sign is the absence of an effect; the bound (16 MiB for a
#           frame, envelope included) is in no documentation that comes with the package.
#
# Needs: python3. Takes about 30 seconds.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 120 venv/bin/pip install --quiet atomr==0.10.1 pytest==9.1.1 # atomr imports pytest
cat > program.py <<'P'
import subprocess
import sys
import threading
import time
from importlib.metadata import version

import atomr
from atomr.cluster import Cluster
from atomr.system import props


class Letter:
    def __init__(self, body):
        self.body = body


heard = []
news = threading.Event()


class End(atomr.Actor):
    async def handle(self, context, letter):
        heard.append(len(letter.body))
        news.set()


def end(name):
    system = atomr.ActorSystem.create_blocking(name)
    cluster = Cluster.with_tcp_transport(system, "127.0.0.1:0")
    system.register_codec("letter", lambda letter: letter.body, Letter, manifests=["program.Letter"], strict=False)
    return system, system.actor_of(props(End), "end"), f"{cluster.self_address}/user/end"


def receiver():
    system, _, address = end("receiver")
    print(address, flush=True)
    for line in sys.stdin:
        print(heard, flush=True)
    system.terminate_blocking()


def sender():
    system, ref, _ = end("sender")
    command = [sys.executable, "-W", "ignore", "-c", "import program; program.receiver()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:

        def told():
            other.stdin.write("?\n")
            other.stdin.flush()
            return eval(other.stdout.readline())  # a list of numbers, from ourselves

        target = ref.with_path(other.stdout.readline().strip())
        deadline = time.monotonic() + 20
        while 1 not in told() and time.monotonic() < deadline:  # what is sent before both have connected is lost, too
            system.tell_remote(target, Letter(b"1"))
            time.sleep(0.2)
        returned = [system.tell_remote(target, Letter(bytes(size))) for size in (16_000_000, 17_000_000, 2)]
        time.sleep(8)
        returned += [system.tell_remote(target, Letter(bytes(3)))]
        time.sleep(8)
        sizes = [size for size in told() if size != 1]
        other.stdin.close()
    system.terminate_blocking()
    print("atomr", version("atomr"))
    print("told: 16,000,000, 17,000,000 and 2 bytes, later 3; tell_remote returned", returned)
    print("arrived:", sizes)
    return returned == [None] * 4 and sizes == [16_000_000, 3]
P
timeout 100 venv/bin/python -W ignore -c 'import program, sys; sys.exit(not program.sender())' 2>&1
echo "as described"
