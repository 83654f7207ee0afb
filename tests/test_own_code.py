"""The digest of a model's source: its file and what it imports from beside it, and nothing else."""

from hashlib import sha256

import pytest
from hexbench.own_code import source_of

FILES = {
    "mine.py": "import numpy, helper\nfrom parts import layers\nfrom parts.deep import leaf as other\n",
    "helper.py": "def f():\n    import late\n",
    "late.py": "import helper\n",
    "parts/__init__.py": "",
    "parts/layers.py": "from . import sizes\nfrom .deep.leaf import x\n",
    "parts/sizes.py": "",
    "parts/deep/leaf.py": "x = 1\n",
    "unused.py": "",
    "parts/unused.py": "",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def names(source, folder):
    return {path.relative_to(folder).as_posix() for path in source.beside}


def test_a_file_alone_has_the_digest_of_its_bytes(folder):
    found = source_of(folder / "unused.py", folder)
    assert found.digest == sha256(b"").hexdigest()
    assert found.beside == ()


def test_what_it_imports_counts_wherever_the_import_stands(folder):
    found = source_of(folder / "mine.py", folder)
    assert names(found, folder) == {*FILES} - {"mine.py", "unused.py", "parts/unused.py"}
    whole = "".join(FILES[name] for name in ("mine.py", *sorted(names(found, folder))))
    assert found.digest == sha256(whole.encode()).hexdigest(), "as sha256sum says of them"


@pytest.mark.parametrize("name", [name for name in FILES if "unused" not in name])
def test_an_edit_of_any_of_them_changes_the_digest(folder, name):
    before = source_of(folder / "mine.py", folder).digest
    (folder / name).write_text(FILES[name] + "#\n")
    assert source_of(folder / "mine.py", folder).digest != before
    (folder / name).write_text(FILES[name])
    assert source_of(folder / "mine.py", folder).digest == before


def test_an_edit_of_others_does_not(folder):
    before = source_of(folder / "mine.py", folder).digest
    for name in ("unused.py", "parts/unused.py"):
        (folder / name).write_text("1")
    assert source_of(folder / "mine.py", folder).digest == before


def test_of_a_package_only_its_own_modules_count(folder):
    (folder / "parts" / "layers.py").write_text("import helper\nimport parts.sizes\n")
    found = source_of(folder / "parts" / "layers.py", folder, "parts")
    assert names(found, folder) == {"parts/__init__.py", "parts/sizes.py"}


@pytest.mark.parametrize("content", [b"import (", b"\0", b"\xff", b"import a." + b"b." * 9_000 + b"c"])
def test_what_cannot_be_parsed_imports_nothing(folder, content):
    (folder / "mine.py").write_bytes(content)
    assert source_of(folder / "mine.py", folder).beside == ()
