from __future__ import annotations

import base64

from gateways.webhooks.signing import signed

SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
"""Of the example that the specification's libraries are tested with."""


def test_the_example_of_the_specification() -> None:
    assert signed([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}') == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_there_is_a_signature_for_each_secret_and_none_without() -> None:
    both = signed([b"a" * 24, SECRET], "i", 1, b"")["webhook-signature"].split(" ")
    assert both == [signed([secret], "i", 1, b"")["webhook-signature"] for secret in (b"a" * 24, SECRET)]
    assert "webhook-signature" not in signed([], "i", 1, b"")
