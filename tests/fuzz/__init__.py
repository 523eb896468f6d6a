"""Fuzzing of everything that reads what others wrote: `python -m tests.fuzz` (docs/howto/fuzz.md, decision 0047)."""
