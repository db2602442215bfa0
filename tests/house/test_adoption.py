"What makes a release, a citation and a report of a mistake, and the copies of the pages in plain text."
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

root = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root/"tools"))
import changes  # noqa: E402
import plain_text  # noqa: E402

forms = sorted((root/".github/ISSUE_TEMPLATE").glob("wrong_*.yml"))


def read(path): return yaml.safe_load((root/path).read_text(encoding="utf-8"))


def test_a_release_has_one_version_everywhere(capsys):
    version = changes.versions()["settings.ini"]
    changes.main(f"v{version}")
    said = capsys.readouterr().out
    assert said.strip() == changes.part(version) and not said.startswith("##")
    assert f"\n## {version}" in "\n" + (root/"CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("file, line, words", [
    ("settings.ini", "version = {}", "settings.ini has version 9.9"), ("CITATION.cff", "version: {}", "CITATION.cff has version 9.9"),
    ("CHANGELOG.md", "## {}", "no part for version")])
def test_a_release_of_something_else_is_refused(tmp_path, file, line, words):
    version = changes.versions()["settings.ini"]
    for name in ("settings.ini", "CITATION.cff", "CHANGELOG.md"): shutil.copy(root/name, tmp_path/name)
    changes.main(f"v{version}", tmp_path)
    text = (tmp_path/file).read_text(encoding="utf-8")
    (tmp_path/file).write_text(text.replace(line.format(version), line.format("9.9")), encoding="utf-8")
    with pytest.raises(SystemExit, match=words): changes.main(f"v{version}", tmp_path)


def test_the_citation_says_what_the_format_asks_for():
    cited = read("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    assert all(a.get("name") for a in cited["authors"]) and cited["license"] == "Apache-2.0"


def test_a_release_keeps_no_token():
    text = (root/".github/workflows/release.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    assert "secrets." not in text
    assert jobs["pypi"]["permissions"] == {"id-token": "write"} and jobs["pypi"]["environment"]["name"] == "pypi"
    needed = {name: job.get("needs") for name, job in jobs.items()}
    assert needed == {"build": None, "pypi": "build", "github": "pypi", "site": "github"}


@pytest.mark.parametrize("form", forms, ids=lambda f: f.stem)
def test_a_report_of_a_mistake_asks_for_what_makes_a_test(form):
    asked = read(form)
    assert asked["name"] and asked["description"]
    ids = [field["id"] for field in asked["body"]]
    assert len({*ids}) == len(ids) and "version" in ids
    assert all(field["attributes"]["label"] for field in asked["body"])
    assert sum(field.get("validations", {}).get("required", False) for field in asked["body"]) >= 3


def cell(kind, text, outputs=()): return {"cell_type": kind, "source": [text], "outputs": list(outputs)}


def notebook(*cells): return {"cells": [cell("raw", "---\ntitle: A page\ndescription: 'Its sentence'\noutput-file: page.html\n---\n"), *cells]}


def out(**data): return {"output_type": "execute_result", "data": {k.replace("_", "/"): v for k, v in data.items()}}


def test_a_copy_has_what_the_page_shows():
    page = notebook(
        cell("markdown", '<!-- written -->\n<span id="eq-1"></span>\n\n$$a = b \\qquad (1)$$ see [(2)](../04_cell.ipynb#eq-2), [home](../index.ipynb), [x](../gone.ipynb)'),
        cell("code", "#| code-fold: show\nx = 1  # ---\nx", [out(text_plain="1")]),
        cell("code", "#| echo: false\n#| output: asis\nshow_doc(f)", [out(text_markdown="---\n### f\n\n```python\ndef f(\n    x, # It\n)\n```\n\n*It is [there](../04_cell.ipynb).*")]),
        cell("code", "#| echo: false\n#| output: asis\nshow_doc(g)", [out(text_markdown="---\n### g\n\n```python\ndef g(\n)\n```\n\n*What it does.*")]),
        cell("code", "#| code-fold: show\ndef g(): 'What it does.'"),
        cell("code", "#| fig-cap: 'What to see'\nplot()", [out(image_png="...")]),
        cell("code", "print(2)", [{"output_type": "stream", "text": ["2\n"]}]),
        cell("code", "#| echo: false\nHTML(box)", [out(text_html="<b>box</b>")]))
    text = plain_text.plain(page, "checker/01_a.ipynb", {"04_cell.ipynb": "cell.html", "index.ipynb": "index.html", "checker/01_a.ipynb": "checker/page.html"})
    assert text == """# A page

> Its sentence

$$a = b \\qquad (1)$$ see [(2)](../cell.html.md#eq-2), [home](../index.html.md), [x](../gone.ipynb)

```python
x = 1  # ---
x
```

```text
1
```

### f

```python
def f(
    x, # It
)
```

*It is [there](../cell.html.md).*

### g

```python
def g(): 'What it does.'
```

```python
plot()
```

*Figure: What to see*

```python
print(2)
```

```text
2
```
"""


def test_the_list_of_copies_is_in_the_order_of_the_sidebar():
    pages = {"index.ipynb": (notebook(), "index.html"), "b/01_x.ipynb": (notebook(), "b/x.html")}
    contents = [{"text": "The book", "href": "index.ipynb"}, {"section": "Part", "contents": ["b/01_x.ipynb", "gone.ipynb"]}]
    assert plain_text.listing(pages, contents, "https://s") == (
        "# A page\n\n> Its sentence\n\n## The book\n\n- [A page](https://s/index.html.md): Its sentence\n\n"
        "## Part\n\n- [A page](https://s/b/x.html.md): Its sentence\n")


def test_a_hook_runs_a_command_that_is_there():
    hooks = yaml.safe_load((root/".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    targets = re.findall(r"^([a-z-]+):", (root/"Makefile").read_text(encoding="utf-8"), re.M)
    assert all(hook["entry"].removeprefix("make ") in targets for hook in hooks)
