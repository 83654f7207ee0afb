import itertools

import numpy as np
import pytest
from hexbench.peers import peak, process
from hexbench.peers.task import Task
from peers.made_up import task


def test_operations_are_counted_product_by_product():
    def layer(output_pixels, taps, filters):
        return 2 * np.prod([*output_pixels, taps, filters])  # a product and a sum each

    first, second = layer((18, 18), 3 * 3 * 1, 64), layer((16, 16), 3 * 3 * 64, 32)
    dense = layer((), 16 * 16 * 32, 17)
    # Forward and weight gradient of all three; input gradient of all but the first.
    assert task("cnn").operations == 2 * (first + second + dense) + second + dense
    assert task("cnn").operations == 29_893_632
    assert task("mlp").operations == 3 * 340 + 2 * 8000


def test_other_images_and_networks_have_other_layers():
    images, labels = np.zeros((5, 12, 9, 3), np.uint8), np.zeros(5, int)
    params = {"channels": [4], "kernel_size": 2, "activation": "relu"}
    made = Task("cnn", params, 10, images, labels, images, labels)
    assert made.layers == [(2, 3, 4, 11 * 8), (0, 11 * 8 * 4, 10, 1)]
    assert made.inputs(images).shape == (5, 12, 9, 3)
    dense = {"hidden_layer_sizes": [6, 5], "activation": "relu"}
    made = Task("mlp", dense, 10, images, labels, images, labels)
    assert made.layers == [(0, 12 * 9 * 3, 6, 1), (0, 6, 5, 1), (0, 5, 10, 1)]
    assert made.inputs(images).shape == (5, 12 * 9 * 3)


def test_pixels_are_scaled_once():
    made = task("cnn")
    scaled = made.inputs(made.images)
    assert scaled.shape == (170, 20, 20, 1)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled[..., 0], made.images.astype(np.float32) / 255)
    np.testing.assert_array_equal(made.inputs(scaled[..., 0]), scaled)


def test_the_matrix_product_says_its_rate(monkeypatch):
    monkeypatch.setattr(peak, "SIDE", 64)
    assert 1e6 < peak.measure()[0] < 1e13
    assert peak.measure()[1] == "cpu"
    ticks = itertools.chain([0.0, 0.5], itertools.cycle([10.0, 12.0]))  # the first is the fastest
    monkeypatch.setattr(peak.time, "perf_counter", lambda: next(ticks))
    assert peak.measure()[0] == pytest.approx(2 * 64**3 / 0.5)


def test_a_peak_that_cannot_be_measured_says_why(monkeypatch):
    monkeypatch.setitem(process.ENVIRONMENTS, "cpu", {"JAX_PLATFORMS": "no_such_device"})
    with pytest.raises(process.ContestantFailed, match=r"exit status 1: .*no_such_device"):
        process.measure_peak()
