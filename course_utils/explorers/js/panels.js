// What stands beside a heatmap: the sentence with lines from one query to the keys, and one weight taken apart.

const SENTENCE = 24; // more tokens than that and the lines cannot be told apart
const PANEL = { width: 390, query: 116, key: 244, bar: 256, full: 84, top: 24 };

// Queries on the left, keys with their weights as bars on the right, lines between: thick for a large weight.
class SentencePanel {
  constructor(ctx, choose) {
    this.ctx = ctx;
    this.choose = choose;
    this.node = svg("svg", { class: "cu-sentence", width: PANEL.width, "aria-hidden": "true" });
  }

  build(set) {
    const count = Math.max(set.T, set.S), row = clamp(285 / count, 12.5, 30);
    [this.set, this.shades] = [set, this.ctx.shades];
    this.y = n => PANEL.top + (n + 0.5) * row;
    fill(this.node, { height: PANEL.top + 8 + row * count, viewBox: `0 0 ${PANEL.width} ${PANEL.top + 8 + row * count}` }, []);
    this.queries = set.tokens.map((token, i) => this.word(token, PANEL.query - 8, i));
    this.queries.forEach((word, i) => this.ctx.listen(word, "pointerenter click", () => this.choose(i)));
    this.keys = set.tokens_k.map((token, j) => ({
      word: this.word(token, PANEL.key, j),
      line: svg("path", { class: "cu-line" }),
      bar: svg("rect", { x: PANEL.bar, y: this.y(j) - row * 0.32, height: row * 0.64, class: "cu-weight" }),
      number: svg("text", { y: this.y(j) + 4.5, class: "cu-number" }),
    }));
    this.node.replaceChildren(
      this.heading("query", PANEL.query - 8, "end"), this.heading("key", PANEL.key, "end"),
      this.heading("weight", PANEL.bar, "start"), ...this.keys.map(key => key.line), ...this.queries,
      ...this.keys.flatMap(key => [key.word, key.bar, key.number]));
    [...this.queries, ...this.keys.map(key => key.word)].forEach(node => this.squeeze(node, 100));
    this.keys.forEach(key => { key.start = PANEL.key - 6 - key.word.getComputedTextLength(); });
  }

  heading(text, x, anchor) { return svg("text", { x, y: 13, text, "text-anchor": anchor, class: "cu-heading" }); }

  word(token, x, n) {
    const node = svg("text", { x, y: this.y(n) + 4.5, "text-anchor": "end", text: isolate(shorten(token)) });
    node.append(svg("title", { text: token }));
    return node;
  }

  // Letters are of different widths: what is still too long after the cut is squeezed. Known only once it stands on the page.
  squeeze(node, room) {
    if (node.getComputedTextLength() > room) fill(node, { textLength: room, lengthAdjust: "spacingAndGlyphs" }, []);
  }

  draw(set, i, weights, allowed) {
    if (set !== this.set || this.shades !== this.ctx.shades) this.build(set);
    this.queries.forEach((word, n) => word.classList.toggle("cu-chosen", n === i));
    this.keys.forEach((key, j) => {
      const n = i * set.S + j;
      this.drawKey(key, this.y(i), this.y(j), weights[n], Boolean(allowed) && !allowed[n]);
    });
  }

  drawKey(key, from, to, weight, hidden) {
    const size = hidden ? 0 : clamp(weight || 0, 0, 1), x = PANEL.query, bend = (key.start - x) / 2;
    fill(key.line, {
      d: `M${x} ${from}C${x + bend} ${from} ${key.start - bend} ${to} ${key.start} ${to}`,
      "stroke-width": size < 0.005 ? 0 : 0.7 + 7 * size, "stroke-opacity": 0.25 + 0.7 * size,
    }, []);
    fill(key.bar, { width: size * PANEL.full }, []);
    fill(key.number, { x: PANEL.bar + 5 + size * PANEL.full, text: hidden ? "hidden" : fixed(weight) }, []);
    key.word.classList.toggle("cu-faint", hidden);
    key.number.classList.toggle("cu-faint", hidden);
  }
}

// One weight from its parts, step by step, so that a reader can add them up.
class PartsPanel {
  constructor() {
    this.heading = html("p", { class: "cu-heading" });
    this.vectors = html("div", { class: "cu-vectors" });
    this.steps = html("ol");
    this.node = html("section", { class: "cu-parts", "aria-label": "How this weight comes about" },
      this.heading, this.vectors, this.steps);
  }

  // numbers is null where there is nothing to take apart.
  draw(numbers, i, j, shown) {
    this.node.hidden = !numbers?.rawScores(numbers.heads[0]);
    if (this.node.hidden) return;
    const set = numbers.set, parts = numbers.parts(i, j);
    say(this.heading, parts
      ? `How “${isolate(shorten(set.tokens[i]))}” comes to weigh “${isolate(shorten(set.tokens_k[j]))}”`
      : "Choose a single head to see how a weight comes about.");
    const drawn = parts?.q ? [set, numbers.heads[0], i, j] : []; // the vectors are the same at every temperature
    if (String(drawn.slice(1)) !== String(this.drawn?.slice(1)) || drawn[0] !== this.drawn[0])
      this.vectors.replaceChildren(...(parts?.q ? [vectorTable(parts)] : []));
    this.drawn = drawn;
    const steps = parts ? stepsOf(parts, numbers, shown) : [], items = this.steps.children;
    while (items.length > steps.length) items[steps.length].remove();
    steps.forEach((text, n) => (n < items.length ? say(items[n], text) : this.steps.append(html("li", { text }))));
  }
}

function stepsOf(parts, numbers, shown) {
  const d = numbers.width, steps = [], three = v => fixed(v, 3);
  const bracketed = v => (v < 0 ? `(${three(v)})` : three(v));
  steps.push(`Score${d > 1 ? `: the ${d} products sum to` : " ="} ${three(parts.score)}.`);
  if (numbers.divisor !== 1) steps.push(`Scaled score: ${three(parts.score)} ÷ √${d} = ${three(parts.scaled)}.`);
  if (parts.hidden) return [...steps, "Hidden by the mask: the score becomes minus infinity, and the weight 0."];
  if (numbers.temperature !== 1)
    steps.push(`Divided by the temperature ${fixed(numbers.temperature)}: ${three(parts.logit)}.`);
  steps.push(`Softmax term: exp(${three(parts.logit)} − ${bracketed(parts.largest)}) = ${three(parts.term)}, where ${three(parts.largest)} is the row's largest.`);
  steps.push(`Weight: ${three(parts.term)} ÷ ${three(parts.sum)}, the sum of the row's terms, = ${three(parts.weight)}.`);
  if (differs(parts.weight, shown, 1e-3)) steps.push(`The figure shows ${three(shown)}: not what these steps give.`);
  if (parts.v) steps.push(`Contribution to the output: ${three(parts.weight)} × v = ${brief(parts.v.map(x => x * parts.weight))}.`);
  return steps;
}

const brief = (vector, limit = 6) =>
  `[${vector.slice(0, limit).map(v => fixed(v)).join(", ")}${vector.length > limit ? `, … ${vector.length} in all` : ""}]`;

// q, k and their products: numbers while they fit, strips of bars for longer vectors.
function vectorTable({ q, k, products }) {
  const rows = [["q", q, "query"], ["k", k, "key"], ["q × k", products, "value"]];
  const largest = Math.max(...rows.flatMap(([, vector]) => vector.map(Math.abs)), 1e-9);
  const cells = vector => q.length <= 8
    ? vector.map(v => html("td", { text: fixed(v) }))
    : [html("td", {}, barStrip(vector, largest))];
  return html("table", {}, ...rows.map(([name, vector, kind]) =>
    html("tr", { class: `cu-${kind}` }, html("th", { scope: "row", text: name }), ...cells(vector))));
}

// One path for any number of bars: a vector of 64 numbers is one node.
function barStrip(vector, largest, width = 290, height = 26) {
  const step = width / vector.length, middle = height / 2;
  const path = vector.map((v, n) => {
    const tall = v / largest * (middle - 1);
    return `M${n * step} ${middle}h${Math.max(0.8, step - 1)}v${-tall}h${-Math.max(0.8, step - 1)}z`;
  });
  return svg("svg", { width, height, role: "img", "aria-label": `${vector.length} numbers ${brief(vector)}` },
    svg("path", { d: `M0 ${middle}h${width}`, class: "cu-zero" }), svg("path", { d: path.join(""), class: "cu-bars" }));
}
