"The checker on mistakes that learners make, on mistakes made by machine, and on right solutions."
import os
import random
import time
from collections import Counter

import lstm_nb
import pytest
from corpus import base, load, source, systematic
from corpus.mistakes import mistakes
from corpus.right import inside, mistakes_inside, right
from lstm_nb.check import JUDGES, check


def compare(wanted, report):
    "How a report answers to what was expected."
    got = {f.equation for f in report.findings}
    if got == wanted: return "exact"
    return "missed" if not got & wanted else "beside the point" if got - wanted else "touched"


def source_inside(name, *edits):
    "A written-out sequence with edits."
    text = inside[name]
    for old, new in zip(edits[::2], edits[1::2]):
        assert text.count(old) == 1, f"{name}: {old!r} occurs {text.count(old)} times"
        text = text.replace(old, new)
    return base + text


corpus = ([(name, what, wanted, source(name, *edits)) for name, what, wanted, *edits in mistakes]
          + [(name, f"{what}, written out", wanted, source_inside(name, *edits)) for name, what, wanted, *edits in mistakes_inside])


def test_the_corpus_is_named_exactly(record_property):
    counts, slowest, wrong, causes = Counter(), 0, [], 0
    for name, what, wanted, text in corpus:
        start = time.perf_counter()
        report = check(load(text, name), name)
        slowest = max(slowest, time.perf_counter() - start)
        verdict = compare(set(wanted.split()), report)
        counts[verdict] += 1
        causes += all(f.cause for f in report.findings)
        if verdict != "exact": wrong.append((name, what, wanted, report))
    print(f"\n{len(corpus)} mistakes: {dict(counts)}, {causes} with their cause, slowest check {slowest:.2f} s")
    assert not wrong
    assert len(corpus) >= 60 and {name for name, *_ in corpus} == set(JUDGES)
    assert slowest < 2


@pytest.mark.parametrize("name, what", right, ids=[f"{n}-{w}" for n, w in right])
def test_right_code_is_not_blamed(name, what):
    report = check(load(base + right[name, what], name), name)
    assert report.passed, report


def test_this_book_is_not_blamed():
    for name in JUDGES:
        for function in (getattr(lstm_nb, name), load(base, name)):
            report = check(function, name)
            assert report.passed and report.right, report


def test_mistakes_made_by_machine():
    "A fifth of them, or with LSTM_NB_ALL=1 all."
    cases = systematic.cases if os.environ.get("LSTM_NB_ALL") else systematic.cases[::5]
    counts = Counter(compare({equation}, check(load(source("lstm_cell_backward", old, new), "lstm_cell_backward")))
                     for equation, old, new in cases)
    print(f"\n{len(cases)} mistakes made by machine: {dict(counts)}")
    assert set(counts) == {"exact"}


def test_pairs_of_mistakes_need_no_entry():
    r = random.Random(0)
    pairs = [p for p in (r.sample(systematic.cases, 2) for _ in range(60)) if p[0][1] != p[1][1]]
    counts = Counter(compare({a[0], b[0]}, check(load(source("lstm_cell_backward", *a[1:], *b[1:]), "lstm_cell_backward"))) for a, b in pairs)
    print(f"\n{len(pairs)} pairs: {dict(counts)}")
    assert counts["exact"] == len(pairs)


def test_a_mistake_of_the_cell_is_blamed_once():
    text = source("lstm_backward", "cell:* it * (1 - it)", "")
    assert [f.equation for f in check(load(text, "lstm_backward")).findings] == ["9"]


def test_what_several_equations_share_is_said_once():
    edits = next(m for m in mistakes if m[1] == "1 − tanh for 1 − tanh²")
    report = check(load(source(edits[0], *edits[3:]), edits[0]))
    assert [f.equation for f in report.findings] == ["8", "9", "10", "16"]
    assert len(report.common) == 1 and "(8), (9), (10), (16)" in report.common[0]


def test_the_cells_of_a_closure_and_of_a_module_are_found():
    text = base + '''
def factory():
    def lstm_cell_backward(da_next, dc_next, cache):
        g = outer(da_next, dc_next, cache)
        return g | {"dWf": 2 * g["dWf"]}
    def lstm_backward(da, caches):
        (steps, x), carry, sums, dx = caches, [0, 0 * da[:, :, 0]], {}, np.zeros_like(caches[1])
        for t in reversed(range(da.shape[2])):
            g = lstm_cell_backward(da[:, :, t] + carry[0], carry[1], steps[t])
            carry, dx[:, :, t] = [g["da_prev"], g["dc_prev"]], g["dxt"]
            for k in g:
                if k[1] in "Wb": sums[k] = sums.get(k, 0) + g[k]
        return {"dx": dx, "da0": carry[0], **sums}
    return lstm_backward
outer = lstm_cell_backward
lstm_backward = factory()
'''
    assert [f.equation for f in check(load(text, "lstm_backward")).findings] == ["11"]


def test_checking_leaves_no_trace():
    there = {}
    exec(compile(base, "solution.py", "exec"), there)
    before = dict(there)
    for name in JUDGES: check(there[name])
    assert there == before
