"""Run the example of README.md and the lines of the training's first page, a CSV file to a plot, with nothing but the installed package:
`python -I tools/example.py`. Where matplotlib is not installed, the plot says what to install and all else runs."""
import json
import os
import re
import tempfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent
exec("\n".join(re.findall(r"```python\n(.*?)```", (root/"README.md").read_text(encoding="utf-8"), re.S)))

cells = json.loads((root/"nbs/training/00_use.ipynb").read_text(encoding="utf-8"))["cells"]
blocks = ["".join(c["source"]) for c in cells if c["cell_type"] == "code" and not "".join(c["source"]).startswith("#| hide")]
names, home = {"__name__": "__main__"}, os.getcwd()
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    try:
        for block in blocks:
            try: exec(block, names)
            except ImportError as e:
                if str(e) != 'plot_answers needs matplotlib: pip install "lstm_nb[plot]"': raise
                print(e)
        files = sorted(os.listdir())
    finally: os.chdir(home)
print(f"a CSV file: {names['run'].step} steps, off by {(names['off']**2).mean()**0.5:.2f} where the values vary by {names['std']:.2f}, files {files}")
