"""Run rtpproxy until the process ends; its arguments are rtpproxy's own."""

from __future__ import annotations

import signal
import sys

from rtp.io import rtpproxy

if __name__ == "__main__":
    # No modules: the accounting module writes a file into the working directory.
    relay = rtpproxy(extra_args=sys.argv[1:], modules=())
    signal.pause()
