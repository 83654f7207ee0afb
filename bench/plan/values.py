"""Values of hyperparameters and counts, as suites and options give them: what may stand there."""

from typing import Any

from hexbench.errors import BadInput
from hexbench.files import nearest, short
from hexbench.models import Entry
from hexbench.plan.cell import Value, frozen, is_plain

MOST = 10**9
"""No count or number that somebody gives is larger."""


def values_of(entry: Entry, name: str, value: Any) -> list[Value]:
    """The values of a hyperparameter that a sweep goes through; BadInput unless the model takes them."""
    if name not in entry.defaults:
        near = nearest(name, entry.defaults)
        names = ", ".join(entry.defaults)
        raise BadInput(f"{entry.name} has no hyperparameter {short(name)!r}{near}: it has {names}")
    default = entry.defaults[name]
    values = value if isinstance(value, list) else [value]
    if isinstance(default, tuple) and not all(isinstance(one, list) for one in values):
        example = "[" + ", ".join(map(quoted, values[:3])) + "]"
        raise BadInput(
            f"{name} of {entry.name} is a list itself: the outer list is one of values, write [{example}]"
        )
    if not values:
        raise BadInput(f"{name} of {entry.name} has no value")
    return list(dict.fromkeys(_fitting(entry, name, one, default) for one in values))


def _fitting(entry: Entry, name: str, value: Any, default: Value) -> Value:
    """The value in the type of the default; BadInput where that cannot be."""
    value = frozen(value)
    wrong = BadInput(
        f"{name} of {entry.name} is {quoted(value)}, but its default is {quoted(default)}: write a value "
        "of that kind"
    )
    if not is_plain(value):
        raise wrong
    if isinstance(default, tuple):
        if default and not all(_alike(name, one, default[0], entry) for one in value):
            raise wrong
        return tuple(_converted(one, default[0]) if default else one for one in value)
    if not _alike(name, value, default, entry):
        raise wrong
    return _converted(value, default)


def _alike(name: str, value: Value, default: Value, entry: Entry) -> bool:
    number = type(value) in (int, float) and abs(value) <= MOST
    if default is None or isinstance(default, tuple):
        return number or isinstance(value, bool | str | tuple | None)
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, str):
        may_be_number = entry.may_be_number is None or name in entry.may_be_number
        return isinstance(value, str) or (number and may_be_number)
    if isinstance(default, int) and entry.learning_curve:
        return is_count(value)
    return number


def _converted(value: Value, default: Value) -> Value:
    return float(value) if isinstance(default, float) and type(value) is int else value


def is_count(value: Any, least: int = 1) -> bool:
    """Whether it is a whole number from `least` to MOST."""
    return type(value) is int and least <= value <= MOST


def quoted(value: Any) -> str:
    """Text and numbers as they stand there; of others only the kind, for they may be long or deep."""
    if isinstance(value, str):
        return repr(short(value))
    if (
        isinstance(value, list | tuple)
        and len(value) <= 8
        and not any(isinstance(v, list | tuple) for v in value)
    ):
        return "[" + ", ".join(map(quoted, value)) + "]"
    simple = isinstance(value, bool | float | None) or is_count(value, -MOST)
    return str(value) if simple else f"of type {type(value).__name__}"
