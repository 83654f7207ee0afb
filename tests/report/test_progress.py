"""The bars as pooch, a build and a run use them, on a made-up terminal."""

from io import StringIO

import pytest
from hexbench.report.progress import bytes_bar, count_bar, run_bar
from rich.console import Console


def drawn(make, terminal=True):
    """What a terminal shows after 30 of 100 and a new start that ends full."""
    screen = StringIO()
    with make("Fetching", Console(file=screen, force_terminal=terminal, width=100)) as bar:
        assert bar.total == 0
        bar.total = 0  # a server that does not say how much it sends
        bar.update(30)
        bar._progress.refresh()
        bar.total = 100
        bar.update(30)
        bar._progress.refresh()
        bar.reset()
        bar.update(bar.total)
        bar.close()
        bar._progress.refresh()
    return screen.getvalue()


@pytest.mark.parametrize(
    ("make", "partly", "whole"),
    [(count_bar, "30/100", "100/100"), (bytes_bar, "30/100 bytes", "100/100 bytes")],
)
def test_a_bar_goes_back_and_ends_full(make, partly, whole):
    screen = drawn(make)
    assert screen.index("30/?") < screen.index(partly) < screen.rindex(whole)


def test_nothing_is_drawn_where_there_is_no_terminal():
    assert drawn(bytes_bar, terminal=False) == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_of_a_run_shows_its_fields(terminal):
    screen = StringIO()
    with run_bar(Console(file=screen, force_terminal=terminal, width=100)) as bar:
        task = bar.add_task("a cell", total=1.0, done="3/7 cells", left="about 2 min left")
        bar.update(task, completed=0.5)
        bar.refresh()
    shown = all(text in screen.getvalue() for text in ("3/7 cells", "about 2 min left", "a cell"))
    assert shown is terminal
