"What learners bring, by both ways in: a script and a notebook. The guard is started once."
import ast
import json
import random
import sys
import textwrap

import pytest
from corpus import base, part, source

from lstm_nb.checker.run import Guard, run_file
from lstm_nb.checker.reading import read_file
from lstm_nb.checker.statements import parse

rc, rs, lc, ls = "rnn_cell_backward", "rnn_backward", "lstm_cell_backward", "lstm_backward"
head = "import numpy as np\n\n\n"


def one(name, *edits): return part(source(name, *edits) if edits else base, name)


wrong = one(rc, "(1 - a_next ** 2)", "(1 - a_next)")
right = one(rc)
sequence = one(ls)
helped = right.replace("(1 - a_next ** 2)", "slope(a_next)")
filled = {"R3": {rc: ["R3"]}, "right": {rc: []}}


@pytest.fixture(scope="module")
def guard():
    with Guard() as g: yield g


@pytest.fixture
def judge(guard, tmp_path):
    def judged(text, name="it.py", **kwargs):
        path = tmp_path/name
        path.write_bytes(text) if isinstance(text, bytes) else path.write_text(text, encoding="utf-8")
        return run_file(path, kwargs.pop("seconds", 20), guard=guard, **kwargs)
    return judged


def book(*cells, **more):
    "A notebook as text."
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "text"}] + [{"cell_type": "code", "source": c.splitlines(True)} for c in cells], **more})


def equations(found): return {r["function"]: [f["equation"] for f in r["findings"]] for r in found["reports"]}


# text of the file | what is found | what is said
scripts = {
    "test code that fails": (head + wrong + "\nnp.load('nothing.npy')\nprint(rnn_cell_backward(0, 0))\n", "R3", "nothing.npy"),
    "test code that never ends": (head + "while True: pass\n" + wrong + "\ninput()\n", "R3", "while True"),
    "under the main guard": ("if __name__ == '__main__':\n" + textwrap.indent(head + wrong, "    "), "R3", ""),
    "in a try": ("try:\n" + textwrap.indent("import torch_\n" + head + wrong, "    ") + "except Exception as e: print(e)\n", "R3", ""),
    "no import": (wrong, "R3", "np is not in the file"),
    "hints from nowhere": ("from tensor_ import Tensor\n" + head + wrong.replace("(da_next, cache)", "(da_next: Tensor, cache: 'tuple') -> Tensor[float]"), "R3", "tensor_ is not there"),
    "hints that are nowhere": (head + wrong.replace("(da_next, cache)", "(da_next: Tensor, cache)"), "R3", "Tensor is not there"),
    "decorators from nowhere": ("from jit_ import jit, typed\n" + head + "@typed(checker=jit)\n@jit\n" + wrong, "R3", "jit_ is not there"),
    "a decorator that fails": (head + "def check_(f): raise ValueError('no')\n@check_\n" + wrong, "R3", "without its decorator"),
    "tanh of torch": ("import torch_ as torch\n" + head + right.replace("a_next ** 2", "torch.tanh(a_next)"), "R3", "lent for torch_.tanh"),
    "numpy of jax": ("import jax_.numpy as np\n" + wrong, "R3", "jax_.numpy is not there"),
    "a relative import": ("from .nothing import sigmoid\n" + head + wrong, "R3", ""),
    "get_ipython": ("get_ipython().magic('matplotlib inline')\n# In[1]:\n" + head + wrong, "R3", ""),
    "outputs pasted": (head + "a.shape =  (5, 10)\n" + wrong + "\na[4] =  [ 0.59 0.18\n -0.18]\nb.shape = (2, 3)\n", "R3", "a[4] =  [ 0.59"),
    "a session": (">>> import numpy as np\n" + "".join(">>> "[:4] + l if l.startswith("def") else "... " + l for l in wrong.splitlines(True)), "R3", ""),
    "Markdown": ("My code:\n\n```python\n" + head + wrong + "```\nIt doesn't work!\n", "R3", "My code"),
    "web page": (head + wrong.replace('"', "”").replace("    dz", "\u00a0   dz").replace("1 - a", "1 − a"), "R3", "typographic"),
    "Python 2": ("import cPickle\n" + head + wrong.replace("    dxt =", "    print 'dz', dz.shape\n    for i in xrange(2): print i,\n    dxt =") + "\nprint 'done'\ntry: a\nexcept Exception, e: print e\n", "R3", "this is Python 2"),
    "tabs": (head + wrong.replace("    dz", "\tdz").replace("    ", "        "), "R3", "tabs"),
    "an alias": (head + wrong.replace(rc, "step") + "\nrnn_cell_backward = step\n", "R3", ""),
    "a helper below": (head + helped + "\ndef slope(a): return 1 - a\n", "R3", ""),
    "a letter": (head + wrong.replace("rnn_", "run_"), "R3", "run_cell_backward (line 4) is read as rnn_cell_backward"),
    "capitals": (head + wrong.replace(rc, "rnnCellBackward"), "R3", "is read as"),
    "a static method": (head + "class RNN:\n    @staticmethod\n" + textwrap.indent(wrong, "    "), "R3", "RNN.rnn_cell_backward"),
    "a method": (head + "class RNN:\n    def slope(self, a): return 1 - a\n" + textwrap.indent(helped.replace("slope(", "self.slope(").replace("(da_next,", "(self, da_next,"), "    "), "R3", ""),
    "latin-1": ((head + "# gr\u00fcn\n" + wrong).encode("latin-1"), "R3", ""),
    "a book's name": ("from lstm_nb import rnn_backward\n" + head + wrong, "R3", "rnn_backward is not in the file"),
}
notebooks = {
    "edition of 2018": (["import numpy as np\nfrom rnn_utils import *", "Wax = 3; x = 1; parameters = {'Wax': Wax}\na_next, y, cache = rnn_cell_forward(x, x, parameters)", wrong, "g = rnn_cell_backward(x, cache)"], "R3", "rnn_utils is not there"),
    "drafts": (["import numpy as np", wrong, "def rnn_cell_backward(da_next, cache):\n    dz = (1 -", right], "right", "never closed"),
    "another language": (["import numpy as np", "%%bash\nls -la", "%%html\n<b>it's</b>", wrong], "R3", "%%html"),
    "written to a file": (["%%writefile it.py\nimport numpy as np\n" + wrong], "R3", ""),
    "shell": (["!pip install x\n%cd /tmp\nimport numpy as np", "from google.colab import drive\ndrive.mount('x')", wrong, "!echo 'it's'"], "R3", "!pip install x"),
}


@pytest.mark.parametrize("kind", scripts)
def test_scripts(judge, kind):
    text, wanted, said = scripts[kind]
    found = judge(text)
    assert equations(found) == filled[wanted] and not found["unjudged"], found
    assert said in json.dumps(found, ensure_ascii=False).replace('\\"', '"'), found


@pytest.mark.parametrize("kind", notebooks)
def test_notebooks(judge, kind):
    cells, wanted, said = notebooks[kind]
    found = judge(book(*cells), "it.ipynb")
    assert equations(found) == filled[wanted] and not found["unjudged"], found
    assert said in json.dumps(found, ensure_ascii=False)


unreadable = {
    "a bracket": (one(rs).replace("(n_x, m, T_x)", "(n_x, m, T_x"), "was never closed"),
    "a colon": (one(rs).replace("(da, caches):", "(da, caches)"), "expected ':'"),
    "a string": (one(rs).replace("steps, x =", '"""what\n    steps, x ='), "unterminated triple-quoted"),
    "an argument twice": (one(rs).replace("(da, caches)", "(da, da)"), "duplicate argument"),
}


@pytest.mark.parametrize("kind", unreadable)
@pytest.mark.parametrize("first", [True, False])
def test_what_cannot_be_read_is_named_and_hides_nothing(judge, kind, first):
    bad, why = unreadable[kind]
    parts = [bad, wrong] if first else [wrong, bad]
    for found in judge(head + "\n".join(parts)), judge(book("import numpy as np", *parts), "it.ipynb"):
        assert equations(found) == {rc: ["R3"]} and found["status"] == 1, found
        assert list(found["unjudged"]) == [rs] and why in found["unjudged"][rs] and "line " in found["unjudged"][rs]


def test_a_draft_does_not_speak_for_the_version_that_is_broken(judge):
    found = judge(head + right + "\n" + right.replace("(1 - a", "((1 - a") + "\n" + one(rs))
    assert list(found["unjudged"]) == [rc] and list(equations(found)) == [rs]


@pytest.mark.parametrize("text, why", [
    ("from nowhere import slope\n" + helped, "nowhere.slope, which is not there"),
    ("from nowhere import *\n" + helped, "nowhere.slope, which is not there"),
    ("import torch_\n" + right.replace("np.dot(Wax.T, dz)", "torch_.einsum('ji,jk', Wax, dz)"), "torch_.einsum, which is not there"),
    ("import torch_\n" + right.replace("np.sum(dz, axis=1, keepdims=True)", "torch_.sum(dz, dim=1, keepdim=True)"), "torch_.sum"),
    ("def slope(a): return (1 - a\n" + helped, "it needs slope: it cannot be read: line 4"),
    ("slope = {}['slope']\n" + helped, "it needs slope: line 4 was left out: KeyError"),
    ("class RNN:\n    w = 1\n" + textwrap.indent(right.replace("(da_next,", "(self, da_next,").replace("* da_next", "* da_next * self.w"), "    "), "is a method that reads its object"),
])
def test_nothing_right_is_called_wrong_for_what_is_missing(judge, text, why):
    found = judge(head + text)
    assert found["reports"] == [] and found["status"] == 2
    assert why in found["unjudged"][rc] and why in found["error"], found


def test_a_misspelt_variable_is_a_mistake_although_a_star_import_failed(judge):
    found = judge("from rnn_utils import *\n" + head + right.replace("np.dot(dz, xt.T)", "np.dot(dzz, xt.T)"))
    assert equations(found) == {rc: ["error"]}


def test_what_test_code_assigns_is_not_supplied(judge):
    "The weights, parameters, x: whether they are assigned or not, the function reads what it was not given."
    text = one(lc)
    text = text.replace('parameters["Wf"]', "Wf").replace("parameters['Wf']", "Wf")
    assert text != one(lc)
    below = "Wf = np.ones((5, 8))\nn_a = 5\nparameters = {'Wf': Wf}\n"
    plain, assigned = judge(head + text), judge(head + text + below)
    assert equations(plain) == equations(assigned) == {lc: ["error"]}
    assert plain["reports"][0]["findings"] == assigned["reports"][0]["findings"] and "Wf" in str(plain["reports"])


def test_a_sequence_alone(judge):
    found = judge(head + sequence)
    assert equations(found) == {ls: []}
    assert any("lstm_cell_backward is not in the file; this book's own was lent" in n for n in found["notes"]), found


def test_names(judge):
    found = judge(head + wrong.replace(rc, "my_step"))
    assert found["status"] == 2 and "my_step" in found["error"] and "rnn_cell_forward" in found["error"]
    found = judge(head + wrong.replace(rc, "backward_step_rnn"), names={rc: "backward_step_rnn"})
    assert equations(found) == {rc: ["R3"]}
    found = judge(head + "class A:\n    @staticmethod\n" + textwrap.indent(wrong.replace(rc, "back"), "    "), names={rc: "A.back"})
    assert equations(found) == {rc: ["R3"]}
    found = judge(head + wrong, names={rs: "nothing"})
    assert "there is no nothing" in found["unjudged"][rs]


def test_another_course(judge):
    text = head + "def lstm_step_backward(dnext_h, dnext_c, cache): pass\n\ndef lstm_backward(dh, cache): pass\n"
    found = judge(text)
    assert found["reports"] == [] and found["status"] == 2 and list(found["unjudged"]) == [ls]
    assert all(w in " ".join(found["notes"]) for w in ("lstm_step_backward", "CS231n", lc, "da_next, dc_next, cache", "(n_a, m)"))
    assert judge(text + right)["status"] == 1


@pytest.mark.parametrize("there", [True, False])
def test_with_and_without_ipython(monkeypatch, there):
    if there: pytest.importorskip("IPython")
    else: monkeypatch.setitem(sys.modules, "IPython.core.inputtransformer2", None)
    nodes, _, bad, _ = parse("f = {}\nf['a'] = !ls\n%cd x\n%timeit f(1)\n!ls\nnp.dot?\ng = (1\n  % 2)\n/print 1\n")
    said = [ast.unparse(n) for n in nodes]
    assert "f = {}" in said and "g = 1 % 2" in said
    assert any("getoutput" in s for s in said) == there and bool(bad) == (not there)


def test_a_file_that_is_no_notebook(judge):
    for text in ("", "<!DOCTYPE html>", "[1, 2]", "null", '{"cells": 3}', '{"cells": [1, {"cell_type": "code", "source": [1]}]}', "[" * 10**5, "version https://git-lfs.github.com/spec/v1"):
        found = judge(text, "it.ipynb")
        assert found["status"] == 2 and found["error"], text
    found = judge(json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "input": head + wrong}]}]}), "it.ipynb")
    assert equations(found) == {rc: ["R3"]}


inside = ['    """Text\n\nat the margin, it\'s (open\ndef no_function(:\n%no magic\n    """\n', "    # isn't (this [a {comment\n", '    """a question?\n    np.dot?\n    """\n',
          '    s = ("a %s"\n         % 1)\n', "    t = (1\n        != 2)\n", "    u = 5 \\\n        % 3\n", "    print ('x')\n"]
between = ["%matplotlib inline\n", "!pip install x\n", "np.dot?\n", "print 'python 2', 3\n", "a[4] =  [ 0.5 0.18\n -0.1 ]\n", "It's a text, isn't it?\n", "```python\n", "print “curly”\n", "x = (1,\n",
           "files = !ls\n", "    stray = 3 4\n", "for i in range(3)\n    print(i)\n", "else:\n    pass\n", "return 3\n", "a = 'open\n", "]\n", "Traceback (most recent call last):\n  File \"x\", line 1\nTypeError: no\n",
           "class A(object)\n    pass\n", "try:\n    print 'a'\nexcept Exception, e:\n    print e\n", "def draft(a, b\n    return a\n"]


@pytest.mark.parametrize("seed", range(30))
def test_no_function_is_lost_or_changed_by_what_stands_around_it(tmp_path, seed):

    r = random.Random(seed)
    functions = []
    for name in ("sigmoid", "softmax", rc, rs, lc, ls):
        first, *rest = part(base, name).splitlines(True)
        functions.append("".join([first, r.choice([*inside, ""]), *rest]))
    want = [ast.dump(ast.parse(f).body[0]) for f in functions]
    text = "\n".join(f + "\n" + "".join(r.choices(between, k=r.choice([1, 2]))) for f in functions)
    (tmp_path/"it.py").write_text(text)
    (tmp_path/"it.ipynb").write_text(book(text))
    for name in ("it.py", "it.ipynb"):
        got = [ast.dump(s.node) for s in read_file(tmp_path/name).statements if isinstance(s.node, ast.FunctionDef)]
        assert [w in got for w in want] == [True]*6
