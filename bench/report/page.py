"""What a report says, in what order: the one content that `report.md` and `report.html` show."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hexbench.registration import statement
from hexbench.report.table import NONE, Table

if TYPE_CHECKING:
    from hexbench.analyse.claims import Verdict
    from hexbench.analyse.runs import Runs
    from hexbench.store.manifest import Manifest
    from hexbench.store.record import Environment, Record
    from hexbench.study import Study

VERDICTS_NOTE = (
    "Each statement is judged by a rule of the study, and in other fair readings where the study has them; "
    "verdicts.json has the numbers and the cells. Intervals are at 95% where nothing else is said."
)
WORDS = {
    "supported": "supported",
    "consistent": "consistent with the data",
    "refuted": "refuted",
    "inconclusive": "not decided by these data",
    "not comparable": "not comparable, because the report trained on far more images",
    "not run": "not measured",
}
"""Verdicts as a sentence has them."""
SPREAD_NOTE = (
    "± is the standard deviation over seeds, or over splits where the split is random; a number without it "
    "was measured once. Bars and bands around curves are from the lowest seed to the highest."
)
SYNTHETIC_WARNING = "Synthetic images: this tests the software and is no evidence about real images."
MOST_MISSING = 20
MOST_COUNTED = 40
"""Classes whose counts are listed."""


@dataclass(frozen=True)
class Picture:
    """A figure that was drawn: its file in `figures/`, and what it shows."""

    file: str
    caption: str


Item = Table | Picture


@dataclass(frozen=True)
class Fact:
    """A line of a list; `code` is text for machines, such as a command."""

    name: str
    text: str
    code: bool = False


@dataclass(frozen=True)
class Part:
    """Something with a heading: what was measured, and what the original report says where it does."""

    title: str
    items: Sequence[Item]
    said: str = ""
    """Of the original report."""
    folded: bool = False
    """Whether a reader has to open it."""


@dataclass(frozen=True)
class Page:
    """The whole report."""

    study: str
    """Its title."""
    suite: str
    data: str
    about: str
    """The data in one line."""
    warning: str
    summary: str
    """The verdicts in a few sentences."""
    rules: str
    """Whether the rules are those that were registered before the run."""
    overview: Picture | None
    """Every reported number beside the measured one."""
    verdicts: "Sequence[Verdict]"
    missing: Sequence[str]
    """Planned cells without a result, and why."""
    unsound: Sequence[str]
    """Records that are there and are not used, and why."""
    of_study: Sequence[Part]
    parts: Sequence[Part]
    facts: Sequence[Fact]
    environment: Sequence[Fact]

    @property
    def counted(self) -> Mapping[str, int]:
        """How many verdicts there are of each kind."""
        return Counter(verdict.verdict for verdict in self.verdicts)

    @property
    def has_readings(self) -> bool:
        """Whether any statement has other readings."""
        return any(verdict.readings for verdict in self.verdicts)


def page(
    study: "Study",
    runs: "Runs",
    records: "Sequence[Record]",
    verdicts: "Sequence[Verdict]",
    of_study: Sequence[Part],
    parts: Sequence[Part],
    faults: Mapping[str, str],
    overview: Picture | None = None,
) -> Page:
    """The report of a run; `faults` says what is wrong with files in `cells/`, by their names."""
    manifest = runs.manifest
    data = manifest.data
    return Page(
        study=study.title,
        suite=manifest.suite,
        data=data.name,
        about=f"{data.name}: {data.train:,} training and {data.test:,} test images of "
        f"{' x '.join(map(str, data.shape))}, {len(data.class_names)} classes",
        warning=SYNTHETIC_WARNING if data.synthetic else "",
        summary=_summary(verdicts, manifest, study),
        rules=f"{statement(manifest, study)} {study.rules_note}".strip() if verdicts else "",
        overview=overview,
        verdicts=verdicts,
        missing=_missing(manifest, runs),
        unsound=_unsound(manifest, records, faults),
        of_study=of_study,
        parts=parts,
        facts=_facts(manifest, runs, study),
        environment=_environment(manifest, runs),
    )


def _summary(verdicts: "Sequence[Verdict]", manifest: "Manifest", study: "Study") -> str:
    """What a reader should know first."""
    if not verdicts:
        return ""
    data, reported = manifest.data, study.reported_images
    kind = "synthetic" if data.synthetic else "real"
    share = ""
    if reported and data.images != reported:
        share = f", {100 * data.images / reported:.0f}% of the report's {reported:,}"
    counts = Counter(verdict.verdict for verdict in verdicts)
    listed = [
        f"{counts[kind]} {'is' if counts[kind] == 1 else 'are'} {WORDS[kind]}"
        for kind in WORDS
        if counts[kind]
    ]
    sentences = [f"On {data.images:,} {kind} images{share}, of {len(verdicts)} statements {_joined(listed)}."]
    for kind in ("refuted", "inconclusive"):
        named = [f'"{v.statement.rstrip(".")}"' for v in verdicts if v.verdict == kind]
        if named:
            sentences.append(f"{WORDS[kind][0].upper()}{WORDS[kind][1:]}: {_joined(named)}.")
    turning = [v for v in verdicts if any(r["verdict"] not in (v.verdict, "not run") for r in v.readings)]
    if turning:
        sentences.append(f"Another fair reading would change {len(turning)} of the verdicts.")
    return " ".join(sentences)


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _facts(manifest: "Manifest", runs: "Runs", study: "Study") -> list[Fact]:
    data = manifest.data
    split = manifest.split.parts.described(own=manifest.split.own)
    facts = [
        Fact("Study", f"{study.title}. {study.source}".strip()),
        Fact("Data", f"{data.name}, {data.images:,} images. {_counts(data.class_names, data.class_counts)}"),
        Fact("Origin", f"{data.origin}. Licence: {data.licence}."),
        Fact("Split", f"{data.train:,} for training, {data.test:,} for testing ({split})."),
        Fact("Fingerprint", data.fingerprint, code=True),
        Fact("Cells", f"{len(runs.done):,} measured of {len(manifest.cells):,} planned."),
    ]
    programs: Counter[str] = Counter()
    for record in runs.done:
        programs.update(record.programs or {})
    if programs:
        text = (
            f"{programs['compiled']:,} compiled, {programs['disk']:,} from the cache on disk, "
            f"{programs['process']:,} reused within a process."
        )
        facts.append(Fact("Compiled programs", text))
    if data.missing_classes:
        classes = ", ".join(data.missing_classes)
        facts.append(Fact("Classes without an image", f"{classes}. Accuracy is over the other classes."))
    if data.notes:
        facts.append(Fact("Files", "; ".join(data.notes) + "."))
    if data.hints:
        facts.append(Fact("Hints", "; ".join(data.hints) + "."))
    if manifest.left_out:
        facts.append(Fact("Left out", "; ".join(manifest.left_out) + "."))
    return facts


def _counts(names: Sequence[str], counts: Sequence[int]) -> str:
    if len(names) <= MOST_COUNTED:
        return "By class: " + ", ".join(f"{n}: {c:,}" for n, c in zip(names, counts, strict=True)) + "."
    return f"{len(names):,} classes of {min(counts):,} to {max(counts):,} images."


def _missing(manifest: "Manifest", runs: "Runs") -> list[str]:
    labels = manifest.labels
    present = {record.key for record in (*runs.done, *runs.failed)}
    missing = [labels[key] for key in manifest.cells if key not in present]
    lines = [f"{labels.get(r.key, r.key)}: {r.error}" for r in runs.failed]
    lines += [f"{label}: not measured" for label in missing[:MOST_MISSING]]
    if len(missing) > MOST_MISSING:
        lines.append(f"and {len(missing) - MOST_MISSING:,} more not measured")
    return lines


def _unsound(manifest: "Manifest", records: "Sequence[Record]", faults: Mapping[str, str]) -> list[str]:
    labels = manifest.labels
    lines = [
        f"{labels.get(name.removesuffix('.json'), 'a file')} ({name}): {fault}"
        for name, fault in faults.items()
    ]
    foreign = [r.key for r in records if r.data.fingerprint != manifest.data.fingerprint]
    return lines + [f"{labels.get(key, 'a cell')} ({key}): it is about other images" for key in foreign]


def _environment(manifest: "Manifest", runs: "Runs") -> list[Fact]:
    found: Environment = manifest.environment
    packages = ", ".join(f"{name} {number or NONE}" for name, number in found.packages.items())
    variables = ", ".join(f"{name}={value}" for name, value in found.variables.items())
    machines = dict.fromkeys(record.environment.machine for record in runs.done)
    memory = "" if found.memory_gb is None else f", {found.memory_gb} GB"
    facts = [
        Fact("Machine", f"{found.machine}{memory}, {found.system}"),
        Fact("Versions", f"Python {found.python}, {packages}"),
        Fact("Commit", str(found.commit), code=True),
    ]
    if len(machines) > 1:
        facts.append(Fact("Cells are from several machines", "; ".join(machines)))
    if variables:
        facts.append(Fact("Variables", variables, code=True))
    return [*facts, Fact("Run it again", manifest.command, code=True)]
