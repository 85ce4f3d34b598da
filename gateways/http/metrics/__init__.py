"""Counters as Prometheus reads them: their names, their form, and the paths where they are."""
