#!/usr/bin/env bash
# An object of a class of __main__ that went through cloudpickle and back, all in one process.
#
# Expected: the object is an equal copy; the class, which the process has already, is left as it is.
# Seen:     loads() finds the class that this process defined and fills it anew with what was pickled: class attributes
#           that changed meanwhile go back to their old values, and every method becomes a function of a frozen copy of
#           the module's globals, so that a later assignment to a global is not seen any more. For all instances, also
#           those that were never pickled.
# Matters:  whoever sends messages between processes with cloudpickle (ray, dask, joblib, loky, pyspark do) and gets an
#           object of a __main__ or notebook class back: counters in the class, settings read by methods and monkeypatches
#           are undone by the first answer, without an error.
#
# Needs: python3. Takes a few seconds.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 120 venv/bin/pip install --quiet cloudpickle==3.1.2
cat > program.py <<'P'
import sys
from importlib.metadata import version

import cloudpickle

RATE = 1


class Job:
    seen = 0

    def __init__(self, hours):
        self.hours = hours

    def price(self):
        return self.hours * RATE


bystander = Job(10)
packed = cloudpickle.dumps(Job(10))
Job.seen, RATE = 7, 2
before = Job.seen, bystander.price()
copy = cloudpickle.loads(packed)
after = Job.seen, bystander.price()
RATE = 3
later = bystander.price()
print("cloudpickle", version("cloudpickle"))
print("same class:", type(copy) is Job)
print("before (seen, price at rate 2):", before)
print("after the copy came back:      ", after)
print("price at rate 3:               ", later)
sys.exit((type(copy) is Job, before, after, later) != (True, (7, 20), (0, 10), 10))
P
venv/bin/python program.py
echo "as described"
