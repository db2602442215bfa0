"The home page: what it shows is what comes out when it is run, and the README says the same."
import json
import re

import pytest
from conftest import root
from execnb.shell import CaptureShell
from test_pages import not_running, page_of

cells = json.loads((root/"nbs/index.ipynb").read_text(encoding="utf-8"))["cells"]
number = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def said(outputs):
    "The text of some outputs, its numbers to nine digits, those of rounding to none."
    texts = ["".join(o.get("text") or o["data"]["text/plain"]) for o in outputs or ()]
    return number.sub(lambda m: f"{v:.9g}" if abs(v := float(m[0])) > 1e-12 else "rounding", "".join(texts)).strip()


@pytest.fixture(scope="module")
def run():
    shell = CaptureShell()
    return [said(shell.run("".join(c["source"]))) if c["cell_type"] == "code" and "nbdev_export" not in "".join(c["source"]) else "" for c in cells]


def test_outputs_are_those_of_the_code(run):
    shown = [said(c.get("outputs")) for c in cells]
    assert [(a, b) for a, b in zip(shown, run, strict=True) if a != b] == [] and sum(map(bool, shown)) >= 4


def test_the_report_names_the_planted_mistake(run):
    [report] = [text for text in run if "my.py" in text]
    assert re.search(r"✗ lstm_cell_backward: one thing is wrong\n +\(10\) dΓf: the factor c\^{t-1} is missing\n +hint: ", report)


def test_blocks_run_when_copied():
    assert not_running(page_of("index", [(c["cell_type"], "".join(c["source"])) for c in cells])) == []


def test_an_output_of_another_run_is_seen(run):
    numbers = [n for n, text in enumerate(run) if re.search(r"0\.\d{6}", text)]
    assert numbers and all(said([{"text": run[n].replace("0.0", "0.1")}]) != run[n] for n in numbers)
    assert said([{"text": "1e-14 2.8e-14 0.123456789012"}]) == "1e-14 rounding 0.123456789"
