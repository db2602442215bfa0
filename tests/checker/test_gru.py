"The checker on a GRU: mistakes in its four functions, with either reset, by equation and with their cause; right ones in other manners; and which reset is judged."
import json
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from corpus import load, part
from lstm_nb import check
from lstm_nb.checker.cells import GRU, cell_of
from lstm_nb.checker.check import JUDGES
from lstm_nb.networks import gru, gru_cell

F, B, S, T = "gru_cell_forward", "gru_cell_backward", "gru_forward", "gru_backward"
before = '''import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def softmax(z):
    e = np.exp(z - np.max(z, axis=0, keepdims=True))
    return e / np.sum(e, axis=0, keepdims=True)

def gru_cell_forward(xt, a_prev, parameters):
    Wz, bz = parameters["Wz"], parameters["bz"]
    Wr, br = parameters["Wr"], parameters["br"]
    Wc, bc = parameters["Wc"], parameters["bc"]
    Wy, by = parameters["Wy"], parameters["by"]
    concat = np.concatenate((a_prev, xt), axis=0)
    zt = sigmoid(np.dot(Wz, concat) + bz)
    rt = sigmoid(np.dot(Wr, concat) + br)
    reset = np.concatenate((rt * a_prev, xt), axis=0)
    cct = np.tanh(np.dot(Wc, reset) + bc)
    a_next = (1 - zt) * cct + zt * a_prev
    yt_pred = softmax(np.dot(Wy, a_next) + by)
    cache = (a_next, a_prev, zt, rt, cct, xt, parameters)
    return a_next, yt_pred, cache

def gru_cell_backward(da_next, cache):
    a_next, a_prev, zt, rt, cct, xt, parameters = cache
    Wz, Wr, Wc = parameters["Wz"], parameters["Wr"], parameters["Wc"]
    n_a, m = a_next.shape
    concat = np.concatenate((a_prev, xt), axis=0)
    reset = np.concatenate((rt * a_prev, xt), axis=0)
    dcct = da_next * (1 - zt) * (1 - cct ** 2)
    dzt = da_next * (a_prev - cct) * zt * (1 - zt)
    back = np.dot(Wc[:, :n_a].T, dcct)
    drt = back * a_prev * rt * (1 - rt)
    dWz = np.dot(dzt, concat.T)
    dWr = np.dot(drt, concat.T)
    dWc = np.dot(dcct, reset.T)
    dbz = np.sum(dzt, axis=1, keepdims=True)
    dbr = np.sum(drt, axis=1, keepdims=True)
    dbc = np.sum(dcct, axis=1, keepdims=True)
    da_prev = da_next * zt + np.dot(Wz[:, :n_a].T, dzt) + np.dot(Wr[:, :n_a].T, drt) + back * rt
    dxt = np.dot(Wz[:, n_a:].T, dzt) + np.dot(Wr[:, n_a:].T, drt) + np.dot(Wc[:, n_a:].T, dcct)
    return {"dxt": dxt, "da_prev": da_prev, "dWz": dWz, "dbz": dbz, "dWr": dWr, "dbr": dbr, "dWc": dWc, "dbc": dbc}

def gru_forward(x, a0, parameters):
    caches = []
    n_x, m, T_x = x.shape
    n_y, n_a = parameters["Wy"].shape
    a = np.zeros((n_a, m, T_x))
    y = np.zeros((n_y, m, T_x))
    a_next = a0
    for t in range(T_x):
        a_next, yt, cache = gru_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        y[:, :, t] = yt
        caches.append(cache)
    return a, y, (caches, x)

def gru_backward(da, caches):
    steps, x = caches
    n_a, m, T_x = da.shape
    n_x = x.shape[0]
    dx = np.zeros((n_x, m, T_x))
    dWz, dWr, dWc = (np.zeros((n_a, n_a + n_x)) for _ in range(3))
    dbz, dbr, dbc = (np.zeros((n_a, 1)) for _ in range(3))
    da_prevt = np.zeros((n_a, m))
    for t in reversed(range(T_x)):
        gradients = gru_cell_backward(da[:, :, t] + da_prevt, steps[t])
        da_prevt = gradients["da_prev"]
        dx[:, :, t] = gradients["dxt"]
        dWz += gradients["dWz"]
        dWr += gradients["dWr"]
        dWc += gradients["dWc"]
        dbz += gradients["dbz"]
        dbr += gradients["dbr"]
        dbc += gradients["dbc"]
    return {"dx": dx, "da0": da_prevt, "dWz": dWz, "dbz": dbz, "dWr": dWr, "dbr": dbr, "dWc": dWc, "dbc": dbc}
'''
edits = [
    ("    reset = np.concatenate((rt * a_prev, xt), axis=0)\n    cct = np.tanh(np.dot(Wc, reset) + bc)\n",
     '    n_a = a_prev.shape[0]\n    v = np.dot(Wc[:, :n_a], a_prev) + parameters["bca"]\n    cct = np.tanh(np.dot(Wc[:, n_a:], xt) + bc + rt * v)\n'),
    ("    reset = np.concatenate((rt * a_prev, xt), axis=0)\n    dcct = ",
     '    v = np.dot(Wc[:, :n_a], a_prev) + parameters["bca"]\n    dcct = '),
    ("    back = np.dot(Wc[:, :n_a].T, dcct)\n    drt = back * a_prev * rt * (1 - rt)\n",
     "    dv = dcct * rt\n    drt = dcct * v * rt * (1 - rt)\n"),
    ("    dWc = np.dot(dcct, reset.T)\n",
     "    dWc = np.concatenate((np.dot(dv, a_prev.T), np.dot(dcct, xt.T)), axis=1)\n    dbca = np.sum(dv, axis=1, keepdims=True)\n"),
    (" + back * rt\n",
     " + np.dot(Wc[:, :n_a].T, dv)\n"),
    ('dxt, "da_prev": da_prev, ',
     'dxt, "da_prev": da_prev, "dbca": dbca, '),
    ("    dbz, dbr, dbc = (np.zeros((n_a, 1)) for _ in range(3))\n",
     "    dbz, dbr, dbc, dbca = (np.zeros((n_a, 1)) for _ in range(4))\n"),
    ('        dbc += gradients["dbc"]\n',
     '        dbc += gradients["dbc"]\n        dbca += gradients["dbca"]\n'),
    ('"da0": da_prevt, ',
     '"da0": da_prevt, "dbca": dbca, '),
]
after = before
for old, new in edits:
    assert after.count(old) == 1, old
    after = after.replace(old, new)
bases = {"before": before, "after": after}

written = {}
written["before", S] = '''
def gru_forward(x, a0, parameters):
    p = parameters; a = a0; n = len(a0); A, Y, K = [], [], []
    for t in range(x.shape[2]):
        xt, h = x[:, :, t], a
        s = np.vstack([h, xt])
        z = sigmoid(p["Wz"] @ s + p["bz"]); r = sigmoid(p["Wr"] @ s + p["br"])
        c = np.tanh(p["Wc"] @ np.vstack([r*h, xt]) + p["bc"])
        a = (1 - z)*c + z*h
        A.append(a); Y.append(softmax(p["Wy"] @ a + p["by"])); K.append((a, h, z, r, c, xt, p))
    return np.stack(A, 2), np.stack(Y, 2), (K, x)
'''
written["before", T] = '''
def gru_backward(da, caches):
    K, x = caches; n, m, T = da.shape; p = K[0][-1]
    g = {"d"+k: np.zeros_like(v) for k, v in p.items() if k[1] != "y"}
    dx = np.zeros((x.shape[0], m, T)); carry = np.zeros((n, m))
    for t in reversed(range(T)):
        _, h, z, r, c, xt, p = K[t]
        d = da[:, :, t] + carry
        s = np.vstack([h, xt]); q = np.vstack([r*h, xt])
        dc = d*(1-z)*(1-c*c); ds = p["Wc"].T @ dc
        dz = d*(h-c)*z*(1-z); dr = ds[:n]*h*r*(1-r)
        g["dWz"] += dz @ s.T; g["dbz"] += dz.sum(1, keepdims=True)
        g["dWr"] += dr @ s.T; g["dbr"] += dr.sum(1, keepdims=True)
        g["dWc"] += dc @ q.T; g["dbc"] += dc.sum(1, keepdims=True)
        back = p["Wz"].T @ dz + p["Wr"].T @ dr
        dx[:, :, t] = back[n:] + ds[n:]
        carry = d*z + ds[:n]*r + back[:n]
    return {"dx": dx, "da0": carry, **g}
'''
written["after", S] = written["before", S].replace(
    'np.tanh(p["Wc"] @ np.vstack([r*h, xt]) + p["bc"])',
    'np.tanh(p["Wc"][:, n:] @ xt + p["bc"] + r*(p["Wc"][:, :n] @ h + p["bca"]))')
written["after", T] = written["before", T]
for old, new in [
        ('ds = p["Wc"].T @ dc', 'v = p["Wc"][:, :n] @ h + p["bca"]; dv = dc*r; up = p["Wc"][:, n:].T @ dc'),
        ("ds[:n]*h*r*(1-r)", "dc*v*r*(1-r)"),
        ("dc @ q.T", 'np.hstack([dv @ h.T, dc @ xt.T]); g["dbca"] += dv.sum(1, keepdims=True)'),
        ("back[n:] + ds[n:]", "back[n:] + up"),
        ("ds[:n]*r", 'p["Wc"][:, :n].T @ dv'),
]:
    assert written["after", T].count(old) == 1, old
    written["after", T] = written["after", T].replace(old, new)

# (reset, function, what, findings, their causes, old text, new text, ...)
mistakes = [
    ("before", F, "no bias", "79", "bz is missing", " + bz", ""),
    ("before", F, "Wr in z", "79", "Wr where Wz belongs", "np.dot(Wz, concat)", "np.dot(Wr, concat)"),
    ("before", F, "tanh for z", "79", "tanh where sigmoid belongs", "zt = sigmoid", "zt = np.tanh"),
    ("before", F, "no bias r", "137", "br is missing", " + br", ""),
    ("before", F, "r reads xt;a", "137", "[xt; a_prev] where [a_prev; xt] belongs", "np.dot(Wr, concat)", "np.dot(Wr, np.concatenate((xt, a_prev)))"),
    ("before", F, "no reset", "81", "[a_prev; xt] where [Γr ⊙ a_prev; xt] belongs", "np.dot(Wc, reset)", "np.dot(Wc, concat)"),
    ("before", F, "sigmoid cand", "81", "sigmoid where tanh belongs", "cct = np.tanh", "cct = sigmoid"),
    ("before", F, "reset with z", "81", "[Γz ⊙ a_prev; xt] where [Γr ⊙ a_prev; xt] belongs", "rt * a_prev", "zt * a_prev"),
    ("before", F, "reset after", "81", "the reset gate acts after the product, as in (82)", "np.tanh(np.dot(Wc, reset) + bc)", "np.tanh(np.dot(Wc[:, a_prev.shape[0]:], xt) + rt * np.dot(Wc[:, :a_prev.shape[0]], a_prev) + bc)"),
    ("before", F, "swapped", "80", "Γz and 1 − Γz are exchanged", "(1 - zt) * cct + zt * a_prev", "zt * cct + (1 - zt) * a_prev"),
    ("before", F, "no 1-z", "80", "Γz·c̃ stands where (1 − Γz)·c̃ belongs", "(1 - zt) * cct", "zt * cct"),
    ("before", F, "kept missing", "80", "the term Γz·a^{t-1} is missing", " + zt * a_prev", ""),
    ("before", F, "minus", "80", "Γz·a^{t-1} is subtracted", " + zt * a_prev", " - zt * a_prev"),
    ("before", F, "r in mean", "80", "a^{t-1}·Γr stands where Γz·a^{t-1} belongs", " + zt * a_prev", " + rt * a_prev"),
    ("before", F, "pred old", "y", "a_prev where a_next belongs", "np.dot(Wy, a_next)", "np.dot(Wy, a_prev)"),
    ("before", F, "no softmax", "y", "no activation where softmax belongs", "softmax(np.dot(Wy, a_next) + by)", "np.dot(Wy, a_next) + by"),
    ("before", F, "cache order", "shape shape", "the cache holds rt where zt belongs; the cache holds zt where rt belongs", "(a_next, a_prev, zt, rt,", "(a_next, a_prev, rt, zt,"),
    ("before", F, "inplace", "inputs", "it was changed by the call", "    yt_pred =", "    a_prev[:] = a_next\n    yt_pred ="),
    ("after", F, "no reset", "82", "bc + v where bc + Γr ⊙ v belongs", "+ rt * v", "+ v"),
    ("after", F, "bias outside", "82", "bc + Γr ⊙ Wca a_prev + bca where bc + Γr ⊙ v belongs", 'a_prev) + parameters["bca"]', "a_prev)", "rt * v", 'rt * v + parameters["bca"]'),
    ("after", F, "bca unused", "82", "bc + Γr ⊙ Wca a_prev where bc + Γr ⊙ v belongs", 'a_prev) + parameters["bca"]', 'a_prev) + 0*parameters["bca"]'),
    ("after", F, "z for r", "82", "bc + Γz ⊙ v where bc + Γr ⊙ v belongs", "+ rt * v", "+ zt * v"),
    ("after", F, "before", "82", "the reset gate acts before the product, as in (81)", "np.dot(Wc[:, :n_a], a_prev)", "np.dot(Wc[:, :n_a], rt * a_prev)", "+ rt * v", "+ v"),
    ("after", F, "no bc", "82", "Γr ⊙ v where bc + Γr ⊙ v belongs", " + bc + rt", " + rt"),
    ("after", F, "swapped", "80", "Γz and 1 − Γz are exchanged", "(1 - zt) * cct + zt * a_prev", "zt * cct + (1 - zt) * a_prev"),
    ("before", B, "dcct no 1-z", "83", "the factor 1−Γz is missing", "da_next * (1 - zt) * (1", "da_next * (1"),
    ("before", B, "dcct z", "83", "Γz stands where 1−Γz belongs", "da_next * (1 - zt) * (1", "da_next * zt * (1"),
    ("before", B, "dcct slope", "83", "1−c̃ stands where 1−c̃² belongs", "(1 - cct ** 2)", "(1 - cct)"),
    ("before", B, "dcct sigm slope", "83", "c̃(1 − c̃), the slope of a sigmoid, stands where 1−c̃² belongs", "(1 - cct ** 2)", "cct * (1 - cct)"),
    ("before", B, "dcct tanh twice", "83", "the slope of tanh is taken at its output: 1−tanh²c̃ stands where 1−c̃² belongs", "(1 - cct ** 2)", "(1 - np.tanh(cct) ** 2)"),
    ("before", B, "dzt sign", "84", "the sign is wrong", "(a_prev - cct)", "(cct - a_prev)"),
    ("before", B, "dzt only a", "84", "a^{t-1} stands where a^{t-1}−c̃ belongs", "(a_prev - cct)", "a_prev"),
    ("before", B, "dzt only c", "84", "c̃ stands where a^{t-1}−c̃ belongs", "(a_prev - cct)", "cct"),
    ("before", B, "dzt no slope", "84", "the slope of the sigmoid, Γz(1 − Γz), is missing", " * zt * (1 - zt)\n    back", "\n    back"),
    ("before", B, "dzt a_next", "84", "the factor Γz is there twice", "(a_prev - cct)", "(a_next - cct)"),
    ("before", B, "drt no a", "85", "the factor a^{t-1} is missing", "back * a_prev * rt", "back * rt"),
    ("before", B, "drt no slope", "85", "the slope of the sigmoid, Γr(1 − Γr), is missing", " * rt * (1 - rt)\n", "\n"),
    ("before", B, "drt xt", "85", "a^t stands where a^{t-1} belongs", "back * a_prev * rt", "back * a_next * rt"),
    ("before", B, "e not transp", "141", "the weights are not transposed", "Wc[:, :n_a].T, dcct)\n    drt", "Wc[:, :n_a], dcct)\n    drt"),
    ("before", B, "e da_next", "141", "da_next stands where dc̃ belongs", "np.dot(Wc[:, :n_a].T, dcct)\n    drt", "np.dot(Wc[:, :n_a].T, da_next)\n    drt"),
    ("before", B, "e Wr", "141", "Wr stands where Wc belongs", "np.dot(Wc[:, :n_a].T, dcct)\n    drt", "np.dot(Wr[:, :n_a].T, dcct)\n    drt"),
    ("before", B, "e without W", "141", "dc̃ does not come back through the weights", "np.dot(Wc[:, :n_a].T, dcct)\n    drt", "dcct\n    drt"),
    ("before", B, "e with drt", "85", "dc̃ does not come back through the weights", "back * a_prev", "dcct * a_prev"),
    ("before", B, "dWc unreset", "134", "a_prev stands where Γr ⊙ a_prev belongs", "np.dot(dcct, reset.T)", "np.dot(dcct, concat.T)"),
    ("before", B, "dWc dzt", "133 134", "dΓz stands where dc̃ belongs; dΓz stands where dc̃ belongs", "np.dot(dcct, reset.T)", "np.dot(dzt, reset.T)"),
    ("before", B, "dWz reset", "131", "[Γr ⊙ a_prev; xt] stands where [a_prev; xt] belongs", "np.dot(dzt, concat.T)", "np.dot(dzt, reset.T)"),
    ("before", B, "dWr drt", "138", "dΓz stands where dΓr belongs", "np.dot(drt, concat.T)", "np.dot(dzt, concat.T)"),
    ("before", B, "dbz mean", "132", "it is divided by the number of examples", "np.sum(dzt", "np.mean(dzt"),
    ("before", B, "dbr", "139", "dΓz stands where dΓr belongs", "np.sum(drt", "np.sum(dzt"),
    ("before", B, "dbc", "140", "da_next stands where dc̃ belongs", "np.sum(dcct", "np.sum(da_next"),
    ("before", B, "keepdims", "shape", "dbc, equation (140): expected (4, 1), got (4,) (a sum keeps its axis with keepdims=True)", "dbc = np.sum(dcct, axis=1, keepdims=True)", "dbc = np.sum(dcct, axis=1)"),
    ("before", B, "line missing", "87", "the term da ⊙ Γz is missing", "da_next * zt + ", ""),
    ("before", B, "line 1-z", "87", "in the term da ⊙ Γz, 1−Γz stands where Γz belongs", "da_next * zt + ", "da_next * (1 - zt) + "),
    ("before", B, "line r", "87", "in the term da ⊙ Γz, Γr stands where Γz belongs", "da_next * zt + ", "da_next * rt + "),
    ("before", B, "line all", "87", "in the term da ⊙ Γz, the factor Γz is missing", "da_next * zt + ", "da_next + "),
    ("before", B, "no r on e", "87", "in the term of gate c, the factor Γr is missing", " + back * rt", " + back"),
    ("before", B, "z on e", "87", "in the term of gate c, Γz stands where Γr belongs", " + back * rt", " + back * zt"),
    ("before", B, "e term missing", "87", "the term of gate c is missing", " + back * rt", ""),
    ("before", B, "z term missing", "87", "the term of gate z is missing", " + np.dot(Wz[:, :n_a].T, dzt)", ""),
    ("before", B, "r untransposed", "87", "in the term of gate r, the weights are not transposed", "np.dot(Wr[:, :n_a].T, drt)", "np.dot(Wr[:, :n_a], drt)"),
    ("before", B, "dxt no c", "135", "the term of gate c is missing", " + np.dot(Wc[:, n_a:].T, dcct)", ""),
    ("before", B, "dxt z via r", "135", "dΓz stands where dΓr belongs", "np.dot(Wr[:, n_a:].T, drt)", "np.dot(Wr[:, n_a:].T, dzt)"),
    ("before", B, "two", "84 138", "the sign is wrong; [Γr ⊙ a_prev; xt] stands where [a_prev; xt] belongs", "(a_prev - cct)", "(cct - a_prev)", "np.dot(drt, concat.T)", "np.dot(drt, reset.T)"),
    ("before", B, "two b", "83 87", "1−c̃ stands where 1−c̃² belongs; the term da ⊙ Γz is missing", "(1 - cct ** 2)", "(1 - cct)", "da_next * zt + ", ""),
    ("after", B, "dv no r", "142", "the factor Γr is missing", "dv = dcct * rt", "dv = dcct"),
    ("after", B, "dv z", "142", "Γz stands where Γr belongs", "dv = dcct * rt", "dv = dcct * zt"),
    ("after", B, "drt no v", "86", "the factor v is missing", "dcct * v * rt", "dcct * rt"),
    ("after", B, "drt a_prev", "86", "a^{t-1} stands where v belongs", "dcct * v * rt", "dcct * a_prev * rt"),
    ("after", B, "drt dv", "86", "the factor Γr is there twice", "dcct * v * rt", "dv * v * rt"),
    ("after", B, "drt slope", "86", "the slope of the sigmoid, Γr(1 − Γr), is missing", " * rt * (1 - rt)\n", "\n"),
    ("after", B, "v without bca", "86", "v−bca stands where v belongs", ' + parameters["bca"]', ' + 0*parameters["bca"]'),
    ("after", B, "dWca dcct", "143", "dc̃ stands where dv belongs", "np.dot(dv, a_prev.T)", "np.dot(dcct, a_prev.T)"),
    ("after", B, "dWca reset", "143", "Γr ⊙ a_prev stands where a_prev belongs", "np.dot(dv, a_prev.T)", "np.dot(dv, (rt * a_prev).T)"),
    ("after", B, "dWcx dv", "133", "dv stands where dc̃ belongs", "np.dot(dcct, xt.T)", "np.dot(dv, xt.T)"),
    ("after", B, "dbca dcct", "144", "dc̃ stands where dv belongs", "np.sum(dv", "np.sum(dcct"),
    ("after", B, "dbc dv", "140", "dv stands where dc̃ belongs", "np.sum(dcct", "np.sum(dv"),
    ("after", B, "da v dcct", "87", "in the term of gate v, dc̃ stands where dv belongs", "np.dot(Wc[:, :n_a].T, dv)", "np.dot(Wc[:, :n_a].T, dcct)"),
    ("after", B, "dxt dv", "135", "in the term of gate c, dv stands where dc̃ belongs", "np.dot(Wc[:, n_a:].T, dcct)", "np.dot(Wc[:, n_a:].T, dv)"),
    ("after", B, "swap dWc", "133 143", "dc̃ and dv are exchanged; dc̃ and dv are exchanged", "(np.dot(dv, a_prev.T), np.dot(dcct, xt.T))", "(np.dot(dcct, a_prev.T), np.dot(dv, xt.T))"),
    ("after", B, "line", "87", "the term da ⊙ Γz is missing", "da_next * zt + ", ""),
    ("after", B, "dzt", "84", "the sign is wrong", "(a_prev - cct)", "(cct - a_prev)"),
    ("before", S, "a0 always", "carry_a", "every step starts from the state before the first one", "x[:, :, t], a_next, p", "x[:, :, t], a0, p"),
    ("before", S, "pairing", "pairing", "what step t works with is always that of step 1", "x[:, :, t], a_next", "x[:, :, 0], a_next"),
    ("before", S, "order", "order", "time runs the other way", "in range(T_x)", "in reversed(range(T_x))"),
    ("before", S, "zero start", "carry_a", "it does not start from the state that was handed over", "a_next = a0", "a_next = np.zeros(a0.shape)"),
    ("before", S, "y not stored", "pairing", "step 1 of y is never stored", "y[:, :, t] = yt", "pass"),
    ("before", T, "no carry", "carry_a", "da_prev is not handed to the step before", "da[:, :, t] + da_prevt, s", "da[:, :, t], s"),
    ("before", T, "no da", "da", "da[:, :, t] is missing", "da[:, :, t] + da_prevt, s", "da_prevt, s"),
    ("before", T, "no accumulate", "accumulate", "dWr is overwritten: only the step that is visited last is left", "dWr += gr", "dWr = gr"),
    ("before", T, "wrong key", "accumulate", "dWr gets what belongs to dWz", 'gradients["dWr"]', 'gradients["dWz"]'),
    ("before", T, "order", "order", "time runs the other way", "reversed(range(T_x))", "range(T_x)"),
    ("before", T, "dx", "dx", "it is in the reverse order of time", "dx[:, :, t] = g", "dx[:, :, T_x - 1 - t] = g"),
    ("before", T, "da0", "da0", "it is zero", '"da0": da_prevt', '"da0": da_prevt * 0'),
    ("after", T, "dbca not added", "accumulate", "dbca is overwritten: only the step that is visited last is left", "dbca += gr", "dbca = gr"),
    ("after", T, "no carry", "carry_a", "da_prev is not handed to the step before", "da[:, :, t] + da_prevt, s", "da[:, :, t], s"),
]
# the same in sequences that write their cell out
mistakes_inside = [
    ("before", S, "79", 'p["bz"]', '0*p["bz"]'),
    ("before", S, "79", "z = sigmoid", "z = np.tanh"),
    ("before", S, "137", ' + p["br"]', ""),
    ("before", S, "81", "np.vstack([r*h, xt])", "np.vstack([h, xt])"),
    ("before", S, "81", "c = np.tanh", "c = sigmoid"),
    ("before", S, "80", "(1 - z)*c + z*h", "z*c + (1 - z)*h"),
    ("before", S, "80", " + z*h", ""),
    ("before", S, "y", 'p["Wy"] @ a', 'p["Wy"] @ h'),
    ("before", S, "carry_a", "x[:, :, t], a", "x[:, :, t], a0"),
    ("before", S, "pairing", "x[:, :, t], a", "x[:, :, 0], a"),
    ("before", S, "order", "in range(x.shape[2])", "in reversed(range(x.shape[2]))"),
    ("after", S, "82", 'r*(p["Wc"]', 'z*(p["Wc"]'),
    ("after", S, "82", ' + p["bca"])', ')+p["bca"]'),
    ("after", S, "80", " + z*h", ""),
    ("after", S, "carry_a", "x[:, :, t], a", "x[:, :, t], a0"),
    ("before", T, "83", "d*(1-z)*(1-c*c)", "d*(1-c*c)"),
    ("before", T, "83", "(1-c*c)", "(1-c)"),
    ("before", T, "83", "d*(1-z)", "d*z"),
    ("before", T, "84", "(h-c)", "(c-h)"),
    ("before", T, "84", "*z*(1-z); dr", "; dr"),
    ("before", T, "84", "(h-c)", "h"),
    ("before", T, "85", "ds[:n]*h*r*(1-r)", "ds[:n]*r*(1-r)"),
    ("before", T, "85", "ds[:n]*h*r*(1-r)", "ds[:n]*h"),
    ("before", T, "131", "dz @ s.T", "dz @ q.T"),
    ("before", T, "138", "dr @ s.T", "dz @ s.T"),
    ("before", T, "134", "dc @ q.T", "dc @ s.T"),
    ("before", T, "132", "+= dz.sum", "+= dr.sum"),
    ("before", T, "140", "+= dc.sum", "+= d.sum"),
    ("before", T, "87", "d*z + ", ""),
    ("before", T, "87", "d*z + ", "d + "),
    ("before", T, "87", " + ds[:n]*r", " + ds[:n]"),
    ("before", T, "87", " + back[:n]", ""),
    ("before", T, "135", "back[n:] + ds[n:]", "back[n:]"),
    ("before", T, "87 135", 'p["Wz"].T @ dz + p["Wr"].T @ dr', 'p["Wz"].T @ dz'),
    ("before", T, "carry_a", "+ carry", ""),
    ("before", T, "accumulate", 'g["dWz"] +=', 'g["dWz"] ='),
    ("before", T, "accumulate", 'g["dbc"] +=', 'g["dbc"] ='),
    ("before", T, "order", "in reversed(range(T))", "in range(T)"),
    ("before", T, "dx", "dx[:, :, t]", "dx[:, :, T-1-t]"),
    ("before", T, "da0", '"da0": carry', '"da0": d'),
    ("before", T, "pairing", "= K[t]", "= K[0]"),
    ("before", T, "pairing", "= K[t]", "= K[T-1-t]"),
    ("after", T, "83", "d*(1-z)*(1-c*c)", "d*(1-c*c)"),
    ("after", T, "84", "(h-c)", "(c-h)"),
    ("after", T, "86", "dc*v*r*(1-r)", "dc*v"),
    ("after", T, "142", "dv = dc*r", "dv = dc"),
    ("after", T, "143", "dv @ h.T", "dc @ h.T"),
    ("after", T, "144", "+= dv.sum", "+= dc.sum"),
    ("after", T, "133", "dc @ xt.T", "dv @ xt.T"),
    ("after", T, "87", "d*z + ", ""),
    ("after", T, "87", ".T @ dv", ".T @ dc"),
    ("after", T, "carry_a", "+ carry", ""),
    ("after", T, "accumulate", 'g["dbca"] +=', 'g["dbca"] ='),
]


def edited(text, name, *changes):
    "A function of a text with changes made in it."
    for old, new in zip(changes[::2], changes[1::2]):
        was = part(text, name)
        assert was.count(old) == 1, f"{name}: {old!r} occurs {was.count(old)} times"
        text = text.replace(was, was.replace(old, new))
    return load(text, name)


def said(report): return " ".join(f.equation for f in report.findings), "; ".join(f.cause for f in report.findings)


@pytest.mark.parametrize("reset, name, what, wanted, cause, changes", [(*m[:5], m[5:]) for m in mistakes], ids=[f"{m[1]}-{m[0]}-{m[2]}" for m in mistakes])
def test_a_mistake_is_named_with_its_cause(reset, name, what, wanted, cause, changes):
    start = time.process_time()
    report = check(edited(bases[reset], name, *changes))
    assert said(report) == (wanted, cause) and all(f.cause and f.hint and "networks/gru.html" in f.link for f in report.findings if f.equation.isdigit()), report
    assert time.process_time() - start < 2 and cell_of(name, ("bca",) if reset == "after" else ()).note in report.notes[-1]


@pytest.mark.parametrize("reset, name, wanted, old, new", mistakes_inside, ids=[f"{m[1]}-{m[0]}-{m[2]}-{i}" for i, m in enumerate(mistakes_inside)])
def test_a_mistake_in_a_sequence_that_is_written_out(reset, name, wanted, old, new):
    assert written[reset, name].count(old) == 1
    report = check(load(before + written[reset, name].replace(old, new), name))
    assert {f.equation for f in report.findings} == {*wanted.split()} and all(f.cause for f in report.findings), report


@pytest.mark.parametrize("reset", bases)
@pytest.mark.parametrize("name", [F, B, S, T])
def test_right_functions_are_not_blamed(reset, name):
    texts = [bases[reset], before + written.get((reset, name), "")] if (reset, name) in written else [bases[reset]]
    for text in texts:
        report = check(load(text, name))
        assert report.passed and not report.unseen and report.right and cell_of(name, ("bca",) if reset == "after" else ()).note in report.notes, report


def test_the_book_is_right_with_both_resets():
    for name, f in ((F, gru_cell.gru_cell_forward), (B, gru_cell.gru_cell_backward), (S, gru_cell.gru_sequence_forward), (T, gru_cell.gru_sequence_backward)):
        report = check(f, name)
        assert report.passed and GRU.note in report.notes[-1] and GRU.variants["bca"].note in report.notes[-1] and "own function" in report.notes[0], report


right = {}
right["both, other letters", F] = '''
def gru_cell_forward(inputs, h, weights):
    n = len(h)
    s = np.vstack([h, inputs])
    update, reset = (1/(1 + np.exp(-(weights[f"W{k}"] @ s + weights[f"b{k}"]))) for k in "zr")
    W, U = weights["Wc"][:, n:], weights["Wc"][:, :n]
    from_state = U @ (reset*h) if "bca" not in weights else reset*(U @ h + weights["bca"])
    new = np.tanh(W @ inputs + from_state + weights["bc"])
    out = new + update*(h - new)
    return out, softmax(weights["Wy"] @ out + weights["by"]), (out, h, update, reset, new, inputs, weights)
'''
right["a missing bias is zero", F] = right["both, other letters", F].replace('U @ (reset*h) if "bca" not in weights else reset*(U @ h + weights["bca"])', 'reset*(U @ h + weights.get("bca", 0))')
right["a cache of its own", F] = right["both, other letters", F].replace("(out, h, update, reset, new, inputs, weights)", '{"in": inputs, "h": h}')
right["gates recomputed", B] = '''
def gru_cell_backward(d, cache):
    _, h, _, _, _, x, p = cache
    n, s = len(h), np.vstack([h, x])
    z, r = sigmoid(p["Wz"] @ s + p["bz"]), sigmoid(p["Wr"] @ s + p["br"])
    q = np.vstack([r*h, x])
    c = np.tanh(p["Wc"] @ q + p["bc"])
    dc, dz = d*(1 - z)*(1 - c*c), d*(h - c)*z*(1 - z)
    ds = p["Wc"].T @ dc
    dr = ds[:n]*h*r*(1 - r)
    back = p["Wz"].T @ dz + p["Wr"].T @ dr
    g = {f"d{w}{k}": v @ u.T if w == "W" else v.sum(1, keepdims=True) for k, v, u in (("z", dz, s), ("r", dr, s), ("c", dc, q)) for w in "Wb"}
    return g | {"dxt": back[n:] + ds[n:], "da_prev": d*z + ds[:n]*r + back[:n]}
'''
right["float32", B] = right["gates recomputed", B].replace("h, _, _, _, x, p = cache", "h, _, _, _, x, p = cache\n    d, h, x, p = d.astype('f4'), h.astype('f4'), x.astype('f4'), {k: v.astype('f4') for k, v in p.items()}")
right["both resets", B] = '''
def gru_cell_backward(da_next, cache):
    (_, h, z, r, c, x, p), n = cache, len(cache[1])
    s, U = np.vstack([h, x]), p["Wc"][:, :n]
    dc, dz = da_next*(1 - z)*(1 - c**2), da_next*(h - c)*(z - z**2)
    more = {}
    if "bca" in p:
        dv = dc*r
        dr, dh, dU = dc*(U @ h + p["bca"])*(r - r**2), U.T @ dv, dv @ h.T
        more["dbca"] = dv.sum(1, keepdims=True)
    else:
        e = U.T @ dc
        dr, dh, dU = e*h*(r - r**2), e*r, dc @ (r*h).T
    back = p["Wz"].T @ dz + p["Wr"].T @ dr
    return {"dxt": back[n:] + p["Wc"][:, n:].T @ dc, "da_prev": da_next*z + dh + back[:n], "dWz": dz @ s.T, "dbz": dz.sum(1, keepdims=True),
            "dWr": dr @ s.T, "dbr": dr.sum(1, keepdims=True), "dWc": np.hstack([dU, dc @ x.T]), "dbc": dc.sum(1, keepdims=True), **more}
'''


@pytest.mark.parametrize("what, name", right, ids=[f"{n}-{w}" for w, n in right])
def test_right_functions_in_other_manners(what, name):
    report = check(load(before + right[what, name], name))
    assert report.passed and not report.unseen, report
    both = {"both, other letters": "and judged with the reset before", "a cache of its own": "and judged with the reset before", "both resets": "and judged with the reset before", "a missing bias is zero": "without bca it does as if that were zero"}
    assert both.get(what, "(81)") in " ".join(report.notes), report


def test_with_both_resets_each_is_judged():
    text = right["both resets", B]
    for old, new, wanted, note in (("dr, dh, dU = e*h", "dr, dh, dU = e", "85", "with bca all is right"), ("dv = dc*r", "dv = dc", "142", "(82)"), ("(h - c)", "(c - h)", "84", "(82)")):
        assert text.count(old) == 1
        report = check(load(before + text.replace(old, new), B))
        assert [f.equation for f in report.findings] == [wanted] and note in " ".join(report.notes), report


def broken(how, value):
    return {"None": None, "NaN": np.full_like(value, np.nan), "zeros": np.zeros_like(value), "wrong shape": np.ones((1, 2, 3, 4))}[how] if isinstance(value, np.ndarray) else None


@pytest.mark.parametrize("how", ["None", "missing", "NaN", "zeros", "wrong shape"])
@pytest.mark.parametrize("reset", bases)
def test_right_is_what_was_seen(reset, how):
    "What only a broken output shows is not right."
    for name in (B, T):
        f, cell = load(bases[reset], name), cell_of(name, ("bca",) if reset == "after" else ())
        for key in cell.gradients if name == B else [*cell.summed, "dx", "da0"]:
            def run(*args):
                "Names bca where the function that it runs does."
                got = f(*args)
                return {k: broken(how, v) if k == key else v for k, v in got.items() if how != "missing" or k != key}
            report = check(run, name)
            shows = {*cell.numbers_of(key)} if name == B else {key if key in ("dx", "da0") else "accumulate"}
            found, seen, unseen = {f.equation for f in report.findings}, {*report.right}, {*report.unseen}
            assert found and not shows & seen and not seen & found and not seen & unseen and not found & unseen, (key, report)


def test_an_engine_is_not_judged(tmp_path):
    for f in (gru.gru_forward, gru.gru_backward):
        with pytest.raises(ValueError, match="is an engine"): check(f)
    (tmp_path/"uses.py").write_text("from lstm_nb import gru_forward\nfrom lstm_nb.networks.gru import gru_backward\nimport numpy as np\n" + part(before, B))
    found = command(tmp_path/"uses.py")
    assert [r["function"] for r in found["reports"]] == [B] and found["reports"][0]["passed"] and not found["unjudged"], found
    (tmp_path/"only.py").write_text("from lstm_nb.networks.gru import gru_backward, gru_forward\n")
    found = command(tmp_path/"only.py")
    assert not found["reports"] and not found["unjudged"] and found["status"] == 2, found


def command(file):
    run = subprocess.run([sys.executable, "-m", "lstm_nb.checker.command", "--json", str(file)], capture_output=True, text=True, timeout=120)
    return json.loads(run.stdout)[0]


@pytest.mark.parametrize("reset", bases)
def test_the_command_judges_a_file(tmp_path, reset):
    (tmp_path/"mine.py").write_text(bases[reset])
    found = command(tmp_path/"mine.py")
    assert found["status"] == 0 and [r["function"] for r in found["reports"]] == [n for n in JUDGES if n.startswith("gru_")], found
    assert all(cell_of(F, ("bca",) if reset == "after" else ()).note in r["notes"] for r in found["reports"])
    (tmp_path/"wrong.py").write_text(bases[reset].replace("(a_prev - cct)", "(cct - a_prev)"))
    found = command(tmp_path/"wrong.py")
    assert {r["function"]: [f["equation"] for f in r["findings"]] for r in found["reports"]} == {F: [], S: [], B: ["84"], T: ["84"]}


def test_every_number_of_the_table_is_on_the_page():
    from conftest import root
    from lstm_nb.checker.equations import EQUATIONS
    page = (root/"nbs/networks/13_gru.ipynb").read_text(encoding="utf-8")
    numbers = [e.number for e in EQUATIONS.values() if "networks/gru.html" in e.link]
    assert len(numbers) == 22 and all(page.count(f'id=\\"eq-{n}\\"') == 1 and len(re.findall(rf"qquad \\?\({n}\)", page)) == 1 for n in numbers)
