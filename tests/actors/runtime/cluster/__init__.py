"""Actors on a Ray cluster. What needs Ray is collected where it is installed: `pip install '.[test,ray]'`."""
