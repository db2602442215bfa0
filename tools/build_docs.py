"""Build the site into `_docs/`.

With Quarto where it is on the PATH or pip can get it, else with smalldocs; LSTM_NB_RENDERER=quarto or
smalldocs decides otherwise. Both read `_quarto.yml` and the notebooks as nbdev prepares them in `_proc/`,
and both run `finish_site.py` at the end. A formula that Quarto cannot convert, and only warns of, fails the build:
it would be on the page as TeX.

Where nothing has changed that the site is made of, nothing is done. Else the notebooks that have changed are prepared
anew, all of them where the package, a tool or a version has, and all pages are rendered: neither renderer can do some
of them and give the same site. `_docs/` is replaced by a finished site only."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
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


record = Path("_proc/.record.json")      # what was prepared, and what the site in `_docs/` was made of


def digest(value):
    "A short name for bytes, or for what can be JSON."
    return hashlib.sha256(value if isinstance(value, bytes) else json.dumps(value, sort_keys=True).encode()).hexdigest()[:20]


def read_record():
    "What is noted of the last builds; nothing if it cannot be read."
    try: return dict(json.loads(record.read_text(encoding="utf-8")))
    except (OSError, ValueError): return {}


def note(**new):
    "Note something, in one stroke."
    record.parent.mkdir(exist_ok=True)
    part = record.with_suffix(".part")
    part.write_text(json.dumps(read_record() | new), encoding="utf-8")
    part.replace(record)


def versions_of(names):
    "The versions of these packages and of all that they need."
    found, todo = {}, list(names)
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in found: continue
        try: found[name] = metadata.version(name)
        except metadata.PackageNotFoundError: found[name] = ""; continue
        todo += [re.match(r"[\w.-]+", r)[0] for r in metadata.requires(name) or () if "extra ==" not in r]
    return found


def made_of():
    "A digest of everything that the notebooks are prepared with, and of every file in `nbs/`."
    seen = lambda p: p.is_file() and p.name != "nbdev.yml" and not any(n.startswith(".") or n == "__pycache__" for n in p.parts)
    common = [Path("settings.ini"), Path("README.md"), *Path("tools").glob("*.py"), *Path("lstm_nb").rglob("*.py")]
    common = [sys.version, versions_of(["nbdev", "smalldocs", "pypandoc-binary"]), sorted((str(p), digest(p.read_bytes())) for p in common)]
    return digest(common), {p.relative_to("nbs").as_posix(): digest(p.read_bytes()) for p in Path("nbs").rglob("*") if seen(p)}


def listing():
    "A digest of how the files in `_docs/` stand."
    return digest(sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in Path("_docs").rglob("*") if p.is_file()))


def clear(prepared):
    "Remove from `_proc/` all but what is still right: `prepared` says what ought to be there. What is left of it."
    old = read_record().get("prepared", {})
    kept = {name: made for name, made in prepared.items() if old.get(name) == made and Path("_proc", name).is_file()}
    note(prepared=kept)         # before anything is made: a build that is broken off leaves nothing that looks right
    for path in sorted(Path("_proc").rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()): path.rmdir()
        elif path != record and path.relative_to("_proc").as_posix() not in kept: path.unlink()
    return kept


def fix_ids(source, prepared):
    "Give the cells that were added to a notebook ids that stay the same; nbdev's are random, and Quarto writes them into the page."
    there = {c.get("id") for c in json.loads(source.read_text(encoding="utf-8"))["cells"]}
    page = json.loads(prepared.read_text(encoding="utf-8"))
    for i, c in enumerate(page["cells"]):
        if "id" in c and c["id"] not in there: c["id"] = digest([source.name, i])[:8]
    prepared.write_text(json.dumps(page, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def prepare(common, files):
    "The folder of the notebooks that are to be rendered, made by the steps that `nbdev_docs` takes; those that are there stay."
    prepared = {name: digest([common, made]) for name, made in files.items()}
    kept, books = clear(prepared), [name for name in files if name.endswith(".ipynb")]
    new = [name for name in books if name not in kept]
    print(f"== preparing {len(new)} of {len(books)} notebooks", flush=True)
    import nbdev.doclinks
    import nbdev.serve
    from nbdev.quarto import refresh_quarto_yml
    from pages import Pages
    nbdev.serve.FilterDefaults = Pages
    refresh_quarto_yml()
    nbdev.doclinks._build_modidx()
    folder = nbdev.serve.proc_nbs(**{"n_workers": 0} if len(new) < 5 else {})     # to start a worker takes as long as five notebooks
    for name in new: fix_ids(Path("nbs", name), folder/name)
    for name in books: os.utime(folder/name, ns=(1, Path("nbs", name).stat().st_mtime_ns))      # what the map of the site says of its age
    note(prepared=prepared)
    return folder


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
    wanted = os.environ.get("LSTM_NB_RENDERER")
    quarto = wanted == "quarto" if wanted else have_quarto()
    if not quarto and sys.version_info < (3, 11):
        sys.exit("Quarto is not here, and without it the site needs smalldocs, which needs Python 3.11: install Quarto (https://quarto.org), "
                 "or a later Python and then: rm -rf .venv && make PYTHON=python3.11 docs")
    common, files = made_of()
    renderer = subprocess.run(["quarto", "--version"], capture_output=True, text=True).stdout if quarto and shutil.which("quarto") else "smalldocs"
    made, before = digest([renderer, common, files]), read_record()
    if (before.get("site"), before.get("listing")) == (made, listing()):
        return print("== _docs/: nothing that it is made of has changed")
    folder = prepare(common, files)
    print(f"== rendering with {'Quarto' if quarto else 'smalldocs'}", flush=True)
    (with_quarto if quarto else with_smalldocs)(folder)
    if Path("_docs").exists(): Path("_docs").rename("_proc/_old")
    Path("_proc/_docs").rename("_docs")
    shutil.rmtree("_proc/_old", ignore_errors=True)
    note(site=made, listing=listing())
    print(f"== _docs/: {len(list(Path('_docs').rglob('*.html')))} pages")


if __name__ == "__main__": main()
