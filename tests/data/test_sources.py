import pytest
from conftest import blobs

from bench.data.sources import resolve
from bench.errors import BadInput


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEXBENCH_DATA", raising=False)


def test_auto_prefers_the_variable_then_the_folder_then_synthetic(save_course, monkeypatch):
    assert resolve("auto", 500).name == "synthetic-500"
    save_course(*blobs(34), folder="data")
    assert (resolve("auto", 500).name, resolve("auto", 500).count) == ("data", 34)
    monkeypatch.setenv("HEXBENCH_DATA", str(save_course(*blobs(51), folder="mine")))
    assert (resolve("auto", 500).name, resolve("auto", 500).count) == ("mine", 51)


def test_a_variable_that_names_nothing_is_a_fault_not_a_silent_default(monkeypatch):
    monkeypatch.setenv("HEXBENCH_DATA", "nowhere")
    with pytest.raises(BadInput, match="nowhere"):
        resolve("auto", 500)


def test_synthetic_images_are_counted_before_they_are_drawn():
    source = resolve("synthetic:200", 500)
    data = source.load()
    assert (source.count, len(data.images), data.synthetic) == (200, 200, True)
    assert data.name == source.name == "synthetic-200"


@pytest.mark.parametrize("option", ["synthetic:", "synthetic:0", "synthetic:x", "synthetic:1e5"])
def test_numbers_that_are_none(option):
    with pytest.raises(BadInput, match="whole number"):
        resolve(option, 500)
