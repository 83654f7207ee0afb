"""Writes everything that is derived from a store: verdicts.json, cells.csv, figures and the report."""

import json

import pandas as pd

from bench.analyse.claims import as_json, judge, kind_of
from bench.analyse.evidence import Evidence
from bench.analyse.readings import COLUMNS, flat
from bench.errors import NothingMeasured
from bench.report import html, markdown
from bench.report.figures import draw_all
from bench.report.page import page
from bench.store import Store, Survey, write_whole


def write_report(store: Store, survey: Survey | None = None) -> None:
    """Make the derived files of a results folder again, from its manifest and records alone.

    `survey` is what the store found, if that is known already. Raises NothingMeasured, and touches
    nothing, if there is no record.
    """
    manifest, found = store.manifest(), survey or store.survey()
    records = [found.sound[key] for key in manifest["cells"] if key in found.sound]
    if not records:
        raise NothingMeasured(
            f"{store.folder} holds no readable record: its report is left as it is."
        )
    table = pd.DataFrame(
        [flat(record) for record in records], columns=list(COLUMNS)
    ).convert_dtypes()
    write_whole(store.folder / "cells.csv", table.to_csv(index=False, lineterminator="\n"))
    evidence = Evidence.of(records, manifest["data"]["train"], sound=True)
    verdicts = judge(evidence, kind_of(manifest["data"]))
    text = json.dumps(as_json(verdicts), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    write_whole(store.folder / "verdicts.json", text)
    figures = store.folder / "figures"
    pictures = draw_all(evidence, manifest["data"]["name"], figures)
    content = page(manifest, records, evidence, verdicts, pictures, found.faults)
    write_whole(store.folder / "report.md", markdown.report(content))
    write_whole(store.folder / "report.html", html.report(content, figures))
