"Every public name of every page, also those that `from lstm_nb import *` leaves to their page."
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import lstm_nb

root = Path(lstm_nb.__file__).parent
pages = sorted(path.relative_to(root).with_suffix("").as_posix().replace("/", ".") for path in root.rglob("*.py") if path.name[0] != "_")
apart = {"engines.compiled"}       # needs Numba, and has the names of the loops that it compiles
modules = {page: import_module(f"lstm_nb.{page}") for page in pages if page not in apart}
book = SimpleNamespace(**{name: getattr(module, name) for module in modules.values() for name in module.__all__})
