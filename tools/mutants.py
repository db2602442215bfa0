"""Mutation testing of the core: which small change of the code would no proof notice?

Cosmic Ray makes the mutants of `lstm_nb/`, planted.py runs the pages and the quick tests against each of them. One that
survives is an error, unless tests/records/equivalent_mutants.json says why it computes the same. The result is written to
tests/records/mutants.json, with a stamp of the code that it is of, and tests/records/mutants.md; what changed since the last one is printed.

    mutants.py              all of the core
    mutants.py cell rnn     only these modules; of the others the records stay as they are"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib.metadata import version
from multiprocessing import get_context

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MPLBACKEND="Agg")

import fastcore.test  # noqa: F401  imported once, for all children
import matplotlib.pyplot  # noqa: F401
import numpy  # noqa: F401
import pytest  # noqa: F401
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from planted import pages, proofs, root, verdict
from stamps import code_of, source

# Bit and shift operators raise on floats at the first call, and `is` for `==` says the same of small integers:
# the first would only flatter the score, the second only lengthen the list of equivalents.
left_out = [r"core/ReplaceBinaryOperator_\w+_(RShift|LShift|BitOr|BitXor|BitAnd)$", r"core/ReplaceBinaryOperator_Bit\w+_\w+$",
            r"core/ReplaceComparisonOperator_(?!Is)\w+_Is(Not)?$"]
config = """[cosmic-ray]
module-path = {modules}
timeout = 60.0
excluded-modules = []
test-command = "none: tools/mutants.py runs them"
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = {left_out}
"""
report_file, list_file, reasons_file = (root/"tests/records"/f for f in ("mutants.json", "mutants.md", "equivalent_mutants.json"))


def session(modules, folder):
    "The mutants that Cosmic Ray makes and that its filter leaves, in order: (module, key, source with the mutation)."
    files = [f"lstm_nb/{m}.py" for m in modules]
    (folder/"config.toml").write_text(config.format(modules=json.dumps(files), left_out=json.dumps(left_out)))
    for command in ("cosmic-ray init config session", "cr-filter-operators session config"):
        words = [str(folder/f"{w}.{'toml' if w == 'config' else 'sqlite'}") if w in ("config", "session") else w for w in command.split()]
        subprocess.run([os.path.join(os.path.dirname(sys.executable), words[0]), *words[1:]], cwd=root, check=True, capture_output=True)
    with use_db(folder/"session.sqlite", WorkDB.Mode.open) as db: items = [i.mutations[0] for i in db.pending_work_items]
    items.sort(key=lambda s: (list(pages).index(s.module_path.stem), s.start_pos, s.operator_name, s.occurrence))
    made = []
    for s in items:
        module, old = s.module_path.stem, source(s.module_path.stem)
        new = MutationVisitor.mutate_code(old, get_operator(s.operator_name)(), s.occurrence)
        made.append((module, key(s, old, new), new))
    return made


def key(spec, old, new):
    "What stands in the lists: the function, the line as it was, and as it is now."
    row, lines = spec.start_pos[0] - 1, old.splitlines()
    if spec.operator_name == "core/RemoveDecorator":
        return f"{lines[row + 1].split('(')[0].removeprefix('def ')}: without {lines[row]}"
    before, after = (re.sub(r"\s+#.*", "", text.splitlines()[row]).strip() for text in (old, new))
    return f"{spec.definition_name or 'module'}: {before} -> {after}"


def table(counts):
    "The counts by module as Markdown."
    columns = ["mutants", "killed", "equivalent", "surviving"]
    lines = ["| module | " + " | ".join(columns) + " |", "|---|" + "--:|"*len(columns)]
    total = Counter()
    for c in counts.values(): total.update(c)
    for m, c in [*counts.items(), ("all", total)]: lines.append(f"| {m} | " + " | ".join(str(c.get(k, 0)) for k in columns) + " |")
    return "\n".join(lines), total


def killer_of(mutant):
    "What notices a mutant as `session` makes it, or ''."
    module, _, text = mutant
    return verdict({f"lstm_nb.{module}": text}, proofs(module))


def main(only):
    began = time.time()
    broken = verdict({}, proofs())
    if broken: sys.exit(f"{broken} fails without any mutation")
    reasons = json.loads(reasons_file.read_text(encoding="utf-8"))
    reason_of = {k: r for r, keys in reasons.items() for k in keys}
    counts, by, survivors, equivalents = {}, {}, [], {}
    code = {m: s for m, s in code_of("tests/records/mutants.json").items() if m in (only or pages)}
    with tempfile.TemporaryDirectory() as folder: made = session(only or list(pages), type(root)(folder))
    pool = get_context("fork").Pool()
    for i, ((module, name, _), killer) in enumerate(zip(made, pool.imap(killer_of, made))):
        name = f"{module}.{name}"
        fate = "killed" if killer else "equivalent" if name in reason_of else "surviving"
        counts.setdefault(module, Counter()).update(["mutants", fate])
        who = "its own page" if killer == pages[module] else "another page" if killer in pages.values() else killer
        if killer: by.setdefault(module, Counter()).update([who])
        elif fate == "equivalent": equivalents.setdefault(reason_of[name], []).append(name)
        else: survivors.append(name); print(f"survives: {name}", flush=True)
        if i % 100 == 99: print(f"{i + 1} of {len(made)}, {time.time() - began:.0f} s", flush=True)
    found = {k for keys in equivalents.values() for k in keys}
    stale = [k for k in reason_of if k not in found and (not only or k.partition(".")[0] in only)]
    for k in stale: print(f"listed as equivalent, but killed or gone: {k}")
    print(f"{time.time() - began:.0f} s")
    write(code, counts, by, survivors, equivalents)
    sys.exit(bool(survivors or stale))


def write(code, counts, by, survivors, equivalents):
    "Both files, in which modules that were not tried stay as they are, and what changed since the last ones."
    last = json.loads(report_file.read_text(encoding="utf-8"))
    for m, c in counts.items():
        if dict(c) != last["modules"].get(m): print(f"changed: {m} was {last['modules'].get(m)}, is {dict(c)}")
    kept = lambda names: [k for k in names if k.partition(".")[0] not in counts]
    was, survivors = last["surviving"], kept(last["surviving"]) + survivors
    for k in set(was) - set(survivors): print(f"no longer surviving: {k}")
    for k in set(survivors) - set(was): print(f"new survivor: {k}")
    for reason, keys in last["equivalent"].items():
        if kept(keys): equivalents[reason] = kept(keys) + equivalents.get(reason, [])
    in_order = lambda old, new: {m: dict((old | new)[m]) for m in pages if m in old | new}
    modules, by = in_order(last["modules"], counts), in_order(last["killed_by"], by)
    markdown, total = table(modules)
    report = {"tool": f"cosmic-ray {version('cosmic-ray')}", "code": last["code"] | code, "modules": modules, "total": total, "killed_by": by,
              "surviving": survivors, "equivalent": equivalents}
    report_file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    out = [__doc__.partition("\n")[0].replace("Mutation testing of the core", "# Mutants of the core\n\nMade by `make mutants`"), ""]
    score = total["killed"] / (total["mutants"] - total["equivalent"])
    out += [f"Tool: {report['tool']}. Score: {score:.1%} of the mutants that are not equivalent are killed.", "", markdown, ""]
    killers = sum(map(Counter, by.values()), Counter())
    out += ["Killed by: " + ", ".join(f"{k} {n}" for k, n in killers.most_common()) + ".", ""]
    out += ["## Surviving", "", *([f"- `{k}`" for k in survivors] or ["None."]), "", "## Equivalent", ""]
    for reason, keys in equivalents.items(): out += [f"{reason}", "", *[f"- `{k}`" for k in keys], ""]
    list_file.write_text("\n".join(out).rstrip() + "\n", encoding="utf-8")
    print(markdown, f"\nkilled by: {dict(killers)}")


if __name__ == "__main__": main(sys.argv[1:])
