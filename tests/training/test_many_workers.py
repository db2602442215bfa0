"Training in parts: digits by one worker and by two, killed with its workers and resumed by another number of them, and what a run remembers of its parts."
import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
from conftest import need, suites
from lstm_nb import NonFiniteError, cross_entropy, fit, init_network, load_tree, network_backward, network_forward
from lstm_nb.engines.shards import PartError, split_columns
from lstm_nb.training.updates import settings_in_words, step_settings
from lstm_nb.training.updates import adam, cosine_schedule, minibatch
from test_train import posix, same


def digit_loss(p, batch):
    "Cross-entropy of the last states, and the share of right answers."
    x, labels = batch
    z, *_, tape = network_forward(x, p, last=True)
    loss, dz = cross_entropy(z, labels[:, None])
    return loss, network_backward(dz, tape), {"right": (z[:, :, 0].argmax(0) == labels).mean()}


@pytest.fixture(scope="module")
def digits():
    "A function of a map that trains on digits: two layers, batches of 30 in parts of 8."
    from sklearn.datasets import load_digits
    found = load_digits()
    x, labels = found.images.transpose(2, 0, 1).astype(np.float32) / 16, found.target

    def train(map=None, steps=45, **more):
        def batch(step):
            chosen = minibatch(step, 1400, 30, seed=1)
            return x[:, chosen], labels[chosen]
        net = init_network(8, 16, n_y=10, n_layers=2, rng=0, dtype=np.float32)
        rate = partial(cosine_schedule, steps=45, peak=.01, warmup=5)
        return fit(digit_loss, net, batch, steps, **{"map": map, "part": 8, "lr": rate, "clip": 1., "every": 5, "progress": False} | more)
    return train


def test_digits_by_one_worker_and_by_two(digits):
    "Bit for bit, of the parameters, of Adam's state and of every number of the history."
    one = digits()
    assert one.history["loss"][-5:].mean() < one.history["loss"][:5].mean() - .3 and one.history["right"].max() > .4
    for workers in (1, 2):
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool: assert same(digits(pool.map), one)
    with ThreadPoolExecutor(2) as threads: assert same(digits(threads.map), one)
    assert not same(digits(part=9).parameters, one.parameters)


def test_digits_by_two_workers_of_dask(digits):
    need(importlib.util.find_spec("distributed"), 'Dask, `pip install "lstm_nb[dask]"`')
    from dask.distributed import LocalCluster
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, cluster.get_client() as client:
        def dask_map(function, jobs): return (sent.result() for sent in client.map(function, jobs, pure=False))
        assert same(digits(dask_map), digits())


def test_another_number_of_workers_goes_on(digits, tmp_path):
    whole = digits()
    with ThreadPoolExecutor(3) as threads:
        digits(steps=20, path=tmp_path/"run")
        assert same(load_tree(tmp_path/"run")["how"], step_settings(adam, 1., 8))
        digits(threads.map, steps=35, path=tmp_path/"run")
    assert same(digits(path=tmp_path/"run"), whole)


@pytest.mark.parametrize("other", [{"part": 9}, {"part": None}, {"part": lambda batch: split_columns(batch, 8)}, {"weights": lambda part: len(part[1])}])
def test_other_parts_do_not(digits, tmp_path, other):
    digits(steps=5, path=tmp_path/"run")
    before = (tmp_path/"run").read_bytes()
    with pytest.raises(ValueError) as e: digits(path=tmp_path/"run", **other)
    given = step_settings(adam, 1., **{"part": 8} | other)
    assert str(e.value) == f"{tmp_path/'run'}: expected {settings_in_words(step_settings(adam, 1., 8))}, with which the run was saved, got {settings_in_words(given)}"
    assert (tmp_path/"run").read_bytes() == before


def test_weights_that_do_not_change_what_is_counted(digits):
    plain, counted = digits(steps=5), digits(steps=5, weights=lambda part: len(part[1]))
    assert same(plain.parameters, counted.parameters) and plain.how != counted.how


def quick_loss(p, part): return float((p["w"]**2).sum() * part.mean()), {"dw": 2*p["w"] * part.mean()}


def go(steps, part=3, map=None, path=None, loss=quick_loss, **more):
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal((steps, 10)) + 2
    return fit(loss, {"w": rng.standard_normal((30, 30))}, lambda step: numbers[step % len(numbers)], steps, part=part, map=map, path=path, progress=False, **more)


def test_what_goes_wrong_in_a_part():
    with pytest.raises(PartError, match="part 3: ZeroDivisionError"): go(2, loss=lambda p, part: quick_loss(p, part) if len(part) > 1 else 1/0)
    with pytest.raises(NonFiniteError, match="step 0: loss: expected finite numbers, got nan"): go(2, loss=lambda p, part: (np.nan, {"dw": p["w"]}))
    with pytest.raises(ValueError, match="numbers other than loss, norm, validation, validated"): go(2, loss=lambda p, part: (*quick_loss(p, part), {"loss": 1.}))
    with pytest.raises(ValueError, match="map: expected None without part"): go(2, None, map)
    with pytest.raises(TypeError, match="map: expected a function, got int"): go(2, map=3)


zygote = """
import os, random, signal, sys, time
sys.path[:0] = {tests!r}
import test_many_workers as t
path, r, kills, steps = sys.argv[1], random.Random(0), 0, []
def run(workers, path):
    with t.ProcessPoolExecutor(workers, t.get_context("fork")) as pool: return t.go(200, map=pool.map, path=path, every=1)
while True:
    pid = os.fork()
    if not pid:
        os.setsid()                                         # its workers are killed with it
        try: run(1 + kills % 3, path)
        except BaseException: os._exit(3)
        os._exit(0)
    if kills < 5:
        before, end = steps[-1] if steps else 0, time.monotonic() + 30
        while time.monotonic() < end and not os.path.exists(path): time.sleep(.01)
        while time.monotonic() < end and t.load_tree(path)["step"] < before + 3: time.sleep(.01)
        time.sleep(r.uniform(0, .03))
        os.killpg(pid, signal.SIGKILL)
    if os.waitpid(pid, 0)[1] == 0: break
    kills += 1
    steps.append(t.load_tree(path)["step"])
print(kills, t.same(t.load_tree(path), t.go(200, every=1)._asdict()), *steps)
"""


@posix
def test_killed_with_its_workers(tmp_path):
    "Again and again, and resumed by one, two or three processes: the end is that of one process that was left alone."
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", zygote.format(tests=suites), str(tmp_path/"run")], capture_output=True, text=True, timeout=200, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    kills, equal, *steps = done.stdout.split()
    assert (kills, equal) == ("5", "True") and 0 < int(steps[0]) < int(steps[-1]) < 200, done.stdout
