"""Actor libraries side by side: `python -m tests.bench.actor_libraries`. See `__main__.py`."""
