"The build of the site, on a small book: a build over an older one gives what a fresh one gives, byte by byte."
import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import root
from problems import long

posix = pytest.mark.skipif(os.name == "nt", reason="the Quarto of this test is a shell script")
smalldocs = pytest.mark.skipif(sys.version_info < (3, 11), reason="smalldocs needs Python 3.11")
pages = {p.name for p in (root/"nbs").rglob("*.ipynb")} if long else {"index.ipynb", "01_activations.ipynb", "03_rnn.ipynb"}
fake = """#!/bin/sh
case $1 in --version) echo 1.0; exit;; esac
mkdir -p _docs
for n in *.ipynb; do cp $n _docs/${n%.ipynb}.html; done
cp styles.css _docs
exit ${STATUS:-0}
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    "A copy of this project with few pages and a Quarto that only copies what it is given; each test goes on where the last one was."
    here = tmp_path_factory.mktemp("small")/"book"
    here.mkdir()
    for name in ("settings.ini", "README.md", "_quarto.yml"): shutil.copy(root/name, here)
    for name in ("tools", "lstm_nb"): shutil.copytree(root/name, here/name, ignore=shutil.ignore_patterns("__pycache__"))
    other = lambda folder, names: [n for n in names if n.endswith(".ipynb") and n not in pages or n in ("nbdev.yml", ".ipynb_checkpoints")]
    shutil.copytree(root/"nbs", here/"nbs", symlinks=True, ignore=other)
    (here/"bin").mkdir()
    (here/"bin/quarto").write_text(fake)
    (here/"bin/quarto").chmod(0o755)
    return here


def build(book, renderer="quarto", status=0):
    "Build; what is printed."
    env = os.environ | {"LSTM_NB_RENDERER": renderer, "PYTHONPATH": str(book), "PATH": f"{book/'bin'}{os.pathsep}{os.environ['PATH']}", "STATUS": str(status)}
    done = subprocess.run([sys.executable, "tools/build_docs.py"], cwd=book, env=env, capture_output=True, text=True, timeout=600)
    assert (done.returncode == 0) == (status == 0), done.stdout + done.stderr
    return done.stdout


def count(book): return len([*(book/"nbs").rglob("*.ipynb")])


def site(book): return {p.relative_to(book/"_docs").as_posix(): p.read_bytes() for p in (book/"_docs").rglob("*") if p.is_file()}


def fresh(book, *renderer):
    "The site of a first build."
    shutil.rmtree(book/"_proc", ignore_errors=True)
    shutil.rmtree(book/"_docs", ignore_errors=True)
    build(book, *renderer)
    return site(book)


def is_fresh(book, renderer="quarto"):
    "Whether the site is the same as one that is built anew; in the short form with what is prepared for the renderer in place of its pages."
    now, anew = site(book), fresh(book, renderer)
    assert different(now, now | {"index.html": now["index.html"][:-1]}) == {"index.html"}
    return different(now, anew) == set()


def different(one, other): return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def prose(path, text):
    "One more sentence at the end of a notebook."
    page = json.loads(path.read_text(encoding="utf-8"))
    page["cells"].append({"cell_type": "markdown", "id": "0123abcd", "metadata": {}, "source": text})
    path.write_text(json.dumps(page), encoding="utf-8")


@posix
@smalldocs
def test_a_build_over_an_older_one_is_a_fresh_one(book):
    "One page has other words, one has another name, which takes it out of its place, a stylesheet is new; and then nothing is."
    renderer, prefix = ("smalldocs", "") if long else ("quarto", "03_")
    before = fresh(book, renderer)
    prose(book/"nbs/index.ipynb", "Other words.")
    (book/"nbs/03_rnn.ipynb").rename(book/"nbs/03_network.ipynb")
    edit(book/"nbs/styles.css", "{", "{ ")
    said = build(book, renderer)
    after = site(book)
    assert f"preparing 2 of {count(book)} notebooks" in said and b"Other words." in after["index.html"]
    assert f"{prefix}rnn.html" in before and f"{prefix}rnn.html" not in after and f"{prefix}network.html" in after
    assert "nothing" in build(book, renderer) and site(book) == after
    assert is_fresh(book, renderer)


@posix
@pytest.mark.long
def test_what_show_doc_shows_is_of_today(book):
    build(book)
    assert "nothing" in build(book)
    edit(book/"lstm_nb/activations.py", '"The logistic function', '"The logistic curve')
    n = count(book)
    assert f"preparing {n} of {n}" in build(book)
    assert b"The logistic curve" in site(book)["01_activations.html"] and is_fresh(book)


@posix
@pytest.mark.long
def test_a_build_that_fails_leaves_the_site_and_is_made_up_for(book):
    build(book)
    before = site(book)
    next((book/"nbs").glob("03_*.ipynb")).unlink()
    prose(book/"nbs/index.ipynb", "More words.")
    build(book, status=3)
    assert site(book) == before and (book/"_proc/_docs").exists()
    assert "preparing 0 of" in build(book)              # what was prepared before it failed is right
    after = site(book)
    assert not [name for name in after if name.startswith("03_")] and b"More words." in after["index.html"]
    # broken off while notebooks are prepared: half a file, and no word of it in the record
    prose(book/"nbs/index.ipynb", "Still other words.")
    notes = json.loads((book/"_proc/.record.json").read_text())
    del notes["prepared"]["index.ipynb"]
    (book/"_proc/.record.json").write_text(json.dumps(notes))
    (book/"_proc/index.ipynb").write_text("half")
    build(book)
    assert b"Still other words." in site(book)["index.html"] and is_fresh(book)


@posix
@pytest.mark.long
def test_a_site_that_was_touched_and_a_record_that_cannot_be_read(book):
    build(book)
    before = site(book)
    (book/"_docs/index.html").unlink()
    assert "preparing 0 of" in build(book) and site(book) == before
    (book/"_proc/.record.json").write_text("[1")
    assert "preparing" in build(book) and site(book) == before


@posix
@smalldocs
@pytest.mark.long
def test_another_renderer_begins_anew(book):
    build(book)
    by_quarto = site(book)
    assert "preparing 0 of" in build(book, "smalldocs")
    by_smalldocs = site(book)
    assert "_docs" not in by_smalldocs and "styles.css" in by_smalldocs and by_smalldocs.keys() != by_quarto.keys()
    build(book)
    assert site(book) == by_quarto
