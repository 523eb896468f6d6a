#!/usr/bin/env bash
# A program's own JSON log lines before and after it has imported Ray, which it never connects.
#
# Expected: importing a library changes nothing about the records of loggers that are not its own.
# Seen:     from the import on, each record of every logger has an attribute `_ray_timestamp_ns`, and a formatter that prints
#           what is special about a record (structlog's ExtraAdder) prints it in each line. It stays so after ray.shutdown().
# Matters:  Ray replaces the process's factory of log records (logging.setLogRecordFactory). Whoever checks log lines against
#           a schema, or counts bytes of logs, sees lines of all parts of the program change because one of them imports Ray.
#
# Needs: python3. Takes about a minute, most of it for a download of some 70 MB.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 240 venv/bin/pip install --quiet ray==2.60.0 structlog==25.5.0
cat > program.py <<'P'
import json
import logging
from importlib.metadata import version

import structlog

lines = []


class Keep(logging.Handler):
    def emit(self, record):
        lines.append(json.loads(self.format(record)))


handler = Keep()
handler.setFormatter(
    structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
)
log = logging.getLogger("shop")
log.addHandler(handler)
log.warning("sold", extra={"item": 7})

import ray  # noqa: E402  # this is what it is about

log.warning("sold", extra={"item": 7})
ray.shutdown()
log.warning("sold", extra={"item": 7})
before, after, later = (sorted(line) for line in lines)
print("ray", version("ray"), "structlog", version("structlog"))
print("before the import:", before)
print("after it:         ", after)
print("after shutdown:   ", later)
assert before == ["event", "item"], before
assert after == later == ["_ray_timestamp_ns", "event", "item"], (after, later)
P
timeout 120 venv/bin/python program.py
