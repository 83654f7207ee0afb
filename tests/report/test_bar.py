"""The bar as pooch and a build use it, on a made-up terminal."""

from io import StringIO

import pytest
from rich.console import Console

from bench.report.bar import bytes_bar, count_bar


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
