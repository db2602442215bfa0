"What learners bring besides wrong equations: templates, what is missing, forms of their own, mistakes of a written-out cell."
from . import base, part
from .right import inside

cases = []      # (what, the function, what must be found, words that must be said, the source)


def case(what, name, wanted, *edits, text=base, says=()):
    "A source with edits."
    for old, new in zip(edits[::2], edits[1::2]):
        assert old in text, f"{what}: {old!r}"
        text = text.replace(old, new)
    cases.append((what, name, wanted, says, text))


def alone(*names): return "import numpy as np\n\n\n" + "".join(part(base, n) for n in names)


def within(what, name, wanted, *edits, says=()):
    case(what, name, wanted, *edits, text=inside[name], says=says)
    cases[-1] = (*cases[-1][:-1], base + cases[-1][-1])


# templates
case("a body that passes", "lstm_cell_backward", "empty", text="def lstm_cell_backward(da_next, dc_next, cache): pass\n")
case("a docstring alone", "rnn_forward", "empty", text='def rnn_forward(x, a0, parameters):\n    "To do."\n')
case("not implemented", "rnn_backward", "empty", text='def rnn_backward(da, caches):\n    raise NotImplementedError("to do")\n')
case("a sequence's template, forward", "lstm_forward", "empty", text='''
def lstm_forward(x, a0, parameters):
    caches = []
    Wy = parameters["Wy"]
    n_x, m, T_x = None
    n_y, n_a = None
    a = None
    c = None
    a_next = None
    for t in range(None):
        a_next, c_next, yt, cache = None
        a[:, :, t] = None
        caches.append(None)
    caches = (caches, x)
    return a, None, c, caches
''')
case("a sequence's template, backward", "lstm_backward", "empty", text='''
def lstm_backward(da, caches):
    (caches, x) = caches
    (a1, c1, a0, c0, f1, i1, cc1, o1, x1, parameters) = caches[0]
    n_a, m, T_x = None
    dx = None
    dWf = None
    for t in reversed(range(None)):
        gradients = lstm_cell_backward(None, None, None)
        dx[:, :, t] = None
        dWf += None
    gradients = {"dx": dx, "da0": None, "dWf": dWf}
    return gradients
''')
case("a cell's template, forward", "lstm_cell_forward", "empty", text='''
import numpy as np
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    Wf = parameters["Wf"]
    n_x, m = xt.shape
    n_y, n_a = parameters["Wy"].shape
    concat = np.zeros((n_x + n_a, m))
    concat[: n_a, :] = None
    ft = None
    c_next = None
    a_next = None
    yt_pred = None
    cache = (a_next, c_next, a_prev, c_prev, ft, None, None, None, xt, parameters)
    return a_next, c_next, yt_pred, cache
''')
case("a cell's template, backward", "rnn_cell_backward", "empty", text='''
def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    dz = None
    dxt = None
    return {"dxt": dxt, "da_prev": None, "dWax": None, "dWaa": None, "dba": None}
''')
last = "dc_prev = dc_next * ft + da_next * ot * (1 - tanh_c ** 2) * ft"
case("one line left", "lstm_cell_backward", "empty", last, "dc_prev = None", says=["dc_prev is still None"])
case("one line left, and (9)", "lstm_cell_backward", "empty 9", last, "dc_prev = None", "* cct) * it * (1 - it)", "* cct) * it")
case("the prediction left", "rnn_cell_forward", "empty", "yt_pred = softmax(np.dot(Wya, a_next) + by)", "yt_pred = None", says=["yt_pred is still None"])
case("the cell is a template, the sequence is not", "rnn_backward", "", part(base, "rnn_cell_backward"),
     'def rnn_cell_backward(da_next, cache):\n    dxt = None\n    return dict.fromkeys(["dxt", "da_prev", "dWax", "dWaa", "dba"])\n\n\n', says=["rnn_cell_backward is not written yet"])
# read from outside
unpacked = "a_next, a_prev, xt, parameters = cache\n    Wax"
case("parameters from outside, there", "rnn_cell_backward", "error", unpacked, unpacked.replace("parameters", "_"), "def sigmoid", 'parameters = {"Wax": np.zeros((5, 3)), "Waa": np.ones((5, 5))}\n\n\ndef sigmoid')
case("parameters from outside, not there, and (R5)", "rnn_cell_backward", "error R5", unpacked, unpacked.replace("parameters", "_"), "dWaa = np.dot(dz, a_prev.T)", "dWaa = np.dot(dz, a_next.T)",
     says=["parameters is read as a global variable"])
case("x from outside, there", "lstm_backward", "error", "steps, x = caches\n    a1, c1", "steps, _ = caches\n    a1, c1", "n_x, m = x1.shape\n    dx = np.zeros((n_x, m, T_x))\n    da_prevt = np.zeros((n_a, m))\n    dc",
     "n_x, m, _ = x.shape\n    dx = np.zeros((n_x, m, T_x))\n    da_prevt = np.zeros((n_a, m))\n    dc", "def sigmoid", "x = np.zeros((3, 10, 7))\n\n\ndef sigmoid", says=["x is read as a global variable"])
case("weights from outside, there", "lstm_cell_forward", "error", '    Wy, by = parameters["Wy"], parameters["by"]\n', "", "def sigmoid", "Wy, by = np.zeros((2, 5)), np.zeros((2, 1))\n\n\ndef sigmoid", says=['parameters["Wy"]', "by"])
case("a size from outside, there", "lstm_cell_backward", "error", "    n_a, m = a_next.shape\n    concat", "    m = a_next.shape[1]\n    concat", "def sigmoid", "n_a = 5\n\n\ndef sigmoid")
case("names outside that nobody reads", "lstm_backward", "", "def sigmoid", "x = np.zeros((3, 10, 7))\nparameters = {}\nm = 3\n\n\ndef sigmoid")
# lent
case("no softmax", "lstm_forward", "", part(base, "softmax"), "", says=["softmax is not defined or imported; the softmax of this book was lent"])
case("no sigmoid", "lstm_cell_forward", "", part(base, "sigmoid"), "", says=["the sigmoid of this book was lent"])
case("no numpy", "lstm_backward", "", "import numpy as np\n", "", says=["NumPy was lent"])
case("a sequence alone", "rnn_forward", "", text=alone("rnn_forward"), says=["the rnn_cell_forward of this book was lent"])
case("a sequence alone, memory not carried", "lstm_forward", "carry_c", "a_next, c_next, parameters)", "a_next, np.zeros((n_a, m)), parameters)", text=alone("lstm_forward"))
case("names that NumPy has no more", "rnn_cell_backward", "error R6", "dba = np.sum(dz, axis=1, keepdims=True)", "dba = np.zeros_like(a_next[:, :1], dtype=np.float) + np.sum(dz, axis=1, keepdims=True, dtype=np.float) / 2", says=["np.float is gone from NumPy, float is meant"])
case("everything is there", "lstm_forward", "")
# forms of their own
tuple_cell = ('return {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}', "return da_prev, dxt, dWaa, dWax, dba",
              "gradients = rnn_cell_backward(da[:, :, t] + da_prevt, steps[t])", "da_prevt, dxt, dWaat, dWaxt, dbat = rnn_cell_backward(da[:, :, t] + da_prevt, steps[t])",
              '        da_prevt = gradients["da_prev"]\n        dx[:, :, t] = gradients["dxt"]\n        dWax += gradients["dWax"]\n        dWaa += gradients["dWaa"]\n        dba += gradients["dba"]',
              "        dx[:, :, t] = dxt\n        dWax = dWaxt\n        dWaa += dWaat\n        dba += dbat")
case("the cell returns a tuple", "rnn_cell_backward", "shape", *tuple_cell)
case("a sequence that takes the tuple apart, and overwrites", "rnn_backward", "shape accumulate", *tuple_cell)
case("other keys", "lstm_cell_backward", "shape", '"dWf": dWf, "dbf"', '"dW_f": dWf, "db_f"', says=['"dW_f" stands where it belongs'])
case("a key of the parameters that is not there", "rnn_cell_forward", "error", 'parameters["Wya"]', 'parameters["Way"]', says=["parameters has", "Wya"])
kept = "cache = (a_next, a_prev, xt, parameters)\n    return a_next, yt_pred, cache"
case("a cache without the input", "rnn_cell_forward", "shape", kept, kept.replace("a_prev, xt, ", ""), says=["a_prev, xt"])
case("a cache in another order", "rnn_cell_forward", "shape", kept, kept.replace("a_next, a_prev, xt", "xt, a_prev, a_next"))
case("a cache as a dictionary of its own", "rnn_cell_forward", "", kept, kept.replace("(a_next, a_prev, xt, parameters)", '{"h": a_next, "before": a_prev, "in": xt, "p": parameters}'))
# large numbers, few steps
case("a weight's gradient clipped", "rnn_cell_backward", "R4", "dWax = np.dot(dz, xt.T)", "dWax = np.clip(np.dot(dz, xt.T), -5, 5)", says=["clipped"])
case("sums clipped", "rnn_backward", "accumulate", "    da0 = da_prevt", "    dWax, dWaa, dba = (np.clip(v, -5, 5) for v in (dWax, dWaa, dba))\n    da0 = da_prevt", says=["clipped at 5"])
case("the carry clipped", "rnn_backward", "carry_a", 'da_prevt = gradients["da_prev"]\n        dx', 'da_prevt = np.clip(gradients["da_prev"], -5, 5)\n        dx', says=["clipped"])
case("the memory clipped", "lstm_cell_forward", "4", "c_next = ft * c_prev + it * cct", "c_next = np.clip(ft * c_prev + it * cct, -5, 5)")
case("caches counted from the end", "lstm_backward", "pairing", "dc_prevt, steps[t])", "dc_prevt, steps[len(steps) - T_x + t])", says=["3 of 5 steps"])
within("caches counted from the end, written out", "rnn_backward", "pairing", "= steps[t]", "= steps[t - T_x]")
# the cell of a written-out sequence
for k, number in zip("fico", ("11", "12", "13", "14")):
    within(f"another stack in dW{k}", "lstm_backward", number, "d[k] @ stack.T", f'd[k] @ (stack if k != "{k}" else np.vstack([a_next, xt])).T')
    within(f"a mean in db{k}", "lstm_backward", f"{number}b", "d[k].sum(1, keepdims=True)", f'(d[k].mean(1, keepdims=True) if k == "{k}" else d[k].sum(1, keepdims=True))')
within("no slope in (7)", "lstm_backward", "7", "da_t * tc * ot * (1 - ot)", "da_t * tc * ot")
within("(15) twice", "lstm_backward", "15", "= both[:n_a], both[n_a:], dc", "= both[:n_a] * 2, both[n_a:], dc")
within("another gate in (16)", "lstm_backward", "16", "both[n_a:], dc_t * ft", "both[n_a:], dc_t * it")
within("(17) twice", "lstm_backward", "17", "= both[:n_a], both[n_a:], dc", "= both[:n_a], both[n_a:] * 2, dc")
within("(7), and no memory carried", "lstm_backward", "7 carry_c", "da_t * tc * ot * (1 - ot)", "da_t * tc * (1 - ot)", "both[n_a:], dc_t * ft", "both[n_a:], 0 * dc_t")
within("(10), and overwritten", "lstm_backward", "10 accumulate", "dc_t * c_prev * ft", "dc_t * c_next * ft", 'grads["dW" + k] = grads["dW" + k] + d[k]', 'grads["dW" + k] = d[k]')
within("dWax divided by m", "rnn_backward", "R4", "dz @ xt.T", "dz @ xt.T / m")
within("the new state in dWaa, and overwritten", "rnn_backward", "R5 accumulate", "dWaa += dz @ a_prev.T", "dWaa = dz @ a_next.T")
within("the bias in one number", "rnn_backward", "R6", "dz.sum(axis=1, keepdims=True)", "dz.sum(keepdims=True)", says=["axis=1"])
within("dxt twice", "rnn_backward", "R8", 'p["Wax"].T @ dz', '2 * p["Wax"].T @ dz')
within("tanh in (2)", "lstm_forward", "2", 'it = sigmoid(p["Wi"]', 'it = np.tanh(p["Wi"]')
within("tanh in (1), caches of its own form", "lstm_forward", "1", 'ft = sigmoid(p["Wf"]', 'ft = np.tanh(p["Wf"]', "(a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, p)", "(xt, a_prev, c_prev, p)")
# causes
case("weight decay", "rnn_cell_backward", "R5", "dWaa = np.dot(dz, a_prev.T)", "dWaa = np.dot(dz, a_prev.T) + 0.01 * Waa", says=["weight decay"])
case("rounded", "rnn_cell_backward", "R5", "dWaa = np.dot(dz, a_prev.T)", "dWaa = np.round(np.dot(dz, a_prev.T), 3)", says=["rounded to 3 digits"])
case("tan", "lstm_cell_forward", "6", "ot * np.tanh(c_next)", "ot * np.tan(c_next)", says=["tan of c^t"])
case("tanh of a tanh", "lstm_cell_backward", "8 9 10 16", "(1 - tanh_c ** 2)", "(1 - np.tanh(tanh_c) ** 2)", says=["the slope of tanh is taken at its output: 1−tanh²(tanh c^t)"])
case("the square outside", "lstm_cell_backward", "8", "(1 - cct ** 2)", "(1 - cct) ** 2", says=["(1−c̃)² stands where 1−c̃² belongs"])
case("f and i exchanged", "lstm_cell_backward", "9 10", "dft = (dc_next", "dfx = (dc_next", "dit = (dc_next", "dft = (dc_next", "dfx = (dc_next", "dit = (dc_next", says=["dΓi and dΓf are exchanged"])
case("a root of something negative", "rnn_cell_backward", "R3", "(1 - a_next ** 2) * da_next", "np.sqrt(-1 - a_next ** 2) * da_next", says=["NaN"])
case("NaN in (7) alone", "lstm_cell_backward", "7", "dot = da_next", "dot = np.log(-ot) * da_next", says=["NaN"])
case("no upstream", "rnn_cell_backward", "R3", "(1 - a_next ** 2) * da_next", "(1 - a_next ** 2)", says=["da_next is left out"])
case("biases of the weights", "lstm_cell_backward", "11b", "dbf = np.sum(dft", "dbf = np.sum(dWf", says=["the sum of dWf"])
case("gradients for weights", "rnn_cell_backward", "R7", "np.dot(Waa.T, dz)", "np.dot(np.dot(dz, a_prev.T).T, dz)", says=["dWaa stands where Waa belongs"])
case("dbo gets dbc", "lstm_backward", "accumulate", 'dbo += gradients["dbo"]', 'dbo = gradients["dbc"]', 'dbc += gradients["dbc"]', 'dbc = gradients["dbc"]', says=["dbo gets what belongs to dbc"])
case("the sums divided by m", "rnn_backward", "accumulate", "    da0 = da_prevt", "    dWax /= m; dWaa /= m; dba /= m\n    da0 = da_prevt", says=["divided by the number of examples"])
case("the parameters changed", "rnn_forward", "inputs", '    ba = parameters["ba"]\n', '    ba = parameters["ba"]\n    parameters["by"] = parameters["by"] + 1\n')
# right, in ways of their own
case("caches in another precision", "lstm_backward", "", text=base + """

_right = lstm_backward
def lstm_backward(da, caches):
    steps = [(*[v.astype(np.float32) for v in c[:9]], {k: v.astype(np.float32) for k, v in c[9].items()}) for c in caches[0]]
    return _right(da, (steps, caches[1]))
""")
case("a cell with its arguments in another order", "lstm_backward", "", "def lstm_cell_backward(da_next, dc_next, cache)", "def lstm_cell_backward(cache, da_next, dc_next)",
     "lstm_cell_backward(da[:, :, t] + da_prevt, dc_prevt, steps[t])", "lstm_cell_backward(steps[t], da[:, :, t] + da_prevt, dc_prevt)", says=["lstm_cell_backward could not be judged by itself"])
