"""What the parts of a claim come to together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hexbench.analyse.decisions import CONSISTENT, REFUTED, SUPPORTED
from hexbench.analyse.intervals import CONFIDENCE
from hexbench.analyse.parsing import Claim
from hexbench.analyse.quantities import INCONCLUSIVE, NOT_RUN, Case, Finding, Part
from hexbench.analyse.rules import Rule
from hexbench.analyse.runs import Runs


@dataclass(frozen=True)
class Outcome:
    """What the parts of a claim come to."""

    verdict: str
    finding: Finding
    """The one that decided, or that says why nothing is."""
    part: Part | None = None
    """Its part; None where there is no value."""
    level: float = CONFIDENCE
    findings: Sequence[tuple[Part, Finding]] = ()
    """Of all parts at CONFIDENCE, where there is a value of each."""

    @property
    def text(self) -> str:
        """The value with its interval; empty where there is none."""
        return self.finding.text(self.level) if self.part else ""


def outcome_of(claim: Claim, runs: Runs, rules: Mapping[str, Rule]) -> Outcome:
    """The verdict on parts that must all hold, an intersection-union test (Berger 1982).

    It is supported if each part is, at the level of one; and refuted if any part is, for which the
    level is corrected for their number (the first step of Holm's procedure).
    """
    parts, lacking = measured_parts(claim, runs)
    if lacking:
        return Outcome(NOT_RUN, Finding(NOT_RUN, lacking))
    findings = findings_of(parts, runs, rules, CONFIDENCE)
    for verdict in (NOT_RUN, INCONCLUSIVE):
        undecided = [f for _, f in findings if f.found is None and f.verdict == verdict]
        if undecided:
            groups = [group for _, finding in findings for group in finding.groups]
            return Outcome(verdict, replace(undecided[0], groups=groups))
    level = 1 - (1 - CONFIDENCE) / len(findings)
    against = [part for part, finding in findings if finding.verdict == REFUTED]
    refuting = [(part, f) for part, f in findings_of(against, runs, rules, level) if f.verdict == REFUTED]
    if refuting:
        part, shown = _deciding(refuting)
        return Outcome(REFUTED, shown, part, level, findings)
    findings = [(p, replace(f, verdict=INCONCLUSIVE) if p in against else f) for p, f in findings]
    verdict = next(v for v in (INCONCLUSIVE, CONSISTENT, SUPPORTED) if v in [f.verdict for _, f in findings])
    part, shown = _deciding([(part, finding) for part, finding in findings if finding.verdict == verdict])
    return Outcome(verdict, shown, part, CONFIDENCE, findings)


def _deciding(findings: Sequence[tuple[Part, Finding]]) -> tuple[Part, Finding]:
    """The part whose interval is closest to failing, or furthest beyond; of different units the first."""
    if len({finding.unit for _, finding in findings}) > 1:
        return findings[0]
    return min(findings, key=lambda found: found[1].distance)


def findings_of(
    parts: Sequence[Part], runs: Runs, rules: Mapping[str, Rule], level: float
) -> list[tuple[Part, Finding]]:
    """What the rule of each part says at a level."""
    return [(part, rules[part.rule](Case(part, runs, level), **part.options)) for part in parts]


def measured_parts(claim: Claim, runs: Runs) -> tuple[list[Part], str]:
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
