"""Environments in which a run is tried: it gives the numbers of a plain one, or a sentence says why not."""

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from conftest import ROOT
from fuzz.tried import is_sentence
from hexbench.store.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.torture, pytest.mark.timeout(3600)]

RUN = (
    *("--sweep", "mlp: epochs=1 train_size=100", "--sweep", "svm: train_size=100"),
    *("--data", "digits", "--out", "run"),
)
SAME = {
    "MPLBACKEND": ["module://matplotlib_inline.backend_inline", "TkAgg", "nonsense", ""],
    "MATPLOTLIBRC": ["/nonexistent", "{folder}/usetex", "{folder}/styled"],
    "MPLCONFIGDIR": ["/nonexistent", "/proc"],
    "JAX_ENABLE_X64": ["1"],
    "JAX_DISABLE_JIT": ["true"],
    "JAX_THREEFRY_PARTITIONABLE": ["0"],
    "JAX_DEFAULT_PRNG_IMPL": ["rbg", "nonsense"],
    "JAX_RANDOM_SEED_OFFSET": ["7", "x"],
    "JAX_TRANSFER_GUARD": ["disallow"],
    "JAX_NUMPY_RANK_PROMOTION": ["raise"],
    "JAX_DEBUG_NANS": ["1", "maybe"],
    "JAX_CHECK_TRACER_LEAKS": ["1"],
    "JAX_PLATFORM_NAME": ["gpu"],
    "JAX_PLATFORMS": ["cpu", "cpu,cuda", ""],
    "JAX_LOG_COMPILES": ["1"],
    "JAX_ENABLE_COMPILATION_CACHE": ["0"],
    "JAX_COMPILATION_CACHE_DIR": ["/proc/nowhere", "{folder}/cache"],
    "CUDA_VISIBLE_DEVICES": ["", "-1", "7"],
    "XLA_PYTHON_CLIENT_MEM_FRACTION": [".5", "x"],
    "PYTHONOPTIMIZE": ["1", "2"],
    "PYTHONWARNINGS": ["error", "error::DeprecationWarning", "nonsense"],
    "PYTHONUNBUFFERED": ["1"],
    "PYTHONDEVMODE": ["1"],
    "PYTHONHASHSEED": ["0"],
    "PYTHONIOENCODING": ["ascii", "utf-16", "latin-1:strict"],
    "PYTHONDONTWRITEBYTECODE": ["1"],
    "LC_ALL": ["C", "tr_TR.UTF-8", "nonsense"],
    "LANG": ["ja_JP.SJIS"],
    "TZ": ["Asia/Kathmandu", "nonsense"],
    "TERM": ["dumb", "unheard-of", ""],
    "COLUMNS": ["0", "1", "abc", "-5"],
    "FORCE_COLOR": ["1"],
    "NO_COLOR": ["1"],
    "TMPDIR": ["/nonexistent", "/proc"],
    "HOME": ["/nonexistent", "", "relative"],
    "XDG_CACHE_HOME": ["/proc", "relative"],
    "HEXBENCH_CACHE": ["/proc/cache", "/dev/null", "~nobody-such/x", "{folder}/with space"],
    "HEXBENCH_DATA": ["nonsense"],
    "OMP_NUM_THREADS": ["1", "2,1", ""],
    "OPENBLAS_NUM_THREADS": ["1"],
    "NPROC": ["1", "64"],
    "LOKY_MAX_CPU_COUNT": ["1"],
    "OMP_PROC_BIND": ["true"],
    "NPY_DISABLE_CPU_FEATURES": ["AVX512F"],
    "GIT_DIR": ["/nonexistent"],
    "GIT_INDEX_FILE": ["/nonexistent"],
    "GIT_CONFIG_GLOBAL": ["/dev/zero"],
    "PATH": ["/nonexistent"],
    "GITHUB_ACTIONS": ["true"],
    "CI": ["true"],
    "SLURM_JOB_ID": ["7"],
    "PAGER": ["false"],
    "SKLEARN_ASSUME_FINITE": ["1"],
    "SCIPY_ARRAY_API": ["1"],
}
"""Values with which a run gives the numbers of a plain one. In `PATH` there is no Git."""
REFUSED = {
    "JAX_PLATFORMS": ["cuda", "gpu", "tpu", "cuda,cpu", "nonsense", " "],
    "XLA_FLAGS": ["--xla_nonsense=1", "--xla_force_host_platform_device_count=x", "nonsense"],
    "JAX_DEFAULT_MATMUL_PRECISION": ["bfloat17"],
    "JAX_LOGGING_LEVEL": ["LOUD"],
    "JAX_NUM_CPU_DEVICES": ["abc", "0"],
    "NPROC": ["abc", "0", "-1"],
    "OMP_NUM_THREADS": ["abc", "1.5"],
    "LOKY_MAX_CPU_COUNT": ["x"],
    "MATPLOTLIBRC": ["{folder}/latin"],
}
"""Values that a sentence may refuse; where none does, a run gives the same numbers too."""
SHELLS = {
    "a small umask": "umask 0;",
    "a large umask": "umask 077;",
    "few files may be open": "ulimit -n 40;",
    "no core files, small stack": "ulimit -c 0 -s 512;",
    "small files": "ulimit -f 20;",
    "little memory": "ulimit -v 1500000;",
    "streams closed": "exec <&- >&- 2>&-;",
    "output closed": "exec >&-;",
    "a full disk behind the output": "exec >/dev/full;",
    "a low priority": "nice -n 19",
    "the folder removed": "mkdir gone && cd gone && rmdir ../gone &&",
    "nothing in the environment": "env -i",
    "an unprivileged stranger": "env -u HOME unshare --user --map-user=54321 --map-group=54321",
    "no network": "unshare --net",
    "no /proc/stat": "unshare -m sh -c 'mount --bind /dev/null /proc/stat && exec \"$@\"' sh",
    "no /proc": "unshare -m sh -c 'mount -t tmpfs none /proc && exec \"$@\"' sh",
    "no /dev/shm": "unshare -m sh -c 'mount -t tmpfs -o size=4k,ro none /dev/shm && exec \"$@\"' sh",
}


MATPLOTLIBRC = {
    "usetex": b"text.usetex: True\n",
    "styled": b"font.size: 40\nbackend: nonsense\n",
    "latin": b"font.family: \xe9\n",
}
"""Settings of users, by the folder that they are in."""


def environments():
    """(name, shell's words before the command, variables, whether it may be refused)."""
    for values, may_be_refused in ((SAME, False), (REFUSED, True)):
        for name, several in values.items():
            for value in several:
                yield f"{name}={value}", "", {name: value}, may_be_refused
    for name, shell in SHELLS.items():
        yield name, shell, {}, True


def attempt(folder, shell, variables):
    inherited = {k: v for k, v in os.environ.items() if k != "HEXBENCH_DATA"}
    given = {name: value.replace("{folder}", str(folder)) for name, value in variables.items()}
    work = folder / "work"
    work.mkdir()
    command = ["/bin/sh", "-c", f'{shell} "$@"', "sh", sys.executable, str(ROOT / "run_benchmarks.py"), *RUN]
    return subprocess.run(
        command, cwd=work, env=inherited | given, capture_output=True, timeout=300, check=False
    )


def numbers(folder):
    records = Store(folder / "work" / "run").planned()
    return {record.key: record.metrics for record in records}


def test_environments(torture, tmp_path):
    torture.begin("environments tried", "environments refused in a sentence", "tracebacks")
    plain = tmp_path / "plain"
    plain.mkdir()
    done = attempt(plain, "", {})
    assert done.returncode == 0, done.stderr
    expected = numbers(plain)
    every = list(environments())
    chosen = every if torture.long else random.Random(len(every)).sample(every, 2)
    with ThreadPoolExecutor(2) as threads:
        folders = [tmp_path / str(number) for number in range(len(chosen))]
        faults = [fault for fault in threads.map(partial(tried, torture, expected), chosen, folders) if fault]
    assert not faults, "\n\n".join(faults)


def tried(torture, expected, environment, folder):
    """What was wrong with a run in this environment; None if nothing was."""
    name, shell, variables, may_be_refused = environment
    for style, text in MATPLOTLIBRC.items():
        (folder / style).mkdir(parents=True)
        (folder / style / "matplotlibrc").write_bytes(text)
    done = attempt(folder, shell, variables)
    torture.count("environments tried")
    said = (done.stdout + done.stderr).decode(errors="replace")
    torture.count("tracebacks", said.count("Traceback"))
    if done.returncode == 0:
        fits = "Traceback" not in said and numbers(folder) == expected
    else:
        torture.count("environments refused in a sentence")
        fits = may_be_refused and done.returncode == 2 and "Traceback" not in said
        if fits and done.stderr:
            is_sentence(done.stderr.decode().strip().splitlines()[-1])
    return None if fits else f"{name}: exit code {done.returncode}\n{said[-1500:]}"
