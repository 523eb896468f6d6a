#!/usr/bin/env bash
# What `import structlog` costs, in a program that only asks whether structlog was configured.
#
# Expected: rich, which structlog needs for tracebacks in colours alone, is imported when such a renderer is made.
# Seen:     `import structlog` imports rich and Pygments where they are installed, and 60 modules of theirs at least; with
#           rich taken out of the environment it imports neither.
# Matters:  a library that imports structlog to ask `is_configured()` makes each process of its users pay for rich if another
#           package has installed it. `sys.modules.get("structlog")` answers the same question.
#
# Needs: python3. Takes a few seconds.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 120 venv/bin/pip install --quiet structlog==26.1.0 rich==15.0.0 pygments==2.21.0
cat > program.py <<'P'
import sys
from importlib.metadata import version

import structlog

found = {name.partition(".")[0] for name in sys.modules}
count = sum(name.partition(".")[0] in {"rich", "pygments"} for name in sys.modules)
print("structlog", version("structlog"), "configured:", structlog.is_configured())
print("rich and Pygments imported:", sorted(found & {"rich", "pygments"}), "modules:", count)
wanted = sys.argv[1] == "with"
sys.exit((count >= 60) is not wanted or (count == 0) is wanted)
P
venv/bin/python program.py with
timeout 60 venv/bin/pip uninstall --quiet --yes rich
venv/bin/python program.py without
echo "as described"
