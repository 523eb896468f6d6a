#!/usr/bin/env bash
# A shallow copy of a Pykka proxy, or of something that copies its fields one by one.
#
# Expected: copy.copy gives another proxy of the same actor: a proxy is a ref and a path of attributes.
# Seen:     RecursionError, a thousand frames long, with nothing of the proxy in it: copy makes an empty object and asks it
#           for `__setstate__`; the proxy's `__getattr__` needs attributes that the object does not have yet and asks
#           itself for them. copy.deepcopy fails as well, in another way: "cannot pickle '_thread.lock' object".
# Matters:  whatever copies what it is given (caches, test fixtures, `copy.copy` of an object's __dict__ values) fails with
#           an error that names neither the proxy nor the actor. `actor_ref.proxy()` makes another one.
#
# Needs: python3. Takes a few seconds.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 120 venv/bin/pip install --quiet pykka==4.5.0
cat > program.py <<'P'
import copy, sys
from importlib.metadata import version

import pykka


class Counter(pykka.ThreadingActor):
    count = 3


proxy = Counter.start().proxy()
seen = {}
for name, act in {"copy.copy(proxy)": lambda: copy.copy(proxy), "copy.deepcopy(proxy)": lambda: copy.deepcopy(proxy)}.items():
    try:
        act()
        seen[name] = "no error"
    except Exception as error:
        seen[name] = f"{type(error).__name__}: {str(error)[:60]}"
pykka.ActorRegistry.stop_all()
print("pykka", version("pykka"))
for name, outcome in seen.items():
    print(f"{name:22} {outcome}")
sys.exit([outcome.partition(":")[0] for outcome in seen.values()] != ["RecursionError", "TypeError"])
P
venv/bin/python program.py
echo "as described"
