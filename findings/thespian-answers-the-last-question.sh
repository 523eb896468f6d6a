#!/usr/bin/env bash
# Thespian's ActorSystem.ask, after one that timed out.
#
# Expected: ask returns the answer to its own question, from the actor that was asked; an answer that comes too late is
#           dropped.
# Seen:     the late answer is returned by the next ask, of whichever actor; that one's own answer by the ask after it, and
#           so on for good: each question gets the answer to the one before. So it is on the three systems of processes,
#           over queues, TCP and UDP. (The docstring says that ask waits for a response "from *any* Actor": this is meant.)
# Matters:  one slow answer, and the program goes on without an error with values that belong to other questions. A None
#           from ask means: from here on `listen` until nothing comes, or put a number into each question and its answer and
#           throw away what does not fit.
#
# Needs: python3. Takes half a minute.
set -euo pipefail

packages="thespian==4.0.1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo "installing $packages"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check $packages
cat > asks.py <<'P'
import sys, time

from thespian.actors import Actor, ActorSystem


class Echo(Actor):
    def receiveMessage(self, message, sender):
        if isinstance(message, str):
            if message == "slow":
                time.sleep(2)
            self.send(sender, f"answer to {message}")


if __name__ == "__main__":
    base = sys.argv[1]
    system = ActorSystem(base)
    try:
        one, other = system.createActor(Echo), system.createActor(Echo)
        print(f"{base}: first:", system.ask(one, "first", 20))
        print(f"{base}: slow, half a second:", system.ask(one, "slow", 0.5))
        time.sleep(3)
        for word in ("second", "third", "fourth"):
            print(f"{base}: {word}, of another actor:", system.ask(other, word, 20))
    finally:
        system.shutdown()
P
for base in multiprocQueueBase multiprocTCPBase multiprocUDPBase; do timeout 90 env/bin/python asks.py $base 2>> errors.log; done | tee seen.txt
for base in multiprocQueueBase multiprocTCPBase multiprocUDPBase; do cat << T; done > wanted.txt
$base: first: answer to first
$base: slow, half a second: None
$base: second, of another actor: answer to slow
$base: third, of another actor: answer to second
$base: fourth, of another actor: answer to third
T
diff wanted.txt seen.txt || { cat errors.log; echo "CHANGED"; exit 1; }
echo "as described"
