"""Real nodes of every released line beside nodes of ours: `python -m tests.interop.versions --help`."""
