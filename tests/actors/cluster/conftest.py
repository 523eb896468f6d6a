"""Without Ray, the tests that need it are not collected."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("ray") is not None else ["test_shared_book_on_ray.py"]
