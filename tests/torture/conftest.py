import numpy as np
import pytest
from conftest import blobs
from torture.runs import run, untimed

from bench.data import course as course_files
from bench.store import Store


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """A folder of 300 easy images."""
    folder = tmp_path_factory.mktemp("course")
    images, labels = blobs(300)
    np.save(folder / course_files.IMAGES_FILE, images)
    np.save(folder / course_files.LABELS_FILE, labels)
    return folder


@pytest.fixture(scope="session")
def reference(course, torture, tmp_path_factory):
    """What an uninterrupted run measures."""
    torture.begin("kills survived", "cells lost", "tracebacks")
    out = tmp_path_factory.mktemp("reference") / "out"
    code, said = run(course, out, torture)
    assert code == 0, said
    return untimed(Store(out))
