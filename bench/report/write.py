"""Writes everything that is derived from a store: verdicts.json, cells.csv, figures and the report."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hexbench.analyse.claims import Verdict, as_json, judge
from hexbench.analyse.runs import Runs
from hexbench.errors import BadInput, NothingMeasured
from hexbench.files import said, write_whole
from hexbench.plan.cell import shown
from hexbench.report import figures, html, markdown
from hexbench.report.context import Context
from hexbench.report.page import Part, page
from hexbench.report.parts import parts
from hexbench.report.style import styled
from hexbench.store.flat import KINDS, PARAM, flat
from hexbench.store.record import Record
from hexbench.store.store import Store, Survey

if TYPE_CHECKING:
    from hexbench.study import Study


def write_report(store: Store, study: "Study", survey: Survey | None = None) -> Runs:
    """Make the derived files of a results folder again, from its manifest and records alone.

    Returns the runs that it read. `survey` is what the store found, if that is known already. Raises
    NothingMeasured, and touches nothing, if there is no record; BadInput if the study's claims or
    sections are wrong.
    """
    manifest, found = store.manifest(), survey or store.survey()
    records = found.of(manifest.cells)
    if not records:
        raise NothingMeasured(f"{store.folder} holds no readable record: its report is left as it is.")
    runs = Runs.of(manifest, records, store.folder)
    verdicts = _verdicts(study, runs)
    write_whole(store.folder / "cells.csv", _csv(records))
    text = json.dumps(as_json(verdicts), indent=1, allow_nan=False, ensure_ascii=False)
    write_whole(store.folder / "verdicts.json", text + "\n")
    context = Context(runs, store.folder / "figures")
    with styled():
        of_study = _sections(study, context)
        overview = context.figure("claims", "Reported and measured", figures.claims(verdicts))
        content = page(study, runs, records, verdicts, of_study, parts(context), found.faults, overview)
    context.remove_stale()
    write_whole(store.folder / "report.md", markdown.report(content))
    write_whole(store.folder / "report.html", html.report(content, context.folder))
    return runs


def _verdicts(study: "Study", runs: Runs) -> list[Verdict]:
    """On every claim; one that asks for a class which the data lack is not run."""
    without = study.beyond(runs.manifest.data.class_names)
    nothing = Runs.of(runs.manifest, [])
    verdicts = []
    for claim in study.claims:
        lacking = without.get(claim.id)
        asked = runs if lacking is None else nothing
        (verdict,) = judge([claim], asked, study.rules, study.reported_images)
        if lacking is not None:
            verdict = replace(verdict, reason=f"the data have no class {lacking!r}")
        verdicts.append(verdict)
    return verdicts


def _sections(study: "Study", context: Context) -> list[Part]:
    if study.sections is None:
        return []
    try:
        return [part for part in study.sections(context) if part.items or part.said]
    except Exception as error:
        if study.is_ours:
            raise
        raise BadInput(f"{study.folder}: sections() of its study.py failed: {said(error)}.") from error


def _csv(records: Sequence[Record]) -> str:
    """A row a cell, each hyperparameter a column `params.NAME`."""
    import pandas as pd

    rows = [{n: _cell(v) if n.startswith(PARAM) else v for n, v in flat(r).items()} for r in records]
    columns = dict.fromkeys([*KINDS, *(name for row in rows for name in row)])
    table = pd.DataFrame(rows, columns=list(columns), dtype=object)  # whole numbers stay so beside gaps
    text: str = table.to_csv(index=False, lineterminator="\n")
    return text


def _cell(value: Any) -> Any:
    """A hyperparameter as a spreadsheet has it."""
    return value if isinstance(value, int | float | str) else shown(value)
