"""What README.md and docs/ tell people to type and to open works."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from data.formats import digits, write_folder, write_idx
from hexbench.cli import cli
from hexbench.study import load

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(ROOT / "docs").glob("*.md"),
]
COMMAND = re.compile(r"^\S*python run_benchmarks\.py (.+)$", re.MULTILINE)


def text(page):
    return page.read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE)


def commands():
    for page in PAGES:
        for line in COMMAND.findall("\n".join(blocks(page, "console"))):
            yield pytest.param(page, shlex.split(line, comments=True), id=f"{page.name}: {line}"[:70])


def anchors(page):
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text(page), flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the files that the pages have in full: models, studies, suites; and with data."""
    monkeypatch.chdir(tmp_path)
    images, labels = (array[:40] for array in digits())
    write_idx(tmp_path / "fashion-mnist", images, labels, trained=30)
    write_idx(
        tmp_path / "gzip", images, labels, trained=30, before="emnist-letters-", names=("train", "test")
    )
    write_folder(tmp_path / "photographs", images, labels, parts=("",), end="jpg")
    monkeypatch.delenv("HEXBENCH_DATA", raising=False)
    return tmp_path


def write_files(page, folder):
    for block in blocks(page, "python"):
        named = re.match(r"# (\w+\.py)$", block, re.MULTILINE)
        if named or "nnx.Module" in block:
            (folder / (named[1] if named else "mine.py")).write_text(block)
    for block in blocks(page, "toml"):
        if "title" in tomllib.loads(block):
            (folder / "my_study").mkdir()
            (folder / "my_study" / "study.toml").write_text(block)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "arguments"), [*commands()])
def test_a_command_is_one_that_works(page, arguments, place):
    write_files(page, place)
    name = arguments[0]
    if not name.startswith("--"):
        command, rest = cli.commands[name], arguments[1:]
        while hasattr(command, "commands"):
            command, rest = command.commands[rest[0]], rest[1:]
        command.make_context(name, rest)
        return
    # A set that has to be built first, or that only its owner has.
    arguments = ["synthetic" if one == "emnist" or one.startswith("path/to/") else one for one in arguments]
    if "--plan" not in arguments:
        arguments = [*arguments, "--plan"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output or result.exception
    assert "In all about" in result.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        linked = page.parent / file if file else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_targets_and_commands_are_there(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    content = text(page)
    assert set(re.findall(r"^make ([a-z]+)|`(?:\w+=\S+ )?make ([a-z]+)", content, re.MULTILINE)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }
    assert set(re.findall(r"`run_benchmarks\.py ([a-z]+)", content)) <= set(cli.commands)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=lambda page: page.name)
def test_toml_that_a_page_shows_is_read(page, tmp_path):
    from hexbench.analyse.claims import check
    from hexbench.models import entries
    from hexbench.plan.sweeps import read_suite

    for number, block in enumerate(blocks(page, "toml")):
        content = tomllib.loads(block)
        folder = tmp_path / str(number)
        folder.mkdir()
        if "title" in content:
            (folder / "study.toml").write_text(block)
            claims = load(str(folder)).claims
            check(claims, entries())
            assert len(claims) == len(content["claim"])
        elif "sweep" in content:
            (folder / "suite.toml").write_text(block)
            assert read_suite(folder / "suite.toml", entries()).sweeps
