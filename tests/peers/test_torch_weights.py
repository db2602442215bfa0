"Weights out of real `nn.LSTM`, `nn.GRU` and `nn.RNN`, and into them: every output and state, in float64, and PyTorch's own ONNX files."
import io
import itertools
import warnings
from functools import partial

import numpy as np
import onnx
import pytest
import torch
from everything import book
from lstm_nb import layers_backward, network_backward, network_forward
from lstm_nb.networks.layers import layers_forward
from lstm_nb.exchange.files import read_safetensors, write_safetensors
from lstm_nb.exchange.read_onnx import read_onnx
from lstm_nb.exchange.run_onnx import run_onnx
from lstm_nb.exchange.torch import from_torch, to_torch
from onnx.reference import ReferenceEvaluator
from problems import note

torch.set_num_threads(1)
engines = {"LSTM": (book.variant_lstm_forward, book.variant_lstm_backward), "GRU": (partial(book.gru_forward, reset_after=True), book.gru_backward),
           "RNN": (book.variant_rnn_forward, book.variant_rnn_backward)}
cases = [(net, layers, both, size, bias) for net, layers, both, size, bias in itertools.product(engines, (1, 2, 3), (False, True), (0, 3), (True, False))
         if not size or net == "LSTM"]


def close(what, actual, expected, rtol=1e-12):
    expected = expected.detach().numpy()
    assert actual.shape == expected.shape
    off = abs(actual - expected).max() / abs(expected).max()
    note(what, off)
    assert off < rtol, what


def state_of(module):
    "The state dict, biases drawn anew so that they are not small."
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for w in module.parameters(): w.copy_(torch.tensor(rng.standard_normal(w.shape) * .5))
    return module.state_dict()


def compare(what, module, network, seed, rtol=1e-12):
    "All outputs and last states of PyTorch's module and of our layers."
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((module.input_size, 4, 6))
    with torch.no_grad(): a, last = module(torch.tensor(x.transpose(2, 1, 0), dtype=next(module.parameters()).dtype))
    last = last if isinstance(last, tuple) else (last,)
    ours, *states, _ = layers_forward(x.astype(network_type(network)), network, engine=engines[type(module).__name__])
    close(what, ours.transpose(2, 1, 0), a, rtol)
    for state, theirs in zip(states, last):
        flat = [s for layer in state for s in (layer if isinstance(layer, (tuple, list)) else [layer])]
        close(what, np.stack([s.T for s in flat]), theirs, rtol)


def network_type(network):
    first = network[0] if isinstance(network[0], dict) else network[0][0]
    return next(iter(first.values())).dtype


@pytest.mark.parametrize("net, layers, both, size, bias", cases)
def test_module(net, layers, both, size, bias):
    more = {"proj_size": size} if size else {}
    module = getattr(torch.nn, net)(3, 5, num_layers=layers, bidirectional=both, bias=bias, dtype=torch.float64, **more)
    state = state_of(module)
    network = from_torch(state)
    compare(f"weights out of nn.{net}", module, network, layers)
    other = getattr(torch.nn, net)(3, 5, num_layers=layers, bidirectional=both, bias=bias, dtype=torch.float64, **more)
    other.load_state_dict({k: torch.tensor(v) for k, v in to_torch(network, bias=bias).items()}, strict=True)
    compare(f"weights into nn.{net}", other, network, layers)
    for k, v in other.state_dict().items():
        if k.startswith("weight"): assert torch.equal(v, state[k])


@pytest.mark.parametrize("net, layers, both, size, bias", cases)
def test_gradients(net, layers, both, size, bias):
    "What autograd has in `grad`, parameter by parameter, against our backward pass in PyTorch's packing."
    more = {"proj_size": size} if size else {}
    module = getattr(torch.nn, net)(3, 5, num_layers=layers, bidirectional=both, bias=bias, dtype=torch.float64, **more)
    network, rng = from_torch(state_of(module)), np.random.default_rng(layers)
    x = rng.standard_normal((3, 4, 6))
    a, _, _, tape = layers_forward(x, network, engine=engines[net])
    da = rng.standard_normal(a.shape)
    (module(torch.tensor(x.transpose(2, 1, 0)))[0] * torch.tensor(da.transpose(2, 1, 0))).sum().backward()
    packed = to_torch(layers_backward(da, tape), bias=bias, gradients=True)
    theirs = {k: v.grad for k, v in module.named_parameters()}
    assert packed.keys() == theirs.keys()
    for k, v in theirs.items(): close(f"gradients of nn.{net}", packed[k], v)


@pytest.mark.parametrize("net", engines)
@pytest.mark.parametrize("layers, both", [(1, False), (2, True)])
def test_with_a_linear_on_top(net, layers, both):
    "A state dict with an nn.Linear beside the layers: outputs, gradients of everything, and back into the model."
    def model():
        return torch.nn.ModuleDict({"rnn": getattr(torch.nn, net)(3, 5, num_layers=layers, bidirectional=both), "fc": torch.nn.Linear(5 * (1 + both), 2)}).double()
    module, rng = model(), np.random.default_rng(layers)
    network = from_torch(state_of(module), "rnn.", output="fc.")
    x, dz = rng.standard_normal((3, 4, 6)), rng.standard_normal((2, 4, 6))
    run = lambda m: m["fc"](m["rnn"](torch.tensor(x.transpose(2, 1, 0)))[0])
    z, _, _, tape = network_forward(x, network, engine=engines[net])
    close(f"nn.{net} and nn.Linear", z.transpose(2, 1, 0), run(module))
    (run(module) * torch.tensor(dz.transpose(2, 1, 0))).sum().backward()
    packed = to_torch(network_backward(dz, tape), "rnn.", output="fc.", gradients=True)
    theirs = {k: v.grad for k, v in module.named_parameters()}
    assert packed.keys() == theirs.keys()
    for k, v in theirs.items(): close(f"gradients of nn.{net} and nn.Linear", packed[k], v)
    other = model()
    other.load_state_dict({k: torch.tensor(v) for k, v in to_torch(network, "rnn.", output="fc.").items()}, strict=True)
    close(f"weights into nn.{net} and nn.Linear", run(other).detach().numpy(), run(module))
    for k, v in other.state_dict().items():
        if "bias_" not in k: assert torch.equal(v, module.state_dict()[k])


def test_a_linear_without_a_bias():
    module = torch.nn.ModuleDict({"rnn": torch.nn.LSTM(3, 5), "fc": torch.nn.Linear(5, 2, bias=False)})
    network = from_torch(module.state_dict(), "rnn.", output="fc.")
    assert network["by"].shape == (2, 1) and not network["by"].any()
    state = to_torch(network, "rnn.", output="fc.")
    del state["fc.bias"]
    module.load_state_dict({k: torch.tensor(v) for k, v in state.items()}, strict=True)
    from_torch(dict(module.named_parameters()), "rnn.", output="fc.")          # that want a gradient


def test_a_quantised_layer_is_told():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(torch.nn.LSTM(3, 4)), {torch.nn.LSTM}, dtype=torch.qint8)
    with pytest.raises(ValueError, match="_all_weight_values.*of a quantised layer: read the state dict of the model before it was quantised"): from_torch(model.state_dict(), "0.")


def test_inside_a_model(tmp_path):
    "A prefix, another layer beside it, a safetensors file that PyTorch's own writer made."
    from safetensors.torch import load_file, save_file
    model = torch.nn.ModuleDict({"rnn": torch.nn.LSTM(3, 5, bidirectional=True), "fc": torch.nn.Linear(10, 2)})
    save_file(state_of(model), tmp_path/"model.safetensors")
    arrays = read_safetensors(tmp_path/"model.safetensors")
    network = from_torch(arrays, "rnn.")
    compare("weights out of a file of PyTorch's, float32", model["rnn"], network, 1, 1e-6)
    write_safetensors(tmp_path/"ours.safetensors", arrays | to_torch(network, "rnn."))
    model.load_state_dict(load_file(tmp_path/"ours.safetensors"), strict=True)
    compare("weights into a model through a file, float32", model["rnn"], network, 1, 1e-6)


def test_bfloat16():
    module = torch.nn.LSTM(3, 5, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match=r'state\["weight_hh_l0"\]|state\["weight_ih_l0"\]: expected an array of float or complex numbers, got torch.bfloat16, convert them to float32 first'):
        from_torch(module.state_dict())
    from_torch({k: v.float() for k, v in module.state_dict().items()})


def test_bfloat16_file(tmp_path):
    from safetensors.torch import save_file
    save_file(torch.nn.LSTM(3, 5, dtype=torch.bfloat16).state_dict(), tmp_path/"w.safetensors")
    with pytest.raises(TypeError, match=r'expected float numbers in "bias_hh_l0", got BF16, convert it to float32 first'): read_safetensors(tmp_path/"w.safetensors")


@pytest.mark.parametrize("net", engines)
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_exported(net, both, batch_first):
    "A model as PyTorch's exporter writes it, with all that it puts around the nodes."
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.fc = getattr(torch.nn, net)(3, 5, num_layers=2, bidirectional=both, batch_first=batch_first), torch.nn.Linear(5 * (1 + both), 2)

        def forward(self, x): return self.fc(self.rnn(x)[0])
    model, x, file = Model().eval(), torch.randn(4, 6, 3), io.BytesIO()
    state_of(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (x,), file, input_names=["x"], output_names=["y"], dynamo=False, opset_version=17)
    close(f"nn.{net} as PyTorch exports it, float32", run_onnx(file.getvalue(), {"x": x.numpy()})["y"], model(x), 2e-6)
    close(f"nn.{net} as PyTorch exports it, on ONNX's reference, float32", ReferenceEvaluator(onnx.load_from_string(file.getvalue())).run(None, {"x": x.numpy()})[0], model(x), 2e-6)
    network, _ = read_onnx(file.getvalue())
    assert len(network) == 2
    for a, b in zip(network, from_torch(model.rnn.state_dict())):
        for p, q in zip(*[(v if isinstance(v, tuple) else (v,)) for v in (a, b)]):
            assert p.keys() == q.keys() and all(np.array_equal(p[k], q[k]) for k in q)


def test_parameters_and_checkpoints():
    "What people hand over in place of a state dict: read, or the error says what to do."
    layer = torch.nn.LSTM(3, 5)
    want = from_torch(layer.state_dict())[0]
    for state in (dict(layer.named_parameters()), layer.state_dict(keep_vars=True)):
        got = from_torch(state)[0]
        assert all(np.array_equal(got[k], want[k]) for k in want)
        assert not any(np.may_share_memory(got[k], v.detach().numpy()) for k in got for v in state.values())
    with pytest.raises(TypeError, match=r"as its state_dict\(\) gives it"): from_torch(layer)
    for given, told in (({"state_dict": layer.state_dict(), "epoch": 3}, r'state\["state_dict"\]'), ({"net": layer}, r'state\["net"\].state_dict\(\)')):
        with pytest.raises(ValueError, match=told): from_torch(given)
    with pytest.raises(ValueError, match="'parametrizations.weight_hh_l0.original0'.*remove_parametrizations"): from_torch(torch.nn.utils.parametrizations.weight_norm(torch.nn.LSTM(3, 5), "weight_hh_l0").state_dict())
    with pytest.raises(ValueError, match="of a cell"): from_torch(torch.nn.LSTMCell(3, 5).state_dict())


@pytest.mark.parametrize("between", [torch.nn.Linear(6, 6), torch.nn.ReLU(), torch.nn.LayerNorm(6), torch.nn.BatchNorm1d(6), "add", "flip", "swap", "last"])
def test_a_stack_that_is_none(between):
    "What PyTorch's exporter makes of a layer between two LSTMs is refused, and not taken for one network."
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.between = torch.nn.LSTM(6, 6), torch.nn.LSTM(6, 6), between if isinstance(between, torch.nn.Module) else None

        def forward(self, x):
            h = self.a(x)[0]
            if isinstance(self.between, torch.nn.BatchNorm1d): h = self.between(h.transpose(1, 2)).transpose(1, 2)
            elif self.between is not None: h = self.between(h)
            else: h = {"add": lambda: h + x, "flip": lambda: h.flip(0), "swap": lambda: h.transpose(0, 1), "last": lambda: h[-1:]}[between]()
            return self.b(h)[0]
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Model().eval(), (torch.randn(4, 3, 6),), file, dynamo=False, opset_version=17, dynamic_axes={"x": {0: "T", 1: "m"}}, input_names=["x"])
    with pytest.raises(ValueError, match=r'expected the hidden states of node "/a/LSTM" \(LSTM\) as X'): read_onnx(file.getvalue())
