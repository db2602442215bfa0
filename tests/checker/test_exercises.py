"The exercise edition: it stops kindly at its first gap, and with the solutions every check passes."
import ast
import json
import re
import warnings

import pytest
from exercises import publish, write
from lstm_nb.checker.check import JUDGES
from lstm_nb.checker.equations import hints_of
from lstm_nb.checker.exercises import Gap, gap


kinds = ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef


def defines(text):
    "Whether a cell has nothing but definitions and tables, whose names are in capitals."
    return all(isinstance(n, kinds) or isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "").isupper() for n in ast.parse(text).body)


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exercises")
    return folder, write(folder)


def run(path, functions=False):
    "Run a notebook cell by cell, or its definitions and checks alone; its names, the reports of its checks, and the gap that stopped it."
    there, reports = {"__name__": "__main__"}, []
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] != "code": continue
        text = "".join(cell["source"])
        if functions and not text.startswith("check(") and not defines(text): continue
        if text.startswith("check("): text = f"_report = {text}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(text, str(path), "exec"), there)
        except Gap as e: return there, reports, str(e)
        if "_report" in there: reports.append(there.pop("_report"))
    return there, reports, ""


def test_every_function_is_an_exercise(edition):
    folder, names = edition
    text = "".join((folder/f"{n}.ipynb").read_text() for n in names)
    for name in JUDGES: assert f'"check({name})"' in text, name
    assert all((folder/f"solutions/{n}.ipynb").exists() for n in names)


def test_the_empty_edition_stops_kindly(edition, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    folder, names = edition
    for name in names:
        _, _, said = run(folder/f"{name}.ipynb")
        _, reports, _ = run(folder/f"{name}.ipynb", functions=True)
        assert said.startswith("The first gap: ") and "Write it in place of gap(" in said
        assert reports and all([f.equation for f in r.findings] == ["empty"] and not r.right for r in reports)
        assert reports[0].findings[0].cause.startswith("not finished: ") and reports[0].findings[0].cause.endswith(" is next")
        assert all(repr(r).startswith(f"{r.function}: not finished: ") for r in reports)
        assert Gap(said)._render_traceback_() == [said]


def test_no_answer_stands_in_an_example(edition):
    "Where an example computes an equation, that is a gap too; the solution has it."
    folder, names = edition
    open_, filled = ([line for name in names for cell in json.loads((where/f"{name}.ipynb").read_text())["cells"] if cell["cell_type"] == "code"
                      for line in "".join(cell["source"]).splitlines() if re.search(r"# \(\d+b?\)", line)] for where in (folder, folder/"solutions"))
    assert len(open_) > 30 and all("gap(" in line for line in open_) and not any("gap(" in line for line in filled)
    assert [line.split()[0] for line in open_ if line.startswith(("ft", "dft", "dWf", "dbf"))] == ["ft", "dft", "dWf", "dbf"]


def test_with_the_solutions_every_check_passes(edition, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    folder, names = edition
    seen = []
    for name in names:
        _, reports, said = run(folder/f"solutions/{name}.ipynb")
        assert not said
        seen += [r.function for r in reports]
        for r in reports: assert r.passed, r
    assert sorted(seen) == sorted(JUDGES)


COMMON = [("05_sequence", "lstm_backward", "at_step(da, t) + da_prev", "at_step(da, t)", "carry_a"),
          ("05_sequence", "lstm_backward", "at_step(dc, t) + dc_prev", "at_step(dc, t)", "carry_c"),
          ("05_sequence", "lstm_backward", "at_step(da, t) + da_prev", "da_prev", "da"),
          ("05_sequence", "lstm_backward", "{k: sums[k] + gradients[k] for k in sums}", "{k: gradients[k] for k in sums}", "accumulate"),
          ("03_rnn", "rnn_backward", "da[:, :, t] + da_prev, steps[t]", "da[:, :, t], steps[t]", "carry_a"),
          ("03_rnn", "rnn_backward", "da[:, :, t] + da_prev, steps[t]", "da_prev, steps[t]", "da"),
          ("03_rnn", "rnn_backward", "{k: sums[k] + gradients[k] for k in sums}", "{k: gradients[k] for k in sums}", "accumulate"),
          ("03_rnn", "rnn_cell_backward", "p[\"Waa\"].T @ dz", "p[\"Waa\"] @ dz", "R7"),
          ("04_cell", "lstm_cell_backward", "da_next * tanh_c * sigmoid_derivative(ot)", "da_next * tanh_c", "7"),
          ("16_gru_cell", "gru_cell_forward", "reset = np.concatenate([rt * a_prev, xt])", "reset = np.concatenate([a_prev, xt])", "81"),
          ("16_gru_cell", "gru_cell_backward", "dcct @ (rt * a_prev).T", "dcct @ a_prev.T", "134"),
          ("16_gru_cell", "gru_cell_backward", "dv = dcct * rt", "dv = dcct", "142"),
          ("16_gru_cell", "gru_backward", "da[:, :, t] + da_prev", "da[:, :, t]", "carry_a"),
          ("16_gru_cell", "gru_backward", "sums.get(k, 0) + v", "v", "accumulate")]


@pytest.mark.parametrize("chapter, name, right, wrong, word", COMMON, ids=lambda v: v if v in JUDGES else "")
def test_the_commonest_mistake_of_a_gap_is_named_as_itself(edition, chapter, name, right, wrong, word, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    there, report = {"__name__": "__main__"}, None
    for cell in json.loads((edition[0]/f"solutions/{chapter}.ipynb").read_text())["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] != "code": continue
        if f"def {name}(" in text:
            assert text.count(right) == 1, text
            text = text.replace(right, wrong)
        if text == f"check({name})":
            report = eval(text, there)
            break
        if defines(text): exec(compile(text, chapter, "exec"), there)
    assert [f.equation for f in report.findings] == [word], report


def test_hints_and_gaps_have_one_table(edition):
    "Each gap's folded hints are the hints that the open gap gives."
    for name in edition[1]:
        text = (edition[0]/f"{name}.ipynb").read_text()
        for equation in set(re.findall(r'gap\(\\"([^"\\]+)\\"\)', text)):
            with pytest.raises(Gap) as said: gap(equation)
            for hint, link in hints_of(equation):
                assert hint in str(said.value) and hint in text and link in text, (name, equation)
    assert [link.split("#")[1] for _, link in hints_of("R9")] == ["eq-18", "eq-20"]


def test_hints_are_folded_and_links_lead_to_the_site(edition):
    folder, names = edition
    for name in names:
        for cell in json.loads((folder/f"{name}.ipynb").read_text())["cells"]:
            text = "".join(cell["source"])
            assert ".ipynb" not in text and "](images/" not in text and "nbdev" not in text
            if "Hint for" in text: assert text.count("<details>") == text.count("</details>") > 0


def test_the_site_links_them(tmp_path, edition):
    for name in edition[1]: (tmp_path/(name.partition("_")[2] + ".html")).write_text("<main><p><em>x</em></p><p>Some text.</p></main>")
    publish(tmp_path); publish(tmp_path)
    page = (tmp_path/"cell.html").read_text()
    assert page.count('href="exercises/04_cell.ipynb"') == 1
    assert (tmp_path/"exercises/04_cell.ipynb").exists() and (tmp_path/"exercises/solutions/04_cell.ipynb").exists()
