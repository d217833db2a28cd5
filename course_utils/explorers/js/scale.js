// The same scores with and without the division by sqrt(d_k): weights of one query, all scores, and a curve over d_k.

const HALVES = [["cu-off", "Without the scale"], ["cu-on", "Divided by √d_k"]];
const CURVES = {
  gradient: "size of softmax's slopes", keys: "keys in use", variance: "variance of the scores",
};

FIGURES.scale = ctx => {
  const film = ctx.get("film"), widths = ctx.get("widths");
  const all = unpack(film.measures), S = film.weights.shape.at(-1);
  const measure = (frame, half, name) => all[(frame * 2 + half) * film.names.length + film.names.indexOf(name)];
  const frame = () => nearest(widths, ctx.get("d_k"));
  const curve = html("div", { class: "cu-half" });
  let halves = [], width = 0;

  ctx.stage.before(ctx.readout); // beside the control, so that both are seen when the page is low
  ctx.range({ trait: "d_k", label: "d_k", values: widths, format: String });
  ctx.select({ trait: "curve", label: "curve", options: Object.entries(CURVES) });

  // Drawn for the width there is: three columns, or one on a narrow page.
  function arrange() {
    const wanted = Math.floor(clamp(ctx.wide ? (ctx.room - 36) / 3 : ctx.room, 160, 336));
    if (wanted === width) return;
    width = wanted;
    curve.style.width = `${width}px`;
    halves = HALVES.map(([tone, name], half) => new ScaleHalf(tone, name, half, S, film, width));
    ctx.stage.replaceChildren(...halves.map(half => half.node), curve);
  }

  function drawFrame() {
    arrange();
    const n = frame(), weights = unpack(film.weights, n), scores = unpack(film.scores, n), counts = unpack(film.counts, n);
    const part = (table, half) => table.subarray(half * table.length / 2, (half + 1) * table.length / 2);
    halves.forEach((each, half) => each.draw(part(weights, half), part(counts, half), name => measure(n, half, name)));
    ctx.readout.textContent = sentence(n);
    refresh(scores);
    tell();
  }

  const tell = () => ctx.announce(news => [news.has("d_k") ? sentence(frame()) : "", news.has("curve") ? sayCurve() : ""].join(" ").trim());
  const sayCurve = () => {
    const name = ctx.get("curve"), digits = name === "variance" || name === "keys" ? 1 : 3;
    const ends = half => [0, widths.length - 1].map(n => fixed(measure(n, half, name), digits)).join(" to ");
    return `${CURVES[name]}, from d_k = ${widths[0]} to ${widths.at(-1)}: ${ends(0)} without the scale, ${ends(1)} with it.`;
  };

  const sentence = n => `Over all ${film.queries} queries, at d_k = ${widths[n]}: the scores have variance ${fixed(measure(n, 0, "variance"), 1)} without the scale, `
    + `${fixed(measure(n, 1, "variance"), 1)} with it; the size of softmax's slopes is ${fixed(measure(n, 0, "gradient"), 3)} without, `
    + `${fixed(measure(n, 1, "gradient"), 3)} with it.`;

  let last = null;
  const retable = ctx.table({
    caption: "One query: scores and weights for each key", corner: "key",
    rows: () => Array.from({ length: S }, (_, j) => `key ${j}`),
    columns: () => ["score, unscaled", "weight, unscaled", "score, scaled", "weight, scaled"],
    cell: (j, column) => {
      const table = column % 2 ? unpack(film.weights, frame()) : last;
      return fixed(table[(column >> 1) * S + j], 3);
    },
  });
  const refresh = scores => { last = scores; retable(); };
  const listCurve = ctx.table({
    caption: () => CURVES[ctx.get("curve")], corner: "d_k", label: "Show the curve as a table", rows: () => widths.map(String),
    columns: () => ["without the scale", "divided by √d_k"], cell: (n, half) => fixed(measure(n, half, ctx.get("curve")), 3),
  });

  function drawCurve() {
    const name = ctx.get("curve"), value = (n, half) => measure(n, half, name);
    const heading = CURVES[name][0].toUpperCase() + CURVES[name].slice(1);
    arrange();
    curve.replaceChildren(html("p", { class: "cu-title", text: heading }), legend(), curveOver(widths, value, frame(), name, width));
    listCurve();
    tell();
  }

  ctx.watch(["d_k"], drawFrame);
  ctx.watch(["d_k", "curve"], drawCurve);
  ctx.exportButtons(() => [...ctx.stage.querySelectorAll("svg:not(.cu-sample)")], "scale");
};

// One of the two columns: bars of weights above, the pile of all scores below, numbers in words under them.
class ScaleHalf {
  constructor(tone, name, half, S, { edges, queries }, width) {
    this.bars = axes({ width, height: 142, x: [-0.5, S - 0.5], y: [0, 1], xLabel: "key", yLabel: "weight, one query", ticks: 6, label: `weights, ${name}` });
    this.pile = axes({ width, height: 98, x: edges, y: [0, 1], xLabel: `score, all ${queries} queries`, yLabel: "", ticks: 4, yTicks: 0, label: `scores, ${name}` });
    this.rects = Array.from({ length: S }, (_, j) => svg("rect", { x: this.bars.X(j - 0.38), width: this.bars.X(0.76) - this.bars.X(0), class: "cu-tone" }));
    this.shape = svg("path", { class: "cu-tone" });
    Object.assign(this, { edges, queries });
    this.words = [html("p"), html("p"), html("p")];
    this.bars.layer.append(...this.rects);
    this.pile.layer.append(this.shape);
    this.node = html("div", { class: `cu-half ${tone}`, style: `width: ${width}px` }, html("p", { class: `cu-title ${tone}`, text: name }),
      this.bars.node, this.pile.node, ...this.words);
  }

  draw(weights, counts, measure) {
    weights.forEach((w, j) => fill(this.rects[j], { y: this.bars.Y(clamp(w, 0, 1)), height: this.bars.Y(0) - this.bars.Y(clamp(w, 0, 1)) }, []));
    const { X, Y } = this.pile, tallest = Math.max(...counts), step = (this.edges[1] - this.edges[0]) / counts.length;
    const points = [...counts].map((count, n) => `L${X(this.edges[0] + n * step)} ${Y(count / tallest)}H${X(this.edges[0] + (n + 1) * step)}`);
    fill(this.shape, { d: `M${X(this.edges[0])} ${Y(0)}${points.join("")}L${X(this.edges[1])} ${Y(0)}z` }, []);
    const outside = 1 - counts.reduce((a, b) => a + b, 0);
    this.words[0].textContent = `variance of the scores ${fixed(measure("variance"), 1)}`
      + (outside > 0.001 ? ` (${fixed(100 * outside, 0)} % lie beyond the axis)` : "");
    this.words[1].textContent = `mean of ${this.queries} queries: weight spread over ${fixed(measure("keys"), 1)} of ${weights.length} keys`;
    this.words[2].textContent = `mean size of softmax's slopes ${fixed(measure("gradient"), 3)}`;
  }
}

function legend() {
  const sample = tone => svg("svg", { width: 30, height: 10, class: "cu-sample" }, svg("path", { d: "M0 5H30", class: `${tone} cu-curve` }));
  return html("p", { class: "cu-legend" }, ...HALVES.map(([tone, name]) => html("span", {}, sample(tone), ` ${name.toLowerCase()}`)));
}

// Both halves over every d_k, on a logarithmic axis; the variance needs one upwards too.
function curveOver(widths, value, now, name, width) {
  const log = name === "variance" ? v => Math.log10(Math.max(v, 1e-3)) : v => v;
  const points = [0, 1].map(half => widths.map((width, n) => [Math.log2(width), log(value(n, half))]));
  const highest = Math.max(...points.flat().map(point => point[1])), lowest = name === "variance" ? -1 : 0;
  const plot = axes({
    width, height: 262, x: [Math.log2(widths[0]), Math.max(Math.log2(widths.at(-1)), Math.log2(widths[0]) + 1)],
    y: [lowest, highest * 1.12 || 1], xLabel: "d_k", yLabel: "", label: CURVES[name],
    xText: v => String(2 ** v), yText: name === "variance" ? v => (Number.isInteger(v) ? String(10 ** v) : "") : tickText,
  });
  const x = plot.X(Math.log2(widths[now]));
  plot.layer.append(svg("path", { d: `M${x} ${plot.Y(lowest)}V${plot.Y(highest * 1.12 || 1)}`, class: "cu-now" }));
  points.forEach((line, half) => {
    const [tone] = HALVES[half], at = line.map(([a, b]) => [plot.X(a), plot.Y(b)]);
    plot.layer.append(
      svg("path", { d: `M${at.map(each => each.join(" ")).join("L")}`, class: `${tone} cu-curve` }),
      svg("circle", { cx: at[now][0], cy: at[now][1], r: 5, class: `${tone} cu-tone` }));
  });
  return plot.node;
}
