"""Claims: the statements of a report as data, and the verdict that a run's records give on each.

A claim's rule, its margins and its smallest number of seeds stand in the study's file;
`hexbench.analyse.rules` says what the rules do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, inf, isfinite, log
from typing import Any

from hexbench.analyse.decisions import CONSISTENT, NOT_COMPARABLE, SUPPORTED
from hexbench.analyse.estimates import on_own_split
from hexbench.analyse.intervals import CONFIDENCE, PERCENT, POINTS, TIMES, Unit
from hexbench.analyse.outcomes import Outcome, findings_of, measured_parts, outcome_of
from hexbench.analyse.parsing import INVERSE, Claim, check, fault, parse
from hexbench.analyse.quantities import INCONCLUSIVE, NOT_RUN, SPLITS, Finding, Part
from hexbench.analyse.rules import RULES, Rule
from hexbench.analyse.runs import Ambiguous, Runs
from hexbench.analyse.selections import Known
from hexbench.errors import BadInput
from hexbench.models import entries
from hexbench.plan.cost import format_duration

__all__ = ("Claim", "Detail", "Verdict", "as_json", "check", "judge", "parse")

POWER = 0.8
"""With this chance an effect of the stated size is shown."""
MOST_RUNS = 10_000
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
    unit: Unit
    target: float | None
    """The reported value, or the bound, that the measured one is held against."""
    quote: str
    source: str
    details: Sequence[Detail]

    @property
    def agreement(self) -> str:
        """How many of the other readings that were judged have the same verdict: `3 of 4`."""
        judged = [reading["verdict"] for reading in self.readings if reading["verdict"] != NOT_RUN]
        return f"{judged.count(self.verdict)} of {len(judged)}" if judged else ""


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
    outcome = outcome_of(claim, runs, rules)
    verdict = _comparable(outcome.verdict, claim, runs)
    plain = _plain(outcome, runs)
    readings = [(reading, outcome_of(reading, runs, rules)) for reading in claim.readings]
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
        readings=[_reading(one, other, _comparable(other.verdict, claim, runs)) for one, other in readings],
        plain=f"{plain}.",
        unit=outcome.finding.unit,
        target=outcome.finding.target,
        quote=claim.quote,
        source=claim.source,
        details=[
            *_table_of_readings(claim, [(claim, outcome), *readings], runs),
            *_details(claim, outcome, runs, rules),
        ],
    )


def _numbers(outcome: Outcome) -> dict[str, float | None]:
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


def _reading(reading: Claim, outcome: Outcome, verdict: str) -> dict[str, Any]:
    return {"name": reading.id, **_numbers(outcome), "n": outcome.finding.n, "verdict": verdict}


# --- From the parts to one verdict ---


# --- Words and tables ---


def _plain(outcome: Outcome, runs: Runs) -> str:
    """What was measured, in one sentence without its full stop."""
    finding, part = outcome.finding, outcome.part
    if part is None or not outcome.text:
        return _capital(finding.reason)
    if part.measures:
        found = finding.inverse if INVERSE in part.measures else finding
        words = part.measures.replace(INVERSE, "{}").format(found.text(outcome.level))
        return _capital(words.rstrip("."))
    if finding.found and finding.found.low == finding.found.high:
        every = [f"{part.said(runs)}: {f.text(outcome.level)}" for part, f in outcome.findings]
        return _capital("; ".join(every))
    counted = f", {finding.n} {finding.counted}" if finding.n > 1 else ""
    return _capital(f"{part.said(runs)}: {outcome.text}{counted}")


def _in_full(claim: Claim, outcome: Outcome, plain: str, runs: Runs, reported_images: int | None) -> str:
    parts = [plain]
    if outcome.text and outcome.finding.reason:
        parts.append(_capital(outcome.finding.reason))
    if power := _power(outcome):
        parts.append(power)
    if outcome.level != CONFIDENCE:
        parts.append(f"The level is corrected for {len(outcome.findings)} parts, any of which could refute")
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
    elif (
        about_data
        and outcome.verdict not in (SUPPORTED, CONSISTENT)
        and reported_images not in (None, data.images)
        and not data.synthetic
    ):
        parts.append("These are not the report's own images, on which it may be right")
    if claim.note:
        parts.append(claim.note.rstrip("."))
    start = "software check: " if data.synthetic else ""
    return start + ". ".join(parts) + "."


def _table_of_readings(
    claim: Claim, readings: Sequence[tuple[Claim, Outcome]], runs: Runs
) -> Iterable[Detail]:
    """The claim as it is read here, and in its other fair readings."""
    if len(readings) < 2:
        return
    rows = [
        [
            claim.read_as if one is claim else one.id,
            outcome.text or _capital(outcome.finding.reason),
            str(outcome.finding.n or ""),
            _comparable(outcome.verdict, claim, runs),
        ]
        for one, outcome in readings
    ]
    note = "The first is the claim's own; a verdict that differs in another shows what the answer depends on."
    yield Detail("Readings", note, ["reading", *HEADER[1:]], rows)


def _power(outcome: Outcome) -> str:
    """How large an effect these data could have shown, and what would settle what they leave open.

    By the normal approximation, as for sizes of samples.
    """
    from scipy.stats import norm

    finding = outcome.finding
    found, unit = finding.found, finding.unit
    if found is None or finding.target is None or finding.interval or finding.said:
        return ""
    ends = (found.value, found.low, found.high)
    if not all(map(isfinite, ends)) or found.low == found.high or (unit == TIMES and min(ends) <= 0):
        return ""
    value, low, high = map(log, ends) if unit == TIMES else ends
    quantile = norm.ppf((1 + outcome.level) / 2)
    effect = max(high - value, value - low) * float((quantile + norm.ppf(POWER)) / quantile)
    size = (
        f"a ratio {exp(effect):.2f} times the bound"
        if unit == TIMES
        else unit.of_differences.written(effect)[1:]
    )
    sentence = f"An effect of {size} would have been shown in {POWER:.0%} of such runs"
    if outcome.verdict != INCONCLUSIVE:
        return sentence
    room = abs(value - log(finding.target)) if unit == TIMES and finding.target > 0 else finding.room
    return f"{sentence}; {_more(finding, effect / room if room else inf)}"


def _more(finding: Finding, factor: float) -> str:
    """How many more runs would narrow an interval by a factor, and how long those would take."""
    records = [record for group in finding.groups for record in group.records]
    if finding.counted == "seeds" and finding.unit in (PERCENT, POINTS):
        return "random splits, or more test images, could settle it"  # more seeds test on the same images
    shared = 0.0
    if finding.counted == SPLITS:
        share = records[0].test_size or 0.0
        shared = share / (1 - share)
    wanted = (1 / finding.n + shared) / factor**2 - shared if finding.n else 0.0
    if wanted <= 1 / MOST_RUNS:
        return f"no number of {finding.counted} that can be run would settle it"
    more = max(ceil(1 / wanted) - finding.n, 1)
    seconds = sum(r.times.total_s or 0.0 for r in records) / finding.n * more
    return f"about {more:,} more {finding.counted} would settle it, in about {format_duration(seconds)}"


def _details(claim: Claim, outcome: Outcome, runs: Runs, rules: Mapping[str, Rule]) -> Iterable[Detail]:
    if len(outcome.findings) > 1 or outcome.finding.counted == SPLITS:
        yield _table("Parts of the claim", "", _rows(outcome.findings, runs))
    for detail in claim.details:
        parts, _ = measured_parts(detail, runs)
        found = findings_of(parts, runs, rules, CONFIDENCE)
        found = [(part, replace(f, verdict="")) for part, f in found if f.verdict != NOT_RUN]
        if found:
            yield _table(detail.id, detail.note, _rows(found, runs))


HEADER = ("what", "measured", "runs", "verdict")


def _rows(findings: Sequence[tuple[Part, Finding]], runs: Runs) -> list[list[str]]:
    """What HEADER says of each part, and what the study's own split gives where random ones decided."""
    return [
        [
            _capital(part.said(runs)),
            f.text(CONFIDENCE) or f.reason,
            str(f.n or ""),
            f.verdict,
            on_own_split(part, runs) if f.counted == SPLITS else "",
        ]
        for part, f in findings
    ]


def _table(title: str, note: str, rows: Sequence[Sequence[str]]) -> Detail:
    """The columns in which something stands."""
    header = [*HEADER, "on the report's own split"]
    kept = [i for i in range(len(header)) if any(row[i] for row in rows)]
    return Detail(title, note, [header[i] for i in kept], [[row[i] for i in kept] for row in rows])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
