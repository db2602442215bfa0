"""Build the site into `_docs/`.

With Quarto where it is on the PATH or pip can get it, else with smalldocs; LSTM_NB_RENDERER=quarto or
smalldocs decides otherwise. Both read `_quarto.yml` and the notebooks as nbdev prepares them in `_proc/`,
and both run `finish_site.py` at the end."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
tried = Path(sys.prefix)/".quarto-tried"


def have_quarto():
    "Whether `quarto` is on the PATH; pip is asked for it once."
    if not shutil.which("quarto") and not tried.exists():
        tried.touch()
        print("== Quarto is not here: asking pip for it, once", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--no-deps", "quarto-cli==1.7.34"]
        try: subprocess.run(pip, capture_output=True, timeout=300)
        except subprocess.TimeoutExpired: pass
    return bool(shutil.which("quarto"))


def with_quarto():
    "What `nbdev_docs` does."
    from nbdev.quarto import nbdev_docs
    (root/"README.md").touch()  # else nbdev_docs makes it anew; tools/readme.py does that
    nbdev_docs.__wrapped__()


def with_smalldocs():
    "What `nbdev_docs` does, with smalldocs in the place of Quarto."
    import nbdev.doclinks
    from nbdev.quarto import refresh_quarto_yml
    from nbdev.serve import proc_nbs
    from second_renderer import render
    refresh_quarto_yml()
    nbdev.doclinks._build_modidx()
    render(proc_nbs())
    shutil.rmtree(root/"_docs", ignore_errors=True)
    shutil.move(root/"_proc/_docs", root)


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
    with_quarto() if quarto else with_smalldocs()
    print(f"== _docs/: {len(list(Path('_docs').rglob('*.html')))} pages")


if __name__ == "__main__": main()
