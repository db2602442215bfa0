"""Run the proofs of the book against a changed module.

A notebook defines the functions that it exports, so it would test its own copy of them and never see a change in
`lstm_nb/`. Here its exported cells are left out, and the names of the module stand in their place. Each run is a
forked child that gets the changed source from memory: nothing on the disk is touched."""
import json
import os
import re
import signal
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.util import spec_from_loader

from stamps import root

sys.path.insert(0, str(root))
pages = {"parameters": "00_parameters", "activations": "01_activations", "gradcheck": "02_gradcheck", "rnn": "03_rnn",
         "cell": "04_cell", "sequence": "05_sequence", "output": "06_output"}
tests = [["core/test_mutants.py", "core/test_published.py"], ["core/test_gradients.py"]]
big = "6x6x6x8 or 3x5x10x7 or planted"  # the slow ones among them; the small sizes say the same
left_out = re.compile(r"#\|\s*(exports?|exporti|default_exp|echo: false)\b"
                      r"|(?s:.*)\b(nbdev_export\(\)"                               # it would write all modules anew
                      r"|get_ipython\(\)\.system"                              # it installs the package, in Colab
                      r"|train\(|sample\(|known_words\(|losses\[)")              # the network that learns to write: seconds, and no proof


class Changed(MetaPathFinder, Loader):
    "Finds the modules of `sources`, a dictionary from names to text, before the files of the same names."
    def __init__(self, sources): self.sources = sources

    def find_spec(self, name, path=None, target=None):
        return spec_from_loader(name, self) if name in self.sources else None

    def exec_module(self, module):
        exec(compile(self.sources[module.__name__], module.__name__, "exec"), module.__dict__)


def plant(sources):
    "Make the next import of lstm_nb take the modules in `sources` from there."
    for name in [n for n in sys.modules if n.partition(".")[0] == "lstm_nb"]: del sys.modules[name]
    sys.meta_path.insert(0, Changed(sources))


def run_page(module):
    "All cells of the module's page but the exported ones and those that draw, in the names of the module."
    import lstm_nb
    names = dict(vars(getattr(lstm_nb, module)), __name__="page")
    cells = json.loads((root/"nbs"/f"{pages[module]}.ipynb").read_text(encoding="utf-8"))["cells"]
    for i, cell in enumerate(cells):
        text = "".join(cell["source"])
        if cell["cell_type"] == "code" and not left_out.match(text):
            exec(compile(text, f"{pages[module]}, cell {i}", "exec"), names)


def run_pytest(files):
    "A quick part of pytest, in this process."
    import pytest
    assert pytest.main(["-xqq", "-p", "no:cacheprovider", "-k", f"not ({big})", *(str(root/"tests"/f) for f in files)]) == 0


def proofs(first=None):
    "Name and function of every proof: the page of the module `first` first, the quick tests, then all that takes longer."
    own, *others = [(pages[m], lambda m=m: run_page(m)) for m in sorted(pages, key=lambda m: (m != first, pages[m]))]
    quick, slow = [("pytest " + " ".join(files), lambda files=files: run_pytest(files)) for files in tests]
    return [own, quick, *others, slow]


def verdict(sources, runs, seconds=60):
    "The name of the first of `runs` that fails when `sources` are planted, 'timeout' or 'crash', or '' if all pass."
    def first_failure():
        for name, run in [("import", lambda: __import__("lstm_nb")), *runs]:
            if failed(run): return name
        return ""
    return in_child(first_failure, sources, seconds)


def failed(run):
    "Whether `run` raises anything."
    try: run()
    except BaseException as e: return e
    return False


def in_child(function, sources, seconds=60):
    "What `function` returns in a forked child where `sources` are planted, or 'timeout' or 'crash'; `seconds` are those of the processor."
    sys.stdout.flush()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.setitimer(signal.ITIMER_PROF, seconds)           # of its own time: others may be at work too
            signal.alarm(10*seconds)
            for stream in (1, 2): os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            os.chdir(root/"nbs")
            plant(sources)
            said = json.dumps(function()).encode()
            while said: said = said[os.write(write, said):]
        finally: os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as f: said = f.read()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status): return "timeout" if os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGPROF) else "crash"
    return json.loads(said)
