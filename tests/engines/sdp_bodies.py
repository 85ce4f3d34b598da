"""Session descriptions that several tests use."""

from __future__ import annotations

AUDIO = (
    b"v=0\r\n"
    b"o=alice 1 1 IN IP4 10.0.0.1\r\n"
    b"s=-\r\n"
    b"c=IN IP4 10.0.0.1\r\n"
    b"t=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 8\r\n"
    b"a=rtpmap:0 PCMU/8000\r\n"
    b"a=sendrecv\r\n"
)

TWO_STREAMS = (
    AUDIO + b"m=video 4002 RTP/AVP 96\r\n"
    b"i=camera\r\n"
    b"a=rtcp:4103 IN IP4 10.0.0.1\r\n"
    b"a=x-odd  spacing\there\r\n"
    b"m=audio 0 RTP/AVP 0\r\n"
    b"c=IN IP4 10.0.0.9\r\n"
)

OWN_CONNECTIONS = (
    b"v=0\n"
    b"o=- 1 1 IN IP6 2001:db8::1\n"
    b"s=-\n"
    b"c=IN IP4 10.0.0.1\n"
    b"t=0 0\n"
    b"m=audio  4000  RTP/AVP 0 \n"
    b"c=IN IP4 10.0.0.2\n"
    b"a=rtcp:4001\n"
    b"m=video 5000/1 RTP/AVP 96\n"
    b"c=IN IP6 2001:db8::3\n"
    b"\0\0"
)

WITH_TCP = AUDIO + b"m=message 7000 TCP/MSRP *\r\na=path:msrp://10.0.0.1:7000/x;tcp\r\n"

ICE = (
    b"v=0\r\n"
    b"o=- 1 1 IN IP4 10.0.0.1\r\n"
    b"s=-\r\n"
    b"a=ice-lite\r\n"
    b"c=IN IP4 10.0.0.1\r\n"
    b"t=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\n"
    b"a=ice-ufrag:abcd\r\n"
    b"a=ice-pwd:0123456789012345678901\r\n"
    b"a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\r\n"
    b"a=rtcp-mux\r\n"
    b"a=end-of-candidates"
)
