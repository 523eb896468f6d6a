"""Metrics: counted by every actor, gathered in one place, served to Prometheus."""
