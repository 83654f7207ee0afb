"""Rules that a reader cannot see at a glance: imports run one way, the engine knows no report, commands
start fast, importing changes nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cells import cell, correct, done, save_run
from conftest import ROOT
from engine import ALLOWED, engine_files, findings, imports

LOW = {
    *("hexbench.errors", "hexbench.files", "hexbench.own_code"),
    *("hexbench.data", "hexbench.models", "hexbench.plan"),
}
READING = LOW | {"hexbench.store", "hexbench.analyse", "hexbench.study"}
REPORTING = READING | {"hexbench.report"}
MEASURING = REPORTING | {"hexbench.measure"}
MAY_IMPORT = {
    "hexbench.models": set(),
    "hexbench.files": set(),
    "hexbench.errors": {"hexbench.files"},
    "hexbench.variables": {"hexbench.errors", "hexbench.files", "hexbench.models"},
    "hexbench.paths": set(),
    "hexbench.process": {"hexbench.errors", "hexbench.files", "hexbench.variables"},
    "hexbench.own_code": {"hexbench.errors", "hexbench.files"},
    "hexbench.data": {"hexbench.errors", "hexbench.files", "hexbench.own_code"},
    "hexbench.plan": LOW,
    "hexbench.store": LOW,
    "hexbench.measure": LOW | {"hexbench.store", "hexbench.variables"},
    "hexbench.analyse": LOW | {"hexbench.store"},
    "hexbench.study": LOW | {"hexbench.analyse"},
    "hexbench.registration": READING | {"hexbench.measure"},
    "hexbench.report": READING | {"hexbench.registration"},
    "hexbench.export": LOW | {"hexbench.store"},
    "hexbench.saved": MEASURING,
    "hexbench.run": MEASURING
    | {"hexbench.saved", "hexbench.process", "hexbench.paths", "hexbench.variables"},
    "hexbench.contract": LOW | {"hexbench.measure", "hexbench.run"},
    "hexbench.peers": MEASURING | {"hexbench.process", "hexbench.paths"},
    "hexbench.studies": REPORTING | {"hexbench.process", "hexbench.paths", "hexbench.saved"},
    "hexbench.__main__": {"hexbench.cli"},
    "hexbench.cli": MEASURING
    | {
        "hexbench.run",
        "hexbench.registration",
        "hexbench.process",
        "hexbench.paths",
        "hexbench.cli_data",
        "hexbench.cli_export",
        "hexbench.cli_gates",
        "hexbench.cli_models",
        "hexbench.cli_predict",
    },
    "hexbench.cli_data": REPORTING | {"hexbench.paths"},
    "hexbench.cli_export": REPORTING | {"hexbench.cli_gates", "hexbench.export", "hexbench.paths"},
    "hexbench.cli_gates": REPORTING | {"hexbench.paths"},
    "hexbench.cli_models": REPORTING | {"hexbench.contract"},
    "hexbench.cli_predict": REPORTING | {"hexbench.paths", "hexbench.saved"},
}
"""By part, what it may import besides itself."""


def modules():
    for folder, package in (("bench", "hexbench"), ("models", "hexbench.models")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            yield ".".join((package, *parts)).removesuffix(".__init__"), path


def part_of(module):
    return ".".join(module.split(".")[:2])


def forbidden(name, source):
    """What a module imports that it may not."""
    for target in imports(source):
        top = target.split(".")[0]
        if top in ("bench", "models", "tests", "run_benchmarks"):
            yield target
        if top != "hexbench" or target == "hexbench":
            continue
        own = part_of(target) == part_of(name)
        if part_of(name) == "hexbench.studies":
            own = target.split(".")[:3] == name.split(".")[:3]
        if not own and part_of(target) not in MAY_IMPORT[part_of(name)]:
            yield target


def test_imports_run_one_way():
    found = [
        f"{name} imports {target}"
        for name, path in modules()
        if name != "hexbench"
        for target in forbidden(name, path.read_text())
    ]
    assert not found


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("hexbench.data.card", "import hexbench.plan.cell"),
        ("hexbench.models.cnn", "from hexbench.files import short"),
        ("hexbench.plan.cell", "def f():\n    from hexbench.measure.cell import measure"),
        ("hexbench.analyse.rules", "from hexbench import report"),
        ("hexbench.run.local", "import hexbench.cli"),
        ("hexbench.report.page", "from hexbench.studies.digit_recognizer import rules"),
        ("hexbench.studies.sklearn_digits.study", "import hexbench.studies.digit_recognizer.rules"),
        ("hexbench.run.local", "from models import cnn"),
        ("hexbench.run.local", "import bench.errors"),
    ],
)
def test_a_forbidden_import_is_found(name, source):
    assert list(forbidden(name, source))


def test_files_stay_short_enough_to_read():
    lines = {name: len(path.read_text().splitlines()) for name, path in modules()}
    assert {name: count for name, count in lines.items() if count > 350} == {}


def test_nothing_is_kept_from_the_formatter():
    switch = "fmt: " + "skip"
    paths = [path for folder in ("bench", "models", "tests") for path in (ROOT / folder).rglob("*.py")]
    assert [str(path) for path in paths if switch in path.read_text()] == []


# --- The engine knows no model, no report and none of its numbers. ---


def test_the_engine_knows_no_model_and_no_number_of_a_report():
    found = []
    for path in engine_files():
        place = str(path.relative_to(ROOT))
        for line, what, how in findings(path.read_text()):
            if (place, how) not in ALLOWED:
                found.append(f"{place}:{line}: {what}: {how}")
    assert not found, "\n".join(found)


def test_what_is_allowed_is_still_there():
    there = set()
    for path in engine_files():
        there |= {(str(path.relative_to(ROOT)), how) for _, _, how in findings(path.read_text())}
    assert set(ALLOWED) <= there


BAD = [
    "if model == 'mlp': pass",
    "x = {'svm_grid': 1}",
    'raise ValueError(f"the CNN of {n} images")',
    'raise ValueError(f"{n} images are too few for an SVM grid")',
    'def f():\n    """Rows of the MLPs."""',
    "def svm_rows(): pass",
    "from hexbench.models.cnn import CNN",
    "CNNClassifier()",
    "matrix = np.zeros((17, 17))",
    "images.reshape(-1, 400)",
    "shape = (20, 20)",
    "message = 'images of 20 x 20'",
    "message = 'images of 20x20'",
    "parameters == 158385",
    "message = '158,385 parameters'",
    "fit(batch_size=16)",
    "batch = [16, 32]",
    "options = {'epochs': 3}",
    "def f(epochs=50): pass",
    "def f(*, epochs=15): pass",
    "if record.epochs == 5: pass",
    "message = 'handwritten hexadecimal digits'",
    "title = 'Digit recognizer'",
    "source = 'emnist'",
    "message = 'the course\\'s two files'",
    "train = 75_461",
]
GOOD = [
    "if entry.deterministic: pass",
    "from hexbench.models import entries",
    "text = 'libsvm cannot be interrupted'",
    "level = 16",
    "epochs = 1",
    "digest = 64 * '0'",
    "text = '64 hexadecimal digits.'",
    "size = 20",
    "# the CNN of 17 classes",
]


@pytest.mark.parametrize("source", BAD)
def test_what_the_engine_may_not_know_is_found(source):
    assert findings(source)


@pytest.mark.parametrize("source", GOOD)
def test_what_the_engine_may_know_is_left_alone(source):
    assert not findings(source)


# --- What trains nothing starts fast. ---

FAST = [
    ["--help"],
    ["report", "--help"],
    ["check", "--help"],
    ["compare", "--help"],
    ["env", "--help"],
    ["export", "--help"],
    ["--suite", "smoke", "--data", "synthetic", "--plan"],
    ["--suite", "quick", "--data", "synthetic", "--plan"],
    ["--suite", "full", "--data", "synthetic", "--plan"],
    ["--suite", "scaling", "--data", "synthetic", "--plan"],
    ["--suite", "smoke", "--data", "digits", "--plan"],
    ["--study", "sklearn_digits", "--suite", "full", "--plan"],
    ["--sweep", "mlp: learning_rate=0.1,0.2", "--data", "synthetic", "--plan"],
    ["check-model", "--help"],
    ["data", "--help"],
    ["data", "fetch", "--help"],
    ["data", "build", "--help"],
    ["data", "describe", "--help"],
    ["predict", "--help"],
]
HEAVY = {
    *("jax", "sklearn", "flax", "optax", "orbax", "pandas", "matplotlib", "scipy", "statsmodels"),
    *("pooch", "requests", "PIL", "joblib", "mlflow", "pyarrow", "skops", "tensorboard"),
}


@pytest.mark.parametrize("arguments", FAST, ids=" ".join)
def test_what_trains_nothing_imports_nothing_heavy(arguments):
    assert loaded_by(arguments, 0).isdisjoint(HEAVY)


@pytest.mark.slow
def test_what_reads_results_needs_neither_jax_nor_scikit_learn(tmp_path):
    cells = [cell("cnn", 7_000, seed=seed, epochs=3) for seed in range(3)]
    save_run(tmp_path, [done(of, correct(0.9, of.seed)) for of in cells])
    folder = str(tmp_path)
    thresholds = tmp_path.with_name("thresholds.toml")
    thresholds.write_text("")
    for arguments, code in (
        (["report", folder], 0),
        (["check", folder], 4),
        (["compare", folder, folder], 0),
    ):
        assert loaded_by(arguments, code).isdisjoint({"jax", "sklearn", "flax"})
    assert (tmp_path / "report.md").read_text().startswith("# ")


def test_this_check_can_fail():
    code = "import sys; import sklearn; print(*sys.modules)"
    assert "sklearn" in run_python(code)


def loaded_by(arguments, code):
    """The top-level modules that a command imports; its exit code must be `code`."""
    program = (
        f"import sys, click\nsys.argv = ['run_benchmarks.py', *{arguments!r}]\n"
        "from hexbench.cli import main\n"
        f"try: main()\nexcept SystemExit as end: assert (end.code or 0) == {code}, end.code\n"
        "print('LOADED', *sys.modules)"
    )
    return {name.split(".")[0] for name in run_python(program).split("LOADED")[1].split()}


def run_python(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- Importing changes nothing. ---

SIDE_EFFECTS = """
import gc, importlib, json, logging, os, signal, sys, threading, warnings

for name in THIRD_PARTIES:
    importlib.import_module(name)
import jax, matplotlib, numpy
from jax._src import monitoring


def state():
    numbers = [n for n in signal.Signals]
    return {
        "jax.config": {k: repr(v) for k, v in jax.config.values.items()},
        "listeners": [len(vars(monitoring)[k]) for k in sorted(vars(monitoring)) if k.endswith("_listeners")
                      and isinstance(vars(monitoring)[k], list)],
        "matplotlib": {k: repr(dict.__getitem__(matplotlib.rcParams, k)) for k in matplotlib.rcParams},
        "signals": [repr(signal.getsignal(n)) for n in numbers],
        "warnings": [repr(f) for f in warnings.filters],
        "environment": dict(os.environ),
        "hooks": [repr(h) for h in (sys.excepthook, sys.unraisablehook, threading.excepthook)],
        "threads": threading.active_count(),
        "numpy": repr((numpy.geterr(), numpy.get_printoptions())),
        "logging": {n: logging.getLogger(n).level for n in ("", "absl", "jax", "orbax", "matplotlib")},
        "recursion": (sys.getrecursionlimit(), sys.get_int_max_str_digits(), gc.isenabled()),
        "backends": sorted(jax._src.xla_bridge._backends),
    }


before = state()
imported = []
for name in NAMES:
    try:
        importlib.import_module(name)
        imported.append(name)
    except ModuleNotFoundError as error:
        assert error.name.split(".")[0] in PEERS, (name, error)
after = state()
changed = {k: [before[k], after[k]] for k in before if before[k] != after[k]}
print("RESULT", json.dumps([changed, imported, len(before["listeners"])]))
"""
THIRD_PARTIES = [
    *("jax", "jax.experimental.pallas", "flax.nnx", "optax", "orbax.checkpoint", "sklearn.svm"),
    *("sklearn.model_selection", "sklearn.datasets", "matplotlib.pyplot", "pandas", "scipy.stats"),
    *("scipy.special", "statsmodels.api", "requests", "pooch", "PIL.Image", "rich.console", "rich.progress"),
    *("jinja2", "click", "psutil", "joblib", "threadpoolctl", "filelock", "msgspec", "tabulate"),
]
PEERS = {"torch", "keras", "tensorflow", "sklearnex"}


def side_effects(names):
    header = f"NAMES, THIRD_PARTIES, PEERS = {names!r}, {THIRD_PARTIES!r}, {PEERS!r}\n"
    return json.loads(run_python(header + SIDE_EFFECTS).split("RESULT")[1])


@pytest.mark.slow
def test_importing_changes_nothing():
    names = [name for name, path in modules() if path.stem != "__main__"]
    changed, imported, kinds = side_effects(names)
    assert changed == {}
    assert kinds >= 2, "listeners are where this test looks for them"
    assert len(imported) > 0.8 * len(names)
    assert "hexbench.models.training.devices" in imported


@pytest.mark.slow
def test_a_side_effect_would_be_found():
    """Imports of the Python library that do such things."""
    header = "import sys, types\n"
    code = (
        "sys.modules['changing'] = None\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name != 'changing_things': return None\n"
        "        from importlib.util import spec_from_loader\n"
        "        return spec_from_loader(name, self)\n"
        "    def create_module(self, spec): return None\n"
        "    def exec_module(self, module):\n"
        "        import warnings, signal, matplotlib, jax, jax.monitoring\n"
        "        warnings.simplefilter('ignore'); matplotlib.use('svg')\n"
        "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "        jax.config.update('jax_enable_x64', True)\n"
        "        jax.monitoring.register_event_listener(lambda *a, **k: None)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    names = f"NAMES, THIRD_PARTIES, PEERS = ['changing_things'], {THIRD_PARTIES!r}, set()\n"
    changed, _, _ = json.loads(run_python(header + code + names + SIDE_EFFECTS).split("RESULT")[1])
    assert {"warnings", "signals", "jax.config", "listeners", "matplotlib"} <= changed.keys()


def test_the_models_are_known_without_importing_them():
    code = (
        "import sys, hexbench.models\n"
        "found = hexbench.models.entries()\n"
        "print(*found, '|', *(f'{n}={e.defaults}' for n, e in found.items()))\n"
        "print('LOADED', *sys.modules)"
    )
    said, loaded = run_python(code).split("LOADED")
    assert {name.split(".")[0] for name in loaded.split()}.isdisjoint(HEAVY | {"numpy"})
    assert "learning_rate" in said


# --- Safety. ---


def test_a_path_is_never_given_to_pickle():
    for _, path in modules():
        text = Path(path).read_text()
        assert "allow_pickle=True" not in text
        assert "pickle" not in set(imports(text))


def test_durations_come_from_clocks_that_cannot_be_set_back():
    for name, path in modules():
        text = path.read_text()
        assert "time.time(" not in text and "datetime" not in text, name
