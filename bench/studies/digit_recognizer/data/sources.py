"""The report's data by name and path, not loaded: course files, EMNIST, synthetic images."""

from pathlib import Path

from hexbench.data.cache import cache_folder
from hexbench.data.card import Known
from hexbench.data.dataset import Dataset, Provenance
from hexbench.data.sources import FolderReader, Named, Source, file_source
from hexbench.errors import BadInput

IMAGES_FILE = "emnist_hex_images.npy"
LABELS_FILE = "emnist_hex_labels.npy"
SHAPE, CLASSES = (20, 20), 17
IMAGES_IN_FULL = 107_802  # as many as in the course's file
IMAGES_IN_SMALL = 9_834  # as many as in the course's file of 2024, and in a drawn set by default
REFERENCE_IMAGES = 40  # of each class: drawn in a tenth of a second
MIN_IMAGES, MAX_IMAGES = 34, 10_000_000

SYNTHETIC = Provenance(
    "synthetic hex digits that hexbench itself draws from pen strokes, tuned to be about as hard "
    "as the real ones",
    "MIT, as hexbench",
    synthetic=True,
)
HEX2024 = Provenance(
    "EMNIST (NIST Special Database 19) as the course INF264 of the University of Bergen handed it "
    "out in 2024 with its project Digit Recognizer",
    "US Government work, public domain",
)
KNOWN = {
    "hex2024": Known(HEX2024, "652156640a52e15487ce8b880eea1211c98f4a979af81b2a5bb8fbd511722578"),
    "synthetic-9834": Known(SYNTHETIC, "bfd10d52751cd5501a49380e9cd409ea931b36edf9f57f3e37d8cdc0a98361e9"),
    "synthetic-107802": Known(SYNTHETIC, "d38c80999464f8b32a5531003731ed1733e742587a8ca69fe8701ca24ef1946d"),
}


def emnist_folder() -> Path:
    """Where the set built from EMNIST lies, if there is one."""
    return cache_folder() / "emnist"


def course_folder(folder: Path) -> Source:
    """The source of a folder with the course's two files; BadInput if they are not valid."""
    from hexbench.studies.digit_recognizer.data import course

    def read() -> Dataset:
        return course.dataset("", *course.read(folder))

    return file_source(folder, course.count(folder), SHAPE, CLASSES, read)


def emnist(argument: str | None, _: int | None) -> Source:
    """The set that `data fetch emnist` built; BadInput if there is none."""
    folder = emnist_folder()
    if argument is not None:
        raise BadInput(f"--data emnist:{argument}: emnist takes no argument.")
    for file in (IMAGES_FILE, LABELS_FILE):
        if not (folder / file).is_file():
            fault = f"it has no {file}" if folder.is_dir() else "the folder is not there"
            raise BadInput(
                f"--data emnist: no set is built in {folder} ({fault}); "
                "get it with `run_benchmarks.py data fetch emnist`."
            )
    return course_folder(folder)


def synthetic(argument: str | None, count: int | None) -> Source:
    """So many images drawn from pen strokes; BadInput if the number is not valid."""
    if argument is not None:
        number = argument.replace("_", "")
        fits = number.isdecimal() and len(number) < 9 and MIN_IMAGES <= int(number) <= MAX_IMAGES
        if not fits:
            raise BadInput(
                f"--data synthetic:{argument}: N must be a whole number from {MIN_IMAGES} to {MAX_IMAGES:,}."
            )
        count = int(number)
    count = count or IMAGES_IN_SMALL
    name = f"synthetic-{count}"

    def load() -> Dataset:
        from hexbench.studies.digit_recognizer.data import course, synthetic

        return course.dataset(name, *synthetic.draw(count), SYNTHETIC)

    return Source(name, count, load, SYNTHETIC.origin, shape=SHAPE, classes=CLASSES)


def drawn_like(data: Dataset) -> Dataset:
    """A synthetic set with as many images of each class as `data`."""
    from hexbench.studies.digit_recognizer.data import course, synthetic

    return course.dataset("synthetic", *synthetic.draw(data.class_counts), SYNTHETIC)


def reference() -> Dataset:
    """Some upright synthetic images of each class, beside which others are held for hints."""
    from hexbench.studies.digit_recognizer.data import course, synthetic

    return course.dataset("synthetic digits", *synthetic.draw([REFERENCE_IMAGES] * CLASSES), SYNTHETIC)


SOURCES: dict[str, Named] = {"synthetic": synthetic, "emnist": emnist}
READERS = (FolderReader((IMAGES_FILE, LABELS_FILE), course_folder),)
FALLBACK = "synthetic"
