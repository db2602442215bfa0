"Run the example of README.md, with nothing but the installed package: `python -I tools/example.py`."
import re
from pathlib import Path

text = (Path(__file__).resolve().parent.parent/"README.md").read_text(encoding="utf-8")
exec("\n".join(re.findall(r"```python\n(.*?)```", text, re.S)))
