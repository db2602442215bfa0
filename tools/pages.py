"The notebooks as nbdev prepares them for the site, none of their cells run: what `show_doc` shows comes out of the package."
import re

import nbdev.showdoc
from nbdev.config import get_config
from nbdev.processors import FilterDefaults, exec_show_docs


class Shown(nbdev.showdoc.BasicMarkdownRenderer):
    "What is shown of a function, linked to its line by the name that it has in its module."
    written = frozenset()       # names whose code the page shows: signature and docstring stand there and not twice

    def __init__(self, sym, **kwargs):
        super().__init__(sym, **kwargs)
        self.fn = self.fn.removeprefix(f"{sym.__module__}.")

    def _repr_markdown_(self):
        text = super()._repr_markdown_()
        return text.partition("```python\n")[0] if self.fn in self.written else text


plain = "engines.compiled",      # cannot be imported without Numba: its functions are shown as they are written, and nothing more


class ShowDocs(exec_show_docs):
    "Runs what calls `show_doc` on a page, and no other cell."
    def begin(self):
        super().begin()
        self.k.run_cell("from functools import partial; from pages import Shown; show_doc = partial(show_doc, renderer=Shown)")
        marks = [getattr(c, "directives_", {}) for c in self.nb.cells]                  # `exports MODULE` is how a second page adds to a module
        modules = dict.fromkeys(m[name][0] for m in marks for name in ("default_exp", "exports") if m.get(name))
        shown = "\n".join(c.source for c, m in zip(self.nb.cells, marks, strict=True) if "exports" in m)
        written = re.findall(r"^(?:def|class) (\w+)", shown, re.M)
        self.k.run_cell(f"Shown.written = frozenset({written})")
        self.plain = not {*plain}.isdisjoint(modules)
        for module in modules if not self.plain else (): self.k.run_cell(f"from {get_config().lib_name}.{module} import *")

    def __call__(self, cell):
        if "show_doc(" in cell.source and not self.plain: super().__call__(cell)


class Pages(FilterDefaults):
    def base_procs(self): return [ShowDocs if p is exec_show_docs else p for p in super().base_procs()]
