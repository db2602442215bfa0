// The figure of page 05b: one LSTM unit over two steps, line by line. `byHand.values` computes, the rest draws.
(() => {
const sigmoid = z => z >= 0 ? 1/(1 + Math.exp(-z)) : Math.exp(z)/(1 + Math.exp(z))

function forward(p, xt, a_prev, c_prev) {
  const z = k => p[`W${k}a`]*a_prev + p[`W${k}x`]*xt + p[`b${k}`]
  const v = {...p, xt, a_prev, c_prev, zf: z("f"), zi: z("i"), zc: z("c"), zo: z("o")}
  v.ft = sigmoid(v.zf)                                    // (1)
  v.it = sigmoid(v.zi)                                    // (2)
  v.cct = Math.tanh(v.zc)                                 // (3)
  v.c_next = v.ft*c_prev + v.it*v.cct                     // (4)
  v.ot = sigmoid(v.zo)                                    // (5)
  v.tanh_c = Math.tanh(v.c_next)
  v.a_next = v.ot*v.tanh_c                                // (6)
  return v
}

function backward(v, da, dc, da_later, dc_later) {
  Object.assign(v, {da, dc, da_later, dc_later})
  v.da_next = da + da_later                               // (18)
  v.dc_next = dc + dc_later                               // (19)
  v.s = v.da_next*v.ot*(1 - v.tanh_c**2)
  v.bracket = v.dc_next + v.s
  v.dot = v.da_next*v.tanh_c*v.ot*(1 - v.ot)              // (7)
  v.dcct = v.bracket*v.it*(1 - v.cct**2)                  // (8)
  v.dit = v.bracket*v.cct*v.it*(1 - v.it)                 // (9)
  v.dft = v.bracket*v.c_prev*v.ft*(1 - v.ft)              // (10)
  const dz = {f: v.dft, i: v.dit, c: v.dcct, o: v.dot}
  const through = part => Object.keys(dz).reduce((sum, k) => sum + v[`W${k}${part}`]*dz[k], 0)
  for (const k in dz) {
    v[`dW${k}a`] = dz[k]*v.a_prev                         // (11) to (14)
    v[`dW${k}x`] = dz[k]*v.xt
    v[`db${k}`] = dz[k]                                   // (11b) to (14b)
  }
  v.da_prev = through("a")                                // (15)
  v.dc_prev = v.bracket*v.ft                              // (16)
  v.dxt = through("x")                                    // (17)
}

const weights = ["f", "i", "c", "o"].flatMap(k => [`W${k}a`, `W${k}x`, `b${k}`])

// All numbers of a setting: those of step 1, those of step 2, and the sums.
function values(setting) {
  const {x1, x2, a0, c0, da1, da2, dc1, dc2, ...p} = setting
  const one = forward(p, x1, a0, c0), two = forward(p, x2, one.a_next, one.c_next), sums = {}
  backward(two, da2, dc2, 0, 0)
  backward(one, da1, dc1, two.da_prev, two.dc_prev)
  for (const w of weights) sums[`d${w}`] = two[`d${w}`] + one[`d${w}`]        // (20)
  return [one, two, sums]
}

// Where the figure stops: step, direction, the lines that are lit.
const forwardLines = ["ft", "it", "cct", "c_next", "ot", "a_next"].map(line => [line])
const backwardLines = [["da_next"], ["dc_next"], ["s"], ["bracket"], ["dot"], ["dcct"], ["dit"], ["dft"], ["dWf", "dbf"], ["dWi", "dbi"],
                       ["dWc", "dbc"], ["dWo", "dbo"], ["da_prev"], ["dc_prev"], ["dxt"], ["sum"]]
const parts = [[1, "forward", forwardLines], [2, "forward", forwardLines], [2, "backward", backwardLines], [1, "backward", backwardLines]]
const stops = parts.flatMap(([t, way, lines], part) => lines.map(some => ({t, way, part, lines: some})))

// Which edges of the graph a line uses, and the node in which its number stands.
const uses = {
  ft: "stack-f", it: "stack-i", cct: "stack-g", c_next: "c-in f-mul kept i-mul g-mul written c", ot: "stack-o", a_next: "c-tanh tanh-mul o-mul a a-out c-out",
  da_next: "loss-a a-out", dc_next: "loss-c c-out", s: "a tanh-mul c-tanh", bracket: "", dot: "a o-mul", dcct: "c written g-mul", dit: "c written i-mul", dft: "c kept f-mul",
  da_prev: "stack-f stack-i stack-g stack-o", dc_prev: "c kept c-in", dxt: "stack-f stack-i stack-g stack-o"}
const node = {ft: "f", dft: "f", it: "i", dit: "i", cct: "g", dcct: "g", ot: "o", dot: "o", c_next: "c", dc_next: "c", bracket: "c", s: "tanh",
              a_next: "a", da_next: "a", da_prev: "a_prev", dc_prev: "c_prev", dxt: "x"}

const minus = text => text.replace("-", "−")
function printed(v) {
  if (Number(v.toFixed(4)) == v && Math.abs(v) < 1e4) return minus(String(v))
  return minus(Math.abs(v) < 5e-5 || Math.abs(v) >= 1e4 ? v.toExponential(2) : v.toFixed(4))
}
// A text with its numbers; a negative one behind a sign stands in brackets.
const said = (text, v) => text.replace(/(^|\(|[·+−]\s?)\{(\w+)\}(²?)/g, (all, before, name, square) => {
  const n = printed(v[name])
  return before + (n[0] == "−" && (before != "" && before != "(" || square) ? `(${n})` : n) + square
})
const inNumbers = (line, text, v) => {
  const opened = text.replace(/\{(\w+)\}/g, (all, name) => line.inner[name] ?? all)
  return said(opened, v) + (opened == text ? "" : ` = ${said(text, v)}`)
}

const symbol = (base, sub = "", sup = "", d = "") =>
  `<tspan class="v">${d}${base}</tspan>${sub && `<tspan class="small" dx="-1" dy="4">${sub}</tspan>`}${sup !== "" ? `<tspan class="small" dy="${sub ? -10 : -6}">${sup}</tspan>` : ""}`
const tilde = `<tspan class="v">c</tspan><tspan dx="-0.45em">˜</tspan>`
const text = (x, y, inside, more = "") => `<text x="${x}" y="${y}" ${more}>${inside}</text>`
const number = (x, y, name, more = "") => text(x, y, "", `data-value="${name}" ${more}`)

function graph(t) {
  const box = (name, x, y, w, h) => `<rect data-node="${name}" class="${name}" x="${x}" y="${y}" width="${w}" height="${h}" rx="6"/>`
  const edge = (name, d) => `<path data-edge="${name}" d="${d}"/>`
  const gate = (name, x, label, n, value, grad) => box(name, x - 40, 206, 80, 70) + text(x - 32, 224, label, 'class="start"') + text(x + 34, 224, `(${n})`, 'class="end n"')
    + number(x, 245, value) + number(x, 266, grad, 'class="d"')
  const op = (x, y, sign) => `<circle class="op" cx="${x}" cy="${y}" r="11"/>` + (sign == "+" ? `<path class="sign" d="M${x - 6} ${y}h12M${x} ${y - 6}v12"/>` : `<circle class="dot" cx="${x}" cy="${y}" r="2.5"/>`)
  const loss = (x, y, name) => `<circle class="loss" cx="${x}" cy="${y}" r="13"/>` + text(x, y + 5, `<tspan class="v">L</tspan>`)
  return `<svg viewBox="0 0 400 352" role="img" aria-label="The graph of step ${t}" data-step="${t}">
    <defs>${["forward", "backward"].map(way => `<marker id="by-hand-${way}-${t}" class="${way}" markerUnits="userSpaceOnUse" markerWidth="10" markerHeight="10" refX="8" refY="5" orient="auto-start-reverse"><path d="M0 1L9 5L0 9Z"/></marker>`).join("")}</defs>
    ${[["stack-f", "M44 292V277"], ["stack-i", "M128 292V277"], ["stack-g", "M212 292V277"], ["stack-o", "M296 292V277"], ["c-in", "M82 34H97"], ["f-mul", "M44 206V110H108V46"],
       ["kept", "M119 34H159"], ["i-mul", "M128 206V150H158"], ["g-mul", "M212 206V150H182"], ["written", "M170 139V46"], ["c", "M181 34H233"], ["c-tanh", "M296 88V97"],
       ["tanh-mul", "M296 132V148"], ["o-mul", "M296 206V172"], ["a", "M307 160H335"], ["loss-a", "M380 196V227"], ["loss-c", "M344 70H372V91"],
       ...(t == 1 ? [["a-out", "M350 196V305H400"], ["c-out", "M344 34H400"]] : [["in", "M0 305H4"], ["in", "M0 34H4"]])].map(e => edge(...e)).join("")}
    ${box("c_prev", 4, 8, 78, 66)}${text(43, 26, symbol("c", "", t - 1))}${number(43, 46, "c_prev")}${number(43, 66, "dc_prev", 'class="d"')}
    ${box("c", 234, 8, 110, 80)}${text(242, 26, symbol("c", "", t), 'class="start"')}${text(336, 26, "(4)", 'class="end n"')}${number(289, 44, "c_next")}
    ${number(289, 62, "dc_next", 'class="d"')}${number(289, 80, "bracket", 'class="d total"')}
    ${box("tanh", 264, 98, 64, 34)}${text(296, 111, "tanh", 'class="n"')}${number(296, 127, "tanh_c")}${number(258, 119, "s", 'class="d end"')}
    ${box("a", 336, 126, 62, 70)}${text(342, 144, symbol("a", "", t), 'class="start"')}${text(394, 144, "(6)", 'class="end n"')}${number(367, 165, "a_next")}${number(367, 186, "da_next", 'class="d"')}
    ${gate("f", 44, symbol("Γ", "f"), 1, "ft", "dft")}${gate("i", 128, symbol("Γ", "i"), 2, "it", "dit")}${gate("g", 212, tilde, 3, "cct", "dcct")}${gate("o", 296, symbol("Γ", "o"), 5, "ot", "dot")}
    ${box("a_prev", 4, 292, 332, 27)}${text(14, 311, symbol("a", "", t - 1), 'class="start"')}${number(50, 311, "a_prev", 'class="start"')}${number(326, 311, "da_prev", 'class="d end"')}
    ${box("x", 4, 321, 332, 27)}${text(14, 340, symbol("x", "", t), 'class="start"')}${number(50, 340, "xt", 'class="start"')}${number(326, 340, "dxt", 'class="d end"')}
    ${op(108, 34)}${op(170, 34, "+")}${op(170, 150)}${op(296, 160)}${loss(372, 104)}${loss(380, 240)}
    ${number(374, 62, "dc", 'class="d"')}${number(376, 271, "da", 'class="d"')}
  </svg>`
}

const html = (base, sub, d = "", sup = "") => `<i>${d}${base}</i>${sub && `<sub>${sub}</sub>`}${sup && `<sup>${sup}</sup>`}`
const named = {x1: html("x", "", "", 1), x2: html("x", "", "", 2), a0: html("a", "", "", "0"), c0: html("c", "", "", "0"), da1: html("a", "", "d", 1), da2: html("a", "", "d", 2), dc1: html("c", "", "d", 1), dc2: html("c", "", "d", 2)}
const field = (name, label) => `<div class="field" data-field="${name}"><label><span>${label}</span> <input type="number" step="0.1" data-name="${name}"></label>${/^d/.test(name) ? "" : '<span class="gradient"></span>'}</div>`
const partNames = ["Step 1", "Step 2", "Step 2", "Step 1"]

function draw(figure, {lines, start}) {
  figure.innerHTML = `
    <div class="control">
      <div class="parts">${parts.map(([t, way], i) => `<button type="button" data-part="${i}"><span>${way}</span> ${partNames[i].toLowerCase()}</button>`).join("")}</div>
      <div class="moves"><button type="button" data-move="-1">← Back</button><input type="range" min="0" max="${stops.length}" value="0" aria-label="Line"><span class="count" aria-hidden="true"></span><button type="button" data-move="1">Next →</button></div>
      <div class="lit"><p class="where" aria-live="polite"></p><p class="formula"></p><p class="numbers"></p></div>
    </div>
    <div class="graphs" tabindex="0" role="group" aria-label="Two steps of an LSTM. The arrow keys step forward and back.">${[1, 2].map(t => `<div class="step" data-step="${t}"><p>Step ${t}</p>${graph(t)}</div>`).join("")}</div>
    <div class="fields weights" role="group" aria-label="Weights, and the sums of their gradients">${weights.map(w => field(w, html(w[0], w.slice(1)))).join("")}</div>
    <div class="fields" role="group" aria-label="Inputs, initial states and the gradients of the loss">${Object.keys(named).map(n => field(n, named[n])).join("")}</div>
    <p class="reset"><button type="button" data-reset>Reset the numbers</button></p>`
  const all = (query, f) => figure.querySelectorAll(query).forEach(f), one = query => figure.querySelector(query)
  let setting = {...start}, at = 0

  function show() {
    const v = values(setting), stop = stops[at - 1], done = stops.slice(0, at)
    const seen = (t, line) => done.some(s => s.t == t && s.lines.includes(line))
    const from = new Set((stop?.lines ?? []).flatMap(l => Object.values({...lines[l].inner, ...lines[l].texts}).flatMap(t => t.match(/\w+(?=\})/g))))
    all("[data-edge], [data-node]", e => e.classList.remove("forward", "backward", "on"))
    done.forEach((s, i) => s.lines.forEach(line => {
      const on = i == at - 1, put = (step, name) => all(`svg[data-step="${step}"] [data-edge="${name}"]`, e => {
        e.classList.remove("forward", "backward"); e.classList.add(s.way); e.classList.toggle("on", on) })
      for (const name of (uses[line] ?? "").split(" ")) if (name) put(s.t, name)
      if (on && node[line]) all(`svg[data-step="${s.t}"] [data-node="${node[line]}"]`, e => e.classList.add(s.way, "on"))
    }))
    all("[data-value]", e => {
      const t = +e.closest("svg").dataset.step, name = e.dataset.value
      const there = name == "xt" || (name == "a_prev" && (t == 1 || seen(1, "a_next"))) || (name == "c_prev" && (t == 1 || seen(1, "c_next")))
        || (name == "da" && seen(t, "da_next")) || (name == "dc" && seen(t, "dc_next")) || (name == "tanh_c" && seen(t, "a_next")) || seen(t, name)
      e.textContent = there ? ({dc_next: "dc ", bracket: "dc+s ", s: "s ", da_prev: "da prev ", dxt: "dx "}[name] ?? "") + printed(v[t - 1][name]) : ""
      e.classList.toggle("on", !!stop && stop.t == t && stop.lines.includes(name))
      e.classList.toggle("from", !!stop && (stop.t == t ? from.has(name) : t == 2 && from.has({da_prev: "da_later", dc_prev: "dc_later"}[name])))
    })
    all(".step", e => e.classList.toggle("on", +e.dataset.step == (stop?.t ?? 1)))
    all("[data-part]", e => stop?.part == e.dataset.part ? e.setAttribute("aria-current", "step") : e.removeAttribute("aria-current"))
    all("[data-field]", e => {
      const name = e.dataset.field, terms = [2, 1].filter(t => seen(t, name[0] == "W" ? `dW${name[1]}` : `d${name}`)), summed = seen(1, "sum")
      const at_end = {a0: [1, "da_prev"], c0: [1, "dc_prev"], x1: [1, "dxt"], x2: [2, "dxt"]}[name], out = e.querySelector(".gradient")
      if (out) out.textContent = at_end ? (seen(...at_end) ? printed(v[at_end[0] - 1][at_end[1]]) : "")
        : terms.map(t => printed(v[t - 1][`d${name}`])).join(" + ").replace("+ −", "− ") + (summed && weights.includes(name) ? `\n= ${printed(v[2][`d${name}`])}` : "")
      e.classList.toggle("on", !!stop && (stop.lines.includes(`d${name.slice(0, 2)}`) || stop.lines[0] == "sum" && weights.includes(name) || !!at_end && at_end[0] == stop.t && stop.lines.includes(at_end[1])))
      e.classList.toggle("from", from.has(name) || !!stop && (name == `x${stop.t}` && from.has("xt") || name == `da${stop.t}` && from.has("da") || name == `dc${stop.t}` && from.has("dc")
        || stop.t == 1 && (name == "a0" && from.has("a_prev") || name == "c0" && from.has("c_prev"))))
    })
    one("[type=range]").value = at
    one(".count").textContent = `${at}/${stops.length}`
    const line = stop && lines[stop.lines[0]]
    const where = stop ? `Step ${stop.t}, ${stop.way}${line.number && `, ${line.number}`}. ` : ""
    const words = stop ? line.words[stop.t - 1] ?? line.words[0] : "Nothing is computed yet. Press Next, or → while the figure has the focus."
    one("[type=range]").setAttribute("aria-valuetext", where + words)
    if (one(".where").textContent != where + words) one(".where").innerHTML = `<b>${where}</b>${words}`        // to be read out once
    one(".lit").className = `lit ${stop?.way ?? ""}`
    one(".formula").replaceChildren(...(stop?.lines ?? []).map(l => document.getElementById(`by-${l}-${l == "sum" ? 0 : stop.t}`)?.closest("tr").querySelector("math")?.cloneNode(true)).filter(Boolean))
    one(".numbers").replaceChildren(...(stop?.lines ?? []).flatMap(l => Object.entries(lines[l].texts).map(([name, t]) => {
      const row = document.createElement("span"), result = document.createElement("b")
      result.textContent = printed(v[stop.t - 1][name])
      const how = inNumbers(lines[l], t, v[stop.t - 1])
      row.append(how == result.textContent ? "" : `${how} = `, result)
      return row
    })))
  }

  const go = to => { at = Math.max(0, Math.min(stops.length, to)); show() }
  const fill = () => all("[data-name]", e => { e.value = setting[e.dataset.name]; e.removeAttribute("aria-invalid") })
  figure.addEventListener("click", ({target}) => {
    const button = target.closest("button")
    if (button?.dataset.move) go(at + +button.dataset.move)
    if (button?.dataset.part) go(stops.findIndex(s => s.part == button.dataset.part) + 1)
    if (button && "reset" in button.dataset) { setting = {...start}; fill(); show() }
  })
  figure.addEventListener("input", ({target}) => {
    if (target.type == "range") return go(+target.value)
    const right = target.value.trim() != "" && Number.isFinite(target.valueAsNumber)
    target.setAttribute("aria-invalid", !right)
    if (right) { setting[target.dataset.name] = target.valueAsNumber; show() }
  })
  figure.addEventListener("keydown", e => {
    if (e.target.tagName == "INPUT" || e.altKey || e.ctrlKey || e.metaKey) return
    const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: stops.length}[e.key]
    if (to !== undefined) { e.preventDefault(); go(to) }
  })
  let down = null
  one(".graphs").addEventListener("pointerdown", e => down = e)
  one(".graphs").addEventListener("pointerup", e => {
    const dx = down ? e.clientX - down.clientX : 0
    if (down && Math.abs(dx) > 40 && Math.abs(dx) > 2*Math.abs(e.clientY - down.clientY)) go(at + (dx < 0 ? 1 : -1))
    down = null
  })
  fill()
  show()
}

window.byHand = {values}
const figure = document.getElementById("by-hand")
if (figure) draw(figure, JSON.parse(document.getElementById("by-hand-data").textContent))
})()
