"""The metrics: what the samples of the parts are called for Prometheus, with what they mean.

docs/metrics.md has the same names; a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from actors.control.counters import Labels, Sample

PREFIX: Final = "rtprelay_"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric. name: without the prefix, and without the _total of counters. help: in a sentence."""

    name: str
    help: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sample goes: its metric, labels that it has there in any case, and its own labels' names there."""

    metric: Metric
    labels: Labels = ()
    names: tuple[str, ...] = ()


REQUESTS = Metric("requests", "Requests that got their final reply, by door, verb and outcome.")
REQUEST_DURATION = Metric("request_duration_seconds", "Time from a request to its final reply.")
UNTAKEN = Metric("untaken_messages", "Messages that were not taken, and why.")
OVERLOADED = Metric("overload_refusals", "Requests refused since there was too much to do, or the end was near.")
REPEATS = Metric("repeated_requests", "Requests that came again, and were answered as the first time.")
UNANSWERED = Metric("unanswered_requests", "Requests that got no final reply in time.")
UNSENT = Metric("unsent_replies", "Replies that the system did not take.")
FAULTS = Metric("faults", "Faults of the program itself, each of which stands in its log.")
STRAYS = Metric("sip_stray_messages", "SIP messages that belong to no transaction.")
ADOPTIONS = Metric("adoptions", "Calls that the journal did not know and nodes were asked for, by what came of it.")
HEP = Metric("hep_packets", "What was captured for HEP collectors, by what became of it.")
WEBHOOKS = Metric("webhook_events", "Events for webhooks: posted, delivered, and what went wrong on the way.")


def _of(name: str, text: str, *names: str) -> Place:
    return Place(Metric(name, text), (), names)


def _door(metric: Metric, door: str, *names: str) -> Place:
    return Place(metric, (("door", door),), names)


def _untaken(door: str, reason: str) -> Place:
    return Place(UNTAKEN, (("door", door), ("reason", reason)))


CATALOGUE: Final[Mapping[tuple[str, str], Place]] = {
    ("service", "build_info"): _of(
        "build_info", "1, with the version and which code runs: compiled or the sources.", "version", "code", "python"
    ),
    ("service", "workers"): _of("workers", "Processes that serve calls at this time."),
    ("service", "worker_ends"): _of("worker_ends", "Workers that ended without being told to."),
    ("service", "handed_over"): _of(
        "handed_over", "Requests and SIP messages that one worker handed to the worker that serves their call."
    ),
    ("ng", "requests"): _door(REQUESTS, "ng", "verb", "outcome"),
    ("sip", "answered"): _door(REQUESTS, "sip", "verb", "outcome"),
    ("ng", "seconds"): _door(REQUEST_DURATION, "ng", "verb"),
    ("sip", "seconds"): _door(REQUEST_DURATION, "sip", "verb"),
    ("ng", "repeats"): _door(REPEATS, "ng"),
    ("sip", "repeats"): _door(REPEATS, "sip"),
    ("ng", "garbage"): _untaken("ng", "no_cookie"),
    ("ng", "unreadable"): _untaken("ng", "unreadable"),
    ("ng", "not_allowed"): _untaken("ng", "not_allowed"),
    ("ng", "streams_lost"): _untaken("ng", "stream_closed"),
    ("sip", "malformed"): _untaken("sip", "unreadable"),
    ("proxy", "not_allowed"): _untaken("sip", "not_allowed"),
    ("proxy", "dropped"): _untaken("sip", "dropped"),
    ("ng", "load_limited"): _door(OVERLOADED, "ng"),
    ("sip", "refused"): _door(OVERLOADED, "sip"),
    ("proxy", "overloaded"): _door(OVERLOADED, "sip"),
    ("ng", "unanswered"): _door(UNANSWERED, "ng"),
    ("sip", "unanswered"): _door(UNANSWERED, "sip"),
    ("ng", "unsent"): _door(UNSENT, "ng"),
    ("sip", "unsent"): _door(UNSENT, "sip"),
    ("ng", "failures"): _door(FAULTS, "ng"),
    ("sip", "failures"): _door(FAULTS, "sip"),
    ("proxy", "failures"): _door(FAULTS, "sip"),
    ("hep", "failures"): _door(FAULTS, "hep"),
    ("sip", "requests"): _of("sip_transactions", "SIP requests that came for the first time, without ACKs."),
    ("sip", "sent"): _of("sip_sent_requests", "SIP requests that were sent, with those of our own."),
    ("sip", "resent"): _of("sip_retransmissions", "SIP messages that were sent again."),
    ("sip", "stray_responses"): Place(STRAYS, (("kind", "response"),)),
    ("sip", "stray_cancels"): Place(STRAYS, (("kind", "cancel"),)),
    ("sip", "unreachable"): _of("sip_unreachable", "SIP requests that a transport could not send."),
    ("sip", "unacknowledged"): _of("sip_unacknowledged", "Failures of an INVITE whose ACK did not come."),
    ("proxy", "requests"): _of("sip_proxied_requests", "SIP requests that the proxy took, without ACKs."),
    ("proxy", "refused"): _of("sip_refused_requests", "SIP requests refused for a fault (RFC 3261 16.3)."),
    ("proxy", "branches"): _of("sip_branches", "SIP requests that were forwarded, to each of their targets."),
    ("proxy", "failovers"): _of("sip_failovers", "SIP requests sent on to another address of the same target."),
    ("proxy", "cancelled"): _of("sip_cancelled_requests", "SIP requests that their client gave up."),
    ("proxy", "acks"): _of("sip_forwarded_acks", "ACKs that were forwarded."),
    ("proxy", "strays"): _of("sip_forwarded_strays", "Responses of no transaction that were forwarded."),
    ("proxy", "forwarding"): _of(
        "sip_forwarding_duration_seconds", "Time from a SIP request to when it left for its first target.", "method"
    ),
    ("calls", "live"): _of("calls", "Live calls of the whole cluster."),
    ("calls", "states"): _of("calls_by_state", "Live calls of the whole cluster by state, where few enough.", "state"),
    ("calls", "resident"): _of("resident_calls", "Calls in memory."),
    ("calls", "failing"): _of("failing_calls", "Calls in memory whose actor has failed lately."),
    ("calls", "ended"): _of("ended_calls", "Calls that have ended, by outcome and cause.", "outcome", "cause"),
    ("calls", "quarantined"): _of("quarantined_calls", "Calls that were set aside, for they failed again and again."),
    ("calls", "media_timeouts"): _of("media_timeouts", "Sessions of which a relay told that no media came."),
    ("calls", "moves"): _of("moves", "Calls that move to another relay: begun, completed, failed.", "outcome", "cause"),
    ("calls", "moving"): _of("moves_in_flight", "Calls that are just moving."),
    ("adoption", "asked"): Place(ADOPTIONS, (("outcome", "asked"),)),
    ("adoption", "adopted"): Place(ADOPTIONS, (("outcome", "adopted"),)),
    ("adoption", "not_found"): Place(ADOPTIONS, (("outcome", "not_found"),)),
    ("adoption", "refused"): Place(ADOPTIONS, (("outcome", "refused"),)),
    ("journal", "up"): _of("journal_up", "1 while the journal answers."),
    ("calls", "journal_seconds"): _of(
        "journal_append_duration_seconds", "Time until the journal had appended events, or confirmed a version."
    ),
    ("calls", "conflicts"): _of("journal_conflicts", "Decisions made anew: another control node wrote first."),
    ("calls", "tails_lost"): _of("journal_tails_lost", "Calls of which the journal had lost the newest entries."),
    ("calls", "journal_failures"): _of("journal_failures", "Calls that the journal failed: it could not be reached."),
    ("calls", "replays"): _of("replay_duration_seconds", "Time to read a call and fold it anew; its count is replays."),
    ("calls", "media_packets"): _of("media_packets", "RTP packets from parties, of ended sessions.", "node"),
    ("calls", "media_lost"): _of("media_lost_packets", "RTP packets lost, of ended sessions.", "node"),
    ("calls", "media_one_way"): _of(
        "media_one_way_sessions", "Ended sessions with a party that was not heard.", "node"
    ),
    ("calls", "media_mos"): _of("media_mos", "Mean opinion score of each stream, on average.", "node"),
    ("calls", "media_jitter"): _of("media_jitter_seconds", "Jitter of each stream, on average.", "node"),
    ("node", "up"): _of("node_up", "1 while a relay node takes commands.", "node"),
    ("node", "state"): _of("node_state", "1 for the state that a relay node is in, 0 for others.", "node", "state"),
    ("node", "info"): _of("node_info", "1, with the engine and the set of a relay node.", "node", "engine", "set"),
    ("node", "weight"): _of("node_weight", "The share of new calls that a relay node gets.", "node"),
    ("node", "sessions"): _of("node_sessions", "Live calls of the whole cluster with a session on a node.", "node"),
    ("node", "in_flight"): _of("node_requests_in_flight", "Operations that a node has not answered yet.", "node"),
    ("node", "requests"): _of(
        "node_requests", "Operations asked of a relay node that have ended.", "node", "verb", "outcome"
    ),
    ("node", "seconds"): _of(
        "node_request_duration_seconds", "Time until a relay node had answered an operation.", "node", "verb"
    ),
    ("node", "resent"): _of("node_resent_commands", "Commands to a relay node that were sent again.", "node"),
    ("node", "went_down"): _of("node_outages", "How often a relay node was found to be down.", "node"),
    ("node", "metrics_up"): _of("node_metrics_up", "1 if a relay node's own page of metrics could be had.", "node"),
    ("reconcile", "rounds"): _of("reconcile_rounds", "Comparisons of all nodes with the journal."),
    ("reconcile", "orphans"): _of("orphans", "Sessions found on a node that are ours, and that no call has.", "node"),
    ("reconcile", "orphans_deleted"): _of("deleted_orphans", "Those of them that were deleted.", "node"),
    ("reconcile", "ghosts"): _of("ghosts", "Sessions of calls that were not found on their node.", "node"),
    ("reconcile", "ghosts_removed"): _of("removed_ghosts", "Those of them that the journal was told of.", "node"),
    ("hep", "captured"): Place(HEP, (("outcome", "captured"),)),
    ("hep", "dropped"): Place(HEP, (("outcome", "dropped"),)),
    ("hep", "sent"): Place(HEP, (("outcome", "sent"),)),
    ("hep", "lost"): Place(HEP, (("outcome", "lost"),)),
    ("hep", "cut"): Place(HEP, (("outcome", "cut"),)),
    ("webhooks", "posted"): Place(WEBHOOKS, (("outcome", "posted"),)),
    ("webhooks", "dropped"): Place(WEBHOOKS, (("outcome", "dropped"),)),
    ("webhooks", "delivered"): Place(WEBHOOKS, (("outcome", "delivered"),)),
    ("webhooks", "failed"): Place(WEBHOOKS, (("outcome", "failed"),)),
    ("webhooks", "given_up"): Place(WEBHOOKS, (("outcome", "given_up"),)),
    ("process", "loop_lag"): _of("loop_lag_seconds", "How late the event loop was.", "process"),
    ("process", "memory"): _of("process_resident_memory_bytes", "Memory that is in use.", "process"),
    ("process", "cpu"): _of("process_cpu_seconds", "Processor time used.", "process"),
    ("process", "started"): _of("process_start_time_seconds", "When it started, since the epoch.", "process"),
    ("process", "files"): _of("process_open_fds", "Open file descriptors.", "process"),
}


def place_of(sample: Sample) -> Place:
    """Return where a sample goes. One that is not in the catalogue has a metric named after its part."""
    place = CATALOGUE.get((sample.part, sample.name))
    return place or Place(Metric(f"{sample.part}_{sample.name}", f"Counted by the part {sample.part}."))


def labels_of(sample: Sample, place: Place) -> Labels:
    """Return the labels that a sample has there."""
    words = [word for _, word in sample.labels]
    names = place.names or tuple(name for name, _ in sample.labels)
    return (*place.labels, *zip(names, words, strict=True))
