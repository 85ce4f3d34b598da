"""Measurements: the whole service in processes of its own, beside what its figures are to be compared with."""

from __future__ import annotations

from rtp_relay.compiled import code_in_use

code_in_use()  # before any module is imported that may be there compiled
