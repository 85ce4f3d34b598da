"""An offer or answer of the ng protocol, said in rtpproxy's words.

Keys and flags are compared without regard to case, and to spaces, hyphens and underscores between words.

| in the request | for the rtpproxy |
|---|---|
| `direction` (or `from-interface` and `to-interface`) | letters `i`, `e`: see below |
| flag `asymmetric`, `endpoint-learning` `off` | `a`: send where the SDP says, wherever packets come from |
| flag `symmetric` | `s`: learn the address from the packets, though the node's default be otherwise |
| flag `trust-address`, or no `received-from` | the address of the SDP is given to the node |
| `received-from`, without `trust-address` | that address is given, with the SDP's port (not for a stream on hold) |
| flag `SIP-source-address` | `received-from` is given, even beside `trust-address` |
| an IPv6 address to be given | `6` |
| `media-address` | written into the SDP in place of the node's own address |
| `address-family` | the node's interfaces have to do it: see below |
| `replace`: `origin`, `origin-full` | the o= line's address is rewritten too |
| `replace`: `session-connection` | the session's c= line is rewritten even if all streams have their own |
| `replace`: `zero-address` | a c= line with 0.0.0.0 is rewritten too; without it the hold stays |
| `ICE` `remove`, `default`, `optional` | nothing: an rtpproxy does no ICE, so ICE lines are always taken out |
| `repacketize` | `zNN` |
| an SDP's payload types | `cN,N`: the codecs that a prompt may have |
| `rtpproxy` | see `engines.rtpproxy.own` |
| `delete-delay` | nothing: an rtpproxy deletes at once, the delay is for the caller to keep |
| what `engines.rtpproxy.refusals` lists | refused: Untranslatable |
| all other keys and flags | ignored, as rtpengine ignores what it does not know |

Ignored on purpose are also `strict-source`, `port-latching` and `media-handover` (an rtpproxy keeps to the first source
of a stream, and lets only the same RTP stream move on), `loop-protect`, `TOS` (the node's option -t), and labels.

The rule for `direction`, whose names are the operator's own: an rtpproxy in bridge mode (-l INTERNAL/EXTERNAL) has two
interfaces. The names in INTERNAL_NAMES mean the first, those in EXTERNAL_NAMES the second. Other names are taken if
both are the same, which asks for no bridging; two different ones are refused. `internal` twice is the node's default
and not sent, so that a node without bridge mode takes it too.

Between IPv4 and IPv6 an rtpproxy bridges by interfaces only (-l 192.0.2.1 -6 /2001:db8::1). So `address-family` is
refused where it differs from the address given to the node and `direction` does not name two interfaces. In such a
call the answer needs its `direction` too: without the letters an L moves the offerer's side to the answerer's family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engines.kind import Untranslatable
from engines.ng.bencode import NgDict, NgValue
from engines.refusal import RefusalCode
from engines.rtpproxy.commands import StreamOptions
from engines.rtpproxy.flags import MAX_PTIME
from engines.rtpproxy.own import MARK, OwnOptions, is_marked, own_options
from engines.rtpproxy.refusals import refuse
from engines.rtpproxy.words import normalised, words_of
from engines.sdp.address import MediaAddress, parse_address
from engines.sdp.rewrite import RewriteRules
from engines.sdp.session import Sdp, Stream

INTERNAL_NAMES = frozenset(
    {b"i", b"int", b"internal", b"in", b"inside", b"priv", b"private", b"lan", b"local"},
)
EXTERNAL_NAMES = frozenset(
    {b"e", b"ext", b"external", b"out", b"outside", b"pub", b"public", b"wan"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """What a request asks of an rtpproxy.

    options: for all its streams. source: the address to give to the node in place of the SDP's. media_address: the one
    to write into the SDP in place of the node's. family: the one that the address in the SDP is to have. rules: what
    else to change in the SDP. own: what the ng protocol has no words for.
    """

    options: StreamOptions
    source: MediaAddress | None
    media_address: MediaAddress | None
    family: bytes | None
    rules: RewriteRules
    own: OwnOptions | None = None

    def host_of(self, sdp: Sdp, stream: Stream) -> MediaAddress:
        """Return the address to give to the node for a stream. Raises Untranslatable, and SdpError where none is."""
        address = sdp.address_of(stream)
        if self.source is not None and not address.is_unspecified:
            return self.source
        if address.literal is None:
            raise Untranslatable(
                f"sdp: {address.host!r} is not a unicast IP address, which is all an rtpproxy takes; with "
                "received-from and without trust-address it would be given the signalling's source",
                RefusalCode.NOT_ACCEPTABLE,
            )
        return address


def translate(request: NgDict, sdp: Sdp) -> Translation:
    """Translate an offer or answer. Raises Untranslatable, which names the key and what can be done."""
    options = normalised(request)
    refuse(options, sdp)
    flags = words_of(options, b"flags")
    replace = words_of(options, b"replace")
    own = own_options(options)
    return Translation(
        options=StreamOptions(
            asymmetric=_asymmetric(options, flags), interfaces=_interfaces(options), ptime=_ptime(options)
        ),
        source=_source(options, flags),
        media_address=_address(options, b"media-address", options.get(b"media-address")),
        family=_family(options),
        rules=RewriteRules(
            origin=not replace.isdisjoint({b"origin", b"origin-full"}),
            session_connection=b"session-connection" in replace,
            zero_address=b"zero-address" in replace,
            mark=MARK if own is not None and not is_marked(sdp) else b"",
        ),
        own=own,
    )


def _asymmetric(options: Mapping[bytes, NgValue], flags: frozenset[bytes]) -> bool | None:
    if b"asymmetric" in flags or b"off" in words_of(options, b"endpoint-learning"):
        return True
    return False if b"symmetric" in flags else None


def _source(options: Mapping[bytes, NgValue], flags: frozenset[bytes]) -> MediaAddress | None:
    """Return the signalling's source, if it is to stand for the addresses in the SDP."""
    received = options.get(b"received-from")
    if received is None or (b"trust-address" in flags and b"sip-source-address" not in flags):
        return None
    return _address(options, b"received-from", received[-1] if isinstance(received, list) and received else received)


def _address(options: Mapping[bytes, NgValue], key: bytes, text: NgValue | None) -> MediaAddress | None:
    if text is None:
        return None
    address = parse_address(text) if isinstance(text, bytes) else None
    if address is None:
        raise Untranslatable(f"{key.decode()}: {options[key]!r} is not an IP address")
    return address


def _family(options: Mapping[bytes, NgValue]) -> bytes | None:
    family = options.get(b"address-family")
    if family is None:
        return None
    if not isinstance(family, bytes) or family.upper() not in (b"IP4", b"IP6"):
        raise Untranslatable(f"address-family: {family!r} is neither IP4 nor IP6")
    return family.upper()


def _ptime(options: Mapping[bytes, NgValue]) -> int | None:
    """Return the packet time asked for, in ms."""
    ptime = options.get(b"repacketize")
    if isinstance(ptime, bytes) and ptime.isdigit():
        ptime = int(ptime)
    if ptime is not None and not (isinstance(ptime, int) and 0 < ptime <= MAX_PTIME):
        raise Untranslatable(f"repacketize: {ptime!r} is not a number of ms from 1 to {MAX_PTIME}")
    return ptime


def _interfaces(options: Mapping[bytes, NgValue]) -> str:
    """Return the letters for the sender's side and the other one."""
    names = options.get(b"direction")
    if names is None and b"from-interface" in options and b"to-interface" in options:
        names = [options[b"from-interface"], options[b"to-interface"]]
    if names is None:
        return ""
    if not isinstance(names, list) or len(names) != 2:
        raise Untranslatable(f"direction: {names!r} is not a list of two interface names")
    letters = "".join(map(interface_letter, names))
    if len(letters) == 2:
        return "" if letters == "ii" else letters
    if names[0] == names[1]:
        return ""
    raise Untranslatable(
        f"direction: an rtpproxy knows an internal and an external interface only, and {names!r} does not tell which "
        "is which; use the names internal and external"
    )


def interface_letter(name: NgValue) -> str:
    """Return the letter for an interface's name, "" for a name that tells nothing."""
    word = name.lower() if isinstance(name, bytes) else b""
    return "i" if word in INTERNAL_NAMES else "e" if word in EXTERNAL_NAMES else ""
