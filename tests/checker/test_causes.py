"What was done in place of an equation: every cause of the corpus is said, each habit once, and none where another explanation is as good."
import numpy as np
import pytest
from corpus import base, load, source
from corpus.causes import B, C, D, R, RB, biases, causes, in_s, lines9, weights
from corpus.mistakes import every, s
from corpus.right import inside
from lstm_nb import check
from lstm_nb.checker.report import report_of
from problems import long


def found(function, *edits): return check(load(source(function, *edits), function))


def said(report): return " ".join(repr(report).split())


@pytest.mark.parametrize("n", range(0, len(causes), 1 if long else 4))
def test_the_cause_is_said(n):
    "In the short form a fourth of the corpus. `|` stands between words that are as good."
    function, wanted, words, *edits = causes[n]
    report = found(function, *edits)
    assert {f.equation for f in report.findings} == set(wanted.split()), report
    assert all(f.cause for f in report.findings) and any(w in said(report) for w in words.split("|")), report


@pytest.mark.parametrize("function, words, edits", [
    (C, "[a_next; xt] stands where [a_prev; xt] belongs", ["(a_prev, xt)", "(a_next, xt)"]),
    (C, "in s, the slope of tanh is taken at its output: 1−tanh²(tanh c^t) stands where 1−tanh²c^t belongs", in_s("(1 - tanh_c ** 2)", "(1 - np.tanh(tanh_c) ** 2)")),
    (C, "it is the sum of dW, and not of dΓ (dWf, dWi, dWc, dWo)", biases("np.sum(dW{k}, axis=1, keepdims=True)")),
    (C, "it is divided by the number of examples", [*weights("np.dot({z}, concat.T) / m"), *biases("np.mean({z}, axis=1, keepdims=True)")]),
    (C, "the slope of the activation is missing", [" * ot * (1 - ot)", "", ") * (1 - cct ** 2)", ")", ") * it * (1 - it)", ")", ") * ft * (1 - ft)", ")"]),
    (C, "dΓf and dΓi are exchanged", ["dWf = np.dot(dft,", "dWf = np.dot(DIT,", "dWi = np.dot(dit,", "dWi = np.dot(dft,", "np.dot(DIT,", "np.dot(dit,"]),
    (D, "b is missing", every(["f", "i", "c", "o"], " + b{})", ")")),
    (R, "0.01 W is added, as of weight decay (Wax, Waa)", ["np.dot(dz, xt.T)", "np.dot(dz, xt.T) + 0.01 * Wax", "np.dot(dz, a_prev.T)", "np.dot(dz, a_prev.T) + 0.01 * Waa"]),
    (B, "in s, the factor Γo is missing", [f"cell:{t}" if i % 2 == 0 else t for i, t in enumerate(in_s("ot * ", ""))])])
def test_one_habit_is_said_once(function, words, edits):
    report = found(function, *edits)
    assert len(report.findings) > 1 and {f.cause for f in report.findings} == {words}, report
    assert said(report).count(words) == 1 == report._repr_html_().count(words)
    assert len(report.common) == 1 and report.common[0].endswith(f"share one mistake: {words}.")
    assert all(f"({f.equation})" in said(report) for f in report.findings) and report_of(report.to_dict()) == report


def test_what_one_of_them_has_besides_is_said_besides():
    edits = in_s("(1 - tanh_c ** 2)", "(1 - tanh_c)")
    report = found(C, *edits[:2], edits[2], edits[3].replace("* it * (1 - it)", "* it"), *edits[4:])
    words = "in s, 1−tanh c^t stands where 1−tanh²c^t belongs"
    assert [f.cause for f in report.findings] == [words, f"{words}; besides, the factor 1−Γi is missing", words, words]
    assert said(report).count(words) == 1 and "(9) dΓi besides: the factor 1−Γi is missing" in said(report)


def test_two_mistakes_with_nothing_in_common_stay_two():
    report = found(C, "* it * (1 - it)", "* it", "np.dot(dft, concat.T)", "-np.dot(dft, concat.T)")
    assert not report.common and [f.cause for f in report.findings] == ["the factor 1−Γi is missing", "the sign is wrong"]


never = [
    # (function, what must not be said, edits): something else is as good, or the cause holds in one problem only
    (C, "sign", "np.sum(dot", "np.sum(abs(dot)"),
    (C, "number of examples", *weights("np.dot({z}, concat.T) / 3")),
    (C, "number of examples", "np.sum(dot, axis=1, keepdims=True)", "np.sum(dot, axis=1, keepdims=True) / (m + 2)"),
    (C, "are exchanged", "np.dot(dft, concat.T)", "np.dot(dit, concat.T)"),
    (C, "are exchanged", "dWi = np.dot(dit,", "dWi = np.dot(dcct,", "dWf = np.dot(dft,", "dWf = np.dot(dit,"),
    (C, "it is zero", lines9, f"dit = dc_next * {s} * cct * it * (1 - it)"),
    (C, "is missing", "np.dot(Wf[:, :n_a].T, dft)", "np.dot(Wo[:, :n_a].T, dft)"),
    (C, "clipped", *weights("np.dot({z}, concat.T) * 0.5")),
    (C, "clipped", lines9, lines9 + " / 2"),
    (C, "norm", *weights("np.dot({z}, concat.T) * 0.3")),
    (C, "decay", *weights("np.dot({z}, concat.T) + 0.01 * W{k} * np.abs({z}).mean()")),
    (C, "rounded", *weights("np.dot({z}, concat.T) + 1e-3")),
    (C, "divided", "np.sum(dot, axis=1, keepdims=True)", "np.sum(dot, axis=1, keepdims=True) * ot.mean()"),
    (R, "is added", "(1 - a_next ** 2) * da_next", "(1 - a_next * da_next ** 2)"),
    (R, "does not enter", "(1 - a_next ** 2) * da_next", "1 - a_next ** 2 * da_next"),
    (RB, "clipped", 'dx[:, :, t] = gradients["dxt"]', 'dx[:, :, t] = gradients["dxt"] / m'),
    (RB, "averaged", '    da0 = da_prevt', '    dWax = dWax / 4\n    da0 = da_prevt'),
    (D, "relu", "yt_pred = softmax(np.dot(Wy, a_next) + by)", "yt_pred = np.argmax(np.dot(Wy, a_next) + by, axis=0) + np.zeros((2, a_next.shape[1]))"),
    (B, "aliasing", 'dbo += gradients["dbo"]', 'dbo = gradients["dbc"]'),
    ("rnn_cell_forward", "pairing", '    ba = parameters["ba"]\n    by = parameters["by"]\n', '    ba, by = parameters["ba"] = parameters["by"]\n')]


@pytest.mark.parametrize("function, words, edits", [(f, w, e) for f, w, *e in never], ids=[str(i) for i in range(len(never))])
def test_no_cause_where_another_is_as_good(function, words, edits):
    report = found(function, *edits)
    assert report.findings and words not in said(report), report


def test_a_cause_holds_in_every_problem():
    "A right cell, one of whose outputs is wrong in a way that no cause explains, has the finding and no cause."
    right, rng = load(base, C), np.random.default_rng(0)
    for key, number in (("dWf", "11"), ("dbo", "14b"), ("da_prev", "15"), ("dxt", "17")):
        def wrong(*args, key=key):
            got = right(*args)
            return got | {key: got[key] * rng.normal(size=got[key].shape)}
        report = check(wrong, C)
        assert [(f.equation, f.cause) for f in report.findings] == [(number, "")], report


@pytest.mark.parametrize("clip", [1, 5, 10, 30])
def test_usual_clips_are_exceeded(clip):
    for function, keys in ((C, ["dWf", "dbi", "da_prev", "dc_prev", "dxt"]), (R, ["dWaa", "dba", "dxt"])):
        right = load(base, function)
        for key in keys:
            def clipped(*args, key=key):
                got = right(*args)
                return got | {key: np.clip(got[key], -clip, clip)}
            report = check(clipped, function)
            assert [f.cause for f in report.findings] == [f"it is clipped at {clip}"], (key, report)


def test_causes_in_float32():
    "Rounding in float32 hides no cause."
    def single(v):
        if isinstance(v, dict): return {k: single(w) for k, w in v.items()}
        return tuple(map(single, v)) if isinstance(v, tuple) else np.float32(v)
    for n in range(0, len(causes), 1 if long else 25):
        function, wanted, words, *edits = causes[n]
        if function not in (C, R) or "rounded" in words: continue
        own = load(source(function, *edits), function)
        report = check(lambda *args, own=own: own(*map(single, args)), function)
        assert {f.equation for f in report.findings} == set(wanted.split()) and any(w in said(report) for w in words.split("|")), (n, report)


def test_written_out_sequences_have_causes():
    for old, new, words in (("(1 - cct * cct)", "(1 - cct)", "1−c̃ stands where 1−c̃² belongs"),
                            (" * (1 - tc * tc)", " * (1 - tc)", "in s, 1−tanh c^t stands where 1−tanh²c^t belongs")):
        assert inside[B].count(old) == 1
        report = said(check(load(base + inside[B].replace(old, new), B), B))
        assert report.count(words) == 1, report
