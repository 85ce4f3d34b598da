from __future__ import annotations

import pytest

from gateways.sip.messages.text import MEMORY, remembered


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


def test_no_more_than_so_many_texts_are_kept() -> None:
    reader = Reader()
    read = remembered(reader.read)
    texts = [str(number) for number in range(MEMORY + 1)]
    assert [read(text) for text in (*texts, *texts[-1:], *texts[:1])] == [len(text) for text in (*texts, "4096", "0")]
    assert reader.asked == [*texts, "0"]


def test_that_there_is_nothing_is_remembered_too() -> None:
    asked: list[str] = []
    read = remembered(asked.append)
    assert [read("a"), read("a")] == [None, None]
    assert asked == ["a"]


def test_faults_are_raised_each_time() -> None:
    read = remembered(int)
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            read("no number")
