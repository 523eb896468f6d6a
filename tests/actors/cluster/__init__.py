"""Nodes that share a book. What needs Ray is collected where it is installed: `pip install '.[test,ray]'`."""
