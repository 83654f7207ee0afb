"""Writes everything that is derived from a store: cells.csv, figures and report.md."""

import pandas as pd

from bench.analyse.readings import COLUMNS, flat
from bench.errors import NothingMeasured
from bench.report.figures import draw_all
from bench.report.markdown import report
from bench.store import Store, write_whole


def write_report(store: Store) -> None:
    """Make the derived files of a results folder again, from its manifest and records alone.

    Raises NothingMeasured, and touches nothing, if there is no record.
    """
    manifest, records = store.manifest(), store.planned()
    if not records:
        raise NothingMeasured(
            f"{store.folder} holds no readable record: its report is left as it is."
        )
    table = pd.DataFrame(
        [flat(record) for record in records], columns=list(COLUMNS)
    ).convert_dtypes()
    write_whole(store.folder / "cells.csv", table.to_csv(index=False, lineterminator="\n"))
    figures = draw_all(records, manifest["data"]["name"], store.folder / "figures")
    write_whole(store.folder / "report.md", report(manifest, records, figures))
