"""Messages that tests begin with."""

from __future__ import annotations

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.reading import read

ALICE = Hop(SipTransport.UDP, "192.0.2.1", 5060)
"""Where the examples come from."""

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

INVITE = (
    b"INVITE sip:bob@biloxi.example SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK776asdhds\r\n"
    b"Max-Forwards: 70\r\n"
    b"Route: <sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>\r\n"
    b"Record-Route: <sip:192.0.2.6;lr>\r\n"
    b'From: "Alice" <sip:alice@atlanta.example>;tag=1928301774\r\n'
    b"To: Bob <sip:bob@biloxi.example>\r\n"
    b"Call-ID: a84b4c76e66710@192.0.2.1\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.1>\r\n"
    b"Timestamp: 54\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(SDP), SDP)
)

RINGING = (
    b"SIP/2.0 180 Ringing\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKours\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK776asdhds\r\n"
    b'From: "Alice" <sip:alice@atlanta.example>;tag=1928301774\r\n'
    b"To: Bob <sip:bob@biloxi.example>;tag=a6c85cf\r\n"
    b"Call-ID: a84b4c76e66710@192.0.2.1\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:bob@192.0.2.4>\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def changed(old: bytes, new: bytes, message: bytes = INVITE) -> bytes:
    """Return a message with a part of it changed, which must be there."""
    assert old in message
    return message.replace(old, new)


def request(data: bytes, hop: Hop = ALICE) -> IncomingRequest:
    """Read a request."""
    incoming = read(data, hop)
    assert isinstance(incoming, IncomingRequest)
    return incoming


def response(data: bytes, hop: Hop = ALICE) -> IncomingResponse:
    """Read a response."""
    incoming = read(data, hop)
    assert isinstance(incoming, IncomingResponse)
    return incoming
