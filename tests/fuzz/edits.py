"""Damage to bytes and to JSON-like values, as hypothesis draws it."""

import json
import math
import sys
from contextlib import contextmanager

from hypothesis import strategies as st

PLACES = st.integers(0, 2**20)
EDITS = st.one_of(
    st.tuples(st.just("cut"), PLACES, st.just(b"")),
    st.tuples(st.just("put"), PLACES, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("insert"), PLACES, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("drop"), PLACES, st.binary(min_size=1, max_size=100)),
    st.tuples(st.just("repeat"), PLACES, st.binary(min_size=1, max_size=100)),
)


def with_edits(content, edits):
    """Bytes in which something is cut, overwritten, inserted, left out or repeated."""
    for kind, place, piece in edits:
        at, size = place % (len(content) + 1), len(piece)
        before, after = content[:at], content[at:]
        content = {
            "cut": before,
            "put": before + piece + after[size:],
            "insert": before + piece + after,
            "drop": before + after[size:],
            "repeat": before + after[:size] + after,
        }[kind]
    return content


def damaged(content):
    """`content` with one to four such faults."""
    return st.lists(EDITS, min_size=1, max_size=4).map(lambda edits: with_edits(content, edits))


def _nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


NUMBERS = st.one_of(
    st.integers(-3, 20),
    st.sampled_from([2**31, 2**63, 2**64, -(2**63), 10**12]),
    st.sampled_from([300, 400, 5_000]).map(lambda digits: 10**digits),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.5, -0.0, 1e308]),
)
WORDS = st.sampled_from(
    [
        *("all", "up to 100", "up to ", "up to 0", "up to 99999999999999999999"),
        *("mlp", "cnn", "svm", "svm_grid", "given", "made-up", "done", "failed", "relu", "scale"),
        *("", "../x", "a\nb", "\x1b[31m", "\u202e", "\u2028", "`", "<b>", "\ud800"),
    ]
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.text(max_size=8))
WILD = st.one_of(
    SCALARS,
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(st.one_of(WORDS, st.text(max_size=5)), inner, max_size=4),
        ),
        max_leaves=8,
    ),
    st.sampled_from([60, 1_100]).map(_nested),
)
"""Values of every kind that JSON and TOML have, and some that they do not."""


@contextmanager
def no_limits():
    """Python writes no number of more than 4,300 digits, and nothing nested a thousand times."""
    depth, digits = sys.getrecursionlimit(), sys.get_int_max_str_digits()
    sys.setrecursionlimit(10_000)
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.setrecursionlimit(depth)
        sys.set_int_max_str_digits(digits)


def as_json(value):
    """A value as bytes of JSON, with NaN and lone surrogates as Python writes them."""
    with no_limits():
        return json.dumps(value).encode()


def places(value, path=()):
    """The paths of all that stands in a JSON-like value."""
    found = [path] if path else []
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, entry in inner:
        if isinstance(entry, dict | list):
            found += places(entry, (*path, name))
        else:
            found.append((*path, name))
    return found


CHANGES = st.lists(
    st.tuples(st.sampled_from(["set", "set", "drop", "add"]), PLACES, WILD), min_size=1, max_size=2
)


def with_changes(value, changes):
    """A JSON-like value in which places hold something else, or are gone, or are new."""
    with no_limits():
        for kind, place, wild in changes:
            paths = places(value) if isinstance(value, dict | list) else []
            value = _with(value, paths[place % len(paths)] if paths else (), kind, wild)
    return value


def changed(value):
    """`value` with one or two changes."""
    return CHANGES.map(lambda changes: with_changes(value, changes))


def _with(value, path, kind, wild):
    if not path:
        return wild
    name, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[name] = _with(copy[name], rest, kind, wild)
    elif kind == "drop":
        del copy[name]
    elif kind == "add" and isinstance(copy, dict):
        copy["colour"] = wild
    elif kind == "add":
        copy.insert(name, wild)
    else:
        copy[name] = wild
    return copy
