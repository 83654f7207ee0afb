"""Which programs are compiled, and which are not compiled again."""

import json
import os
import subprocess
import sys

import jax
from conftest import ROOT, blobs

from models import NETWORKS
from models.fitting import fit_network
from models.training import compile_evaluation, compile_training

MISSES = "/jax/compilation_cache/cache_misses"


def fit(count, seed=0):
    images, labels = blobs(count)
    return fit_network(
        NETWORKS["mlp"], images, labels, epochs=1, batch_size=16, seed=seed, test=(images, labels)
    )


def test_no_program_is_compiled_twice_in_one_process():
    compile_training.cache_clear()  # other tests have been here
    compile_evaluation.cache_clear()
    first, second = fit(57), fit(57, seed=1)
    assert first.programs.keys() <= {"compiled", "disk"} and first.programs.total() == 2
    assert second.programs == {"process": 2}
    assert second.times["compile_s"] == 0 < first.times["compile_s"]
    other = fit(58).programs
    assert other["process"] == 1, "sets of nearly one size are evaluated by one program"
    assert other.total() == 2, "but training on another number of images is another program"


PROGRAM = f"""
import json, sys
from pathlib import Path
import jax
missed = []
def listen(event, **_):
    if event == {MISSES!r}:
        missed.append(event)
jax.monitoring.register_event_listener(listen)
from models.compiling import keep_programs_in
keep_programs_in(Path(sys.argv[1]))
from conftest import blobs
from models import NETWORKS
from models.fitting import fit_network
data = blobs(59)
found = fit_network(NETWORKS["mlp"], *data, epochs=1, batch_size=16, seed=0, test=data)
print(json.dumps([found.programs, found.times["compile_s"], len(missed), found.train_loss]))
"""


def in_new_process(folder):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def test_a_second_process_compiles_nothing(tmp_path):
    programs, seconds, missed, loss = in_new_process(tmp_path / "programs")
    assert programs == {"compiled": 2} and missed >= 2
    again, less, none, same = in_new_process(tmp_path / "programs")
    assert again == {"disk": 2} and none == 0
    assert same == loss
    assert seconds > 0 and less > 0


def test_a_folder_that_cannot_be_made_is_no_fault(tmp_path):
    (tmp_path / "file").write_text("")
    programs, _, _, _ = in_new_process(tmp_path / "file" / "programs")
    assert programs == {"compiled": 2}


def test_a_folder_of_the_users_stays(monkeypatch, tmp_path):
    from models.compiling import keep_programs_in

    before = jax.config.jax_compilation_cache_dir
    try:
        jax.config.update("jax_compilation_cache_dir", str(tmp_path / "users"))
        keep_programs_in(tmp_path / "ours")
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "users")
        assert not (tmp_path / "ours").exists()
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
