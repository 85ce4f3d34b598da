from __future__ import annotations

import pytest

from gateways.sip.messages.text import remembered


class Reader:
    """Measures texts, and knows which it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, text: str) -> int:
        self.asked.append(text)
        return len(text)


def test_what_was_read_of_a_short_text_is_not_read_again() -> None:
    reader = Reader()
    read = remembered(reader.read)
    assert [read("a"), read("bb"), read("a")] == [1, 2, 1]
    assert reader.asked == ["a", "bb"]


def test_long_texts_are_not_kept() -> None:
    reader, text = Reader(), 1000 * "x"
    read = remembered(reader.read)
    assert [read(text), read(text)] == [1000, 1000]
    assert reader.asked == [text, text]


def test_faults_are_raised_each_time() -> None:
    read = remembered(int)
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            read("no number")
