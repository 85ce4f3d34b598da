from __future__ import annotations

import pytest
from sipmessage import Response

from gateways.sip.rules.contacts import contact_of, remote_target


def test_a_contact_is_its_uri() -> None:
    response = Response(200, "OK")
    response.headers.add("Contact", '"B, <b>" <sip:bob@192.0.2.4>;q=1, <sip:c@d>')
    assert contact_of(response) == "sip:bob@192.0.2.4"


@pytest.mark.parametrize(
    ("contact", "expected"),
    [
        ("<sips:bob@192.0.2.4>;expires=60", "sips:bob@192.0.2.4"),
        ("<tel:+4930>", "sip:before"),
        ("*", "sip:before"),
        ("<sip:bob@>", "sip:before"),
        ("", "sip:before"),
    ],
)
def test_the_remote_target_stays_where_a_contact_is_of_no_use(contact: str, expected: str) -> None:
    response = Response(200, "OK")
    response.headers.add("Contact", contact)
    assert remote_target(response, "sip:before") == expected
