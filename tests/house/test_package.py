"The package: what it exports, imports and costs."
import subprocess
import sys
from configparser import ConfigParser

import pytest
from conftest import root
from problems import tables

public = """
init_rnn_parameters init_lstm_parameters sigmoid softmax check_gradients
rnn_cell_forward rnn_forward rnn_cell_backward rnn_backward
lstm_cell_forward lstm_forward lstm_cell_backward lstm_backward
fused_lstm_forward fused_lstm_backward layers_forward layers_backward
variant_lstm_forward variant_lstm_backward gru_forward gru_backward
from_torch to_torch from_keras to_keras from_flax to_flax from_onnx to_onnx run_onnx
check which_edition
""".split()
heavy = {"matplotlib", "IPython", "nbdev", "execnb", "scipy", "torch", "pandas", "numba", "onnx", "safetensors", "tqdm", "fastprogress", "dask", "distributed"}


def fresh(code): return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", public)
def test_public_name(name):
    import lstm_nb
    assert callable(getattr(lstm_nb, name))


def test_import_is_light():
    new = fresh("import numpy, sys; old = set(sys.modules); import lstm_nb; print(*set(sys.modules) - old)")
    assert not heavy & {name.partition(".")[0] for name in new.split()}


def test_import_time_is_measured():
    code = "import numpy, time; t = time.perf_counter(); import lstm_nb; print(time.perf_counter() - t)"
    tables.append(f"import lstm_nb beyond numpy: {1000 * min(float(fresh(code)) for _ in range(5)):.0f} ms, the best of five")


def test_readme_is_the_home_page():
    run = subprocess.run([sys.executable, "tools/readme.py", "--check"], cwd=root, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_one_version():
    import lstm_nb
    ini = ConfigParser(delimiters=["="])
    ini.read(root/"settings.ini", encoding="utf-8")
    version = ini["DEFAULT"]["version"]
    assert lstm_nb.__version__ == version
    assert f"\n## {version}" in (root/"CHANGELOG.md").read_text(encoding="utf-8")
