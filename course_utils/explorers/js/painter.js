// A mask to paint: the mask, the scores under it, the weights, and what each query gives to keys it should not see.

const FILLS = { "-inf": -Infinity, "nan": -Infinity, "-1e9": -1e9, "-10": -10, "score 0": 0 };
const FILL_WORDS = { "-inf": "−∞", "nan": "−∞", "-1e9": "−1e9", "-10": "−10", "score 0": "0" };
const LEAKING = 0.0005;

// Pure: what follows from a table of scores, the allowed cells, the goal and the way of hiding. Held to Python by a test.
function painted(scores, allowed, goal, T, method) {
  const shown = method === "weight 0" ? scores : scores.map((s, n) => (allowed[n] ? s : FILLS[method]));
  const weights = softmaxRows(shown, T, T), sums = new Float64Array(T), leak = new Float64Array(T), empty = [];
  for (let i = 0; i < T; i++) {
    const row = n => i * T + n;
    if (!allowed.slice(row(0), row(T)).some(Boolean)) empty.push(i);
    for (let j = 0; j < T; j++) {
      if (method === "weight 0" && !allowed[row(j)]) weights[row(j)] = 0;
      if (method === "nan" && empty.at(-1) === i) weights[row(j)] = NaN;
      sums[i] += weights[row(j)];
      if (!goal[row(j)]) leak[i] += weights[row(j)];
    }
  }
  return { shown, weights, sums, leak, empty };
}

class PaintNumbers {
  constructor(ctx) {
    this.ctx = ctx;
    this.tokens = ctx.get("tokens");
    this.T = this.tokens.length;
    this.scores = unpack(ctx.get("scores_sent"));
    this.padding = ctx.get("padding");
    const causal = causalAllowed(this.T, this.T);
    this.goal = causal.map((yes, n) => (ctx.get("causal") ? yes : 1) && !this.padding[n % this.T]);
  }

  get mask() { return this.ctx.get("mask").flat(); }
  get hiding() { return this.ctx.get("polarity") === "hide"; }

  compute() {
    const mask = this.mask, allowed = Uint8Array.from(mask, yes => (yes !== this.hiding ? 1 : 0));
    Object.assign(this, { allowed, now: painted(this.scores, allowed, this.goal, this.T, this.ctx.get("method")), flat: mask });
  }

  // allowed: (i, j) => whether query i may see key j; written down in the present polarity.
  put(allowed) {
    this.ctx.set("mask", Array.from({ length: this.T }, (_, i) =>
      Array.from({ length: this.T }, (_, j) => Boolean(allowed(i, j)) !== this.hiding)));
  }

  flip(change) {
    this.ctx.set("mask", this.ctx.get("mask").map((row, i) => row.map((yes, j) => (change(i, j) ? !yes : yes))));
  }

  set(i, j, value) {
    if (this.ctx.get("mask")[i][j] !== value) this.flip((a, b) => a === i && b === j);
  }
}

// One of the three tables. text(n) and colour are the panel's own; the frame, hatches and tokens are WeightMap's.
class PaintPanel extends WeightMap {
  constructor(ctx, name, numbers, options) {
    super(ctx, name);
    Object.assign(this, { numbers, queries: false, extra: 0, ...options });
    this.node.classList.add("cu-paint");
    this.measure();
  }

  measure() {
    const { tokens, T } = this.numbers;
    this.set = { T, S: T, tokens, tokens_k: tokens };
    this.size = 12;
    this.brush.font = `${this.size}px ${FONT}`;
    this.short = { q: this.queries ? tokens.map(t => shorten(t)) : tokens.map(() => ""), k: tokens.map(t => shorten(t)) };
    const widest = words => Math.min(120, Math.max(...words.map(word => this.brush.measureText(word).width)));
    this.labels = true;
    this.left = this.queries ? 28 + widest(this.short.q) : 8;
    this.top = 40 + 0.82 * widest(this.short.k) + 6;
    // Three tables and what stands beside them share the room there is; on a narrow page each has all of it.
    const beside = this.left + Math.max(this.extra, 16), all = 28 + widest(tokens.map(t => shorten(t))) + 16 + 16 + 16 + 78 + 36;
    const side = clamp(Math.min(216 / T, (this.ctx.tall - this.top - 22) / T, this.ctx.wide ? (this.ctx.room - all) / (3 * T) : (this.ctx.room - beside) / T), 17, 36);
    [this.width, this.height] = [side * T, side * T];
    this.resize(this.left + this.width + Math.max(this.extra, 16), this.top + this.height + 8);
  }

  paint(cell) {
    const place = `${this.ctx.room} ${this.ctx.tall}`;
    if (this.seen !== place) this.measure();
    this.seen = place;
    const { brush, zoom } = this, T = this.set.T;
    this.readColours();
    brush.setTransform(zoom, 0, 0, zoom, 0, 0);
    brush.fillStyle = this.colours.bg;
    brush.fillRect(0, 0, this.canvas.width, this.canvas.height);
    for (let n = 0; n < T * T; n++) this.paintCell(n, ...this.box(Math.floor(n / T), n % T));
    if (this.beside) this.beside();
    this.paintFrame(cell);
    this.paintCursor(cell);
    this.show();
  }

  paintCell(n, x, y, w, h) {
    const { brush, colours } = this, { text, shade = null, hatched, marked = false, ink = colours.fg } = this.look(n, colours);
    brush.fillStyle = shade ?? colours.panel;
    brush.fillRect(x, y, w, h);
    if (hatched) { brush.fillStyle = this.hatch; brush.fillRect(x, y, w, h); }
    brush.strokeStyle = colours.bg;
    brush.lineWidth = 1;
    brush.strokeRect(x, y, w, h);
    if (marked) {
      brush.fillStyle = colours.mark;
      brush.beginPath();
      brush.moveTo(x + w - 1, y + 1);
      brush.lineTo(x + w - 12, y + 1);
      brush.lineTo(x + w - 1, y + 12);
      brush.closePath();
      brush.fill();
      brush.lineWidth = 1.5; // an edge, so that the mark is seen on every colour
      brush.stroke();
    }
    if (text === "") return;
    this.write(w < 20 ? 7 : w < 22 ? 8 : w < 30 ? 9 : 11, "center");
    if (hatched) { // a plate, so that the hatch does not run through the text
      const wide = brush.measureText(text).width + 4;
      brush.fillStyle = colours.bg;
      brush.fillRect(x + (w - wide) / 2, y + h / 2 - 7, wide, 14);
    }
    brush.fillStyle = hatched ? colours.fg : ink;
    brush.fillText(text, x + w / 2, y + h / 2 + 0.5);
  }

  paintFrame(cell) {
    const { brush, top, height } = this;
    if (this.queries) return super.paintFrame(cell);
    brush.fillStyle = this.colours.fg;
    this.write(13, "left", true);
    brush.fillText(this.name, this.left, 9);
    this.write(12, "center");
    brush.fillStyle = this.colours.muted;
    brush.fillText("key", this.left + this.width / 2, 26);
    this.paintTokens(...cell);
    brush.strokeStyle = this.colours.line;
    brush.lineWidth = 1;
    brush.strokeRect(this.left - 0.5, top - 0.5, this.width + 1, height + 1);
  }
}

FIGURES.painter = ctx => {
  const numbers = new PaintNumbers(ctx), { T, tokens } = numbers;
  const looks = {
    mask: n => ({ text: numbers.flat[n] ? "T" : "F", hatched: !numbers.allowed[n] }),
    scores: n => {
      const hidden = !numbers.allowed[n], replaced = hidden && ctx.get("method") !== "weight 0";
      return { text: replaced ? FILL_WORDS[ctx.get("method")] : fixed(numbers.scores[n], 1), hatched: replaced };
    },
    weights: (n, c) => {
      const w = numbers.now.weights[n];
      if (Number.isNaN(w)) return { text: "NaN", shade: c.mark, ink: c.bg };
      const hatched = !numbers.allowed[n] && w === 0;
      return { text: hatched ? "" : fixed(w), shade: cssColour(w), ink: inkOn(w), hatched, marked: !numbers.goal[n] && w > LEAKING };
    },
  };
  const mask = new PaintPanel(ctx, "mask", numbers, { queries: true, look: looks.mask });
  const scores = new PaintPanel(ctx, "scores under it", numbers, { look: looks.scores });
  const weights = new PaintPanel(ctx, "weights", numbers, { look: looks.weights, extra: 78, beside: () => besideWeights(weights, numbers) });
  const panels = [mask, scores, weights], grid = new PaintGrid(ctx, mask, numbers);
  const leaks = html("p", { class: "cu-say cu-notice" }), rows = html("p", { class: "cu-say" }), own = html("p", { class: "cu-say" });

  mask.node.classList.add("cu-paint-mask");
  mask.node.append(grid.node);
  ctx.stage.append(...panels.map(panel => panel.node));
  ctx.stage.before(html("p", { class: "cu-help",
    text: "Click or drag to paint. Arrow keys move, Space paints the cell, R turns its whole row over, C its whole column." }));
  ctx.readout.after(leaks, rows, own);
  ctx.result = () => (ctx.wide ? "" : `${ctx.readout.textContent} `) + leaks.textContent; // wide: the cells are seen
  ctx.body.classList.add("cu-painting");

  const buttons = html("div", { class: "cu-bar" });
  ctx.bar.before(buttons);
  ctx.button("causal", () => numbers.put((i, j) => j <= i), buttons);
  if (numbers.padding.some(Boolean)) {
    ctx.button("padding", () => numbers.put((i, j) => !numbers.padding[j]), buttons);
    ctx.button("causal and padding", () => numbers.put((i, j) => j <= i && !numbers.padding[j]), buttons);
  }
  ctx.button("hide one query's keys", () => { const [i] = ctx.get("cell"); numbers.put((a, j) => a !== i && numbers.allowed[a * T + j]); }, buttons);
  ctx.button("clear", () => numbers.put(() => true), buttons);
  ctx.select({ trait: "polarity", label: "the mask says", options: ctx.get("words").polarity });
  ctx.select({ trait: "method", label: "a hidden key gets", options: ctx.get("words").method });
  const retable = ctx.table({
    caption: "Weights: rows are queries, columns are keys", corner: "query \\ key", rows: () => tokens,
    columns: () => [...tokens, "sum", "leak"],
    cell: (i, j) => (j < T ? hiddenOr(i * T + j, numbers.now.weights[i * T + j]) : fixed(j === T ? numbers.now.sums[i] : numbers.now.leak[i], 3)),
  });
  const hiddenOr = (n, w) => (numbers.allowed[n] ? fixed(w, 3) : w === 0 ? "hidden" : `${fixed(w, 3)}, hidden`);
  const rescore = ctx.table({
    caption: "Scores before the mask, and what the mask says", corner: "query \\ key", label: "Show scores and mask as a table",
    rows: () => tokens, columns: () => tokens,
    cell: (i, j) => `${fixed(numbers.scores[i * T + j])}, ${numbers.flat[i * T + j] ? "True" : "False"}`,
  });
  ctx.exportButtons(() => sideBySide(panels, ctx), "mask");

  const choose = (i, j) => { const [a, b] = ctx.get("cell"); if (a !== i || b !== j) ctx.set("cell", [i, j]); };
  let brush = null;
  for (const panel of panels) {
    ctx.listen(panel.node, "pointerdown", event => {
      const [i, j] = panel.under(event);
      if (i === null && j === null) return;
      event.preventDefault();
      if (i === null) return numbers.flip((a, b) => b === j);
      if (j === null) return event.offsetX < panel.left ? numbers.flip(a => a === i) : undefined;
      brush = !ctx.get("mask")[i][j];
      panel.node.setPointerCapture(event.pointerId);
      choose(i, j);
      numbers.set(i, j, brush);
      grid.focus();
    });
    ctx.listen(panel.node, "pointermove", event => {
      const [i, j] = panel.under(event);
      if (i === null || j === null) return;
      choose(i, j);
      if (brush !== null) numbers.set(i, j, brush);
    });
    ctx.listen(panel.node, "pointerup pointercancel", () => { brush = null; });
  }
  grid.onKey({
    move: choose,
    paint: {
      " ": (i, j) => numbers.flip((a, b) => a === i && b === j),
      r: i => numbers.flip(a => a === i), c: (i, j) => numbers.flip((a, b) => b === j),
    },
  });

  function draw() {
    const cell = ctx.get("cell").map(n => clamp(n, 0, T - 1));
    numbers.compute();
    panels.forEach(panel => panel.paint(cell));
    ctx.readout.textContent = sayPainted(numbers, cell, ctx.get("method"));
    leaks.textContent = sayLeak(numbers) || "No leak, and nothing is hidden without need.";
    leaks.classList.toggle("cu-good", !sayLeak(numbers));
    rows.textContent = sayRows(numbers, ctx.get("method"));
    own.textContent = sayOwn(ctx, numbers);
    grid.draw(cell);
    retable();
    rescore();
    // The cell is told where the focus does not tell it; the rest when it is new.
    ctx.announce(news => {
      const verdict = [leaks, rows, own].map(each => each.textContent).filter(Boolean).join(" "), words = [];
      if (!grid.focused) words.push(ctx.readout.textContent);
      if (told && numbers.mask.join() !== told) words.push(sayMask(numbers, told.split(",")));
      if (verdict !== judged || [...news].some(name => name !== "cell")) words.push(verdict);
      [judged, told] = [verdict, numbers.mask.join()];
      return words.join(" ");
    });
    told ??= numbers.mask.join();
  }
  let judged = "", told = null;
  ctx.watch(["mask", "cell", "polarity", "method", "answer"], draw);
};

// Sums and leaks beside the rows of weights.
function besideWeights(panel, { now, T }) {
  const { brush, left, top, width, colours } = panel, h = panel.height / T, x = left + width + 8;
  panel.write(11, "left");
  brush.fillStyle = colours.muted;
  brush.fillText("sum", x, top - 9);
  brush.fillStyle = colours.mark;
  brush.fillText("leak", x + 40, top - 9);
  for (let i = 0; i < T; i++) {
    const y = top + (i + 0.5) * h, some = now.leak[i] > LEAKING;
    brush.fillStyle = Math.abs(now.sums[i] - 1) < LEAKING ? colours.fg : colours.mark;
    panel.write(11, "left", Math.abs(now.sums[i] - 1) >= LEAKING);
    brush.fillText(Number.isNaN(now.sums[i]) ? "NaN" : fixed(now.sums[i]), x, y);
    panel.write(11, "left", some);
    brush.fillStyle = some || Number.isNaN(now.leak[i]) ? colours.mark : colours.muted;
    brush.fillText(Number.isNaN(now.leak[i]) ? "NaN" : fixed(now.leak[i]), x + 40, y);
  }
}

// role=grid over the mask. Focus moves to the other of two cells, because a screen reader speaks when focus moves.
class PaintGrid {
  constructor(ctx, map, numbers) {
    Object.assign(this, { ctx, map, numbers, turn: 0 });
    this.cells = [0, 1].map(() => keepKeys(html("div", { role: "gridcell", class: "cu-cell", tabindex: -1 })));
    this.rows = this.cells.map(cell => html("div", { role: "row" }, cell));
    this.node = html("div", { class: "cu-grid", role: "grid", "aria-label": `mask, ${numbers.T} queries by ${numbers.T} keys`,
      "aria-rowcount": numbers.T, "aria-colcount": numbers.T,
      "aria-description": "Arrow keys move, Space paints the cell, R turns the row over, C the column." }, ...this.rows);
  }

  get focused() { return this.node.contains(document.activeElement); }

  // A click has the cell under the pointer; keys may have left the screen.
  focus(scroll = false) {
    this.cells[this.turn].focus({ preventScroll: true });
    if (scroll) this.ctx.bring(this.cells[this.turn]);
  }

  draw([i, j]) {
    const { focused } = this, said = sayPainted(this.numbers, [i, j], this.ctx.get("method"));
    if (focused && this.cells[this.turn].getAttribute("aria-label") !== said) this.turn = 1 - this.turn;
    const cell = this.cells[this.turn], [x, y, w, h] = this.map.box(i, j);
    cell.style.cssText = `left:${x}px;top:${y}px;width:${w}px;height:${h}px`;
    fill(cell, { "aria-colindex": j + 1, "aria-label": said }, []);
    fill(this.rows[this.turn], { "aria-rowindex": i + 1 }, []);
    this.rows.forEach((row, n) => { row.hidden = false; this.cells[n].tabIndex = n === this.turn ? 0 : -1; });
    if (focused) this.focus(this.ctx.keyed);
    this.rows[1 - this.turn].hidden = true;
  }

  onKey({ move, paint }) {
    this.ctx.listen(this.node, "keydown", event => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const [i, j] = this.ctx.get("cell"), last = this.numbers.T - 1;
      const next = {
        ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1],
        Home: [i, 0], End: [i, last], PageUp: [0, j], PageDown: [last, j],
      }[event.key], act = paint[event.key.toLowerCase()];
      if (!next && !act) return;
      event.preventDefault();
      event.stopPropagation();
      if (next) move(clamp(next[0], 0, last), clamp(next[1], 0, last)); else act(i, j);
    });
  }
}

function sideBySide(panels, ctx) {
  const canvas = html("canvas", { width: panels.reduce((sum, each) => sum + each.canvas.width, 0), height: panels[0].canvas.height });
  const brush = canvas.getContext("2d");
  brush.fillStyle = ctx.colour("bg");
  brush.fillRect(0, 0, canvas.width, canvas.height);
  panels.reduce((x, each) => { brush.drawImage(each.canvas, x, 0); return x + each.canvas.width; }, 0);
  return canvas;
}
