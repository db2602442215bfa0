"The few lines of pages N5 to N10: each step is that of page N11 with one variant switched on, forward and backward."
import json
import re

import pytest
from conftest import root
from lstm_nb import assert_close
from lstm_nb.networks.step import cell_options, variant_step, variant_step_backward

# page -> its options, and a mistake in its lines
pages = {"05_activations": (dict(activations=("HardSigmoid", ("LeakyRelu", -0.3), "Softsign"), clip=0.7), ("dvalue[k] * slope[k]", "dvalue[k]")),
         "06_clipping": (dict(cell_clip=0.4), ("(dc + s) * inside", "dc + s")),
         "07_peepholes": ({}, (' + p["Po"] * dot', "")),
         "08_coupled": ({}, ("B * (cct - c_prev)", "B * cct")),
         "09_projection": ({}, ('"dWp": da @ u.T', '"dWp": da @ c_next.T')),
         "10_normalisation": (dict(epsilon=0.1), ('p[f"g{k}"] * dz', "dz"))}


proof = "check_gradients(loss, inputs | p, d)"


def lines(page):
    "The code that a reader sees on `page`, up to its proof and without it."
    cells = json.loads((root/f"nbs/networks/{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    code = [c for c in code if not re.match(r"#\|\s*(hide|export\b|default_exp|echo)", c)]
    return "\n".join(code).partition(f"\n{proof}\n")[0]


def compare(code, activations=("Sigmoid", "Tanh", "Tanh"), **options):
    exec(code, names := {})
    p, o, da, dc = names["p"], cell_options(activations, 3, **options), names["da"], names["dc"]
    a, c, kept = names["step"](**names["inputs"], p=p)
    one_a, one_c, one_kept = variant_step(*names["inputs"].values(), p, o)
    assert_close({"a": one_a, "c": one_c}, {"a": a, "c": c})
    assert_close(variant_step_backward(da, dc, one_kept, p, o), names["step_backward"](da, dc, p, kept))


@pytest.mark.parametrize("page", pages)
def test_the_lines_of_a_page_are_those_of_the_step_with_all(page): compare(lines(page), **pages[page][0])


@pytest.mark.parametrize("page", pages)
def test_a_mistake_in_them_is_seen(page):
    options, (right, wrong) = pages[page]
    assert lines(page).count(right) == 1
    with pytest.raises(AssertionError, match="entry"): compare(lines(page).replace(right, wrong), **options)
