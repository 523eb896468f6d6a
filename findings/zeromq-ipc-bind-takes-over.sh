#!/usr/bin/env bash
# Two ZeroMQ sockets bound to one ipc:// path, and a file that stands where a socket shall be.
#
# Expected: the second bind fails with EADDRINUSE, as it does for tcp:// and inproc://, and as bind(2) does on any path
#           that exists.
# Seen:     libzmq 4.3.5 (pyzmq 27.3.0) removes whatever file has that name and binds: another socket's, whose process
#           lives and serves, or a regular file with contents, which are gone. The first owner is told nothing. Clients
#           that were connected stay with it, new ones reach the second, and so the same question gets two answers from
#           one address, for as long as the first lives. A stale socket file is therefore never in the way.
# Matters:  bind on ipc:// is no lock against a second instance: the second start splits the clients in silence. Take a
#           lock of your own (flock), put the path into a directory with nothing else in it, and never let a path from
#           a configuration file go into bind unchecked.
#
# Needs: python3. Takes half a minute.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 120 venv/bin/pip install --quiet pyzmq==27.3.0
mkdir run

cat > server.py <<'P'
import sys, zmq

socket = zmq.Context().socket(zmq.REP)
socket.linger = 0
socket.bind(sys.argv[1])
print("bound", flush=True)
while socket.poll(60_000):
    socket.recv()
    socket.send_string(sys.argv[2])
P
cat > asks.py <<'P'
import os, subprocess, sys, zmq

context = zmq.Context()
path = os.path.join("run", "peers.sock")
endpoint = "ipc://" + path
servers = []


def serve(name):
    server = subprocess.Popen([sys.executable, "server.py", endpoint, name], stdout=subprocess.PIPE, text=True)
    servers.append(server)
    return server.stdout.readline().strip()


def client():
    socket = context.socket(zmq.REQ)
    socket.linger = 0
    socket.connect(endpoint)
    return socket


def ask(socket):
    socket.send(b"who?")
    return socket.recv_string() if socket.poll(5000) else "no answer"


def show(what, seen, expected):
    print(f"{what:52} {seen}{'' if seen == expected else f'   CHANGED, was {expected}'}")
    return seen == expected


print(f"pyzmq {zmq.pyzmq_version()}, libzmq {zmq.zmq_version()}")
try:
    right = True
    with open(path, "w") as file:
        file.write("what somebody else keeps here\n")
    right &= show("bind where a regular file is:", serve("first"), "bound")
    right &= show("what the file is now:", "socket" if not os.path.isfile(path) else "file", "socket")
    early = client()
    right &= show("client of the first:", ask(early), "first")
    right &= show("a second process binds the same path:", serve("second"), "bound")
    right &= show("the first process:", "lives" if servers[0].poll() is None else "ended", "lives")
    late = client()
    right &= show("client that was connected:", ask(early), "first")
    right &= show("client that connects now:", ask(late), "second")
    for scheme in ("tcp://127.0.0.1", "inproc://here"):
        one, two = context.socket(zmq.REP), context.socket(zmq.REP)
        if scheme.startswith("tcp"):
            address = f"{scheme}:{one.bind_to_random_port(scheme)}"
        else:
            address = scheme
            one.bind(address)
        try:
            two.bind(address)
            second = "bound"
        except zmq.ZMQError as error:
            second = error.strerror.split(" (")[0]
        right &= show(f"the same on {scheme}:", second, "Address already in use")
    sys.exit(not right)
finally:
    for server in servers:
        server.kill()
        server.wait()
    context.destroy(linger=0)
P
timeout 60 venv/bin/python asks.py
echo "as described"
