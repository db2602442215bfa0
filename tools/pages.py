"The notebooks as nbdev prepares them for the site, none of their cells run: what `show_doc` shows comes out of the package."
import nbdev.showdoc
from nbdev.config import get_config
from nbdev.processors import FilterDefaults, exec_show_docs


class Shown(nbdev.showdoc.BasicMarkdownRenderer):
    "What is shown of a function, linked to its line by the name that it has in its module."
    def __init__(self, sym, **kwargs):
        super().__init__(sym, **kwargs)
        self.fn = self.fn.removeprefix(f"{sym.__module__}.")


plain = "engines.compiled",      # cannot be imported without Numba: its functions are shown as they are written, and nothing more


class ShowDocs(exec_show_docs):
    "Runs what calls `show_doc` on a page, and no other cell."
    def begin(self):
        super().begin()
        self.k.run_cell("from functools import partial; from pages import Shown; show_doc = partial(show_doc, renderer=Shown)")
        marks = [getattr(c, "directives_", {}) for c in self.nb.cells]                  # `exports MODULE` is how a second page adds to a module
        modules = dict.fromkeys(m[name][0] for m in marks for name in ("default_exp", "exports") if m.get(name))
        self.plain = not {*plain}.isdisjoint(modules)
        for module in modules if not self.plain else (): self.k.run_cell(f"from {get_config().lib_name}.{module} import *")

    def __call__(self, cell):
        if "show_doc(" in cell.source and not self.plain: super().__call__(cell)


class Pages(FilterDefaults):
    def base_procs(self): return [ShowDocs if p is exec_show_docs else p for p in super().base_procs()]
