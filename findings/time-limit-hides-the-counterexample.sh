#!/usr/bin/env bash
# A property that is plainly false, whose smaller counterexamples take longer to look for than pytest-timeout allows.
#
# Expected: the test fails with its AssertionError and an example, or with "Timeout": both have been there.
# Seen:     the test fails with FlakyStrategyDefinition, "Inconsistent data generation! … Is your data generation depending
#           on external state?", which is all that the summary says. pytest-timeout raises pytest's Failed from a signal, in
#           the middle of an example. Hypothesis catches Failed like any other failure of the test, finds that the same
#           draws have led further before, and blames the strategy. "Timeout" stands only in the middle of the chained
#           tracebacks above; the AssertionError and its example are not printed at all.
# Matters:  whoever reads the log of such a run looks for randomness in a test that has none, and throws the counterexample
#           away. With the time limit off (`--timeout 0`) the same test shows it.
#
# Needs: python3. Takes up to a minute.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 120 venv/bin/pip install --quiet hypothesis==6.170.17 pytest==9.2.0 pytest-timeout==2.4.0
cat > test_queue.py <<'P'
import time

from hypothesis import given, settings, strategies as st


@settings(deadline=None, database=None, derandomize=True)
@given(st.data())
def test_a_queue_holds_all(data):
    total = 0
    for _ in range(data.draw(st.integers(1, 6))):
        total += len(data.draw(st.lists(st.integers(0, 9), max_size=8)))
        time.sleep(0.02)
        assert total <= 20
P
found() { timeout 120 venv/bin/pytest -q -p no:cacheprovider --timeout "$1" test_queue.py > out.txt || true; grep -oE "FlakyStrategyDefinition: Inconsistent data generation!|AssertionError$|^E +assert .*|Failing test case: .*|Timeout \(>.*" out.txt | sort -u; }
venv/bin/pip list 2> /dev/null | grep -E "^(hypothesis|pytest|pytest-timeout) "
# Where the signal strikes is up to the machine: between two draws, mostly, and then it is as described. Otherwise "Timeout"
# is shown as the failure of an example that has nothing to do with it.
for _ in 1 2 3 4 5 6 7 8; do
    limited=$(found 3)
    if grep -q "FlakyStrategyDefinition" <<< "$limited"; then break; fi
done
unlimited=$(found 0)
printf 'with --timeout 3:\n%s\nwith --timeout 0:\n%s\n' "$limited" "$unlimited"
grep -q "FlakyStrategyDefinition" <<< "$limited"
if grep -qE "assert " <<< "$limited"; then exit 1; fi
grep -q "assert " <<< "$unlimited"
echo "as described"
