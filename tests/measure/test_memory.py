import sys

import numpy as np
import pytest
from hexbench.measure import timing
from hexbench.measure.timing import MB, PeakMemory


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux starts the count anew")
def test_the_peak_is_that_of_the_block_alone():
    np.ones(100 * MB, np.uint8)
    with PeakMemory() as small:
        pass
    with PeakMemory() as large:
        np.ones(80 * MB, np.uint8)
    assert small.found["peak_mb"] - small.found["start_mb"] < 20
    assert 70 < large.found["peak_mb"] - large.found["start_mb"] < 120


def test_a_system_that_does_not_say(monkeypatch, tmp_path):
    monkeypatch.setattr(timing, "_RESET", tmp_path / "no" / "such" / "file")
    with PeakMemory() as memory:
        pass
    assert memory.found == {"peak_mb": None, "start_mb": None}
