"The exercise edition: it stops kindly at its first gap, and with the solutions every check passes."
import json
import warnings

import pytest
from exercises import publish, write
from lstm_nb.check import JUDGES, Gap


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exercises")
    return folder, write(folder)


def run(path):
    "Run a notebook cell by cell; its names, the reports of its checks, and the cell that raised."
    there, reports = {"__name__": "__main__"}, []
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] != "code": continue
        text = "".join(cell["source"])
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
        _, reports, said = run(folder/f"{name}.ipynb")
        assert said.startswith("The first gap: ") and "Write it in the place of gap(" in said
        assert reports and all([f.equation for f in r.findings] == ["error"] for r in reports)
        assert "The first gap" in reports[0].findings[0].cause
        assert Gap(said)._render_traceback_() == [said]


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
