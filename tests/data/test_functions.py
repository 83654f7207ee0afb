"""`--data FILE.py:FUNCTION`: every usual form of data, and whatever else a function may do."""

import numpy as np
import pytest
from data.formats import TRAINED, digits
from hexbench.data.sources import Sources
from hexbench.errors import BadInput
from hexbench.run.job import Job, images_of

IMAGES, LABELS = digits()
BEGINNING = """
import numpy as np
import pandas as pd
from hexbench.data.dataset import Dataset
from sklearn.datasets import load_digits
found = load_digits()
NAMES = tuple('0123456789')
X, y = (found.images * 255 / 16).astype(np.uint8), found.target
"""


@pytest.fixture
def write(tmp_path):
    def write(body, beginning=BEGINNING):
        (tmp_path / "mine.py").write_text(f"{beginning}\ndef letters():\n    {body}\n")
        return f"{tmp_path / 'mine.py'}:letters"

    return write


def read(option):
    source = Sources().resolve(option)
    data = source.load()
    assert (source.count, source.option) == (len(data.images), option)
    assert source.load().fingerprint == data.fingerprint, "a source may be loaded twice"
    assert source.tested == (None if data.test_part is None else len(data.test_part))
    return data


@pytest.mark.parametrize(
    "body",
    [
        "return X, y",
        "return X.reshape(len(X), -1), y.tolist()",
        "return X / 255, y.astype(str)",
        "return [X, y]",
        "return X.tolist(), y, list('0123456789')",
        "return np.asfortranarray(X), y.astype(object).astype(str).astype(object)",
        f"return (X[:{TRAINED}], y[:{TRAINED}]), (X[{TRAINED}:], y[{TRAINED}:])",
        "return pd.DataFrame(X.reshape(-1, 64)), pd.Series(y.astype(str), dtype='category')",
        "found['images'] = X; return found",
        "return Dataset('', X, y.astype('u1'), tuple('0123456789'))",
    ],
)
def test_forms(write, body):
    data = read(write(body))
    np.testing.assert_array_equal(data.images, IMAGES)
    np.testing.assert_array_equal(data.labels, LABELS)
    assert data.class_names == tuple("0123456789") and data.name == "mine.letters"
    assert (data.test_part is not None) == (f":{TRAINED}" in body)


def test_names_of_classes_and_colours(write):
    data = read(write("return np.stack([X, X, X], axis=-1), y, list('abcdefghij')"))
    assert data.class_names == tuple("abcdefghij") and data.shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise KeyError('a file\\nis missing')", "letters() failed: KeyError: 'a file"),
        ("raise SystemExit(3)", "letters() failed: SystemExit: 3"),
        ("return None", "it returned NoneType, not a Dataset, (images, labels)"),
        ("yield X, y", "it returned generator"),
        ("return X", "it returned ndarray"),
        ("return X, y, y, y", "it returned tuple"),
        ("return {'a': 1}", "it returned dict"),
        ("return X, y[:9]", "9 labels for 1,797 images"),
        ("return X * 2.0, y", "expected 0 to 255"),
        ("return X[:, 0], y", "8 pixels are no square"),
        ("return X, [object()] * len(y)", "holds Python objects"),
        ("return [[1], [1, 2]], [0, 1]", "cannot be read: ValueError"),
        ("return (X, y), (X, y, y)", "expected ((X_train, y_train), (X_test, y_test))"),
        ("return X, y, ['a', 'b']", "2 names for 10 classes"),
        ("return X, y, 3", "cannot be read: TypeError"),
        ("return None, None", "(images)"),
        ("return Dataset('', X, y, ())", "failed: ValueError"),
        ("return Dataset('', X, y / 2, NAMES)", "labels are not whole numbers from 0"),
        ("return Dataset('', X, y.astype(int) - 1, NAMES)", "labels are not whole numbers from 0"),
        ("return Dataset('', X, y, NAMES, test_part=np.array([0, 0]))", "not some of the rows"),
        ("return Dataset('', X, y, NAMES, test_part=np.array([0.0]))", "not some of the rows"),
        ("return Dataset('', X, y, NAMES, test_part=np.arange(len(y)))", "not some of the rows"),
        ("pass\n\ndef letters(path):\n    pass", "letters() failed: TypeError"),
        ("pass\n\nletters = 3", "mine.py has no function 'letters'"),
        ("pass\n\nraise OSError('no')", "mine.py cannot be imported: OSError: no"),
        ("return (", "mine.py cannot be imported: SyntaxError"),
    ],
)
def test_faults_are_sentences(write, body, words):
    option = write(body)
    with pytest.raises(BadInput) as caught:
        read(option)
    message = str(caught.value)
    assert words in message and "mine.py" in message and message.endswith(".") and "\n" not in message


def test_what_is_no_function(tmp_path, write):
    option = write("return X, y")
    for wrong, words in (("lettres", "did you mean 'letters'"), ("", "has no function ''")):
        with pytest.raises(BadInput, match=words):
            read(option.replace("letters", wrong))
    with pytest.raises(BadInput, match=r"there is no file .*gone\.py"):
        read(str(tmp_path / "gone.py:letters"))


def test_jobs_on_other_processes_call_it_too(hexbench, tmp_path, write):
    write("return X, y")
    run = ("--sweep", "svm: train_size=60,120", "--data", "mine.py:letters", "--devices", "2")
    done = hexbench(*run, "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "mine.letters (1,797 images)" in done.stdout


def test_a_function_that_returns_other_images_each_time(tmp_path, write):
    option = write("return np.random.default_rng().permutation(X), y")
    job = Job(study="digit_recognizer", data=option, fingerprint=read(option).fingerprint, cells=())
    with pytest.raises(BadInput, match="holds other images here than where the cells were planned"):
        images_of(job)
