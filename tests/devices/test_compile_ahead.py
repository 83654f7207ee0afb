"""Programs compiled for a TPU and a GPU that are not here; `make devices` has an environment that can."""

import os
from importlib.util import find_spec

import pytest
from hexbench.models import entries
from hexbench.run import compile_ahead
from hexbench.study import DEFAULT, load

NEEDED = {"tpu": "libtpu", "cuda": "jax_plugins.xla_cuda12"}
TARGETS = {target.name: target for target in compile_ahead.targets()}


def is_there(package):
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    for name, value in compile_ahead.OFFLINE.items():
        monkeypatch.setenv(name, value)
    assert os.environ["JAX_PLATFORMS"] == "cpu"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", TARGETS)
def test_every_program_compiles_and_fits(name):
    target = TARGETS[name]
    if not is_there(NEEDED[target.platform]):
        pytest.skip(f"needs {NEEDED[target.platform]}: make devices")
    study = load(DEFAULT)
    source = study.sources.resolve(study.sources.fallback)
    lines = list(compile_ahead.compiled(target, source))
    networks = [entry.label for entry in entries().values() if entry.learning_curve]
    assert [(line.network, line.program) for line in lines] == [
        (network, program) for network in networks for program in ("training", "evaluation", "prediction")
    ]
    for line in lines:
        assert 0 < line.total_gb < target.memory_gb, line
        assert (line.plain_convolutions > 0) == line.network.endswith("CNN"), "XLA's own convolution"
