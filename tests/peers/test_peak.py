import numpy as np
import pytest
from peers.made_up import task

from bench.peers import peak


def test_operations_are_counted_product_by_product():
    def layer(output_pixels, taps, filters):
        return 2 * np.prod([*output_pixels, taps, filters])  # a product and a sum each

    first, second = layer((18, 18), 3 * 3 * 1, 64), layer((16, 16), 3 * 3 * 64, 32)
    dense = layer((), 16 * 16 * 32, 17)
    # Forward and weight gradient of all three; input gradient of all but the first.
    assert peak.operations_per_image("cnn") == 2 * (first + second + dense) + second + dense
    assert peak.operations_per_image("cnn") == 29_893_632
    assert peak.operations_per_image("mlp") == 3 * 340 + 2 * 8000


def test_the_matrix_product_says_its_rate(monkeypatch):
    monkeypatch.setattr(peak, "SIDE", 64)
    made = peak.MatrixProduct(task())
    assert made.facts() == {"operations_per_second": 0}
    made.prepare()
    made.train()
    rate = made.facts()["operations_per_second"]
    assert 1e6 < rate < 1e13
    ticks = iter([0.0, 2.0] * peak.PRODUCTS)
    monkeypatch.setattr(peak.time, "perf_counter", lambda: next(ticks))
    slow = peak.MatrixProduct(task())
    slow.train()
    assert slow.facts()["operations_per_second"] == pytest.approx(64**3)
