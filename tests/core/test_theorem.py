"""The theorem in proof/: its definitions are the book's, it builds, and the records that page 08 shows are of today's sources.

What needs a build is in the long form: `make prove` builds, compares and checks by itself."""
import json
import os
import re
import subprocess
import sys
import time

import prove
import prove_mutants
import pytest
from conftest import need, root
from problems import long

from lstm_nb import lstm_backward, lstm_forward


def read(path): return json.loads((root/path).read_text(encoding="utf-8"))


def plain(text):
    "A formula or a definition, without spaces and without the size of its brackets."
    return re.sub(r"\\(?:[bB]igg?[lr]?|left|right|qquad|quad)(?![a-zA-Z])|\\[;,!: ]|\s+", "", text.replace("{:}", ":"))


def formulas(pages):
    "Number -> formula, of everything numbered on these pages, and s."
    found = {}
    for page in pages:
        for formula in re.findall(r"\$\$(.*?)\$\$", page, flags=re.S):
            if number := re.search(r"\((\d+b?)\)\s*$", formula):
                assert number[1] not in found
                found[number[1]] = plain(formula[:number.start()]).rstrip(".,")
        if s := re.search(r'<span id="eq-s"></span>\s*\$\$(.*?)\$\$', page, flags=re.S): found["s"] = plain(s[1]).rstrip(".,")
    return found


def definitions(text):
    "Number -> definition, or definitions, of Equations.v."
    found = {}
    for definition, number in re.findall(r"Definition ((?:(?!Definition).)*?)\.\s*\(\* \((\w+)\) \*\)", text, flags=re.S):
        found[number] = found.get(number, "") + plain(definition)
    return found


def pairs():
    "Number -> formula and definition, as they were last looked at together."
    blocks = (root/"proof/pairs.txt").read_text(encoding="utf-8").split("\n(")[1:]
    return {number: tuple(map(plain, both.split("\n", 1))) for number, both in (b.split(")\n", 1) for b in blocks)}


def pages():
    for name in ("04_cell", "05_sequence"):
        cells = read(f"nbs/{name}.ipynb")["cells"]
        yield "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


equations = (root/"proof/Equations.v").read_text(encoding="utf-8")
numbers = ["s", *map(str, range(1, 21)), *(f"{n}b" for n in range(11, 15))]


def test_each_number_of_the_pages_is_defined_and_paired():
    assert set(formulas(pages())) == set(definitions(equations)) == set(pairs()) == set(numbers)


@pytest.mark.parametrize("number", numbers)
def test_formula_and_definition_are_those_that_were_compared(number):
    "Has one changed? Look at the other, change it too if it says something else, and renew the pair in proof/pairs.txt."
    now = formulas(pages())[number], definitions(equations)[number]
    assert now == pairs()[number]


@pytest.mark.parametrize("number", numbers)
def test_a_change_of_either_is_seen(number):
    formula, definition = pairs()[number]
    text = "\n".join(pages())
    shown = next(f for f in re.findall(r"\$\$.*?\$\$", text, flags=re.S) if plain(f).startswith(f"$${formula}"))
    assert formulas([text.replace(shown, f"$$ 1 + {shown[2:]}")])[number] != formula
    other = re.sub(rf"\.(\s*\(\* \({number}\) \*\))", r" + 1.\1", equations)
    assert definitions(other)[number] != definition


def test_space_and_brackets_do_not_count_and_slices_do():
    assert plain(r"\sigma\bigl(W_f\,[a] \bigr)") == plain(r"\sigma\left( W_f [a]\right)") == r"\sigma(W_f[a])"
    assert plain("W_k[:, {:}n_a]") != plain("W_k[:, n_a{:}]")


def test_the_records_are_of_these_sources():
    "Else: make prove RECORD=1, make prove-mutants, and page 08 again."
    for name in ("build", "mutants"): assert read(f"proof/records/{name}.json")["sources"] == prove.stamp(), name


def test_what_is_recorded_is_what_page_08_says():
    build, mutants = read("proof/records/build.json"), read("proof/records/mutants.json")
    assert list(build["files"]) == prove.files()
    prove.check_assumptions(build["assumptions"])
    assert len(build["extraction"]) >= 7 and all(row["largest"] <= prove.tolerance for row in build["extraction"])
    assert [row["planted"] for row in mutants["mistakes"]] == [m[0] for m in prove_mutants.mistakes]
    assert len(mutants["mistakes"]) >= 20 and all(row["failed"] for row in mutants["mistakes"])
    assert [row["reordered"] for row in mutants["reorderings"]] == [m[0] for m in prove_mutants.reorderings]
    assert not any(row["failed"] for row in mutants["reorderings"])


def test_each_theorem_is_among_the_assumptions():
    text = "".join((root/"proof"/name).read_text(encoding="utf-8") for name in prove.files())
    theorems = re.findall(r"^(?:Theorem|Corollary) (\w+)", text, flags=re.M)
    printed = [name.split(".")[-1] for group in read("proof/records/build.json")["assumptions"].values() for name in group["theorems"]]
    assert sorted(set(theorems) - set(printed)) == ["cell", "entries", "recurrence"]        # steps on the way to others


def test_every_planted_mistake_and_every_order_finds_its_place():
    for _, name, old, new, theorem in prove_mutants.mistakes:
        assert (root/"proof"/name).read_text(encoding="utf-8").count(old) == 1 and old != new, (name, old)
        if theorem: assert f"Theorem {theorem} " in (root/"proof/Refutations.v").read_text(encoding="utf-8")
    for _, name, old, _ in prove_mutants.reorderings: assert (root/"proof"/name).read_text(encoding="utf-8").count(old) == 1, (name, old)


@pytest.mark.parametrize("text, found", [("Proof. Admitted.", ["Admitted"]), ("Axiom a : False.", ["Axiom"]), ("Parameter a : False.", ["Parameter"]),
                                         ("admit.", ["admit"]), ("(* admitted, no Axiom *) Lemma admitted : True.", [])])
def test_nothing_may_be_left_unproved(text, found): assert prove.unproved(text) == found


def test_axioms_of_our_own_would_be_seen(monkeypatch, tmp_path):
    (tmp_path/"Assumptions.v").write_text("Definition lstm := (sequence, entry_W).\nDefinition output := ln_.\nPrint Assumptions lstm.\nPrint Assumptions output.\n")
    monkeypatch.setattr(prove, "source", tmp_path)
    ours = "Axioms:\nours : forall a b,\n  a = b\nClassicalDedekindReals.sig_not_dec : x\nClosed under the global context\n"
    groups = prove.assumptions(ours)
    assert groups["lstm"]["theorems"] == ["sequence", "entry_W"] and groups["output"]["axioms"] == []
    with pytest.raises(prove.Failed, match="sequence, entry_W: one stands on ours"): prove.check_assumptions(groups)
    with pytest.raises(prove.Failed, match="groups"): prove.assumptions("Axioms:\n")


@pytest.mark.parametrize("theorems, allowed", [(["printed_9_refuted"], True), (["printed_9_refuted", "carrying_both"], False), (["Output.output"], False),
                                               (["sequence"], False)], ids=str)
def test_refutations_alone_may_stand_on_the_excluded_middle(theorems, allowed):
    group = {"theorems": theorems, "axioms": [*prove.allowed, "Classical_Prop.classic"]}
    if allowed: return prove.check_assumptions({"one": group})
    with pytest.raises(prove.Failed, match=f"{theorems[-1]}: one stands on Classical_Prop.classic"): prove.check_assumptions({"one": group})


def test_all_recorded_but_one_stand_on_three_axioms():
    groups = read("proof/records/build.json")["assumptions"].values()
    assert [g["theorems"] for g in groups if set(g["axioms"]) != prove.allowed] == [["printed_9_refuted"]]


def test_without_coq_it_says_what_to_install(tmp_path):
    done = subprocess.run([sys.executable, root/"tools/prove.py"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode and re.match("missing: coqc, coqchk, ocamlopt; install with `", done.stderr), done


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    "The sources, compiled, what Assumptions.v has printed, and the extracted program: made by one process for all."
    need(not prove.missing(), f"Coq and OCaml: {prove.missing().partition('install with ')[2]}")
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ: shared = shared.parent
    folder, done = shared/"proof", shared/"proof.txt"
    try: folder.mkdir()
    except FileExistsError:
        start = time.monotonic()
        while not done.exists() and time.monotonic() - start < 300: time.sleep(0.2)
    else:
        for name in (*prove.files(), "driver.ml"): (folder/name).write_bytes((prove.source/name).read_bytes())
        try:
            printed = prove.build(folder, prove.files())
            prove.compile_extracted(folder)
        except prove.Failed as e: printed = str(e)
        (shared/"proof.part").write_text(printed, encoding="utf-8")
        (shared/"proof.part").rename(done)
    return folder, done.read_text(encoding="utf-8"), folder/"equations.exe"


@pytest.mark.long
def test_it_builds_and_stands_on_what_is_recorded(built):
    assert (built[0]/"Assumptions.vo").exists() and built[2].exists(), built[1]
    groups, recorded = prove.assumptions(built[1]), read("proof/records/build.json")["assumptions"]
    prove.check_assumptions(groups)
    assert {k: (g["theorems"], g["axioms"]) for k, g in groups.items()} == {k: (g["theorems"], g["axioms"]) for k, g in recorded.items()}


@pytest.mark.long
def test_the_second_checker_agrees(built): prove.coqchk(built[0])


@pytest.mark.parametrize("size", prove.shapes, ids=str)
@pytest.mark.long
def test_the_code_computes_what_the_theorem_speaks_of(built, size):
    numbers, largest = prove.compare(built[2], size, seed=1)
    n_x, n_a, m, T_x = size
    assert numbers == 2*n_a*m*T_x + 4*n_a*(n_a + n_x + 1) + n_x*m*T_x + 2*n_a*m
    assert largest <= prove.tolerance


@pytest.mark.long
def test_other_code_would_not(built):
    def backward(da, caches, dc):
        g = lstm_backward(da, caches, dc)
        return g | {"dWf": g["dWi"]}
    assert prove.compare(built[2], (2, 3, 2, 2), forward=lstm_forward, backward=backward)[1] > 1e-3


@pytest.mark.parametrize("mistake", prove_mutants.mistakes if long else prove_mutants.mistakes[15:16], ids=lambda m: m[0])
@pytest.mark.long
def test_a_planted_mistake_fails_where_the_record_says(built, mistake):
    rows = {row["planted"]: row["failed"] for row in read("proof/records/mutants.json")["mistakes"]}
    assert prove_mutants.tried(built[0], *mistake[1:4]) == rows[mistake[0]]


@pytest.mark.parametrize("order", prove_mutants.reorderings if long else prove_mutants.reorderings[9:10], ids=lambda o: o[0])
@pytest.mark.long
def test_another_order_compiles(built, order): assert prove_mutants.tried(built[0], *order[1:]) is None
