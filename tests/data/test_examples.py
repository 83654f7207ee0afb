"""The picture of examples: whatever shape, every class has its row, in its own colours."""

import numpy as np
import pytest
from hexbench.data.dataset import Dataset
from hexbench.report import examples
from hexbench.report.examples import draw_examples, visible
from matplotlib.image import imread


def data_of(shape, classes, pixel_max=255, name="made up", each=3):
    labels = np.repeat(np.arange(classes), each)
    images = np.zeros((len(labels), *shape), np.uint8)
    images[...] = (labels * pixel_max // (classes - 1)).reshape(-1, *[1] * len(shape))
    names = tuple(f"class {label}" for label in range(classes))
    return Dataset(name, images, labels, names, pixel_max)


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (9, 30), (32, 32, 3), (5, 5, 4), (6, 4, 2)])
@pytest.mark.parametrize("pixel_max", [16, 255])
def test_every_class_has_a_row_of_its_images(shape, pixel_max):
    data = data_of(shape, 5, pixel_max)
    sheet = examples._sheet(data)
    height, width = shape[0] + 2, shape[1] + 2
    colours = {2: (3,), 3: (3,), 4: (4,)}.get(shape[-1]) if len(shape) == 3 else ()
    assert sheet.shape == (5 * height, 12 * width, *colours)
    for label in range(5):
        for column in range(12):
            image = sheet[label * height :, column * width :][1 : height - 1, 1 : width - 1]
            shown = image[..., 0] if colours else image
            expected = (label * pixel_max // 4) / pixel_max if column < 3 else 1
            assert np.allclose(shown, expected)
    assert (sheet[0] == 1).all() and (sheet[:, 0] == 1).all(), "a white border"


def test_two_channels_are_red_and_green():
    shown = visible(np.full((1, 2, 2, 2), 51, np.uint8), 255)
    np.testing.assert_allclose(shown[0, 0, 0], [0.2, 0.2, 0])


def test_large_images_are_thinned():
    sheet = examples._sheet(data_of((1000, 300), 2))
    assert sheet.shape == (2 * (63 + 2), 12 * (19 + 2))


@pytest.mark.parametrize("classes", [2, 40, 41, 300])
def test_many_classes_are_cut_and_the_title_says_so(tmp_path, monkeypatch, classes):
    from matplotlib.axes import Axes

    titles, ticks = [], []
    whole = Axes.set_title
    monkeypatch.setattr(
        Axes,
        "set_title",
        lambda axes, text, **more: titles.append(text) or whole(axes, text, **more),
    )
    put = Axes.set_yticks
    monkeypatch.setattr(
        Axes,
        "set_yticks",
        lambda axes, at, labels, **k: ticks.append(labels) or put(axes, at, labels, **k),
    )
    draw_examples([data_of((8, 8), classes, each=2)] * 2, tmp_path / "new" / "examples.png")
    assert len(examples._sheet(data_of((8, 8), classes))) == min(classes, 40) * 10
    said = f"\nfirst 40 of {classes} classes" if classes > 40 else ""
    assert titles == [f"made up{said}"] * 2
    assert [len(names) for names in ticks] == [min(classes, 40)] * 2
    assert imread(tmp_path / "new" / "examples.png").std() > 0


def test_colour_images_are_drawn_in_colour(tmp_path):
    data = data_of((8, 8, 3), 2)
    data.images[...] = (255, 0, 0)
    draw_examples([data], tmp_path / "examples.png")
    found = imread(tmp_path / "examples.png")[..., :3].reshape(-1, 3)
    assert (found == (1, 0, 0)).all(axis=1).sum() > 1000


def test_names_do_not_make_mathematics(tmp_path):
    data = data_of((8, 8), 2, name="$x^2$ _ {")
    odd = Dataset("$\\frac", data.images, data.labels, ("$a", "b" * 500), 255)
    draw_examples([data, odd], tmp_path / "examples.png")
    assert imread(tmp_path / "examples.png").shape[1] < 1500
