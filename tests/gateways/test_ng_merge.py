from __future__ import annotations

from engines.ng.bencode import NgDict
from gateways.ng.merge import merge


def test_of_one_node_it_stays_as_it_is() -> None:
    part: NgDict = {b"currentstatistics": {b"sessionsown": 1}, b"interfaces": [], b"x": b"0.000000"}
    assert merge([part]) == part
    assert merge([]) == {}


def test_counters_and_durations_are_summed() -> None:
    one: NgDict = {
        b"totalstatistics": {b"managedsessions": 2, b"totalcallsduration": b"1.500000", b"relayedpackets": 0}
    }
    other: NgDict = {
        b"totalstatistics": {b"managedsessions": 3, b"totalcallsduration": b"0.250001", b"relayedpackets": 9}
    }
    assert merge([one, other, one]) == {
        b"totalstatistics": {b"managedsessions": 7, b"totalcallsduration": b"3.250001", b"relayedpackets": 9}
    }


def test_what_cannot_be_summed() -> None:
    one: NgDict = {b"minofferdelay": b"0.1", b"maxofferdelay": b"0.5", b"avgcallduration": b"2.0", b"uptime": b"100"}
    other: NgDict = {b"minofferdelay": b"0.2", b"maxofferdelay": b"0.3", b"avgcallduration": b"4.0", b"uptime": b"90"}
    assert merge([one, other]) == {
        b"minofferdelay": b"0.1",
        b"maxofferdelay": b"0.5",
        b"avgcallduration": b"4.0",
        b"uptime": b"100",
    }


def test_keys_of_either_are_there_and_texts_stay() -> None:
    assert merge([{b"a": 1, b"t": b"x"}, {b"b": 2, b"t": b"y"}]) == {b"a": 1, b"b": 2, b"t": b"x"}
    assert merge([{b"a": 1}, {b"a": b"text"}]) == {b"a": 1}


def test_lists_are_put_together_and_proxies_by_name() -> None:
    one: NgDict = {b"interfaces": [{b"name": b"a"}], b"proxies": [{b"proxy": b"127.0.0.1", b"offercount": 1}]}
    other: NgDict = {
        b"interfaces": [{b"name": b"b"}],
        b"proxies": [{b"proxy": b"127.0.0.1", b"offercount": 2}, {b"proxy": b"127.0.0.2", b"offercount": 5}],
    }
    assert merge([one, other]) == {
        b"interfaces": [{b"name": b"a"}, {b"name": b"b"}],
        b"proxies": [{b"proxy": b"127.0.0.1", b"offercount": 3}, {b"proxy": b"127.0.0.2", b"offercount": 5}],
    }
