"""The SIP door measured by SIPp on both sides, beside a Kamailio that does the same calls: `python -m bench.sip`."""
