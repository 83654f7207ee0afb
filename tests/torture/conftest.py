import numpy as np
import pytest
from conftest import blobs
from hexbench.store.store import Store
from hexbench.studies.digit_recognizer.data import sources
from torture.runs import run, untimed


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """A folder of 300 easy images."""
    folder = tmp_path_factory.mktemp("course")
    images, labels = blobs(300)
    np.save(folder / sources.IMAGES_FILE, images)
    np.save(folder / sources.LABELS_FILE, labels)
    return folder


@pytest.fixture(scope="session")
def reference(course, torture, tmp_path_factory):
    """What an uninterrupted run measures."""
    torture.begin("kills survived", "cells lost", "tracebacks")
    out = tmp_path_factory.mktemp("reference") / "out"
    code, said = run(course, out, torture)
    assert code == 0, said
    return untimed(Store(out))
