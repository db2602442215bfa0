"A page that offers to be opened in Colab runs there: alone in an empty folder, with nothing but what a plain install and Colab bring."
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from problems import long

root = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root/"tools"))
from finish_site import colab_pages, with_colab  # noqa: E402

pages = sorted(colab_pages())
missing = "numba llvmlite scipy safetensors onnx sklearn tqdm mpmath hypothesis dask distributed autograd torch jax keras".split()
alone = """
import json, sys
from execnb.shell import CaptureShell
shell = CaptureShell()
shell.run_cell("import sys\\nsys.modules.update(dict.fromkeys(%r))" % (sys.argv[2].split(),))
for n, cell in enumerate(json.load(open(sys.argv[1], encoding="utf-8"))["cells"]):
    text = "".join(cell["source"])
    if cell["cell_type"] != "code" or "#| eval: false" in text: continue
    error = shell.run_cell(text)["exception"]
    if error: sys.exit(f"cell {n}: {type(error).__name__}: {error}")
"""


def run_alone(page, folder):
    "What stops a notebook in an empty folder, if anything."
    env = os.environ | {"PYTHONPATH": str(root), "MPLBACKEND": "agg"}
    run = subprocess.run([sys.executable, "-c", alone, str(page), " ".join(missing)], cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    return run.stderr.strip().splitlines()[-1:] if run.returncode else []


@pytest.mark.parametrize("name", pages if long else [p for p in pages if p in ("04_cell.ipynb", "checker/00_use.ipynb")])
def test_a_page_for_colab_runs_alone(name, tmp_path): assert run_alone(root/"nbs"/name, tmp_path) == []


@pytest.mark.parametrize("text, words", [("open('../bench/records/run.json')", "FileNotFoundError"), ("import scipy", "ModuleNotFoundError")])
def test_a_page_that_needs_more_is_seen(tmp_path, text, words):
    page = tmp_path/"page.ipynb"
    page.write_text(json.dumps({"cells": [{"cell_type": "code", "source": [text]}]}), encoding="utf-8")
    (tmp_path/"empty").mkdir()
    assert words in run_alone(page, tmp_path/"empty")[0]


def test_the_book_offers_it_where_it_can():
    assert {"04_cell.ipynb", "05_sequence.ipynb", "checker/00_use.ipynb"} <= {*pages}
    assert all(name.count("/") < 2 for name in pages)


def test_a_page_says_so_once():
    page = "<main><p>This is a page.</p><p>More.</p></main>"
    once = with_colab(page, "04_cell.ipynb")
    assert once.count("colab.research.google.com/github/lstm-nb/lstm_nb/blob/main/nbs/04_cell.ipynb") == 1
    assert with_colab(once, "04_cell.ipynb") == once
