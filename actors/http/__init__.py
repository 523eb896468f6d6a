"""Serving HTTP beside an actor's loop, as Go's server does."""
