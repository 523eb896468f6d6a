#!/usr/bin/env bash
# What libFuzzer's -rss_limit_mb counts.
#
# Expected: a fuzzing session is ended when it takes more memory than the limit.
# Seen:     a session that takes 60 MB is ended as out of memory within a second, with "used:" the memory of the program
#           that started it: libFuzzer asks for the highest resident memory that the process ever had (ru_maxrss), and Linux
#           hands that of the starter on to the program that it executes. Started by a small program, the same session runs.
# Matters:  sessions that a test runner starts (pytest-xdist's workers have hundreds of megabytes by the end of a suite) fail,
#           one after the other, with an input in hand that has nothing to do with it; alone, each passes.
#           -rss_limit_mb=0 and a limit on the address space (RLIMIT_AS) in the session bound what it takes itself.
#
# Needs: python3.11 on Linux and x86-64. Downloads 35 MB.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
./venv/bin/pip install --quiet --disable-pip-version-check atheris==3.0.0

cat > session.py <<'P'
import sys
import atheris

atheris.Setup(sys.argv, lambda data: None)
atheris.Fuzz()
P
cat > start.py <<'P'
import subprocess, sys

size = int(sys.argv[1])
held = bytearray(b"x") * (size * 1_000_000)
session = [sys.executable, "session.py", "-max_total_time=5", "-rss_limit_mb=512", "-print_final_stats=1"]
done = subprocess.run(session, capture_output=True, text=True)
said = next((line for line in done.stderr.splitlines() if "out-of-memory" in line), "ran to its end")
print(f"started by a program that has {size} MB: exit status {done.returncode}: {said.split('ERROR: ')[-1]}")
sys.exit(done.returncode != 0)
P
./venv/bin/python -c 'import importlib.metadata as m; print("atheris", m.version("atheris"))'
./venv/bin/python start.py 1 || { echo "changed: it does not run at all"; exit 1; }
if ./venv/bin/python start.py 800; then echo "changed: only what the session takes is counted"; exit 1; fi
