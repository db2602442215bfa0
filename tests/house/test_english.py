"""Plain English, as an engineer would say it: phrases that sound translated, each with what is said instead.

Looked at are the prose of the pages, the comments and strings of all code, and the files in Markdown; names are not."""
import io
import json
import re
import tokenize

import pytest
from conftest import root

instead = {
    r"\b(gradients?|derivatives?) by (the (hidden|memory|weights?|parameters?|inputs?|bias|states?|logits?)|(its|their) (input|weight|state|parameter)|our|them|one|everything|inputs|`(?!vjp)|\$)": "with respect to",
    r"\b(one|a) (row|line|term|product|cache|note|call|file|gate|key|layer) an? (function|step|page|gate|file|week|cell|run|row|layer|unit|name)\b|\bonce a step\b": "per",
    r"(?<![Tt]here )(?<!nearly )\b(is|are|was|were) no (?!(longer|more|different|other|one|way|need|matter|better|worse|memory, ?got)\b)[a-z]": "is not a",
    r"\b(goes|go|went) round (with|most|the web)|\bcirculat": "is found online",
    r"\bdid right\b": "is correct given the value it received",
    r"\btold by\b": "written in terms of, named by, recognised by",
    r"\bin the place of\b": "instead of, in place of",
    r"\bto the (last )?bit\b": "bit for bit",
    r"\bsqueez(es|ed)\b|\b(a|another) squeeze\b": "squashes",
    r"\bshut\b(?!down)": "closed",
    r"\b(lies|lie|lay) behind c\b|what lies behind": "what it was computed from",
    r"(?<!tables and )(?<![\"'{])\bfigures\b(?!['\"}]| (below|above|show|of (this|the) page))": "numbers; a figure is a picture",
    r"\bof strangers\b|\bstrangers'": "other people's",
    r"wrong by .{0,40}of its size": "relative error",
    r"\bwhose (cell|sequence) (passes|does)\b|whose sequence does not": "if your lstm_cell_backward passes its test",
    r"\bat no size\b": "at every size the other one",
    r"\bby one who\b|\b[Ww]hoever\b|\b[Ww]ho (waits|wants|has many|reads|writes) [^?.]* (gives|takes|gets|has|sees)\b": "a thread that, if you, anyone who",
    r"\bcannot be told so\b": "has no setting for it",
    r"\b[Ww]hich of all\b": "which of these",
    r"\bnobody's business\b": "does not matter",
    r"\bby lot\b": "at random",
    r"\bmust be used up\b": "every key must be recognised",
    r"\bspeaks? of\b|\bspoken of\b": "is about, mentions",
    r"\b(say|says|know|knows|see|sees) nothing of\b": "nothing about",
    r"\b[Aa] training (?!(loop|run|step|set|part|example|script|program|pass|sequence)s?\b)|\btrainings\b": "a training run",
}


def said_in(code):
    "The comments and strings of some Python; of what is not Python, nothing."
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    found = []
    try:
        for t in tokenize.generate_tokens(io.StringIO(code).readline):
            if t.type in kinds: found.append(t.string)
    except (tokenize.TokenError, SyntaxError): pass
    return "\n".join(re.sub(r'"\s*\n\s*[rbf]*"', "", " ".join(found)).splitlines())


def texts():
    "Where a text stands, and the text."
    for path in sorted((root/"nbs").rglob("[0-9i]*.ipynb")):
        if ".ipynb_checkpoints" in path.parts: continue
        for n, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            source = "".join(cell["source"])
            yield f"{path.relative_to(root)}[{n}]", said_in(source) if cell["cell_type"] == "code" else source
    for pattern in ("*.md", "tools/*.py", "bench/*.py", "tests/**/*.py", "proof/*.md"):
        for path in sorted(root.glob(pattern)):
            if path.name in ("README.md", "test_english.py") or "node_modules" in path.parts: continue
            text = path.read_text(encoding="utf-8")
            yield str(path.relative_to(root)), said_in(text) if path.suffix == ".py" else text


def found(phrase, text):
    return [text[max(0, m.start() - 50):m.end() + 30] for m in re.finditer(phrase, text)]


@pytest.fixture(scope="module")
def book(): return [(where, " ".join(text.split())) for where, text in texts()]


@pytest.mark.parametrize("phrase", instead, ids=instead.values())
def test_reads_like_english(phrase, book):
    assert len(book) > 1000
    assert [(where, *found(phrase, text)) for where, text in book if found(phrase, text)] == [], f"say: {instead[phrase]}"


@pytest.mark.parametrize(("text", "says"), [
    ("the gradient by the hidden states, `da`", "with respect to"), ("one row a function", "per"), ("The candidate is no gate", "is not a"),
    ("the solution that\ngoes round most", "is found online"), ("it did right with what it got", "is correct given the value it received"),
    ("the slope, told by its output", "written in terms of, named by, recognised by"), ("in the place of the cell", "instead of, in place of"), ("the same to the bit", "bit for bit"),
    ("and what squeezes it?", "squashes"), ("a shut gate", "closed"), ("its figures recomputed", "numbers; a figure is a picture"), ("Code of strangers", "other people's"),
    ("is wrong by 2.5e+01 of its size", "relative error"), ("whose cell passes and whose sequence does not", "if your lstm_cell_backward passes its test"),
    ("PyTorch is faster than both engines at no size", "at every size the other one"), ("Who waits for long gives way", "a thread that, if you, anyone who"),
    ("NumPy cannot be told so", "has no setting for it"), ("Which of all this have others?", "which of these"), ("is nobody's business", "does not matter"), ("drawn by lot", "at random"),
    ("Everything behind the prefix must be used up", "every key must be recognised"), ("which the theorem speaks of", "is about, mentions"), ("A training that is killed", "a training run")])
def test_a_phrase_that_sounds_translated_is_found(text, says):
    assert [instead[phrase] for phrase in instead if found(phrase, " ".join(text.split()))] == [says]


def test_what_is_not_prose_is_left_alone():
    assert said_in("figures = 1  # one row a function\nf'told {by}'; shut('in the place of')").count("figures") == 0
    assert found(list(instead)[1], said_in("x = 1  # one row a function")) and found(list(instead)[6], said_in("f('in the place of')"))
    assert not any(found(phrase, "There is no memory. The gradient by the complex step, by central differences and by PyTorch; tables and figures; a training loop") for phrase in instead)
