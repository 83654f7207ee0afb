"""What `check` found, as JUnit XML and as annotations for GitHub Actions."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from hexbench.analyse.thresholds import BROKEN, FAILED, NOT_MEASURED, WITHIN_ERROR, Finding

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""
OUTCOMES = {BROKEN: "failure", FAILED: "error", NOT_MEASURED: "skipped"}
LEVELS = {BROKEN: "error", FAILED: "error", WITHIN_ERROR: "warning", NOT_MEASURED: "notice"}


def junit(findings: Sequence[Finding], missing: Sequence[str], data: str) -> str:
    """A test case a threshold on `data`, and one more where planned cells, by label, are missing."""
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(root, "testsuite", name="hexbench check")
    for finding in findings:
        case = _case(suite, data, f"{finding.metric} of {finding.where}")
        if finding.verdict in OUTCOMES:
            _outcome(case, OUTCOMES[finding.verdict], finding.verdict, finding.sentence)
    if missing:
        case = _case(suite, data, "planned cells")
        _outcome(case, "error", "missing", _missing(missing)).text = _xml("\n".join(missing))
    counts = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in counts.items():
        suite.set(name, str(sum(1 for _ in suite.iter(tag))))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True).decode() + "\n"


def annotations(findings: Sequence[Finding], missing: Sequence[str]) -> list[str]:
    """A line for each threshold that is not kept, and one for all planned cells that are missing."""
    lines = [
        _annotation(LEVELS[f.verdict], f"hexbench: {f.metric} {f.verdict}", f.sentence)
        for f in findings
        if f.verdict in LEVELS
    ]
    if missing:
        listed = "\n".join([_missing(missing), *missing])
        lines.append(_annotation("error", "hexbench: cells missing", listed))
    if not any(f.verdict != NOT_MEASURED for f in findings):
        lines.append(_annotation("warning", "hexbench: nothing checked", "No threshold is measured here."))
    return lines


def _case(suite: ElementTree.Element, data: str, name: str) -> ElementTree.Element:
    classname = f"hexbench.{data}"
    return ElementTree.SubElement(suite, "testcase", classname=_xml(classname), name=_xml(name))


def _outcome(case: ElementTree.Element, kind: str, verdict: str, message: str) -> ElementTree.Element:
    return ElementTree.SubElement(case, kind, type=verdict, message=_xml(message))


def _missing(labels: Sequence[str]) -> str:
    return f"Planned cells that are missing or failed: {len(labels):,}. Run the suite to its end."


def _xml(text: str) -> str:
    return NOT_XML.sub("\ufffd", text)


def _annotation(level: str, title: str, message: str) -> str:
    """A workflow command of GitHub Actions, which ends at its line and splits properties at `,` and `:`."""
    title = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={title}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
