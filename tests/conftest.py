import os

# Bitwise comparisons and float32 to the last digits are promised on a CPU only.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hexbench.studies.digit_recognizer.data import course, sources
from hypothesis import HealthCheck, settings
from torture.counting import Torture

ROOT = Path(__file__).parents[1]

# The long form tries as many inputs on every reader as it names, other ones each time.
LONG = int(os.environ.get("HEXBENCH_TORTURE", "0") or 0)
settings.register_profile(
    "hexbench",
    max_examples=1_000 if LONG == 1 else LONG or 40,
    derandomize=not LONG,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("hexbench")


def pytest_addoption(parser):
    parser.addoption("--torture", action="store_true", help="the long forms of the torture tests")


def pytest_configure(config):
    config.torture = Torture(config.getoption("--torture"))
    if config.option.markexpr == "not slow":  # `make quicktest`; all other runs try as many as above
        settings.register_profile("quick", settings.get_profile("hexbench"), max_examples=10)
        settings.load_profile("quick")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A test that starts the command line in a process of its own is slow.

    Modules with slow tests come first, so that at the end no process waits for another's long one.
    """
    for item in items:
        if "hexbench" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_terminal_summary(terminalreporter, config):
    if config.torture.counts:
        terminalreporter.section("torture")
        for what, number in sorted(config.torture.counts.items()):
            terminalreporter.write_line(f"{what}: {number:,}")


@pytest.fixture(scope="session")
def torture(request):
    """How long the torture is, and where what came of it is counted."""
    return request.config.torture


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Compiled programs are kept between the tests of a run; the user's own cache is left alone."""
    os.environ["HEXBENCH_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def cpu_devices():
    """Each core is a device, as in a run: that must be said before any test lets JAX compute."""
    from hexbench.models.training.devices import expose_cpu_devices

    expose_cpu_devices()


@pytest.fixture(scope="session")
def hex2024_folder():
    folder = os.environ.get("HEXBENCH_DATA")
    if not folder:
        pytest.skip("HEXBENCH_DATA names no folder of real images")
    return Path(folder)


@pytest.fixture(scope="session")
def hex2024(hex2024_folder):
    return course.dataset("hex2024", *course.read(hex2024_folder))


def blobs(count, seed=0, classes=17):
    """Images that even a small model learns: a bright square whose place tells the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.uint8) % classes
    images = rng.integers(0, 90, (count, 20, 20), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 5)
        image[row * 4 : row * 4 + 4, column * 4 : column * 4 + 4] += 160
    order = rng.permutation(count)
    return images.reshape(count, 400)[order], labels[order]


def start_hearing_ctrl_c(command, **options):
    """
    `Popen` whose child hears Ctrl-C even where these tests run in the background of a shell, which
    switches it off for them and all their children: a handler of ours is the default in a child.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture
def small_data():
    return course.dataset("blobs", *blobs(300))


@pytest.fixture
def save_course(tmp_path):
    """Writes images and labels as the course's two files and returns the folder."""

    def save(images, labels, folder="course"):
        path = tmp_path / folder
        path.mkdir(parents=True, exist_ok=True)
        np.save(path / sources.IMAGES_FILE, images)
        np.save(path / sources.LABELS_FILE, labels)
        return path

    return save


def run_hexbench(*arguments, cwd, before=(), without=(), **environment):
    """Runs the command line in a fresh process, by the command `before`, `without` these variables."""
    left_out = ("HEXBENCH_DATA", *without)
    inherited = {k: v for k, v in os.environ.items() if k not in left_out}
    return subprocess.run(
        [*before, sys.executable, ROOT / "run_benchmarks.py", *map(str, arguments)],
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture
def hexbench(tmp_path):
    """Runs the command line in a fresh process, in an empty folder."""
    return partial(run_hexbench, cwd=tmp_path)


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", place)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)
