"""Build the site into `_docs/`.

With Quarto where it is on the PATH or pip can get it, else with smalldocs; LSTM_NB_RENDERER=quarto or
smalldocs decides otherwise. Both read `_quarto.yml` and the notebooks as nbdev prepares them in `_proc/`,
and both run `finish_site.py` at the end. A formula that Quarto cannot convert, and only warns of, fails the build:
it would be on the page as TeX."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
tried = Path(sys.prefix)/".quarto-tried"
versions = "quarto-cli>=1.7.34,<1.11"  # the lines that CI builds with


def have_quarto():
    "Whether `quarto` is on the PATH; pip is asked for it once."
    if not shutil.which("quarto") and not tried.exists():
        tried.touch()
        print("== Quarto is not here: asking pip for it, once", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--no-deps", versions]
        try: subprocess.run(pip, capture_output=True, timeout=300)
        except subprocess.TimeoutExpired: pass
    return bool(shutil.which("quarto"))


def prepare():
    "The folder of the notebooks that are to be rendered, made by the steps that `nbdev_docs` takes."
    import nbdev.doclinks
    from nbdev.quarto import refresh_quarto_yml
    from nbdev.serve import proc_nbs
    refresh_quarto_yml()
    nbdev.doclinks._build_modidx()
    return proc_nbs()


def with_quarto(folder):
    "Let Quarto render `folder`, pass on what it says, and end the build where it fails or leaves TeX."
    quarto = shutil.which("quarto") or sys.exit("quarto is not on the PATH")
    run = subprocess.Popen([quarto, "render", "--no-cache"], cwd=folder, text=True, encoding="utf-8", errors="replace",
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    unread = []
    for line in run.stdout:
        print(line, end="", flush=True)
        if "Could not convert TeX math" in line: unread.append(line)
    if run.wait(): sys.exit(f"Quarto ended with status {run.returncode}")
    if unread: sys.exit("Quarto left formulas as TeX, and the site is not taken:\n" + "".join(unread))


def with_smalldocs(folder):
    "The same with smalldocs."
    from second_renderer import render
    render(folder)


def main():
    os.chdir(root)
    shutil.rmtree("_proc", ignore_errors=True)
    wanted = os.environ.get("LSTM_NB_RENDERER")
    quarto = wanted == "quarto" if wanted else have_quarto()
    if not quarto and sys.version_info < (3, 11):
        sys.exit("No Quarto, and smalldocs needs Python 3.11: install either, or make PYTHON=python3.11 docs")
    import nbdev.serve
    from pages import Pages
    nbdev.serve.FilterDefaults = Pages
    print(f"== rendering with {'Quarto' if quarto else 'smalldocs'}", flush=True)
    (with_quarto if quarto else with_smalldocs)(prepare())
    shutil.rmtree("_docs", ignore_errors=True)
    shutil.move("_proc/_docs", root)
    print(f"== _docs/: {len(list(Path('_docs').rglob('*.html')))} pages")


if __name__ == "__main__": main()
