"The house: what stands where, who may import whom, and what every public name has."
import ast
import json
import re
from importlib import import_module
from pathlib import PurePosixPath

import lstm_nb
import pytest
from conftest import root
from everything import modules
from test_pages import book

parts = ["", "engines", "networks", "exchange", "training", "checker"]


def standing(name):
    "Where a page stands: its part, its number, and `arguments` below all others."
    part, _, page = name.rpartition("/")
    return (-1, 0) if page == "00_arguments" else (parts.index(part), int(page[:2]))


# (number, module or `None`, code cells) of every numbered page
pages = [(standing(name), page.module, [c for c in page.cells if c.kind == "code"]) for name, page in book().items()]
place = {module: number for number, module, _ in pages if module}
sources = {module: (root/f"lstm_nb/{module.replace('.', '/')}.py").read_text(encoding="utf-8") for module in place}


def imported(code, module=""):
    "(module, name or `None`) of all that `code`, which stands in `module`, imports of lstm_nb, in every form of the statement."
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "lstm_nb": yield alias.name.partition(".")[2], None
        if not isinstance(node, ast.ImportFrom): continue
        if node.level:
            folder = PurePosixPath(*module.split(".")).parents[node.level - 1]
            target = ".".join([*folder.parts, *(node.module or "").split(".")]).strip(".")
        elif (node.module or "").partition(".")[0] == "lstm_nb": target = node.module.partition(".")[2]
        else: continue
        for alias in node.names:
            inside = f"{target}.{alias.name}".strip(".")
            if inside in place: yield inside, None
            elif not target and alias.name in lstm_nb._HOME: yield lstm_nb._HOME[alias.name], alias.name
            else: yield target, alias.name


def plain(cells): return "\n".join(line for cell in cells for line in cell.text.splitlines() if not line.startswith(("%", "!")))


def upward(code, module, number, own=()):
    "What `code` imports of a page that does not stand below it."
    return [used for used, _ in imported(code, module) if used and used not in own and not (used in place and place[used] < number) and used not in parts]


@pytest.mark.parametrize("module", place)
def test_imports_run_down(module):
    assert upward(sources[module], module, place[module]) == []


def test_examples_run_down_too():
    "A page's examples use pages below it and itself; page 00 of a part shows the use of its part, and a page without a module that of its number."
    wrong = []
    for (part, n), module, cells in pages:
        own = {module} | ({m for m, (p, _) in place.items() if p == part} if n == 0 and part > 0 else set())
        if not module: own |= {m for m, number in place.items() if number == (part, n)}
        wrong += [(module or (part, n), used) for used in upward(plain(cells), module or "", (part, n), own)]
    assert wrong == []


def private(code, module):
    "Private names of other modules in `code`: imported, or reached through an imported module."
    found = [name for _, name in imported(code, module) if name and name.startswith("_")]
    aliases = {(a.asname or a.name).partition(".")[0] for node in ast.walk(ast.parse(code)) if isinstance(node, (ast.Import, ast.ImportFrom))
               for a in node.names if f"{getattr(node, 'module', '') or ''}.{a.name}".strip(".").removeprefix("lstm_nb.") in place}
    return found + [f"{node.value.id}.{node.attr}" for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
                    and node.value.id in aliases and node.attr.startswith("_") and not node.attr.startswith("__")]


@pytest.mark.parametrize("module", place)
def test_no_private_name_of_another_module(module): assert private(sources[module], module) == []


@pytest.mark.parametrize("code", ["from lstm_nb.checker.check import check", "from lstm_nb.checker import check", "import lstm_nb.checker.check", "from lstm_nb import check",
                                  "from .calls import fused_lstm_forward", "from . import calls", "from ..networks.layers import layers_forward", "def f():\n    from .calls import Tape"])
def test_an_import_upward_is_seen(code): assert upward(code, "engines.engine", place["engines.engine"]) != []


@pytest.mark.parametrize("code", ["from .arrays import _KEPT", "from lstm_nb.engines.arrays import _KEPT", "from lstm_nb.engines import arrays\narrays._KEPT"])
def test_a_private_name_is_seen(code): assert private(code, "engines.calls") != []


def test_no_package_exports_what_is_called_like_its_module():
    for package in parts:
        own = {m.removeprefix(f"{package}.") for m in place if m.startswith(f"{package}.") or not package} | {*parts[1:]}
        assert own & {*getattr(import_module(f"lstm_nb.{package}".rstrip(".")), "__all__", ())} == set()


def test_a_public_name_stands_in_one_module():
    "But for the two pairs of loops that do the same."
    homes = {}
    for page, module in modules.items():
        for name in module.__all__:
            if getattr(getattr(module, name), "__module__", f"lstm_nb.{page}") == f"lstm_nb.{page}": homes.setdefault(name, []).append(page)
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


shown = "\n".join(plain(c for c in cells if not c.has("exports?")) for _, _, cells in pages)
tried = shown + "\n".join(path.read_text(encoding="utf-8") for path in (root/"tests").rglob("*.py") if "node_modules" not in path.parts)


@pytest.mark.parametrize("page", modules)
def test_every_public_name_has_a_sentence_an_example_and_a_test(page):
    module = modules[page]
    for name in module.__all__:
        value = getattr(module, name)
        if not callable(value) or not getattr(value, "__module__", "").startswith("lstm_nb"): continue
        assert (value.__doc__ or "").strip() and not value.__doc__.startswith(f"{name}("), f"{page}.{name} has no sentence"
        assert re.search(rf"\b{name}\b", tried), f"{page}.{name} is in no example and no test"


def test_the_names_of_the_package():
    assert 50 <= len(lstm_nb.__all__) <= 80 and len({*lstm_nb.__all__}) == len(lstm_nb.__all__)
    assert "LSTM" in lstm_nb.__doc__
    for name in lstm_nb.__all__: assert getattr(lstm_nb, name).__doc__, name
    assert {*lstm_nb.__all__} <= {*dir(lstm_nb)}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"): lstm_nb.__getattr__("nothing")


def test_no_stored_output_is_an_error_or_names_a_folder_of_ours():
    for path in (root/"nbs").rglob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            stored = json.dumps(cell.get("outputs", []))
            assert '"output_type": "error"' not in stored and not re.search(r"/(root|home|work|Users)/", stored), (path.name, cell["id"])
