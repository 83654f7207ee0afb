"""Claims as a study's TOML writes them: what may stand there, and what is wrong with it."""

import inspect
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from hexbench.analyse.quantities import Part
from hexbench.analyse.rules import ALL_KINDS, KINDS, RULES, Rule
from hexbench.analyse.selections import Known, check_selection, is_count, quantity
from hexbench.errors import BadInput
from hexbench.files import nearest, short
from hexbench.plan.cell import frozen
from hexbench.store.encoding import convert

Entry = Mapping[str, Any]

ABOUT: Mapping[str, Any] = {
    "id": str,
    "statement": str,
    "reported": str,
    "quote": str,
    "read_as": str,
    "source": str,
    "note": str,
    "reported_train_images": int,
    "reading": list[dict[str, Any]],
    "detail": list[dict[str, Any]],
}
"""Keys of a claim, but for what it measures."""
INVERSE = "{inverse}"
"""Where the inverse of a ratio stands in `measures`."""
TOGETHER: Mapping[str, Any] = {
    "all": list[dict[str, Any]],
    "for_each": dict[str, list[Any]],
    "at_least": int,
}
"""Keys of a claim with several parts."""
PART: Mapping[str, Any] = {
    "rule": str,
    "name": str,
    "measures": str,
    "of": dict[str, Any],
    "difference": list[dict[str, Any]],
    "ratio": list[dict[str, Any]],
    "seeds": int,
    "reported_count": tuple[int, int],
}
"""Keys of a part, besides the options of its rule."""
UNBOUND = ("growth", "images_needed")
"""Rules that decide nothing without a bound, but may measure."""
NEEDED = ("id", "statement", "rule")
PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,9})?%?")


@dataclass(frozen=True)
class Claim:
    """A statement of a report, what decides on it, and its other readings."""

    id: str
    """Of a reading or a detail: its name."""
    statement: str
    parts: Sequence[Part]
    reported: str = ""
    quote: str = ""
    """The report's own words."""
    read_as: str = ""
    """What the claim's own reading is called, beside the others."""
    where: str = ""
    """The file that it stands in."""
    at_least: int | None = None
    """How many values of `for_each` must be measured; None: all of them."""
    reported_train_images: int | None = None
    note: str = ""
    source: str = ""
    readings: Sequence["Claim"] = ()
    details: Sequence["Claim"] = ()


def parse(entries: Any, rules: Mapping[str, Rule], where: str) -> tuple[Claim, ...]:
    """The claims of a file `where`; `rules` are a study's own.

    BadInput names the file, the claim, the fault and the nearest right name.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(f"{where}: claims are written as [[claim]] tables.")
    claims: list[Claim] = []
    for number, entry in enumerate(entries, 1):
        name = entry.get("id")
        shown = repr(short(name)) if isinstance(name, str) else str(number)
        try:
            claim = _claim(entry, {**RULES, **rules}, where)
        except (BadInput, ValueError) as error:
            raise fault(f"{where}: claim {shown}", error) from None
        if any(claim.id == other.id for other in claims):
            raise BadInput(f"{where}: claim {shown} stands there twice.")
        claims.append(claim)
    return tuple(claims)


def check(claims: Iterable[Claim], models: Mapping[str, Known]) -> None:
    """BadInput where a claim names no model or hyperparameter of it, or a value of a wrong kind."""
    for claim in claims:
        try:
            for one in (claim, *claim.readings, *claim.details):
                for quantity in (q for part in one.parts for q in part.of):
                    check_selection(quantity.selection, models)
                    if quantity.otherwise is not None:
                        check_selection(quantity.otherwise, models)
        except BadInput as error:
            raise fault(f"{claim.where}: claim {claim.id!r}", error) from None


def fault(where: str, error: Exception) -> BadInput:
    """The error as a whole sentence that says where it is."""
    return BadInput(f"{where}: {str(error).rstrip('.')}.")


def _claim(entry: Entry, rules: Mapping[str, Rule], where: str) -> Claim:
    lacking = [name for name in NEEDED if name not in entry]
    if lacking:
        raise BadInput(f"it has no {lacking[0]}")
    about = _typed(entry, ABOUT)
    measured = {name: value for name, value in entry.items() if name not in ABOUT}
    others, tables = about.pop("reading", []), about.pop("detail", [])
    count = about.get("reported_train_images", 1)
    if not is_count(count):
        raise BadInput(f"reported_train_images is {count}, no number of images")
    together = _together(measured, rules)
    for part in together["parts"]:
        if part.rule == "measure" or (part.rule in UNBOUND and "bound" not in part.options):
            raise BadInput(
                f"the rule {part.rule} decides nothing{' without bound' * (part.rule != 'measure')}"
            )
    readings = [_unit(_merged(measured, other, rules), rules, "name", where) for other in others]
    details = [_unit(table, rules, "title", where) for table in tables]
    return Claim(**about, **together, where=where, readings=readings, details=details)


def _unit(entry: Entry, rules: Mapping[str, Rule], key: str, where: str) -> Claim:
    """A reading or a detail, as a claim without a statement."""
    rest = dict(entry)
    name, note = rest.pop(key, None), rest.pop("note", "")
    if not isinstance(name, str) or not isinstance(note, str):
        raise BadInput(f"a [[claim.{'reading' if key == 'name' else 'detail'}]] needs a {key}, a text")
    if key == "title":
        rest = {"rule": "measure", "at_least": 1} | rest
        if "for_each" not in rest:
            rest.pop("at_least")
    try:
        return Claim(id=name, statement="", note=note, where=where, **_together(rest, rules))
    except (BadInput, ValueError) as error:
        raise BadInput(f"{short(name)!r}: {str(error).rstrip('.')}") from None


def _merged(entry: Entry, other: Entry, rules: Mapping[str, Rule]) -> dict[str, Any]:
    """An entry with the keys of a reading; tables and pairs of tables are merged key by key.

    What the reading's rule does not know is dropped, and so is what the claim measures where the reading
    has other keys for that.
    """
    what = (*ALL_KINDS, "all")
    found = dict(entry)
    if "rule" in other:
        known = {*PART, *TOGETHER, *_options_of(other["rule"], rules)}
        found = {name: value for name, value in found.items() if name in known}
    if any(name in other for name in what) and {*what} & found.keys() != {*what} & other.keys():
        found = {name: value for name, value in found.items() if name not in what or name in other}
    for name, value in other.items():
        old = found.get(name)
        if isinstance(value, dict) and isinstance(old, dict) and name != "for_each":
            found[name] = {**old, **value}
        elif name in ("difference", "ratio") and isinstance(value, list) and isinstance(old, list):
            tables = all(isinstance(one, dict) for one in (*old, *value))
            alike = tables and len(old) == len(value)
            found[name] = [{**a, **b} for a, b in zip(old, value, strict=True)] if alike else value
        else:
            found[name] = value
    return found


def _together(entry: Entry, rules: Mapping[str, Rule]) -> dict[str, Any]:
    """The fields of a claim that say what is measured."""
    entry = _counted(entry)
    together = _typed(entry, TOGETHER)
    shared = {name: value for name, value in entry.items() if name not in TOGETHER}
    own = any(kind in shared for kind in ALL_KINDS) or "all" not in together
    entries = [shared] if own else []
    apart = ("name", "measures") if own else ("name",)
    inherited = {n: v for n, v in shared.items() if n not in (*ALL_KINDS, *apart)}
    used = {shared["rule"]}
    for part in together.get("all", []):
        of_part = _counted(part)
        used.add(of_part.get("rule", shared["rule"]))
        options = _options_of(of_part.get("rule", shared["rule"]), rules)
        kept = {n: v for n, v in inherited.items() if n in PART or n in options}
        entries.append({**kept, **of_part})
    allowed = {*PART, *(name for rule in used for name in _options_of(rule, rules))}
    unknown = sorted(set(shared) - allowed)
    if unknown:
        near = nearest(unknown[0], {*allowed, *ABOUT, *TOGETHER})
        raise BadInput(f"it has the unknown key {short(unknown[0])!r}{near}")
    places = list(_places(together.get("for_each", {})))
    at_least = together.get("at_least")
    if at_least is not None and not 1 <= at_least <= len(places):
        raise BadInput(f"at_least is {at_least}, but for_each has {len(places)} values")
    if not entries:
        raise BadInput("all has no part")
    parts = [_part(one, rules, place) for place in places for one in entries]
    return {"parts": parts, "at_least": at_least}


def _counted(entry: Entry) -> dict[str, Any]:
    """The entry with the value that `reported_count` = [k, n] stands for."""
    found = dict(entry)
    if "reported_count" in found:
        found |= _typed(found, {"reported_count": tuple[int, int]})
        some, among = found.pop("reported_count")
        if not 0 <= some <= among or among < 1:
            raise BadInput(f"reported_count is [{some}, {among}]: write [how many, of how many]")
        found |= {"value": some / among, "counted": among}
    return found


def _places(for_each: Mapping[str, list[Any]]) -> Iterator[tuple[tuple[str, Any], ...]]:
    """Every combination of the values of `for_each`."""
    for name, values in for_each.items():
        if not values:
            raise BadInput(f"for_each has no value of {short(name)}")
    lists = [[(name, frozen(value)) for value in values] for name, values in for_each.items()]
    return iter(itertools.product(*lists))


def _part(entry: Entry, rules: Mapping[str, Rule], place: Sequence[tuple[str, Any]]) -> Part:
    fields = _typed(entry, PART)
    rule, options = fields["rule"], _options_of(fields["rule"], rules)
    given = {name: value for name, value in entry.items() if name not in PART}
    unknown = sorted(set(given) - set(options))
    if unknown:
        near = nearest(unknown[0], (*options, *PART))
        raise BadInput(f"the rule {rule} has no {short(unknown[0])!r}{near}")
    lacking = [n for n, p in options.items() if p.default is p.empty and n not in given]
    if lacking:
        raise BadInput(f"the rule {rule} needs {lacking[0]}")
    typed = _typed(given, {name: parameter.annotation for name, parameter in options.items()})
    _check_numbers(typed)
    seeds = fields.get("seeds", 1)
    if not is_count(seeds):
        raise BadInput(f"seeds is {seeds}, no number of seeds")
    measures = fields.get("measures", "")
    if measures and measures.replace(INVERSE, "{}").count("{}") != 1:
        raise BadInput(f"measures needs one {{}} or {INVERSE} where the value is to stand")
    kind, of = _of(fields, rules[rule])
    placed = tuple(quantity(one, dict(place)) for one in of)
    return Part(rule, kind, placed, typed, seeds, fields.get("name", ""), measures, tuple(place))


def _of(fields: Entry, rule: Rule) -> tuple[str, list[Entry]]:
    """Which of `of`, `difference` and `ratio` a part has, and the selections in it."""
    allowed = KINDS.get(rule, (*ALL_KINDS, ""))
    kinds = [kind for kind in ALL_KINDS if kind in fields]
    if len(kinds) > 1:
        raise BadInput(f"it has both {kinds[0]} and {kinds[1]}")
    if not kinds and allowed and "" not in allowed:
        raise BadInput(f"the rule {fields['rule']} needs {' or '.join(allowed)}")
    if not kinds:
        return "", []
    kind = kinds[0]
    if kind not in allowed:
        raise BadInput(f"the rule {fields['rule']} has no {kind}")
    found = fields[kind] if kind != "of" else [fields[kind]]
    if kind != "of" and len(found) != 2:
        raise BadInput(f"{kind} needs two selections, [A, B]")
    return kind, found


def _options_of(rule: Any, rules: Mapping[str, Rule]) -> dict[str, inspect.Parameter]:
    """The options of a rule, which are its keyword-only arguments."""
    if not isinstance(rule, str) or rule not in rules:
        near = nearest(rule, rules) if isinstance(rule, str) else ""
        shown = repr(short(rule)) if isinstance(rule, str) else "of that kind"
        raise BadInput(f"there is no rule {shown}: choose one of {', '.join(rules)}{near}")
    parameters = inspect.signature(rules[rule]).parameters
    return {name: p for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}


def _typed(entry: Entry, types: Mapping[str, Any]) -> dict[str, Any]:
    """Those values that `types` names, in these types."""
    found = {}
    for name in types:
        if name in entry:
            try:
                found[name] = convert(entry[name], types[name])
            except ValueError as error:
                raise BadInput(f"{name} is wrong: {error}") from None
    return found


def _check_numbers(options: Entry) -> None:
    for name, value in options.items():
        if isinstance(value, float) and not isfinite(value):
            raise BadInput(f"{name} is {value}")
        if name == "margin" and value < 0:
            raise BadInput(f"margin is {value}, below 0")
    if "share" in options and not 0 < options["share"] <= 1:
        raise BadInput(f"share is {options['share']}: write a number from 0 to 1")
    if "percent" in options and not (PERCENT.fullmatch(options["percent"]) and options.get("count")):
        raise BadInput("percent needs a number, such as '45%', and count, of how many")
