"""Writes everything that is derived from a store: cells.csv, figures and report.md."""

import csv
import io

from bench.analyse.readings import COLUMNS, flat
from bench.report.figures import draw_all
from bench.report.markdown import report
from bench.store import Store, write_whole


def write_report(store: Store) -> None:
    """Make the derived files of a results folder again, from its manifest and records alone."""
    manifest, records = store.manifest(), store.planned()
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat(record) for record in records)
    write_whole(store.folder / "cells.csv", table.getvalue())
    figures = draw_all(records, manifest["data"]["name"], store.folder / "figures")
    write_whole(store.folder / "report.md", report(manifest, records, figures))
