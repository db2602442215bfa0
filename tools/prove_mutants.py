"""Plant mistakes in the theorem's definitions and statements, one at a time, and see the build fail; reorder the equations, and see it pass.

Writes proof/records/mutants.json, which page 08 shows. Needs what tools/prove.py needs. `make prove-mutants` runs this."""
import os
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from prove import Failed, build, files, missing, source, stamp, write

path = source/"records/mutants.json"
E, S, N, L = "Equations.v", "Sequence.v", "Entries.v", "Losses.v"

# what is planted, the file, what stands there once and what it becomes, and the theorem that says it is wrong
mistakes = [
    ("(1) no bias in the forget gate", E, "σ ((Wf @ stack) r j + bf r)", "σ ((Wf @ stack) r j + 0 * bf r)", None),
    ("(2) the forget gate's weights", E, "σ ((Wi @ stack) r j", "σ ((Wf @ stack) r j", None),
    ("(3) sigmoid for tanh", E, "tanh ((Wc @ stack)", "σ ((Wc @ stack)", None),
    ("(4) the candidate without its gate", E, "+ Γi r j * cct r j.", "+ cct r j.", None),
    ("(4) 1 − Γf for Γi", E, "+ Γi r j * cct r j.", "+ (1 - Γf r j) * cct r j.", None),
    ("(6) no tanh on the memory", E, "a_next r j := Γo r j * tanh (c_next r j).", "a_next r j := Γo r j * c_next r j.", None),
    ("the stack with xt first", E, "if q <? n_a then a_prev q j else xt (q - n_a)%nat j", "if q <? n_x then xt q j else a_prev (q - n_x)%nat j", None),
    ("s without 1 − tanh²", E, "da r j * Γo r j * (1 - (tanh (c_next r j))²)", "da r j * Γo r j * (1 - 0 * tanh (c_next r j))", None),
    ("s without the output gate", E, "da r j * Γo r j * (1 - (tanh (c_next r j))²)", "da r j * (1 - (tanh (c_next r j))²)", None),
    ("(7) c for tanh(c)", E, "da r j * tanh (c_next r j) * Γo r j * (1 - Γo r j)", "da r j * c_next r j * Γo r j * (1 - Γo r j)", None),
    ("(7) no derivative of the gate", E, "tanh (c_next r j) * Γo r j * (1 - Γo r j)", "tanh (c_next r j)", None),
    ("(8) as the early editions print it", E, "(dc r j + s r j) * Γi r j * (1 - cct r j * cct r j)",
     "dc r j * Γi r j + s r j * Γi r j * cct r j * (1 - (tanh (cct r j))²)", "printed_8_refuted"),
    ("(8) 1 − c̃ for 1 − c̃²", E, "(1 - cct r j * cct r j)", "(1 - cct r j)", None),
    ("(9) as the early editions print it", E, "(dc r j + s r j) * cct r j * Γi r j * (1 - Γi r j)",
     "dc r j * cct r j + s r j * cct r j * Γi r j * (1 - Γi r j)", "printed_9_refuted"),
    ("(10) as the early editions print it, c_prev meant", E, "(dc r j + s r j) * c_prev r j * Γf r j * (1 - Γf r j)",
     "dc r j * c_prev r j + s r j * c_prev r j * Γf r j * (1 - Γf r j)", "read_as_10_refuted"),
    ("(10) new memory for old", E, "(dc r j + s r j) * c_prev r j * Γf", "(dc r j + s r j) * c_next r j * Γf", "new_memory_10_refuted"),
    ("(11) transposed", E, "dΓf r j * stack q j", "dΓf q j * stack r j", None),
    ("(12) the forget gate's dΓ", E, "dΓi r j * stack q j", "dΓf r j * stack q j", None),
    ("(13b) one example only", E, "sum m (fun j => dcct r j).", "dcct r 0%nat.", None),
    ("(15) no transpose", E, "W k r q * dz k r j", "W k q r * dz k r j", None),
    ("(15) the columns of xt", E, "W k r q * dz k r j", "W k r (n_x + q)%nat * dz k r j", None),
    ("(15) the output gate left out", E, "sum_gates (fun k => sum n_a (fun r => W k r q * dz k r j))",
     "sum_gates (fun k => match k with go => 0 | _ => sum n_a (fun r => W k r q * dz k r j) end)", None),
    ("(16) without s", E, "(dc r j + s r j) * Γf r j. ", "(dc r j + 0 * s r j) * Γf r j. ", None),
    ("(16) Γi for Γf", E, "(dc r j + s r j) * Γf r j. ", "(dc r j + s r j) * Γi r j. ", None),
    ("(17) the columns of a_prev", E, "W k r (n_a + q)%nat * dz", "W k r q * dz", None),
    ("(18) da_prev not carried", E, "da t r j + fst g r j", "da t r j", "carrying_c_only_refuted"),
    ("(19) dc_prev not carried", E, "dc t r j + snd g r j", "dc t r j", "carrying_a_only_refuted"),
    ("(20) db overwritten", E, "sum T (fun t => at_step (db_step n_x n_a m W b) t k r)", "at_step (db_step n_x n_a m W b) 0%nat k r", "overwriting_refuted"),
    ("(20) the last step left out", E, "sum T (fun t => at_step (dW_step", "sum (T - 1) (fun t => at_step (dW_step", None),
    ("each gradient at the state of the step after", E, "(da_prev n_x n_a W b (x t) (a t) (c t)", "(da_prev n_x n_a W b (x t) (a (S t)) (c t)", None),
    ("da0 of the second step", E, "fst (carried T 0)", "fst (carried (T - 1) 1)", None),
    ("the first memory ignored", E, "| 0%nat => (a0, c0)", "| 0%nat => (a0, fun r j => 0 * c0 r j)", None),
    ("dΓi and dc̃ exchanged", E, "gi => dΓi | gc => dcct", "gi => dcct | gc => dΓi", None),
    ("theorem: no term for c0", S, "  + dot n_a m (first_c g) (first_c p')\n", "", None),
    ("theorem: the loss looks at the states before the steps", S, "dot n_a m (da t) (hidden p (S t))", "dot n_a m (da t) (hidden p t)", None),
    ("theorem: the loss looks at one step more", S, "sum T (fun t => dot n_a m (da t) (hidden p (S t))", "sum (S T) (fun t => dot n_a m (da t) (hidden p (S t))", None),
    ("theorem: nothing said of how b moves", S, "(forall k r, (r < n_a)%nat ->\n    D (fun y => biases (p y) k r) e (biases p' k r))", "True", None),
    ("theorem: W moves in the columns of a_prev only", S, "(q < n_a + n_x)%nat ->\n    D (fun y => weights (p y)", "(q < n_a)%nat ->\n    D (fun y => weights (p y)", None),
    ("entry: dW transposed", N, "da dc T k r q).", "da dc T k q r).", None),
    ("entry: dx of the next step", N, "da dc T t q j).", "da dc T (S t) q j).", None),
    ("entry: all four gates' biases at once", N, "put (same k' k && (r' =? r))", "put (orb (same k' k) true && (r' =? r))", None),
    ("loss that stops early: the shorter of da and dc", L, "Local Notation T' := (Nat.max T_a T_c)", "Local Notation T' := (Nat.min T_a T_c)", None),
    ("cut: handed over one step late", L, "if S t =? T1 then", "if t =? T1 then", None),
    ("cut: the second part sees the first part's da", L, "nat -> matrix :=\n  fun t => d (T1 + t)%nat", "nat -> matrix :=\n  fun t => d t", None),
    ("(R3) no derivative of the tanh", "RNN.v", "da r j * (1 - a_next r j * a_next r j)", "da r j * (1 - 0 * a_next r j)", None),
    ("(22) the derivative of another function for the logarithm's", "Output.v", "D log y (/ y)", "D log y (/ (1 + y))", None),
    ("(24) plus truth", "Output.v", "(y t q j - if q", "(y t q j + if q", None),
    ("(25) no transpose", "Output.v", "sum n_y (fun q => Wy q r * dz t q j)", "sum n_y (fun q => Wy r q * dz t q j)", None),
    ("(84) the sign", "GRU.v", "da r j * (a_prev r j - cct r j) * f'", "da r j * (cct r j - a_prev r j) * f'", None),
    ("(85), (86) exchanged", "GRU.v", "then dcct r j * v r j * f' (z kr r j)", "then e r j * a_prev r j * f' (z kr r j)", None),
    ("(87) without its straight line", "GRU.v", "  da q j * Γz q j + sum n_a", "  sum n_a", None),
    ("(67) the old memory for the output gate", "Peepholes.v", "dΓo r j * c_next r j)", "dΓo r j * c_prev r j)", None),
    ("(68) without the peephole", "Peepholes.v", "dc r j + s r j + Po r * dΓo r j.", "dc r j + s r j.", None),
    ("(69) without the input gate's share", "Peepholes.v", " + Pi r * dΓi r j. ", ". ", None),
]

# the same equations in another order
reorderings = [
    ("(1) the bias first", E, "σ ((Wf @ stack) r j + bf r)", "σ (bf r + (Wf @ stack) r j)"),
    ("(3) the bias first", E, "tanh ((Wc @ stack) r j + bc r)", "tanh (bc r + (Wc @ stack) r j)"),
    ("(4) what is written first", E, "Γf r j * c_prev r j + Γi r j * cct r j", "cct r j * Γi r j + Γf r j * c_prev r j"),
    ("(6) the tanh first", E, "Γo r j * tanh (c_next r j).", "tanh (c_next r j) * Γo r j."),
    ("s from the right", E, "da r j * Γo r j * (1 - (tanh (c_next r j))²)", "(1 - tanh (c_next r j) * tanh (c_next r j)) * Γo r j * da r j"),
    ("(7) the slope first", E, "da r j * tanh (c_next r j) * Γo r j * (1 - Γo r j)", "Γo r j * (1 - Γo r j) * (da r j * tanh (c_next r j))"),
    ("(8) multiplied out", E, "(dc r j + s r j) * Γi r j * (1 - cct r j * cct r j)",
     "dc r j * Γi r j * (1 - (cct r j)²) + s r j * Γi r j * (1 - (cct r j)²)"),
    ("(9) Γ − Γ² for Γ(1 − Γ)", E, "(dc r j + s r j) * cct r j * Γi r j * (1 - Γi r j)", "(s r j + dc r j) * cct r j * (Γi r j - Γi r j * Γi r j)"),
    ("(10) from the right", E, "(dc r j + s r j) * c_prev r j * Γf r j * (1 - Γf r j)", "(1 - Γf r j) * Γf r j * c_prev r j * (s r j + dc r j)"),
    ("(11) the stack first", E, "dΓf r j * stack q j", "stack q j * dΓf r j"),
    ("(15) dz first", E, "W k r q * dz k r j", "dz k r j * W k r q"),
    ("(16) the gate first", E, "(dc r j + s r j) * Γf r j. ", "Γf r j * (s r j + dc r j). "),
    ("(17) dz first", E, "W k r (n_a + q)%nat * dz k r j", "dz k r j * W k r (n_a + q)%nat"),
    ("(18) what is carried first", E, "da t r j + fst g r j", "fst g r j + da t r j"),
    ("(19) what is carried first", E, "dc t r j + snd g r j", "snd g r j + dc t r j"),
    ("the four gates in another order", E, "v gf + v gi + v gc + v go", "v go + (v gc + (v gi + v gf))"),
]


def needed(): return [name for name in files() if name not in ("Extraction.v", "Assumptions.v")]


def planted(folder, name, old, new):
    "Change a source in `folder`; what stood there must stand there once."
    text = (source/name).read_text("utf-8")
    assert text.count(old) == 1, (name, old, text.count(old))
    (folder/name).write_text(text.replace(old, new), "utf-8")


def where(message, folder):
    "The file and the lemma in which a build failed, and what Coq said."
    found = re.search(r'File "\./(\w+\.v)", line (\d+), .*?\nError:\s*(.*)', message, flags=re.S)
    name, line, said = found[1], int(found[2]), " ".join(found[3].split())
    before = "\n".join((folder/name).read_text("utf-8").split("\n")[:line])
    kind, inside = re.findall(r"^(Lemma|Theorem|Corollary|Definition|Fixpoint) (\w+)", before, flags=re.M)[-1]
    return {"file": name, "kind": kind, "in": inside, "said": said[:120]}


def tried(built, name, old, new):
    "None if everything compiles with the change, else where it failed."
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for file in built.iterdir():
            if file.suffix in (".v", ".vo"): shutil.copy(file, folder)
        planted(folder, name, old, new)
        try: build(folder, needed()[needed().index(name):])
        except Failed as e: return where(str(e), folder)


def main():
    if what := missing(): sys.exit(what)
    with tempfile.TemporaryDirectory() as built, ThreadPoolExecutor(os.cpu_count()) as pool:
        built = Path(built)
        for name in needed(): shutil.copy(source/name, built)
        build(built, needed())
        rows, orders, wrong = [], [], 0
        for (what, name, *_, theorem), failed in zip(mistakes, pool.map(lambda m: tried(built, *m[1:4]), mistakes), strict=True):
            rows.append({"planted": what, "file": name, "failed": failed, "refuted": theorem})
            proof = failed is not None and failed["kind"] in ("Lemma", "Theorem", "Corollary")      # and not a definition that no longer fits
            wrong += not proof
            print(f"{what}: {'' if proof else 'WRONG, '}{failed and ' '.join(failed.values())}", flush=True)
        for (what, name, *_), failed in zip(reorderings, pool.map(lambda m: tried(built, *m[1:]), reorderings), strict=True):
            orders.append({"reordered": what, "file": name, "failed": failed})
            wrong += failed is not None
            print(f"{what}: {'compiles' if failed is None else 'FAILS, ' + str(failed)}", flush=True)
    print(f"{sum(r['failed'] is not None for r in rows)} of {len(rows)} mistakes fail, {sum(r['failed'] is None for r in orders)} of {len(orders)} reorderings compile")
    if wrong: sys.exit(f"{wrong} did what they should not")
    write(path, {"sources": stamp(), "mistakes": rows, "reorderings": orders})


if __name__ == "__main__": main()
