"""The picture of a run: bars of every contestant's time as a multiple of hexbench's."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from bench.peers.contest import Outcome
from bench.peers.roster import OURS
from bench.peers.verdicts import ratio
from bench.report.style import STYLE

COLOURS = {
    OURS: "#000000", "pytorch": "#D55E00", "pytorch-channels-last": "#E69F00",
    "keras-tensorflow": "#0072B2", "keras-jax": "#56B4E9", "flax": "#009E73",
    "sklearn": "#D55E00", "sklearn-all-cores": "#E69F00", "sklearnex": "#0072B2",
    "report-way": "#CC79A7",
}  # fmt: skip
"""From Okabe and Ito's palette, told apart by colour-blind readers; each bar has its name besides."""
COLUMNS = 2


def draw(outcomes: list[Outcome], data: str, file: Path) -> bool:
    """Write the picture as PNG, a panel a contest; False if there is nothing to draw."""
    drawable = [o for o in outcomes if o.ours is not None and o.peers]
    if not drawable:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = -(-len(drawable) // COLUMNS)
    columns = min(COLUMNS, len(drawable))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(5.2 * columns, 2.5 * rows), squeeze=False
        )
        for axis in axes.flat[len(drawable) :]:
            axis.set_visible(False)
        for axis, outcome in zip(axes.flat, drawable, strict=False):
            _panel(axis, outcome)
        figure.suptitle(
            f"Time as a multiple of hexbench's: median and range · {data}",
            fontsize=11, parse_math=False,
        )  # fmt: skip
        # No software version in the file: the same numbers give the same bytes.
        figure.savefig(file, bbox_inches="tight", metadata={"Software": None})
        plt.close(figure)
    return True


def _panel(axis: Axes, outcome: Outcome) -> None:
    ours = outcome.ours
    assert ours is not None
    finished = outcome.finished
    ratios = [ratio(result, ours) for result in finished]
    medians = [r.median for r in ratios]
    places = list(range(len(finished)))
    axis.barh(
        places,
        medians,
        color=[COLOURS[result.entry.name] for result in finished],
        xerr=[
            [r.median - r.low for r in ratios],
            [r.high - r.median for r in ratios],
        ],
        error_kw={"ecolor": "#555555", "capsize": 3, "linewidth": 1},
    )
    for place, measured in zip(places, ratios, strict=True):
        text = "1" if place == 0 else f"{measured.median:.3g}"
        axis.annotate(
            text,
            (measured.high, place),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axis.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axis.set_yticks(places, [result.entry.title for result in finished])
    axis.invert_yaxis()
    axis.set_xlim(0, 1.15 * max(r.high for r in ratios))
    axis.grid(axis="y", visible=False)
    axis.set_title(outcome.setting.title, fontsize=10)
