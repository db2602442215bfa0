"The checker on mistakes that learners make, on mistakes made by machine, and on right solutions."
import inspect
import json
import linecache
import random
import re
import sys
import threading
import types
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lstm_nb
import numpy as np
import pytest
from corpus import base, load, source, systematic
from corpus.brought import cases
from corpus.mistakes import mistakes
from corpus.right import inside, mistakes_inside, right
from lstm_nb.checker.cells import cell_of
from lstm_nb.checker.check import JUDGES, check, likeliest
from lstm_nb.checker.equations import EQUATIONS
from lstm_nb.checker.report import ERROR_HINTS
from problems import long

eight = [n for n in JUDGES if not n.startswith("gru_")]        # the course's; the GRU's four have test_gru.py

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
    counts, wrong, causes = Counter(), [], 0
    for name, what, wanted, text in corpus:
        report = check(load(text, name), name)
        verdict = compare(set(wanted.split()), report)
        counts[verdict] += 1
        causes += all(f.cause for f in report.findings)
        if verdict != "exact": wrong.append((name, what, wanted, report))
    print(f"\n{len(corpus)} mistakes: {dict(counts)}, {causes} with their cause")
    assert not wrong
    assert len(corpus) >= 60 and {name for name, *_ in corpus} == set(eight)


@pytest.mark.parametrize("name, what", right, ids=[f"{n}-{w}" for n, w in right])
def test_right_code_is_not_blamed(name, what):
    report = check(load(base + right[name, what], name), name)
    assert report.passed, report


def test_this_book_is_not_blamed():
    for name in eight:
        for function in (getattr(lstm_nb, name), load(base, name)):
            report = check(function, name)
            assert report.passed and report.right, report


def test_mistakes_made_by_machine():
    "All of them, or in the short form one of twenty."
    cases = systematic.cases[::1 if long else 20]
    counts = Counter(compare({equation}, check(load(source("lstm_cell_backward", old, new), "lstm_cell_backward")))
                     for equation, old, new in cases)
    print(f"\n{len(cases)} mistakes made by machine: {dict(counts)}")
    assert set(counts) == {"exact"}


def test_pairs_of_mistakes_need_no_entry():
    r = random.Random(0)
    pairs = [p for p in (r.sample(systematic.cases, 2) for _ in range(60 if long else 20)) if p[0][1] != p[1][1]]
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
    for name in eight: check(there[name])
    assert there == before


def broken(how, value):
    "An output, broken in one way."
    return {"None": None, "tuple": (), "NaN": np.full_like(value, np.nan), "zeros": np.zeros_like(value), "wrong shape": np.ones((1, 2, 3, 4))}[how] if isinstance(value, np.ndarray) else None


ways = ["None", "tuple", "missing", "NaN", "zeros", "wrong shape"]
places = {"rnn_cell_forward": {0: "R1 R2", 1: "R2"}, "lstm_cell_forward": {0: "6 y", 1: "4", 2: "y"},
          "rnn_forward": {0: "R1 pairing", 1: "R2"}, "lstm_forward": {0: "pairing", 1: "y", 2: "pairing"}}


def shows(name, key):
    "The equations that a function shows in one output alone."
    if name in places: return set(places[name][key].split())
    numbers = cell_of(name).numbers()
    return {numbers[key]} if "cell" in name else {key if key in ("dx", "da0") else "accumulate"}


def breaking(function, keys, how):
    "A right function, some outputs of which are broken."
    def run(*args):
        got = function(*args)
        if isinstance(got, dict):
            if how == "missing": return {k: v for k, v in got.items() if k not in keys}
            return {k: broken(how, v) if k in keys else v for k, v in got.items()}
        if how == "missing": return tuple(v for i, v in enumerate(got) if i not in keys)
        return tuple(broken(how, v) if i in keys else v for i, v in enumerate(got))
    return run


def outputs(name):
    if name in places: return list(places[name])
    cell = cell_of(name)
    return [*cell.gradients] if "cell" in name else [*cell.summed, "dx", "da0"]


written = [(name, base) for name in eight] + [(name, base + text) for name, text in inside.items()]


@pytest.mark.parametrize("how", ways)
@pytest.mark.parametrize("name, text", written, ids=[f"{n}{'-written-out' if t is not base else ''}" for n, t in written])
def test_right_is_what_was_seen(name, text, how):
    """Break every output in turn, then all: what only a broken output shows is not right, and nothing is both or lost.
    The short form breaks a third of the outputs in one way, and so every output in two."""
    function, turn = load(text, name), ways.index(how) % 3
    last = [3 if name.startswith("lstm") else 2] if name in places else []      # the cache shows equations, too
    for keys in [*([k] for k in (outputs(name) if long else outputs(name)[turn::3])), outputs(name) + last]:
        report = check(breaking(function, keys, how), name)
        found, right, unseen = {f.equation for f in report.findings}, set(report.right), set(report.unseen)
        assert not report.passed, (keys, report)
        assert not right & set.union(*(shows(name, k) for k in keys if k not in last)), (keys, report)
        assert not right & found and not right & unseen and not found & unseen, (keys, report)
    assert not right, report        # breaking() hides the cell, so nothing at all was seen


@pytest.mark.parametrize("result", [None, (), 5, {}, "x", [1, 2]], ids=repr)
def test_a_function_that_returns_nothing_has_no_right_equation(result):
    for name in JUDGES:
        report = check(lambda *args: result, name)
        assert not report.right and report.unseen and "could not be seen" in " ".join(repr(report).split()), report
        assert report.to_dict()["unseen"] == report.unseen


def test_one_witness_does_not_speak_for_two():
    "dbf alone, and wrong: (10) or (11b), nobody knows, so one is wrong and the other one unseen."
    right = load(base, "lstm_cell_backward")
    report = check(lambda *args: {"dbf": 2 * right(*args)["dbf"]}, "lstm_cell_backward")
    assert "10" in {f.equation for f in report.findings} and "11b" in report.unseen and not report.right


def test_checks_in_threads(capsys):
    "48 checks of one module's functions in 8 threads, while another thread prints and calls the same functions."
    there = {"__name__": "solution"}
    exec(compile(base, "solution.py", "exec"), there)
    stream, names, rng = sys.stdout, eight, np.random.default_rng(0)
    x, a0, p = rng.normal(size=(3, 4, 5)), rng.normal(size=(2, 4)), lstm_nb.init_lstm_parameters(3, 2, n_y=2)
    wanted, done, different, lines = there["lstm_forward"](x, a0, p)[0], threading.Event(), [], 0

    def others():
        nonlocal lines
        while not done.is_set():
            print("another thread")
            lines += 1
            if not np.array_equal(there["lstm_forward"](x, a0, p)[0], wanted): different.append(1)
    other = threading.Thread(target=others)
    other.start()
    try:
        with ThreadPoolExecutor(8) as pool: reports = list(pool.map(lambda i: check(there[names[i % 8]], names[i % 8]), range(48)))
    finally: done.set(); other.join()
    assert [r for r in reports if not r.passed] == [] and not different
    assert sys.stdout is stream
    assert capsys.readouterr().out == "another thread\n" * lines and not any(r.printed for r in reports)


def test_what_is_printed_in_a_check_is_kept_from_the_stream(capsys):
    def rnn_cell_backward(da_next, cache):
        print("hello"); print("oh", file=sys.stderr); sys.stdout.flush()
        return lstm_nb.rnn_cell_backward(da_next, cache)
    report = check(rnn_cell_backward)
    assert report.passed and "hello\noh\n" in report.printed and capsys.readouterr() == ("", "")


def snippets():
    "The code that the page prints for teachers."
    page = json.loads((Path(__file__).parent.parent.parent/"nbs/checker/28_exercises.ipynb").read_text(encoding="utf-8"))
    text = "\n".join("".join(c["source"]) for c in page["cells"] if c["cell_type"] == "markdown")
    return re.findall(r"```python\n(.*?)```", text, re.S)


def outcome(snippet, solution, monkeypatch):
    "What a printed snippet makes of a solution: `True`, or the report that it raises."
    def test_case(**options): return lambda f: f
    monkeypatch.setitem(sys.modules, "otter", types.ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", types.SimpleNamespace(test_case=test_case))
    learner, tests = {}, {}
    exec(solution, learner)
    try:
        if "test_case" not in snippet: exec(snippet, learner)
        else:
            exec(snippet, tests)
            assert tests["OK_FORMAT"] is False
            for name, f in tests.items():      # otter fills the arguments by name from what the learner has defined
                if name.startswith("test_") and name != "test_case": f(**{k: learner[k] for k in inspect.signature(f).parameters})
    except AssertionError as e: return str(e)
    return True


def test_the_printed_snippets_mark(monkeypatch):
    printed = [s for s in snippets() if "assert report.passed" in s]
    assert len(printed) == 2
    for snippet in printed:
        assert outcome(snippet, base, monkeypatch) is True
        assert "(10)" in outcome(snippet, source("lstm_cell_backward", "* ft * (1 - ft)", "* ft"), monkeypatch)
    assert printed[0].startswith("### BEGIN HIDDEN TESTS\n") and printed[0].endswith("### END HIDDEN TESTS\n")


def test_the_books_own_function_is_named_as_such():
    assert check(lstm_nb.lstm_backward).notes == ["this is the book's own function"]
    assert check(load(base, "lstm_backward")).notes == []


@pytest.mark.parametrize("what, name, wanted, says, text", cases, ids=[c[0] for c in cases])
def test_what_learners_bring(what, name, wanted, says, text):
    file = f"{what}.py"
    linecache.cache[file] = len(text), None, text.splitlines(True), file
    report = check(load(text, name, file), name)
    assert {f.equation for f in report.findings} == set(wanted.split()), report
    said = " ".join(f"{report} {[f.cause for f in report.findings]} {report.notes}".split())
    assert all(word in said for word in says), report
    assert all(f.cause for f in report.findings) and (wanted or not report.unseen), report
    if wanted == "empty" and not report.right: assert not report.common and len(repr(report).splitlines()) == 3, report


def test_an_unknown_name_is_told_how_to_go_on():
    def lstm_bakward(da, caches): return lstm_nb.lstm_backward(da, caches)
    with pytest.raises(ValueError, match='name=: expected one of .*check\\(lstm_bakward, name="lstm_backward"\\)'): check(lstm_bakward)
    assert check(lstm_bakward, name="lstm_backward").passed
    assert likeliest(["plot", "lstm_step_backward"]) == "lstm_cell_backward" and likeliest(["run_cell_forward"]) == "rnn_cell_forward" and likeliest(["train", "sigmoid"]) == ""


def test_both_numberings():
    report = check(load(source("lstm_cell_backward", "dc_prev = dc_next * ft + ", "dc_prev = "), "lstm_cell_backward"))
    assert "book (16), later editions (20) dc_prev" in repr(report) and report.to_dict()["findings"][0]["later"] == "20"
    assert "(11b) to (14b) are (15) to (18)" in " ".join(repr(report).split())
    assert "later" not in repr(check(load(source("rnn_cell_backward", "Wax.T, dz", "Wax.T, da_next"), "rnn_cell_backward")))


@pytest.mark.parametrize("line, hint", [("nothing", "NameError"), ("parameters['x']", "KeyError"), ("None + dz", "NoneType"), ("dz @ dz", "shape"), ("dz.nothing", "AttributeError"), ("[][1]", "IndexError"), ("1 / 0", "other")])
def test_the_hint_fits_the_error(line, hint):
    report = check(load(source("rnn_cell_backward", "    dba = ", f"    {line}\n    dba = "), "rnn_cell_backward"))
    assert [f.hint for f in report.findings] == [{"shape": EQUATIONS["error"].hint, "other": "Read the line."}.get(hint) or ERROR_HINTS[hint]], report


def test_a_third_cell_is_a_third_value(monkeypatch):
    "The judges read the cell's value: another cell, here the plain RNN under a name of its own, needs no line of theirs."
    from lstm_nb.checker import cells, probes
    from lstm_nb.checker.backward import judge_backward_cell
    from lstm_nb.checker.forward import judge_forward_cell
    from lstm_nb.checker.study import Study
    from lstm_nb.checker.subject import Here
    monkeypatch.setitem(cells.CELLS, "own", cells.RNN._replace(name="own"))
    for way in ("cell_forward", "cell_backward"):
        monkeypatch.setitem(cells.ARGUMENTS, f"own_{way}", cells.ARGUMENTS[f"rnn_{way}"])
        monkeypatch.setitem(probes.BOOK, f"own_{way}", probes.BOOK[f"rnn_{way}"])
    for way, judge, edit, found in (("cell_backward", judge_backward_cell, ("(1 - a_next ** 2)", "(1 - a_next)"), ["R3"]), ("cell_forward", judge_forward_cell, (" + ba", ""), ["R1"])):
        for edits, wanted in (((), []), (edit, found)):
            study = Study(Here(load(source(f"rnn_{way}", *edits), f"rnn_{way}")), f"own_{way}")
            judge(study)
            assert [f.equation for f in study.report().findings] == wanted
