"""Write the drawings of pages 00 and 03 to 05 into `nbs/images/`: the step of an LSTM as it grows, the unrolled network, the step of the plain RNN, and what page 00 shows of shapes.

They are 500 wide, so that the smallest letters, 13, are 9 pixels high on a phone. The files are committed."""
import re
from html import escape
from pathlib import Path

ink, grey, back = "#222222", "#444444", "#b3123c"
forget, write, candidate, show = "#2a6f97", "#2d8a4e", "#b5651d", "#7b4b94"
tints = {forget: "#e6f0f6", write: "#e5f3ea", candidate: "#faeee2", show: "#f1e9f5", grey: "#f4f5f7"}
state, given = ("#e4e7eb", "#56606e"), ("#fdf2c8", "#8f6f00")
sans = "Helvetica, Arial, sans-serif"


def maths(text, size):
    "Letters with `_` and `^` set as mathematics; what stands between quotes is set as words, `~c` is the candidate."
    out, shift = [], 0
    for words, raised, body, tilde, name, char in re.findall(r'"([^"]*)"|([_^])(\{[^}]*\}|.)|(~c)|(tanh|softmax)|(.)', text):
        to = {"_": 0.25, "^": -0.35}.get(raised, 0)*size
        dy, shift = to - shift, to
        move = f' dy="{dy:g}"' if dy else ""
        if raised:
            small = f' font-size="{max(0.72*size, 13):g}"'
            out += [f"<tspan{move if not i else ''}{small}{'' if re.match('[a-zA-Z]', c) else ' font-style=' + chr(34) + 'normal' + chr(34)}>{escape(c)}</tspan>" for i, c in enumerate(body.strip("{}"))]
        elif words: out.append(f'<tspan{move} font-style="normal" font-family="{sans}" font-size="{max(0.9*size, 13):g}">{escape(words)}</tspan>')
        elif tilde: out.append(f'<tspan{move}>c</tspan><tspan dx="-0.42em">˜</tspan>')
        else:
            upright = name or not re.match("[a-zA-Zσθ]", char)
            out.append(f'<tspan{move}{" font-style=" + chr(34) + "normal" + chr(34) if upright else ""}>{escape(name or char)}</tspan>')
    return "".join(out)


def text(x, y, content, size=16, anchor="middle", fill=ink, bold=False):
    more = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{more}>{maths(content, size)}</text>'


def rect(x, y, w, h, stroke=grey, fill=None, width=1.6, rx=6):
    return f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{rx}" fill="{fill or tints[stroke]}" stroke="{stroke}" stroke-width="{width}"/>'


def circle(x, y, label, fill="#ffffff", stroke="#6b7280", r=22, size=16):
    return f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}" stroke="{stroke}" stroke-width="1.6"/>' + text(x, y + 5, label, size)


def times(x, y): return f'<circle cx="{x}" cy="{y}" r="12" fill="#ffffff" stroke="{grey}" stroke-width="1.6"/><circle cx="{x}" cy="{y}" r="2.6" fill="{grey}"/>'


def plus(x, y, stroke=grey, r=12):
    return f'<circle cx="{x}" cy="{y}" r="{r}" fill="#ffffff" stroke="{stroke}" stroke-width="1.6"/><path d="M{x - r/2} {y}h{r}M{x} {y - r/2}v{r}" stroke="{stroke}" stroke-width="1.8" fill="none"/>'


def arrows(*paths): return "".join(f'<path d="{d}" fill="none" stroke="{grey}" stroke-width="1.6" marker-end="url(#forward)"/>' for d in paths)
def returns(*paths): return "".join(f'<path d="{d}" fill="none" stroke="{back}" stroke-width="1.9" stroke-dasharray="6 4" marker-end="url(#backward)"/>' for d in paths)


def drawing(height, title, description, *parts, top=0):
    heads = "".join(f'<marker id="{name}" markerUnits="userSpaceOnUse" markerWidth="12" markerHeight="10" refX="10" refY="5" orient="auto"><path d="M0.5 0.5L10.5 5L0.5 9.5L2.5 5Z" fill="{colour}"/></marker>'
                    for name, colour in (("forward", grey), ("backward", back)))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {top} 500 {height}" width="430" height="{0.86*height:.0f}" role="img" aria-labelledby="title desc" style="font-variant-numeric: lining-nums">',
        f'<title id="title">{escape(title)}</title>', f'<desc id="desc">{escape(description)}</desc>', f"<defs>{heads}</defs>", f'<rect y="{top}" width="500" height="{height}" fill="#ffffff"/>',
        """<g font-family="Georgia, 'Times New Roman', serif" font-style="italic">""", *parts, "</g>", "</svg>", ""])


# the step of an LSTM; the columns of the four boxes, the memory at 50, the hidden state at 160
columns = {"f": (52, forget, "forget"), "i": (152, write, "input"), "c": (252, candidate, "candidate"), "o": (352, show, "output")}
gate = {"f": "Γ_f", "i": "Γ_i", "c": "~c", "o": "Γ_o"}


def stack(*rows):
    fills = zip(rows or ('a^{t−1}  "on top,"  n_a  "rows"', 'x^t  "below,"  n_x  "rows"'), (290, 314), (state, given))
    return "".join(rect(5, y, 394, 24, stroke, fill, rx=0) + text(202, y + 17, row) for row, y, (fill, stroke) in fills)


def box(k, number, *lines, name=None):
    x, colour, word = columns[k]
    return rect(x - 48, 196, 96, 66, colour) + text(x - 43, 216, name or f'"{word}"', 16 if name else 14, "start", colour) + text(x + 44, 216, f"({number})", 13.5, "end", colour) + "".join(
        text(x, y, line, 15) for line, y in zip(lines, (243,) if len(lines) == 1 else (235, 254)))


def up(*some): return arrows(*(f"M{columns[k][0]} 290V263" for k in some))


numbers = dict(zip("fico", (1, 2, 3, 5)))


def gates(*some): return up(*some) + "".join(box(k, numbers[k], f"{gate[k]} = {'tanh' if k == 'c' else 'σ'}(z_{k})") for k in some)


sums = text(202, 361, 'z_k = W_k [a^{t−1}; x^t] + b_k   "for"  k = f, i, c, o', 15)
memory = (arrows("M48 50H67", "M92 50H189", "M80 196V63", "M152 196V140H189", "M252 196V140H215", "M202 128V63", "M214 50H329", "M374 50H496")
          + circle(26, 50, "c^{t−1}") + times(80, 50) + plus(202, 50) + times(202, 140) + circle(352, 50, "c^t") + text(141, 40, "Γ_f ⊙ c^{t−1}", 15) + text(211, 102, "Γ_i ⊙ ~c", 15, "start")
          + text(382, 34, "(4)", 13.5, "start", bold=True) + text(496, 72, '"to step"  t+1', 14, "end"))
hidden = (arrows("M352 72V93", "M352 122V147", "M352 196V173", "M364 160H429", "M474 160H496") + rect(322, 94, 60, 28) + text(352, 114, "tanh") + times(352, 160) + circle(452, 160, "a^t", *state)
          + text(452, 128, "(6)", 13.5, bold=True) + text(452, 204, '"to step"  t+1', 14) + text(452, 221, '"and its loss"', 14))


def backward():
    "The step with its gradients."
    slopes = {"c": ("⊙ (1 − ~c^2)",)} | {k: (f"⊙ {gate[k]}", f"⊙ (1 − {gate[k]})") for k in "fio"}
    return [returns("M496 50H375", "M330 50H317", "M496 160H475", "M430 160H365", "M352 148V123", "M352 94V73"), circle(352, 50, "c^t"), circle(452, 160, "a^t", *state), rect(322, 94, 60, 28), text(352, 114, "tanh"), times(352, 160),
           text(440, 42, "dc", 16, fill=back), text(496, 72, '"from step"  t+1', 14, "end"), text(487, 148, "da", 16, fill=back), text(452, 216, '"from its loss"', 14), text(452, 233, '"and step"  t+1', 14),
           text(361, 89, "s", 16, "start", back), text(386, 107, "⊙ (1 −", 14, "start"), text(386, 125, "tanh^2 c^t)", 14, "start"), text(344, 144, "⊙ Γ_o", 14, "end"),
           rect(240, 34, 76, 32, back, "#ffe9a8", 2.2, 8), text(278, 55, "dc + s", 17, fill=back),
            returns("M240 50H215", "M190 50H93", "M68 50H49", "M80 62V195", "M202 62V127", "M190 140H152V195", "M214 140H252V195", "M352 172V195"), circle(26, 50, "c^{t−1}"), times(80, 50), plus(202, 50), times(202, 140),
            text(60, 36, "⊙ Γ_f", 14), text(26, 90, "dc^{t−1}", 15, fill=back), text(26, 108, "(16)", 13.5, fill=back, bold=True), text(87, 134, "⊙ c^{t−1}", 14, "start"), text(158, 180, "⊙ ~c", 14, "start"), text(258, 180, "⊙ Γ_i", 14, "start"),
        text(358, 191, "⊙ tanh(c^t)", 14, "start"), returns(*(f"M{x} 262V289" for x, _, _ in columns.values())),
        *(box(k, 10 - "fico".index(k), *slopes[k], name=f"d{gate[k]}") for k in columns),
        stack('da^{t−1} = Σ_k W_k[:, :n_a]^⊤ dz_k   (15)', 'dx^t = Σ_k W_k[:, n_a:]^⊤ dz_k   (17)'), text(202, 361, 'dW_k = dz_k [a^{t−1}; x^t]^⊤   (11)"–"(14)', 15)]


# three steps, and what runs between them
def step(x, name, end):
    "The step `name` around `x`, and what runs from it to `end`, where the next begins."
    of = lambda letter: f"{letter}^{{{name}}}"
    forward = arrows(f"M{x - 14} 46V121", f"M{x} 286V247", f"M{x + 30} 140H{end}", f"M{x + 30} 190H{x + 40}", f"M{x + 79} 190H{end}", f"M{x + 60} 209V289")
    gradients = returns(f"M{end} 160H{x + 117}", f"M{x + 99} 160H{x + 31}", f"M{end} 218H{x + 93}", f"M{x + 76} 218H{x + 31}", f"M{x + 84} 290V227", f"M{x + 92} 306H{x + 108}V169")
    return (forward + gradients + rect(x - 30, 122, 60, 124) + text(x, 180, '"step"', 15) + text(x, 202, name) + circle(x, 306, of("x"), *given, r=20, size=14) + circle(x + 60, 190, of("a"), *state, r=19, size=14)
            + circle(x + 72, 306, of("L"), r=20, size=14) + text(x + 64, 133, of("c"), 15) + plus(x + 84, 218, back, 8) + plus(x + 108, 160, back, 8))


def unrolled():
    return [rect(5, 10, 490, 36), text(250, 34, 'θ":  the same parameters for every step"'), step(50, "t−1", 179), step(210, "t", 339), step(370, "t+1", 498),
            arrows("M2 140H19", "M2 190H19", "M5 352H40"), returns("M20 160H2", "M20 218H2", "M64 122V84H214", "M224 122V94", "M384 122V84H234", "M224 75V47", "M116 352H81"), plus(224, 84, back, 9),
            text(134, 74, "dθ = Σ_t dθ^{(t)}", 15, fill=back), text(46, 357, '"and"', 14, "start"), plus(136, 352, back, 8),
            text(150, 357, '"gradients add: "(18)" at "a", "(19)" at "c", "(20)" below "θ', 15, "start", back)]


def rnn():
    cells = ((5, 372, "dx^t = W_{ax}^⊤ dz"), (255, 372, "dW_{ax} = dz (x^t)^⊤"), (5, 418, "dW_{aa} = dz (a^{t−1})^⊤"), (255, 418, "db_a = Σ_{columns} dz"))
    return [text(6, 30, '"forward"', 17, "start", grey, True), text(6, 252, '"backward"', 17, "start", back, True), '<path d="M5 226H495" stroke="#c9ced6" stroke-width="1.4"/>',
            arrows("M48 112H65", "M191 168V133", "M320 112H335", "M392 112H407", "M430 90V57", "M452 112H496"), rect(66, 92, 254, 40), text(193, 117, "z = W_{aa} a^{t−1} + W_{ax} x^t + b_a"), rect(336, 92, 56, 40), text(364, 117, "tanh"),
            circle(26, 112, "a^{t−1}", *state), circle(430, 112, "a^t", *state), circle(191, 190, "x^t", *given), rect(272, 18, 223, 38), text(383, 42, "y^t = softmax(W_{ya} a^t + b_y)", 15), text(496, 152, '"to step"  t+1', 14, "end"),
            returns("M430 254V277", "M496 300H453", "M408 300H391", "M190 300H173", "M290 320V361"), circle(430, 300, "da^t", "#fdecf0", back), rect(190, 280, 200, 40, back, "#fdecf0"), text(290, 305, "dz = da^t ⊙ (1 − (a^t)^2)"),
            rect(5, 280, 167, 40, *reversed(state)), text(88, 305, "da^{t−1} = W_{aa}^⊤ dz"), text(418, 250, '"from its loss"', 14, "end"), text(496, 340, '"from step"  t+1', 14, "end"),
            rect(2, 362, 496, 102, "#6b7280", "#ffffff"), *(text(x + 120, y + 26, content) for x, y, content in cells)]


def grid(x, y, w, h, columns, rows, stroke, fill, marked=None):
    "A matrix, its columns and rows as thin lines, one column filled if `marked`."
    one = w/columns
    column = "" if marked is None else f'<rect x="{x + one*marked:g}" y="{y}" width="{one:g}" height="{h}" fill="#e0b020"/>'
    lines = "".join([*(f"M{x + one*k:g} {y}v{h}" for k in range(1, columns)), *(f"M{x} {y + h*k/rows:g}h{w}" for k in range(1, rows))])
    return rect(x, y, w, h, fill, fill, rx=0) + column + f'<path d="{lines}" stroke="{stroke}" stroke-opacity="0.3" fill="none"/><rect x="{x}" y="{y}" width="{w}" height="{h}" fill="none" stroke="{stroke}" stroke-width="1.6"/>'


def bracket(x, y, length, down=False):
    path = f"M{x - 5} {y}h5v{length}h-5" if down else f"M{x} {y + 5}v-5h{length}v5"
    return f'<path d="{path}" fill="none" stroke="#6b7280" stroke-width="1.3"/>'


def slices():
    tint = lambda i: dict(stroke=given[1], fill=given[0], marked=4) if i == 2 else dict(stroke=state[1], fill="#eef0f4")
    return [*(grid(14 + 32*i, 150 - 22*i, 84, 56, 6, 4, **tint(i)) for i in reversed(range(5))), arrows("M8 138L112 50", "M166 154H286", "M402 216V184"),
            text(4, 34, '"time, "T_x" slices"', 15, "start"), text(56, 226, 'x^1":  x[:, :, 0]"', 14), text(226, 226, '"this slice, larger"', 14),
            grid(290, 80, 150, 100, 6, 4, given[1], given[0], marked=4), text(365, 30, 'x^t": all examples at step "t', 15), text(365, 62, 'm" columns"', 15), bracket(290, 70, 150), bracket(452, 80, 100, True), text(458, 134, 'n_x', 15, "start"), text(458, 152, '"rows"', 14, "start"),
            text(384, 234, '"a column: one example"', 15), text(150, 268, 'x" has the shape "(n_x, m, T_x)', 16)]


def product():
    dark = state[1], state[0]
    light = given[1], given[0]
    plain = "#6b7280", "#f4f5f7"
    box = lambda x, y, w, h, label, paint: rect(x, y, w, h, paint[0], paint[1]) + text(x + w/2, y + h/2 + 6, label, 18)
    return [text(85, 24, '"weights "W_k', 15), text(218, 24, '"stack "[a^{t−1}; x^t]', 15), text(328, 24, '"bias "b_k', 15), text(417, 24, '"result "z_k', 15),
            grid(26, 96, 68, 68, 4, 4, *dark), grid(94, 96, 51, 68, 3, 4, *light), grid(176, 70, 85, 68, 5, 4, *dark), grid(176, 138, 85, 51, 5, 3, *light), grid(320, 96, 17, 68, 1, 4, *plain), grid(374, 96, 85, 68, 5, 4, *plain),
            text(60, 136, "W_{ka}", 17), text(120, 136, "W_{kx}", 17), text(218, 110, "a^{t−1}", 17), text(218, 170, "x^t", 17), text(417, 136, "z_k", 17), text(160, 136, "·", 24), text(308, 137, "+", 20), text(356, 137, "=", 20),
            bracket(26, 88, 67), bracket(95, 88, 50), bracket(176, 62, 85), bracket(320, 88, 17), bracket(374, 88, 85), bracket(272, 70, 67, True), bracket(272, 139, 50, True), bracket(470, 96, 68, True),
            text(60, 82, "n_a"), text(120, 82, "n_x"), text(218, 56, "m"), text(328, 82, "1"), text(417, 82, "m"), text(277, 110, "n_a", 16, "start"), text(277, 170, "n_x", 16, "start"), text(475, 136, "n_a", 16, "start"), text(12, 136, "n_a", 16),
            text(85, 216, "(n_a, n_a + n_x)", 15), text(218, 216, "(n_a + n_x, m)", 15), text(328, 216, "(n_a, 1)", 15), text(417, 216, "(n_a, m)", 15), text(328, 240, 'b_k" is added to every column"', 15),
            text(140, 286, "W_k [a^{t−1}; x^t]  =", 18), box(222, 262, 104, 36, "W_{ka} a^{t−1}", dark), text(346, 286, "+", 18), box(366, 262, 90, 36, "W_{kx} x^t", light)]


def drawings():
    "The files and what stands in them."
    step_title = "One LSTM step as a graph"
    first = [gates("f", "i"), stack(), sums]
    second = [memory, gates("f", "i", "c")]
    return {
        "columns_and_steps": drawing(282, "Slices, columns and the time axis of x", "Five slices of the input, one behind the other along an arrow of time. One of them is drawn larger beside it: n_x rows and m columns, all examples at step t. A column of it, filled, is one example.", *slices()),
        "stacked_product": drawing(312, "The stacked product", "The weights W_k, whose first n_a columns are W_ka and whose last n_x columns are W_kx, times the stack of a^{t-1} above x^t, plus the bias, one column, is z_k. Below: the product is W_ka a^{t-1} plus W_kx x^t.", *product()),
        "cell_gates": drawing(184, f"{step_title}: two gates", "The stacked state a^{t-1} and input x^t go into the forget gate (1) and the input gate (2).", *first, top=188),
        "cell_memory": drawing(268, f"{step_title}: candidate and memory", "To the two gates come the candidate (3) and the memory line: c^{t-1} times the forget gate, plus the input gate times the candidate, is c^t (4), which goes to step t+1.", *second, top=20),
        "cell_forward": drawing(352, f"{step_title}, forward", "To gates, candidate and memory comes the output gate (5). It is multiplied with the tanh of c^t and gives a^t (6), which goes to step t+1 and to its loss.", memory, hidden, gates("f", "i", "c", "o"), stack(), sums, top=20),
        "cell_backward": drawing(352, f"{step_title}, backward", "All arrows reversed. da splits at the product with the output gate: down to the output gate (7), times tanh of c^t, and up as s to the memory. The bracket dc + s goes left along the memory line. "
                                 "It reaches the candidate (8) times the input gate, the input gate (9) times the candidate, the forget gate (10) times c^{t-1}, and leaves as dc^{t-1} times the forget gate (16). In each box the slope of the activation is multiplied. "
                                 "All four go down through their weights and add: da^{t-1} (15) and dx^t (17). Each also gives the gradient of its weights, (11) to (14).", *backward(), top=20),
        "unrolled": drawing(372, "Three steps unrolled", "Three LSTM steps side by side. A bar above them holds the parameters, with an arrow down into each step. The memory c runs from step to step on an upper line, the hidden state a on a lower one, and each a has its loss L below it. "
                            "Dashed arrows run back: at each a two meet in a plus sign, from its own loss and from the next step (18). At each c two meet in a plus sign, too, from the loss and from the next step (19). From each step a dashed arrow rises, and all meet in a plus sign below the parameters (20).", *unrolled()),
        "rnn_step": drawing(470, "One step of the plain RNN, forward and backward", "Above, forward: a^{t-1} and x^t enter z = W_aa a^{t-1} + W_ax x^t + b_a; tanh turns z into a^t, which goes to y^t and to the next step. Below, backward: da^t collects what comes from its loss and from the next step and gives "
                            "dz = da^t times (1 - (a^t)^2), entry by entry. From dz come da^{t-1} = W_aa^T dz to the left and, below, dx^t, dW_ax, dW_aa and db_a.", *rnn())}


def main():
    for name, content in drawings().items(): (Path(__file__).resolve().parent.parent/f"nbs/images/{name}.svg").write_text(content, encoding="utf-8")


if __name__ == "__main__": main()
