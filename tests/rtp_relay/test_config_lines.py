from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from rtp_relay.config.lines import lines_of

EVERYTHING = r'''# a comment with [brackets] and "quotes"
top = 1  # line 2
"quoted key" = "a # b"
dotted.key = 'c:\'

[one]
text = """first
second \""" ] [not.a.table] = 3
fourth"""""
next = 1

[one.two]
list = [
  "a",  # comment, with ] and ,
  ["b", 1979-05-27 07:32:00],
  { x = 1.5, y = [true, 0x1f] },
]
raw = ~~~
[not.a.table]'~~~
after = 2

[[array]]
a = 1
[array.sub]
b = 2
[[array]]
[[array.nested]]
c = { d.e = 3 }
'''.replace("~~~", "'" * 3)


def test_every_table_key_and_item_has_its_line() -> None:
    tomllib.loads(EVERYTHING)
    assert lines_of(EVERYTHING) == {
        ("top",): 2,
        ("quoted key",): 3,
        ("dotted",): 4,
        ("dotted", "key"): 4,
        ("one",): 6,
        ("one", "text"): 7,
        ("one", "next"): 10,
        ("one", "two"): 12,
        ("one", "two", "list"): 13,
        ("one", "two", "list", 0): 14,
        ("one", "two", "list", 1): 15,
        ("one", "two", "list", 1, 0): 15,
        ("one", "two", "list", 1, 1): 15,
        ("one", "two", "list", 2): 16,
        ("one", "two", "list", 2, "x"): 16,
        ("one", "two", "list", 2, "y"): 16,
        ("one", "two", "list", 2, "y", 0): 16,
        ("one", "two", "list", 2, "y", 1): 16,
        ("one", "two", "raw"): 18,
        ("one", "two", "after"): 20,
        ("array",): 22,
        ("array", 0): 22,
        ("array", 0, "a"): 23,
        ("array", 0, "sub"): 24,
        ("array", 0, "sub", "b"): 25,
        ("array", 1): 26,
        ("array", 1, "nested"): 27,
        ("array", 1, "nested", 0): 27,
        ("array", 1, "nested", 0, "c"): 28,
        ("array", 1, "nested", 0, "c", "d"): 28,
        ("array", 1, "nested", 0, "c", "d", "e"): 28,
    }


def test_windows_line_ends() -> None:
    assert lines_of('a = 1\r\n[b]\r\nc = "x"\r\n') == {("a",): 1, ("b",): 2, ("b", "c"): 3}


def test_an_empty_text_has_no_lines() -> None:
    assert lines_of("") == {}


VALUES = st.sampled_from(
    [
        "1",
        "-2.5e3",
        '""',
        '"[x] # y = 1"',
        "'''\n[z]\n'''",
        '"""\\"""\n""\n"""',
        "[\n]",
        "[1,\n[2], # ]\n]",
        "{ p = 1, q = '}' }",
        "1979-05-27T07:32:00Z",
        "true # ['",
    ]
)


@given(st.lists(VALUES, max_size=12))
def test_keys_are_found_after_any_values(values: list[str]) -> None:
    text, expected = "", {}
    for number, value in enumerate(values):
        expected[(f"key{number}",)] = text.count("\n") + 1
        text += f"key{number} = {value}\n"
    assert len(tomllib.loads(text)) == len(values)
    found = {path: line for path, line in lines_of(text).items() if len(path) == 1}
    assert found == expected
