"""Client libraries of other languages read nodes of ours: `python -m tests.interop.clients --help`."""
