"The prose of the pages, as pandoc reads it: Quarto's pandoc and the second renderer must read the same."
import json
import re

import pypandoc
import pytest
from conftest import root

pages = sorted(p for p in (root/"nbs").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
_listed = re.compile(r"^\s*(?:(?:[-*+>]|\d+[.)])\s+)*\((?:\d+|[a-z]|[ivxlcdm]+|#|@\w*)\)\s", re.I | re.M)
_size = re.compile(r"\\Big[lr]\b")  # not known to texmath before 0.12.10.3, as in Quarto 1.7
_code = re.compile(r"^(```+).*?^\1$", re.S | re.M)


def prose(path):
    "The Markdown of a page, in its cells and its outputs, without its blocks of code."
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    for out in (o for c in cells for o in c.get("outputs", [])): texts.append("".join(out.get("data", {}).get("text/markdown", "")))
    return "\n\n".join(_code.sub("", t) for t in texts)


def faults(text):
    "What a page with this Markdown would show that nobody wrote."
    made = pypandoc.convert_text(text, "html", "markdown-raw_tex", ["--mathml", "--wrap=none", "--fail-if-warnings"])
    shown = re.sub(r"<(pre|code|annotation)\b.*?</\1>", "", made, flags=re.S)
    return (_listed.findall(text) + _size.findall(text) + re.findall(r'<ol[^>]* start="(?!1")[^>]*>', made)
            + re.findall(r".{0,30}\$.{0,30}", shown) + re.findall(r"\\[a-zA-Z]+", shown))


@pytest.mark.parametrize("path", pages, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_prose_reads_the_same_everywhere(path): assert faults(prose(path)) == []


@pytest.mark.parametrize("text", [
    "(15) and (17) look the same.", "- (16) multiplies by $x$.", "15. of them", "> (a) first", "(8) and", "(iv) four",
    r"$$dz = \Bigl(dy - x\Bigr)$$", "It costs $ 5 or 6", r"Where \alpha is"])
def test_a_planted_fault_is_seen(text): assert faults(text) != []


def test_a_formula_that_pandoc_cannot_convert_is_an_error():
    with pytest.raises(RuntimeError, match="Could not convert TeX math"): faults(r"$\nonsense{x}$")


@pytest.mark.parametrize("text", ["Equation (15) and (17).", "1. one\n2. two", "- Equation (16)", r"$\left(x\right)$ and $\bigl(y\bigr)$", "a `$x$`"])
def test_what_is_right_is_left_alone(text): assert faults(text) == []
