"""Runs the demonstration's story, and cleans up behind it whatever happens."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable

from events.journal import JournalError
from rtp_relay.demo.checks import NoWitnessError
from rtp_relay.demo.doors import DoorName, RefusedError, open_door
from rtp_relay.demo.ng_client import NoReplyError
from rtp_relay.demo.party import MediaParty
from rtp_relay.demo.phone import NoResponseError
from rtp_relay.demo.report import Report, StepResult
from rtp_relay.demo.sandbox import Stage
from rtp_relay.demo.scenario import DidNotHappenError, Story

STEP_TIMEOUT = 20.0
"""Seconds that a step may take at most; all of them take about ten."""

_FAILURES = (
    DidNotHappenError,
    RefusedError,
    NoReplyError,
    NoResponseError,
    NoWitnessError,
    JournalError,
    OSError,
    subprocess.SubprocessError,
)


def run(door: DoorName = DoorName.SIP, *, as_json: bool = False, keep: bool = False) -> int:
    """Place a call, crash the service, start it again, end the call, look at what is left; return the exit code.

    The call goes through `door`. All is done in a folder of its own, which stays there with `keep`, and beside any
    service that runs. With `as_json` one JSON document goes to standard output, and the progress to standard error.
    """
    stage = Stage(door)
    try:
        return asyncio.run(_play(stage, door, Report(as_json=as_json), keep=keep))
    except asyncio.CancelledError:
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left to be done is short, and has to be done
        stage.clear(keep=keep)
        signal.signal(signal.SIGINT, signal.default_int_handler)


async def _play(stage: Stage, door_name: DoorName, report: Report, *, keep: bool) -> int:
    _end_on_signals()
    door = await open_door(door_name, stage.door)
    caller, callee = await MediaParty.open("caller", pitch=400), await MediaParty.open("callee", pitch=1000)
    story = Story(stage, door, caller, callee)
    checks: list[StepResult] = []
    try:
        for name, step in story.steps():
            with report.step(name):
                checks.append(await _check(name, step))
            report.tell(checks[-1])
            if not checks[-1].ok:
                report.note(f"the service's last words: {stage.last_words()}")
                break
    finally:
        await caller.close()
        await callee.close()
        door.close()
    report.conclude(door.call_id, checks, len(story.steps()), story.history, stage.folder if keep else None)
    return 0 if len(checks) == len(story.steps()) and checks[-1].ok else 1


async def _check(name: str, step: Callable[[], Awaitable[str]]) -> StepResult:
    try:
        async with asyncio.timeout(STEP_TIMEOUT):
            return StepResult(name, True, await step())
    except TimeoutError:
        return StepResult(name, False, f"not within {STEP_TIMEOUT:g} s")
    except _FAILURES as error:
        return StepResult(name, False, str(error))


def _end_on_signals() -> None:
    playing = asyncio.current_task()
    assert playing is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
