import matplotlib.pyplot as plt
import numpy as np

from bench.analyse.scaling import Growth, fit_power
from bench.report.trends import growth


def test_only_what_was_measured_has_a_marker():
    """Markers on the ends of a fitted line would pass for measurements."""
    law = fit_power([(100, 2.0), (1_000, 9.0), (10_000, 120.0)])
    figure = growth([Growth("svm", "grid", None, "seconds of one fit", law, True)])
    try:
        (axes,) = figure.axes
        figure.canvas.draw()
        (line,), (points,) = axes.lines, axes.collections
        assert np.asarray(points.get_offsets()).tolist() == [list(point) for point in law.points]
        assert line.get_marker() == "None" or line.get_markevery() == []
    finally:
        plt.close(figure)
