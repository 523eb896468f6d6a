"""Mapping a network: where to go next, and what was found."""
