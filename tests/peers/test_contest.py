import time

import pytest
from conftest import blobs

from bench.peers.contest import contest, table


def contestant(name, seconds, log):
    class Made:
        def __init__(self, split, batch_size, seed):
            self.name = name
            assert (len(split), batch_size, seed) == (4, 16, 0)

        def train_epoch(self):
            log.append(name)
            time.sleep(seconds)

        def test_accuracy(self):
            return 0.9

    return Made


def test_contestants_run_in_turn_and_are_held_against_the_first():
    images, labels = blobs(40)
    log, said = [], []
    makers = [contestant("A", 0.01, log), contestant("B", 0.05, log)]
    results, _ = contest(makers, (images, labels, images, labels), 16, 3, said.append)
    assert log == ["A", "B"] * 4, "a first epoch each that is not counted, then in turn"
    assert len(said) == 3
    assert [len(r.seconds) for r in results] == [3, 3]
    rows = table(results, 40, 16, clean=True).rows
    assert rows[0][:3] == ("A", "1.00", "1.00 to 1.00")
    assert float(rows[1][1]) == pytest.approx(5, rel=0.5)


def test_hexbench_is_a_contestant():
    pytest.importorskip("torch", reason="make peers installs PyTorch")
    from bench.peers.contestants import Hexbench, PyTorch, PyTorchChannelsLast

    images, labels = blobs(240)
    split = (images[:170], labels[:170], images[170:], labels[170:])
    for maker in (Hexbench, PyTorch, PyTorchChannelsLast):
        made = maker(split, 16, 0)
        for _ in range(4):
            made.train_epoch()
        assert made.test_accuracy() > 0.9, made.name
