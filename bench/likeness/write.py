"""Compares two data sets and writes the page, the figure, the picture and every trial's figures."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from bench.analyse.tables import Table
from bench.data.dataset import Dataset
from bench.likeness import page
from bench.likeness.trials import MODELS, Trial, compare_sets, count_trials, report_points
from bench.report.examples import draw_examples
from bench.report.markdown import escape, table_text
from bench.store import write_whole


def write_comparison(
    first: Dataset, second: Dataset, large: Dataset | None, seeds: int, out: Path, console: Console
) -> list[Table]:
    """Compare `first` and `second`; where `large` is given, hold it against the report's figures.

    Writes report.md, trials.csv and figures/*.png into `out` and returns the tables.
    """
    beside: list[Trial] = []
    total = count_trials(first, seeds) + (seeds * len(MODELS) if large else 0)
    with _progress(console) as progress:
        task = progress.add_task("training", total=total)
        trials = list(compare_sets(first, second, seeds, lambda: progress.advance(task)))
        if large is not None:
            beside = list(report_points(large, seeds, lambda: progress.advance(task)))
    names = (first.name, second.name)
    tables = [maker(trials, *names) for maker in (page.by_size, page.crossed, page.confused)]
    if beside:
        tables.append(page.beside_report(beside))
    page.draw_accuracies(trials, *names, out / "figures" / "accuracy.png")
    pictures = [(data.name, data.images, data.labels) for data in (first, second)]
    draw_examples(pictures, out / "figures" / "examples.png")
    rows = [{k: v for k, v in vars(trial).items() if k != "confusion"} for trial in trials + beside]
    write_whole(out / "trials.csv", pd.DataFrame(rows).to_csv(index=False, float_format="%.3f"))
    write_whole(out / "report.md", _text(tables, [first, second, *([large] if large else [])]))
    return tables


def _text(tables: list[Table], sets: list[Dataset]) -> str:
    about = [
        f"- {escape(data.name)}: {len(data.images):,} images, fingerprint `{data.fingerprint}`"
        for data in sets
    ]
    parts = [
        f"# {escape(sets[0].name)} beside {escape(sets[1].name)}",
        "\n".join(about),
        *(table_text(table) for table in tables),
        "![Test accuracy by training size](figures/accuracy.png)",
        "![Images of every class](figures/examples.png)",
    ]
    return "\n\n".join(parts) + "\n"


def _progress(console: Console) -> Progress:
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console)
