"""Which programs are compiled, and which are not compiled again."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import optax
import pytest
from conftest import ROOT, blobs
from hexbench.models.mlp import MLP, MLPClassifier
from hexbench.models.training.compile_cache import keep_programs_in
from hexbench.models.training.description import Network
from hexbench.models.training.programs import evaluation_program, training_program
from hexbench.models.training.recipe import Recipe

MISSES = "/jax/compilation_cache/cache_misses"


def fit(count, seed=0, **params):
    images, labels = blobs(count)
    model = MLPClassifier(epochs=1, random_state=seed, **params)
    return model.fit(images, labels, test=(images, labels))


@pytest.mark.slow
def test_no_program_is_compiled_twice_in_one_process():
    training_program.cache_clear()  # other tests have been here
    evaluation_program.cache_clear()
    first, second = fit(57), fit(57, seed=1)
    assert first.programs_["process"] == 0 and sum(first.programs_.values()) == 2
    assert second.programs_ == {"compiled": 0, "disk": 0, "process": 2}
    assert second.times_["compile_s"] == 0 < first.times_["compile_s"]
    other = fit(58).programs_
    assert other["process"] == 1, "sets of nearly one size are evaluated by one program"
    assert sum(other.values()) == 2, "but training on another number of images is another program"
    assert fit(57, learning_rate=0.01).programs_["process"] == 1, "another rate is another program"


class Other(MLP):
    """The same by another name."""


NETWORK = {"module": MLP, "shape": (20, 20), "classes": 17, "arguments": {"hidden_layer_sizes": (1,)}}
OTHERS = {
    "module": Other,
    "shape": (10, 40),
    "classes": 16,
    "images_at_once": 16,
    "arguments": {"hidden_layer_sizes": (1, 1)},
}


@pytest.mark.parametrize("field", OTHERS)
def test_a_network_that_differs_in_anything_is_another(field):
    assert Network(**NETWORK) == Network(**NETWORK)
    assert hash(Network(**NETWORK)) == hash(Network(**NETWORK))
    assert Network(**NETWORK) != Network(**NETWORK | {field: OTHERS[field]})


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_a_value_of_another_type_is_another(value):
    one, other = (Network(**NETWORK | {"arguments": {"width": v, "sizes": (v,)}}) for v in (1, value))
    assert one != other


def test_a_list_is_as_a_tuple():
    one, other = (Network(**NETWORK | {"arguments": {"sizes": v}}) for v in ([1, 2], (1, 2)))
    assert one == other


@pytest.mark.parametrize(
    "changed",
    [
        {"n": 21},
        {"dtype": "float32"},
        {"batch_size": 5},
        {"rate": 0.01},
        {"rate": 1},
        {"together": 2},
    ],
    ids=str,
)
def test_a_program_serves_nothing_else_that_is_static(changed):
    def program(n=20, dtype="uint8", batch_size=4, rate=1.0, together=1):
        recipe = Recipe(optax.adam, {"learning_rate": rate})
        return training_program(Network(**NETWORK), n, np.dtype(dtype), batch_size, recipe, together)

    assert program() is program()
    assert program(**changed) is not program()


RATES = """
import json, sys
from hexbench.models.training.devices import expose_cpu_devices
expose_cpu_devices()
from conftest import blobs
from hexbench.models import CNNClassifier, MLPClassifier
found = []
for name, params in json.loads(sys.argv[1]):
    model = {"mlp": MLPClassifier, "cnn": CNNClassifier}[name](epochs=2, random_state=0, **params)
    found.append(model.fit(*blobs(48)).curve_.train_loss)
print(json.dumps(found))
"""
MODELS = [
    ("mlp", {"learning_rate": 0.001}),
    ("mlp", {"learning_rate": 0.01}),
    ("mlp", {"hidden_layer_sizes": [10, 10]}),
    ("cnn", {"channels": [4]}),
    ("cnn", {"channels": [4], "learning_rate": 0.01}),
]


def in_new_process(program, *arguments):
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_hyperparameters_tried_in_one_process_are_those_of_fresh_processes():
    together = in_new_process(RATES, json.dumps(MODELS))
    assert len({tuple(losses) for losses in together}) == len(MODELS), "each has numbers of its own"
    for place in (1, 4):
        assert in_new_process(RATES, json.dumps([MODELS[place]])) == [together[place]]


PROGRAM = f"""
import json, sys
from pathlib import Path
import jax
missed = []
def listen(event, **_):
    if event == {MISSES!r}:
        missed.append(event)
jax.monitoring.register_event_listener(listen)
from hexbench.models.training.compile_cache import keep_programs_in
keep_programs_in(Path(sys.argv[1]))
from conftest import blobs
from hexbench.models import MLPClassifier
data = blobs(59)
found = MLPClassifier(epochs=1, random_state=0).fit(*data, test=data)
print(json.dumps([found.programs_, found.times_["compile_s"], len(missed), found.curve_.train_loss]))
"""


@pytest.mark.slow
def test_a_second_process_compiles_nothing(tmp_path):
    origins, seconds, missed, loss = in_new_process(PROGRAM, tmp_path / "programs")
    assert origins == {"compiled": 2, "disk": 0, "process": 0} and missed >= 2
    again, less, none, same = in_new_process(PROGRAM, tmp_path / "programs")
    assert again == {"compiled": 0, "disk": 2, "process": 0} and none == 0
    assert same == loss
    assert seconds > 0 and less > 0


@pytest.mark.slow
def test_a_folder_that_cannot_be_made_is_no_fault(tmp_path):
    (tmp_path / "file").write_text("")
    origins, _, _, _ = in_new_process(PROGRAM, tmp_path / "file" / "programs")
    assert origins["compiled"] == 2


def test_a_folder_of_the_users_stays(tmp_path):
    before = jax.config.jax_compilation_cache_dir
    try:
        jax.config.update("jax_compilation_cache_dir", str(tmp_path / "users"))
        keep_programs_in(tmp_path / "ours")
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "users")
        assert not (tmp_path / "ours").exists()
    finally:
        jax.config.update("jax_compilation_cache_dir", before)


IMPORTS = """
import json, jax
from jax._src import monitoring
before = dict(jax.config.values), len(monitoring.get_event_listeners())
import hexbench.models.network, hexbench.models.mlp, hexbench.models.cnn, hexbench.models.svm
import hexbench.models.training.trainer
after = dict(jax.config.values), len(monitoring.get_event_listeners())
changed = sorted(name for name in before[0] if before[0][name] != after[0][name])
print(json.dumps([*changed, after[1] - before[1]]))
"""


@pytest.mark.slow
def test_importing_changes_no_setting_and_registers_nothing():
    assert in_new_process(IMPORTS) == [0]


def test_the_base_and_the_registry_load_neither_jax_nor_scikit_learn():
    program = (
        "import json, sys; import hexbench.models.base; from hexbench.models import entries; entries(); "
        "print(json.dumps(sorted({'jax', 'sklearn', 'flax', 'scipy'} & sys.modules.keys())))"
    )
    assert in_new_process(program) == []
