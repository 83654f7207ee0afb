"""What a report says, in what order: the one content that `report.md` and `report.html` show."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.analyse import cost_tables, counterparts, tables
from bench.analyse.claims import Verdict
from bench.analyse.evidence import Evidence
from bench.analyse.readings import failures
from bench.analyse.reported import FIGURES
from bench.analyse.tables import Table
from bench.report.figures import Picture

Record = dict[str, Any]
Item = Table | Picture

VERDICTS_NOTE = (
    "The statements of the report Digit recognizer, judged by rules that were fixed before anything was "
    "measured; verdicts.json has the numbers and the cells. In brackets 95% intervals."
)
SPREAD_NOTE = "± is the standard deviation over seeds; an accuracy without one was measured once."
SYNTHETIC_WARNING = (
    "A test of the software, no evidence about handwriting: hexbench draws these images itself, and they "
    "were tuned to be about as hard for the three models as real ones."
)
MOST_MISSING = 20
COUNTERPARTS: dict[int, tuple[str, str]] = {
    1: ("layers", "mlp"), 2: ("first_epochs", ""), 3: ("figure", "mlp_50_epochs"),
    4: ("figure", "mlp_confusion"), 5: ("layers", "cnn"), 6: ("figure", "cnn_3_epochs"),
    7: ("figure", "cnn_15_epochs"), 8: ("figure", "cnn_50_epochs"), 9: ("figure", "cnn_confusion"),
    10: ("figure", "svm_confusion"),
}  # fmt: skip
"""By the number of the report's figure: what stands beside it here."""


@dataclass(frozen=True)
class Fact:
    """A line of a list; `code` is text for machines, such as a command."""

    name: str
    text: str
    code: bool = False


@dataclass(frozen=True)
class Part:
    """Something with a heading: what the report said, if it did, and what is here."""

    title: str
    items: Sequence[Item]
    said: str = ""


@dataclass(frozen=True)
class Page:
    """The whole report."""

    suite: str
    data: str
    warning: str
    facts: list[Fact]
    missing: list[str]
    """Planned cells without a result, and why."""
    unsound: list[str]
    """Records that are there and count for nothing, and why."""
    verdicts: list[Verdict]
    counterparts: list[Part]
    more: list[Part]
    environment: list[Fact]

    @property
    def counted(self) -> Mapping[str, int]:
        """How many verdicts there are of each kind."""
        return Counter(verdict.verdict for verdict in self.verdicts)


def page(
    manifest: dict[str, Any],
    records: list[Record],
    evidence: Evidence,
    verdicts: list[Verdict],
    pictures: dict[str, Picture],
    faults: Mapping[str, str],
) -> Page:
    """The report on a results folder; `pictures` are its figures by name.

    `faults` says what is wrong with files in `cells/`, by their names.
    """
    data = manifest["data"]
    return Page(
        suite=manifest["suite"],
        data=data["name"],
        warning=SYNTHETIC_WARNING if data["synthetic"] else "",
        facts=_facts(manifest, records),
        missing=_missing(manifest, records),
        unsound=_unsound(manifest, faults),
        verdicts=verdicts,
        counterparts=_counterparts(evidence, pictures),
        more=_more(evidence, pictures),
        environment=_environment(manifest),
    )


def _counterparts(evidence: Evidence, pictures: dict[str, Picture]) -> list[Part]:
    parts = []
    for figure in FIGURES:
        kind, name = COUNTERPARTS[figure.number]
        found: Item | None
        if kind == "figure":
            found = pictures.get(name)
        else:
            table = (
                counterparts.layers(evidence, name) if name else counterparts.first_epochs(evidence)
            )
            found = table if table.rows else None
        title = f"Figure {figure.number}: {figure.caption}"
        parts.append(Part(title, [_held(found)] if found else [], figure.shows))
    return parts


def _held(item: Item) -> Item:
    return item.explained() if isinstance(item, Table) else item


def _more(evidence: Evidence, pictures: dict[str, Picture]) -> list[Part]:
    failed = failures(evidence.failed)
    rows = [*evidence.rows, *failed]
    wanted: list[tuple[str, list[Item | None]]] = [
        ("Accuracy", [tables.by_epochs(rows), counterparts.by_class(evidence)]),
        ("Training images", [pictures.get("training_size"), tables.by_training_size(rows)]),
        ("Time", [pictures.get("seconds"), cost_tables.by_time(rows)]),
        ("Growth", [pictures.get("growth"), cost_tables.by_growth(evidence.growths, failed)]),
        ("Batch size", [pictures.get("batch_size"), tables.by_batch_size(rows)]),
        ("The SVM's grid search", [pictures.get("draws"), tables.by_grid(rows)]),
        ("Mistakes", [pictures.get("calibration"), pictures.get("gallery")]),
    ]
    parts = []
    for title, items in wanted:
        held = [_held(i) for i in items if i is not None and (isinstance(i, Picture) or i.rows)]
        if held:
            parts.append(Part(title, held))
    return parts


def _facts(manifest: dict[str, Any], records: list[Record]) -> list[Fact]:
    data = manifest["data"]
    counts = ", ".join(f"{count:,}" for count in data["class_counts"])
    done = sum(record["status"] == "done" for record in records)
    facts = [
        Fact("Data", f"{data['name']}, {data['images']:,} images. Of classes 0-9, A-F and empty: {counts}."),
        Fact("Origin", f"{data['origin']}. Licence: {data['licence']}."),
        Fact("Split", f"{data['train']:,} for training, {data['test']:,} for testing "
             "(train_test_split(test_size=0.30, random_state=42))."),
        Fact("Fingerprint", data["fingerprint"], code=True),
        Fact("Cells", f"{done:,} measured of {len(manifest['cells']):,} planned."),
        Fact("Programs of the networks", _programs(records)),
    ]  # fmt: skip
    if data["missing_classes"]:
        classes = ", ".join(data["missing_classes"])
        facts.append(
            Fact("Classes without an image", f"{classes}. Accuracy is over the classes there are.")
        )
    if manifest["left_out"]:
        facts.append(Fact("Left out", "; ".join(manifest["left_out"]) + "."))
    return facts


def _programs(records: list[Record]) -> str:
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(record.get("programs") or {})
    return (
        f"{counts['compiled']:,} compiled, {counts['disk']:,} from the cache on disk, "
        f"{counts['process']:,} there already from an earlier cell."
    )


def _missing(manifest: dict[str, Any], records: list[Record]) -> list[str]:
    labels = manifest["labels"]
    failed = [r for r in records if r["status"] == "failed"]
    present = {record["key"] for record in records}
    missing = [labels[key] for key in manifest["cells"] if key not in present]
    lines = [f"{labels[r['key']]}: {r['error']}" for r in failed]
    lines += [f"{label}: not measured" for label in missing[:MOST_MISSING]]
    if len(missing) > MOST_MISSING:
        lines.append(f"and {len(missing) - MOST_MISSING:,} more not measured")
    return lines


def _unsound(manifest: dict[str, Any], faults: Mapping[str, str]) -> list[str]:
    labels = manifest["labels"]
    return [
        f"{labels.get(name.removesuffix('.json'), 'a file')} ({name}): {fault}"
        for name, fault in faults.items()
    ]


def _environment(manifest: dict[str, Any]) -> list[Fact]:
    environment = manifest["environment"]
    packages = ", ".join(f"{name} {number}" for name, number in environment["packages"].items())
    variables = ", ".join(f"{name}={value}" for name, value in environment["variables"].items())
    return [
        Fact("Machine", f"{environment['processor']}, {environment['cores']} cores, "
             f"{environment['memory_gb']} GB, {environment['system']}"),
        Fact("Versions", f"Python {environment['python']}, {packages}"),
        Fact("Commit", str(environment["commit"]), code=True),
        *([Fact("Variables", variables, code=True)] if variables else []),
        Fact("Run it again", manifest["command"], code=True),
    ]  # fmt: skip
