"""The house's rules that a reader cannot see at a glance: arrows run one way, doors open fast."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

ALLOWED = {
    "models": {"models"},
    "bench.outside": set(),
    "bench.errors": {"bench.outside"},
    "bench.manifest": {"bench.record"},
    "bench.data": {"bench.data", "bench.errors", "bench.outside"},
    "bench.plan": {"bench.plan", "bench.record", "bench.data", "bench.errors", "bench.outside"},
    "bench.measure": {
        "bench.measure",
        "bench.plan",
        "bench.record",
        "bench.data",
        "bench.errors",
        "models",
    },
    "bench.record": set(),
    "bench.soundness": {"bench.record", "bench.plan"},
    "bench.locks": set(),
    "bench.store": {"bench.soundness", "bench.manifest", "bench.locks", "bench.errors"},
    "bench.analyse": {
        "bench.analyse",
        "bench.soundness",
        "bench.plan",
        "bench.data",
        "bench.errors",
        "bench.outside",
    },
    "bench.report": {
        "bench.report",
        "bench.analyse",
        "bench.plan",
        "bench.data",
        "bench.store",
        "bench.errors",
        "bench.outside",
    },
    "bench.run": {
        "bench.run",
        "bench.report",
        "bench.analyse",
        "bench.measure",
        "bench.plan",
        "bench.data",
        "bench.store",
        "bench.errors",
    },
    "bench.peers": {
        "bench.peers",
        "bench.report",
        "bench.analyse",
        "bench.measure",
        "bench.plan",
        "bench.data",
        "bench.store",
        "bench.errors",
        "models",
    },
    "bench.likeness": {
        "bench.likeness",
        "bench.errors",
        "bench.report",
        "bench.analyse",
        "bench.data",
        "bench.store",
        "models",
    },
    "bench.cli": {"bench"},
    "bench.cli_data": {"bench"},
    "bench.cli_gates": {"bench"},
}


def modules():
    for folder in ("bench", "models"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module


def belongs(name, room):
    return name == room or name.startswith(room + ".")


def test_imports_run_one_way():
    for name, path in modules():
        if name == "bench":
            continue
        room = next(room for room in ALLOWED if belongs(name, room))
        for target in imports(path):
            if target.split(".")[0] in ("bench", "models"):
                assert any(belongs(target, a) for a in ALLOWED[room]), f"{name} imports {target}"


def test_files_stay_short_enough_to_read():
    for name, path in modules():
        lines = len(path.read_text().splitlines())
        assert lines <= 350, f"{name} has {lines} lines"


FAST = [
    ["--help"],
    ["report", "--help"],
    ["check", "--help"],
    ["compare", "--help"],
    ["--suite", "full", "--data", "synthetic", "--plan"],
    ["data", "--help"],
    ["data", "fetch", "--help"],
    ["data", "build", "--help"],
]
HEAVY = {"jax", "sklearn", "flax", "pandas", "matplotlib", "pooch", "requests", "PIL"}


@pytest.mark.parametrize("arguments", FAST, ids=" ".join)
def test_what_trains_nothing_imports_nothing_heavy(arguments):
    assert loaded_by(arguments, 0).isdisjoint(HEAVY)


def test_what_reads_results_needs_neither_jax_nor_scikit_learn(tmp_path):
    from analyse.runs import cnns, folder_of

    folder = str(folder_of(tmp_path, cnns(range(3))))
    for arguments, code in (
        (["report", folder], 0),
        (["check", folder], 4),
        (["compare", folder, folder], 0),
    ):
        assert loaded_by(arguments, code).isdisjoint({"jax", "sklearn", "flax"})
    assert (tmp_path / "report.md").read_text().startswith("# hexbench: suite made-up")


def test_this_check_can_fail():
    code = "import sys; import sklearn; print(*sys.modules)"
    assert "sklearn" in run_python(code)


def loaded_by(arguments, code):
    """The top-level modules that a command imports; its exit code must be `code`."""
    program = (
        f"import sys, click\nsys.argv = ['run_benchmarks.py', *{arguments!r}]\n"
        "from bench.cli import main\n"
        f"try: main()\nexcept SystemExit as end: assert (end.code or 0) == {code}, end.code\n"
        "print('LOADED', *sys.modules)"
    )
    return {name.split(".")[0] for name in run_python(program).split("LOADED")[1].split()}


def run_python(code):
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_path_is_never_given_to_pickle():
    for _, path in modules():
        assert "allow_pickle=True" not in Path(path).read_text()
        assert "pickle" not in set(imports(path))


def test_durations_come_from_clocks_that_cannot_be_set_back():
    for name, path in modules():
        text = path.read_text()
        assert "time.time(" not in text and "datetime" not in text, name
