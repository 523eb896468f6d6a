"""Reactors: the base class, the peers as a reactor sees them, and peer exchange."""
