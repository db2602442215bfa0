"""
The checker on two corpora by another hand, the eight functions and the GRU's four: mistakes named exactly, right solutions let pass.

    python tests/checker/test_another_hand.py [gru] [-v]     the table by style and kind; -v also says what disagrees
"""
import linecache
import re
import sys
import time
from collections import defaultdict
from pathlib import Path

if __name__ == "__main__":
    tests = Path(__file__).resolve().parents[1]
    sys.path[:] = [*sys.path, str(tests/"support"), str(tests.parent)]

import pytest
from corpus import another, gru, load
from corpus.proved import wrongs
from lstm_nb import check
from problems import long

CORPORA = {"another": another, "gru": gru}
mistakes = [(corpus, *row) for corpus, module in CORPORA.items() for row in module.mistakes]
right = [(corpus, *row) for corpus, module in CORPORA.items() for row in module.right]


def loaded(text, name, hand):
    "The function, from a file that can be read back."
    file = f"{hand}.py"
    linecache.cache[file] = len(text), None, text.splitlines(True), file
    return load(text, name, file)


def seen(text, name, hand): return check(loaded(text, name, hand), name)


def found(report): return {f.equation for f in report.findings}


def truth(corpus, text, name, hand):
    "What `wrongs` says; of a GRU for both resets together."
    f = loaded(text, name, hand)
    if corpus == "another": return wrongs(f, name)
    forward = gru.of_the_book(name.replace("backward", "forward"))
    both = [wrongs(f, name, gru.of_the_book(name), forward, sizes) for sizes in gru.SIZES]
    return max(b[0] for b in both), sum((b[1] for b in both), []), sum((b[2] for b in both), [])


def ids(rows, at): return [f"{row[at]}, {row[2]}: {row[1]}" for row in rows]


def some(rows, every): return rows if long else rows[::every]     # all styles, since each has more rows than that


# What is named, but not as its author meant it; each has its reason
OTHERWISE = {
    ("fused", "the memory hears of the loss at this step only"): "accumulate da0 dx",        # s has another da than (7), which one step cannot show
    ("rows", "zeros for the state before"): "R1",                                            # the same as a state that is left out of (R1)
    ("buffers", "every step starts from the first memory"): "4",                             # which is zero: the same as a term that is left out of (4)
    ("again", "the biases are forgotten when the gates are computed again"): "7 8 9 10 15 16 17",
    ("gru_loops", "the reset gate of the unit computed, not of the unit read"): "",          # without bca it does as if that were zero
    ("gru_cuts", "the reset after the product, where it is before"): ""}


@pytest.mark.parametrize("corpus, what, name, wanted, words, hand, kind, text", some(mistakes, 7), ids=ids(some(mistakes, 7), 5))
def test_a_mistake_is_named_exactly(corpus, what, name, wanted, words, hand, kind, text):
    report = seen(text, name, hand)
    assert found(report) == set(OTHERWISE.get((hand, what), wanted).split()), f"{what}\n{report}"


def test_what_is_named_otherwise_is_in_the_corpora(): assert {*OTHERWISE} <= {(row[5], row[1]) for row in mistakes}


@pytest.mark.parametrize("corpus, what, name, hand, kind, text", some(right, 7), ids=ids(some(right, 7), 3))
def test_a_right_solution_passes(corpus, what, name, hand, kind, text):
    report = seen(text, name, hand)
    assert not report.findings and report.right, report


def test_the_mistakes_are_mistakes():
    for corpus, what, name, wanted, _, hand, _, text in mistakes:
        if wanted == "error":
            with pytest.raises((NameError, KeyError)): truth(corpus, text, name, hand)
            continue
        off, changed, shared = truth(corpus, text, name, hand)
        if wanted == "inputs": assert changed and off < 1e-11, what
        elif wanted == "aliasing": assert shared, what
        else: assert off > 1e-3 and not changed, (what, off, changed)


def test_the_right_solutions_are_right():
    for corpus, what, name, hand, _, text in right:
        off, changed, shared = truth(corpus, text, name, hand)
        assert off < (1e-5 if hand == "half" else 1e-11) and not changed and not shared, (what, off, changed, shared)


def test_the_corpora_cover_what_they_should():
    rows = [row for row in mistakes if row[0] == "another"]
    assert len(rows) >= 90 and len({row[2] for row in rows}) == 8
    assert sum(len(row[3].split()) > 1 and set(row[3].split()) not in [set(h.split()) for h in another.habits] for row in rows) >= 15
    inside = {label for row in rows if row[6] == "written out" for label in row[3].split()}
    assert inside >= {f"R{n}" for n in range(1, 9)} | {str(n) for n in range(1, 18)} | {f"{n}b" for n in range(11, 15)}
    assert inside >= set("accumulate carry_a carry_c da pairing order dx da0".split())
    assert len([row for row in right if row[0] == "another"]) >= 65
    rows = [row for row in mistakes if row[0] == "gru"]
    assert len(rows) >= 45 and {label for row in rows for label in row[3].split()} >= set(gru.NUMBERS.values())
    assert len([row for row in right if row[0] == "gru"]) >= 18


SAYS = {"1 -": ["1-"], "c_next": ["c^t "], "a_next": ["a^t"], "a_prev": ["a^{t-1}"], "s": ["bracket"], "z": ["pre-activation"], "dW": ["dWf"], "dit": ["dΓi"],
        "carr": ["handed", "every step starts", "zero at every"], "exchang": ["gets what belongs to", "stands there"], "revers": ["time runs"], "stack": ["[xt; a_prev]"],
        "da0": ["returned for its a_prev", "da_prev of another step"], "da": ["that the loss sends"], "sum": ["overw"], "shape": ["expected"],
        "bias": [f"b{k} is missing" for k in "ficoayzr"] + ["bca is missing"], **{f"W{k}": [f"gate {k}"] for k in "ficozr"}}     # other words for the same


def says(words, causes):
    "Whether one of the words, or another word for it, stands in the causes."
    said = "".join(f" {c} " for c in causes if c).lower().replace("\N{MINUS SIGN}", "-").replace("1 - ", "1-")
    whole = lambda word: rf"\b{re.escape(word)}\b" if len(word) < 3 and word.isalpha() else re.escape(word)     # a letter alone is a name
    return any(re.search(whole(word.lower()), said) for w in words for word in (w, *SAYS.get(w, ())))


COLUMNS = "mistakes exact touched missed beside cause words right false".split()


def judged(corpora=("another",)):
    "One row of counts per style, per kind and over all; what disagrees; the slowest check."
    counts, disagree, slowest = defaultdict(lambda: dict.fromkeys(COLUMNS, 0)), [], (0, "")
    for corpus, what, name, wanted, words, hand, kind, text in [row for row in mistakes if row[0] in corpora]:
        began = time.process_time()
        report = seen(text, name, hand)
        slowest = max(slowest, (time.process_time() - began, f"{hand}, {name}: {what}"))
        got, wanted = found(report), set(wanted.split())
        verdict = "exact" if got == wanted else "touched" if wanted <= got else "missed" if not got & wanted else "beside"
        causes = [f.cause for f in report.findings]
        named = says(words, causes)
        two = len(wanted) > 1 and wanted not in [set(h.split()) for h in CORPORA[corpus].habits]
        for group in (f"style {hand}", f"kind {kind}", "two at once" if two else "one", "all"):
            counts[group]["mistakes"] += 1
            counts[group][verdict] += 1
            counts[group]["cause"] += bool(causes) and all(causes)
            counts[group]["words"] += named
        if verdict != "exact" or not named: disagree.append((verdict, hand, name, what, " ".join(sorted(wanted)), " ".join(sorted(got)), " | ".join(map(str, causes))))
    for _, what, name, hand, kind, text in [row for row in right if row[0] in corpora]:
        began = time.process_time()
        report = seen(text, name, hand)
        slowest = max(slowest, (time.process_time() - began, f"{hand}, {name}: {what}"))
        for group in (f"style {hand}", f"kind {kind}", "all"):
            counts[group]["right"] += 1
            counts[group]["false"] += bool(report.findings)
        if report.findings or not report.right: disagree.append(("false", hand, name, what, "", " ".join(sorted(found(report))), repr(report)))
    return counts, disagree, slowest


def summary(corpora=("another",), verbose=False):
    "Print the table."
    counts, disagree, (seconds, where) = judged(corpora)
    print(f"{'':22}" + "".join(f"{c:>10}" for c in COLUMNS))
    for group in sorted(counts, key=lambda g: (g == "all", g.split()[0] == "kind", g)): print(f"{group:22}" + "".join(f"{counts[group][c]:10}" for c in COLUMNS))
    print(f"slowest {seconds:.2f} s: {where}")
    if verbose:
        for verdict, hand, name, what, wanted, got, said in disagree: print(f"{verdict:8}{hand} {name}: {what}\n        wanted {wanted}; got {got}\n        {said}")


if __name__ == "__main__": summary(("gru",) if "gru" in sys.argv[1:] else ("another",), "-v" in sys.argv[1:])
