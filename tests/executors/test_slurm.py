"""The Slurm executor on a real Slurm of one node."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from executors import daemons
from executors.runs import LONG, QUICK, Runs, ended, wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.slow]
pytest.importorskip("submitit", reason='needs submitit: pip install "hexbench[slurm]"')
if daemons.missing():
    pytest.skip(f"no Slurm can be started: {daemons.missing()}", allow_module_level=True)

SLURM = ("--executor", "slurm", "--cluster", "cluster.toml")
SETTINGS = "[slurm]\nminutes = 5\nminutes_expected = 0.001\nexclusive_times = false\n"
"""Each cell is a job of its own, so that there are several."""
OFTEN = "import hexbench.run.worker as worker\nworker.CHECKPOINT_EVERY_S = 1.0\n"
"""A `sitecustomize` with which jobs keep checkpoints often."""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    with daemons.slurm(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture
def runs(slurm, tmp_path):
    (tmp_path / "cluster.toml").write_text(SETTINGS)
    (tmp_path / "often").mkdir()
    (tmp_path / "often" / "sitecustomize.py").write_text(OFTEN)
    yield Runs(tmp_path, slurm.environment | {"PYTHONPATH": str(tmp_path / "often")})
    slurm.said("scancel", "--user=root")
    slurm.wait_for(lambda: not slurm.said("squeue", "--noheader"))


def running(slurm):
    """The ids of the jobs that run."""
    return slurm.said("squeue", "--noheader", "--array", "--states=R", "--format=%i").split()


def worker_of(id_):
    """The process of a running job that measures."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text()
            text = (folder / "environ").read_text()
        except OSError:
            continue
        variables = dict(part.split("=", 1) for part in text.split("\0") if "=" in part)
        array = f"{variables.get('SLURM_ARRAY_JOB_ID')}_{variables.get('SLURM_ARRAY_TASK_ID')}"
        own = id_ in (variables.get("SLURM_JOB_ID"), array)
        if own and "submitit.core._submit" in command and not command.startswith("srun"):
            return int(folder.name)
    return None


def long_job(slurm, out):
    """The id of the job that measures the long cell, and its process, once no other runs."""
    jobs = running(slurm)
    if len(jobs) == 1 and list(out.glob("checkpoints/*/*")) and (pid := worker_of(jobs[0])):
        return jobs[0], pid
    return None


def test_a_suite_ends_with_the_metrics_of_a_local_run(runs):
    (runs.folder / "cluster.toml").write_text("[slurm]\n")  # the settings that come with it
    said = runs.run(QUICK, "slurm", *SLURM)
    runs.run(QUICK, "local")
    assert runs.metrics("slurm") == runs.metrics("local")
    assert {r["status"] for r in runs.records("slurm").values()} == {"done"}
    assert not (runs.folder / "slurm" / "jobs").exists(), "what is not needed any more goes"
    assert "6 cells" in said
    again = runs.run(QUICK, "slurm", *SLURM)
    assert "6 of 6 cells are stored already" in again


def test_a_cancelled_job_is_a_failed_record(runs, slurm):
    process = runs.start(LONG, "out", *SLURM)
    id_, _ = wait_for(lambda: long_job(slurm, runs.folder / "out"))
    subprocess.run(["scancel", id_], env=slurm.environment, check=True)
    said, code = ended(process)
    assert code == 3, said
    statuses = {epochs: r["status"] for (_, _, epochs, _), r in runs.records("out").items()}
    assert statuses == {400_000: "failed", 2: "done"}
    failed = next(r for r in runs.records("out").values() if r["status"] == "failed")
    assert failed["error"] == f"RuntimeError: its Slurm job {id_} was cancelled"


def test_a_job_that_is_cancelled_before_it_begins_is_a_failed_record(runs, slurm):
    """Without accounting Slurm forgets such a task of an array at once."""
    (runs.folder / "cluster.toml").write_text(SETTINGS + "jobs_at_once = 1\n")
    process = runs.start(QUICK, "out", *SLURM)

    def waiting():
        ids = slurm.said("squeue", "--noheader", "--array", "--states=PD", "--format=%i").split()
        return next((id_ for id_ in reversed(ids) if "_" in id_), None)

    id_ = wait_for(waiting)
    subprocess.run(["scancel", id_], env=slurm.environment, check=True)
    said, code = ended(process)
    assert code == 3, said
    errors = {r["error"] for r in runs.records("out").values() if r["status"] == "failed"}
    assert f"RuntimeError: its Slurm job {id_} was cancelled" in errors


@pytest.mark.parametrize("how", ["kill", "requeue", "preempt"])
def test_a_cell_whose_job_is_interrupted_goes_on_from_its_checkpoint(runs, slurm, how):
    """Its worker is killed; Slurm requeues it; or it is told, as before a preemption, and requeues itself."""
    suite = LONG.replace("400000", "60000")
    process = runs.start(suite, "out", *SLURM)
    id_, pid = wait_for(lambda: long_job(slurm, runs.folder / "out"))
    if how == "kill":
        os.kill(pid, signal.SIGKILL)
    else:
        command = ["scontrol", "requeue", id_] if how == "requeue" else ["scancel", "--signal=USR2", id_]
        subprocess.run(command, env=slurm.environment, check=True)
    said, code = ended(process)
    assert code == 0, said
    records = runs.records("out")
    assert {r["status"] for r in records.values()} == {"done"}
    assert {r["timing_clean"] for r in records.values() if r["epochs"] > 2} == {False}, "two processes' times"
    runs.run(suite, "local")
    assert runs.metrics("out") == runs.metrics("local")


def test_a_controller_that_starts_again_midway_is_no_end(runs, slurm):
    process = runs.start(QUICK, "out", *SLURM)
    wait_for(lambda: list((runs.folder / "out").glob("cells/*.json")))
    slurm.stop("slurmctld")
    slurm.start_controller(clean=False)
    said, code = ended(process)
    assert code == 0, said
    assert len(runs.records("out")) == 6


def test_a_job_past_its_time_limit_is_a_failed_record(runs, slurm):
    (runs.folder / "cluster.toml").write_text(SETTINGS.replace("minutes = 5", "minutes = 2"))
    said = runs.run(LONG, "out", *SLURM, returncode=3)
    records = runs.records("out")
    failed = [r for r in records.values() if r["status"] == "failed"]
    assert len(failed) == 1 and "reached its time limit" in failed[0]["error"], said
    assert len(records) == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_the_same_command_attaches_to_its_jobs_again(runs, slurm, number):
    process = runs.start(LONG.replace("400000", "60000"), "out", *SLURM)
    submitted = runs.folder / "out" / "jobs" / "submitted.json"

    def jobs():
        known = json.loads(submitted.read_text()) if submitted.exists() else []
        return known if {job["id"] for job in known} & set(running(slurm)) else None

    before = wait_for(jobs)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
        assert "jobs go on without this process" in out, out + err
    assert running(slurm), "the jobs go on"
    process = runs.start(LONG.replace("400000", "60000"), "out", *SLURM)
    said, code = ended(process)
    assert code == 0, said
    assert "jobs of an earlier command wait or run" in said
    assert {r["status"] for r in runs.records("out").values()} == {"done"}
    ids = slurm.said("scontrol", "--oneliner", "show", "jobs")
    mine = [line for line in ids.splitlines() if str(runs.folder / "out") in line]
    assert len(mine) <= len(before) + 1, "nothing is submitted twice, but for the probe"


def test_cells_that_wait_for_a_search_fail_with_its_reason(runs, slurm):
    """The search waits in the queue while it is cancelled; nothing polls for what depends on it."""
    (runs.folder / "cluster.toml").write_text(SETTINGS + 'setup = ["sleep 20"]\n')
    process = runs.start(QUICK, "out", *SLURM)

    def dependent():
        waits = slurm.said("squeue", "--noheader", "--array", "--format=%i %E").splitlines()
        return next((line.split()[1] for line in waits if "afterany" in line), None)

    search = wait_for(dependent).removeprefix("afterany:").split("(")[0].removesuffix("_*")
    subprocess.run(["scancel", search], env=slurm.environment, check=True)
    said, code = ended(process)
    assert code == 3, said
    errors = {r["model"]: r["error"] for r in runs.records("out").values() if r["status"] == "failed"}
    assert set(errors) == {"svm_grid", "svm"}
    assert errors["svm_grid"].endswith("was cancelled")
    assert errors["svm_grid"].removeprefix("RuntimeError: ") in errors["svm"]


def test_times_that_claims_rest_on_get_a_node_to_themselves(runs, slurm):
    (runs.folder / "cluster.toml").write_text("[slurm]\ncores = 1\nminutes_expected = 0.001\n")
    process = runs.start(QUICK, "out", *SLURM)

    def seen():
        lines = slurm.said("scontrol", "--oneliner", "show", "jobs").splitlines()
        return [line for line in lines if str(runs.folder) in line]

    wait_for(lambda: len(seen()) >= 6)
    shared = [line for line in seen() if "OverSubscribe=OK" in line]
    alone = [line for line in seen() if "OverSubscribe=NO" in line]
    assert alone and shared
    _, code = ended(process)
    assert code == 0
    networks = [r["timing_clean"] for (model, *_), r in runs.records("out").items() if model == "mlp"]
    assert set(networks) == {False}, "other jobs might have run beside them"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ('partition = "gpu"', "Slurm has no partition 'gpu'"),
        ("minutes = 0", "cluster.toml cannot be used"),
        ("hours = 1", "cluster.toml cannot be used: Object contains unknown field `hours`"),
        ("minutes_expected = 61", "minutes_expected of a job cannot be more than the minutes it may take"),
        ("memory_gb = 100000", "Slurm does not take the jobs"),
        ('account = "nobody"\nmemory_gb = 1.5\ncores = 2', ""),
    ],
)
def test_what_slurm_cannot_do_is_one_sentence(runs, settings, sentence):
    (runs.folder / "cluster.toml").write_text(f"[slurm]\n{settings}\n")
    if not sentence:  # without accounting Slurm takes any account
        runs.run(QUICK, "out", *SLURM)
        return
    said = runs.run(QUICK, "out", *SLURM, returncode=2)
    assert sentence in said and said.count("Error:") == 1
    assert not list((runs.folder / "out").glob("cells/*")), "nothing was measured"


def test_without_a_controller_nothing_begins(runs, slurm):
    slurm.stop("slurmctld")
    try:
        said = runs.run(QUICK, "out", *SLURM, returncode=2)
    finally:
        slurm.start_controller(clean=False)
    assert "Slurm's controller does not answer" in said
    assert not (runs.folder / "out").exists()


def test_a_folder_that_the_nodes_do_not_share_is_found_by_a_first_job(runs, slurm):
    """The command sees a file system of its own at --out."""
    out = runs.folder / "out"
    out.mkdir()
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    command = " ".join(map(str, runs.command(QUICK, "out", *SLURM)))
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none {out} && {command}"],
        cwd=runs.folder,
        env=runs.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "choose an --out that all nodes share" in done.stderr
    jobs = slurm.said("scontrol", "--oneliner", "show", "jobs").splitlines()
    assert len([line for line in jobs if str(out) in line]) == 1, "only the probe was submitted"


def test_nodes_with_another_version_are_found_by_a_first_job(runs):
    other = runs.folder / "other" / "hexbench-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: hexbench\nVersion: 9.9\n")
    (runs.folder / "cluster.toml").write_text(f'{SETTINGS}setup = ["export PYTHONPATH={other.parent}"]\n')
    said = runs.run(QUICK, "out", *SLURM, returncode=2)
    assert "the nodes have hexbench 9.9" in said


def test_nodes_that_measure_nothing_are_given_up(runs):
    """The probe runs; then a file makes every job end at once."""
    (runs.folder / "cluster.toml").write_text(
        f'{SETTINGS}setup = ["test -e {runs.folder}/broken && exit 1; touch {runs.folder}/broken"]\n'
    )
    said = runs.run(QUICK, "out", *SLURM, returncode=2)
    assert "measured nothing" in said


def test_fresh_does_not_take_the_folder_from_jobs(runs, slurm):
    process = runs.start(LONG, "out", *SLURM)
    wait_for(lambda: long_job(slurm, runs.folder / "out"))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    said = runs.run(LONG, "out", *SLURM, "--fresh", returncode=2)
    assert "jobs of an earlier command still work on out" in said
