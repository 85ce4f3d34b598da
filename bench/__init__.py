"""Measurements: the whole service in processes of its own, beside what its figures are to be compared with."""
