"""Claims: the statements of a report as data, and the verdict that a run's records give on each.

A claim's rule, its margins and its smallest number of seeds stand in the study's file;
`hexbench.analyse.rules` says what the rules do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.groups import Group
from hexbench.analyse.intervals import CONFIDENCE
from hexbench.analyse.parsing import INVERSE, Claim, check, fault, parse
from hexbench.analyse.quantities import INCONCLUSIVE, NOT_RUN, Case, Finding, Part
from hexbench.analyse.rules import NOT_COMPARABLE, RULES, Rule, all_of
from hexbench.analyse.runs import Ambiguous, Runs
from hexbench.analyse.selections import Known
from hexbench.errors import BadInput
from hexbench.models import entries

__all__ = ("Claim", "Detail", "Verdict", "as_json", "check", "judge", "parse")

FIELDS = (
    "id",
    "statement",
    "reported",
    "measured",
    "low",
    "high",
    "level",
    "n",
    "verdict",
    "reason",
    "cells",
    "readings",
)
"""Of an entry of `verdicts.json`."""


@dataclass(frozen=True)
class Detail:
    """A table that belongs to a verdict."""

    title: str
    note: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Verdict:
    """What a rule says of a run's cells."""

    id: str
    statement: str
    reported: str
    measured: float | None
    low: float | None
    high: float | None
    level: float | None
    """Of the interval from `low` to `high`."""
    n: int
    """How many runs the interval rests on."""
    verdict: str
    reason: str
    cells: Sequence[str]
    """Keys."""
    readings: Sequence[Mapping[str, Any]]
    """What the claim comes to in each of its other readings."""
    plain: str
    """What was measured, in one short sentence."""
    source: str
    details: Sequence[Detail]


@dataclass(frozen=True)
class _Outcome:
    """What the parts of a claim come to."""

    verdict: str
    finding: Finding
    """The one whose value is the claim's, or that says why there is none."""
    said: str
    """The quantity of that finding in words; empty where there is none."""
    level: float
    findings: Sequence[tuple[Part, Finding]] = ()
    """Of all parts, where there is a value of each."""
    p_values: Sequence[float] = ()
    """Of McNemar's tests, one a part."""

    @property
    def plain(self) -> str:
        """What was measured, in one sentence without its full stop."""
        if not self.said:
            return _capital(self.finding.reason)
        words = [f"{self.said}: {self.finding.text(self.level)}"]
        if self.finding.n > 1:
            words.append(f", {self.finding.n} {self.finding.counted}")
        return _capital("".join(words))


def judge(
    claims: Iterable[Claim],
    runs: Runs,
    rules: Mapping[str, Rule] | None = None,
    reported_images: int | None = None,
) -> list[Verdict]:
    """A verdict on every claim.

    `rules` are those of a study, besides the engine's; `reported_images` is how many images the report's
    own data have, where these are not known to be others. BadInput names the claim that cannot be
    judged; Ambiguous the one whose cells differ in more than their seed.
    """
    known = {**RULES, **(rules or {})}
    models: dict[str, Known] = {**entries(), **runs.manifest.models}
    verdicts = []
    for claim in claims:
        try:
            check([claim], models)
            verdicts.append(_verdict(claim, runs, known, reported_images))
        except Ambiguous as error:
            raise Ambiguous(str(fault(f"{claim.where}: claim {claim.id!r}", error))) from None
        except BadInput as error:
            if str(error).startswith(claim.where):
                raise
            raise fault(f"{claim.where}: claim {claim.id!r}", error) from None
    return verdicts


def as_json(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """The content of `verdicts.json`."""
    return [{name: getattr(verdict, name) for name in FIELDS} for verdict in verdicts]


def _verdict(claim: Claim, runs: Runs, rules: Mapping[str, Rule], reported_images: int | None) -> Verdict:
    outcome = _outcome(claim, runs, rules)
    verdict = _comparable(outcome.verdict, claim, runs)
    plain = _plain(claim, outcome, runs)
    groups = [group for _, f in outcome.findings or ((None, outcome.finding),) for group in f.groups]
    return Verdict(
        id=claim.id,
        statement=claim.statement,
        reported=claim.reported,
        **_numbers(outcome),
        n=outcome.finding.n,
        verdict=verdict,
        reason=_in_full(claim, outcome, plain, runs, reported_images),
        cells=[] if verdict == NOT_RUN else list(dict.fromkeys(k for g in groups for k in g.keys)),
        readings=[_reading(reading, claim, runs, rules) for reading in claim.readings],
        plain=f"{plain}.",
        source=claim.source,
        details=list(_details(claim, outcome, runs, rules)),
    )


def _numbers(outcome: _Outcome) -> dict[str, float | None]:
    found = outcome.finding.found
    values = (found.value, found.low, found.high) if found else (None, None, None)
    finite = [None if v is None or not isfinite(v) else float(v) for v in values]
    certain = finite[1] is None or finite[1] == finite[2]
    return {
        **dict(zip(("measured", "low", "high"), finite, strict=True)),
        "level": None if certain else outcome.level,
    }


def _is_incomparable(claim: Claim, runs: Runs) -> bool:
    reported = claim.reported_train_images
    return reported is not None and 2 * runs.manifest.data.train < reported


def _comparable(verdict: str, claim: Claim, runs: Runs) -> str:
    return NOT_COMPARABLE if verdict != NOT_RUN and _is_incomparable(claim, runs) else verdict


def _reading(reading: Claim, claim: Claim, runs: Runs, rules: Mapping[str, Rule]) -> dict[str, Any]:
    outcome = _outcome(reading, runs, rules)
    return {
        "name": reading.id,
        **_numbers(outcome),
        "n": outcome.finding.n,
        "verdict": _comparable(outcome.verdict, claim, runs),
    }


# --- From the parts to one verdict ---


def _outcome(claim: Claim, runs: Runs, rules: Mapping[str, Rule]) -> _Outcome:
    parts, lacking = _measured_parts(claim, runs)
    level = 1 - (1 - CONFIDENCE) / max(len(parts), 1) if claim.corrected else CONFIDENCE
    if lacking:
        return _Outcome(NOT_RUN, Finding(NOT_RUN, lacking), "", level)
    findings = [(part, rules[part.rule](Case(part, runs, level), **part.options)) for part in parts]
    for verdict in (NOT_RUN, INCONCLUSIVE):
        undecided = [f for _, f in findings if f.found is None and f.verdict == verdict]
        if undecided:
            groups = [group for _, finding in findings for group in finding.groups]
            return _Outcome(verdict, replace(undecided[0], groups=groups), "", level)
    p_values: list[float] = []
    if claim.mcnemar_seed is not None:
        rows = [_of_seed(finding.groups, claim.mcnemar_seed) for _, finding in findings]
        pairs = [pair for pair in rows if pair is not None]
        if len(pairs) < len(rows):
            reason = f"a run of seed {claim.mcnemar_seed}, which McNemar's test compares, is missing"
            return _Outcome(INCONCLUSIVE, Finding(INCONCLUSIVE, reason), "", level)
        p_values = intervals.corrected([intervals.mcnemar(*pair) for pair in pairs])
        findings = [
            (part, replace(f, verdict=f.verdict if p < 1 - CONFIDENCE else INCONCLUSIVE))
            for (part, f), p in zip(findings, p_values, strict=True)
        ]
    part, shown = findings[0] if claim.own else min(findings, key=lambda found: found[1].distance)
    verdict = all_of([finding.verdict for _, finding in findings])
    n = min(finding.n for _, finding in findings)
    said = part.said(runs) if shown.text(level) else ""
    return _Outcome(verdict, replace(shown, n=n), said, level, findings, p_values)


def _findings(
    parts: Sequence[Part], runs: Runs, rules: Mapping[str, Rule], level: float
) -> list[tuple[Part, Finding]]:
    return [(part, rules[part.rule](Case(part, runs, level), **part.options)) for part in parts]


def _measured_parts(claim: Claim, runs: Runs) -> tuple[list[Part], str]:
    """The parts that count, and why there are too few: with `at_least`, those that were measured.

    Values of `for_each` that stand for the same cells count once.
    """
    alike: dict[Any, Part] = {}
    for part in claim.parts:
        key: Any = id(part)
        if part.place and part.of:
            groups = [quantity.cells(runs) for quantity in part.of]
            cells = [(group.epoch, *(group.keys or part.place)) for group in groups]
            key = (part.rule, part.kind, part.name, *cells)
        alike.setdefault(key, part)
    parts = list(alike.values())
    if claim.at_least is None:
        return parts, ""
    lacking = {part.place for part in parts if not all(quantity.cells(runs).records for quantity in part.of)}
    kept = [part for part in parts if part.place not in lacking]
    measured = len({part.place for part in kept})
    if measured >= claim.at_least:
        return kept, ""
    axes = " and ".join(name for name, _ in parts[0].place)
    what = f"{measured} values of {axes}, and at least {claim.at_least} are needed"
    return [], f"all of the claim was measured at {what}"


def _of_seed(groups: Sequence[Group], seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Which test images both models of a seed classify correctly, (images,) bool each."""
    rows = [
        record.correct(name) for group in groups for record, name, _ in group.snapshots if record.seed == seed
    ]
    return (rows[0], rows[1]) if len(groups) == len(rows) == 2 else None


# --- Words and tables ---


def _plain(claim: Claim, outcome: _Outcome, runs: Runs) -> str:
    if outcome.said and claim.measures:
        finding = outcome.finding.inverse if INVERSE in claim.measures else outcome.finding
        words = claim.measures.replace(INVERSE, "{}").format(finding.text(outcome.level))
        return _capital(words.rstrip("."))
    if len(outcome.findings) < 2 or claim.own:
        return outcome.plain
    if outcome.finding.found and outcome.finding.found.low == outcome.finding.found.high:
        parts = [f"{part.said(runs)}: {f.text(outcome.level)}" for part, f in outcome.findings]
        return _capital("; ".join(parts))
    return f"Closest of {len(outcome.findings)}: {outcome.plain}"


def _in_full(claim: Claim, outcome: _Outcome, plain: str, runs: Runs, reported_images: int | None) -> str:
    parts = [plain]
    if outcome.said and outcome.finding.reason:
        parts.append(_capital(outcome.finding.reason))
    about_data = any(part.kind for part in claim.parts)
    if about_data:
        parts.append(f"On {runs.about}")
    groups = [group for _, finding in outcome.findings for group in finding.groups]
    failed = {r.key for group in (*groups, *outcome.finding.groups) for r in group.failed}
    failed |= {r.key for part in claim.parts for q in part.of for r in q.failed(runs)}
    if failed:
        parts.append(f"Left out: {len(failed)} cell{'s' if len(failed) > 1 else ''} that failed")
    data = runs.manifest.data
    if _is_incomparable(claim, runs):
        many = claim.reported_train_images
        parts.append(f"The report trained on {many:,} images, more than twice as many as there are here")
    elif about_data and reported_images not in (None, data.images) and not data.synthetic:
        parts.append("These are not the report's own images, on which it may be right")
    if claim.note:
        parts.append(claim.note.rstrip("."))
    start = "software check: " if data.synthetic else ""
    return start + ". ".join(parts) + "."


def _details(claim: Claim, outcome: _Outcome, runs: Runs, rules: Mapping[str, Rule]) -> Iterable[Detail]:
    if len(outcome.findings) > 1:
        rows = _rows(outcome.findings, outcome.level, runs, outcome.p_values)
        yield _table("Parts of the claim", "", rows)
    for detail in claim.details:
        parts, _ = _measured_parts(detail, runs)
        found = _findings(parts, runs, rules, CONFIDENCE)
        found = [(part, replace(f, verdict="")) for part, f in found if f.verdict != NOT_RUN]
        if found:
            yield _table(detail.id, detail.note, _rows(found, CONFIDENCE, runs))


HEADER = ("what", "measured", "runs", "verdict", "McNemar's p")


def _rows(
    findings: Sequence[tuple[Part, Finding]], level: float, runs: Runs, p_values: Sequence[float] = ()
) -> list[list[str]]:
    """What HEADER says of each part."""
    p_texts = [f"{p:.2g}" for p in p_values] or [""] * len(findings)
    return [
        [_capital(part.said(runs)), f.text(level) or f.reason, str(f.n or ""), f.verdict, p]
        for (part, f), p in zip(findings, p_texts, strict=True)
    ]


def _table(title: str, note: str, rows: Sequence[Sequence[str]]) -> Detail:
    """The columns in which something stands."""
    kept = [i for i in range(len(HEADER)) if any(row[i] for row in rows)]
    return Detail(title, note, [HEADER[i] for i in kept], [[row[i] for i in kept] for row in rows])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
