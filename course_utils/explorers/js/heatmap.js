// A table of weights on a canvas: tokens, colours from 0 to 1, hatched masks, marks, and the lit row and column.

const LABELLED = 40;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

class WeightMap {
  constructor(ctx, name) {
    this.ctx = ctx;
    this.name = name;
    this.canvas = html("canvas", { "aria-hidden": "true" });
    // Drawn off the page and then copied: to name a font on a canvas of the page has the page's styles worked out first.
    this.paper = html("canvas");
    this.brush = this.paper.getContext("2d");
    this.cells = html("canvas");
    this.node = html("div", { class: "cu-map" }, this.canvas);
  }

  // Sizes follow from the picture and from the room for it. Cells may be half as wide again as they are tall, since a
  // number wants width; without room for it the bar of colours is left out.
  measure(set, { width, height, bar = width >= 330 }) {
    const { T, S } = set;
    Object.assign(this, { set, bar, labels: Math.max(T, S) <= LABELLED, size: 12 });
    this.short = { q: set.tokens.map(t => shorten(t)), k: set.tokens_k.map(t => shorten(t)) };
    const large = n => (n <= LABELLED ? n * 9 : n > 240 ? 512 : 480);
    for (let pass = 0; pass < 2; pass++) { // names are as large as cells allow, and cells as names allow
      this.brush.font = `bold ${this.size}px ${FONT}`; // as wide as a lit token
      const widest = words => Math.min(120, Math.max(...words.map(word => this.brush.measureText(word).width)));
      this.left = 24 + (this.labels ? widest(this.short.q) : 24);
      this.top = (this.name ? 20 : 0) + 20 + (this.labels ? 0.82 * widest(this.short.k) + 10 : 16);
      const tall = clamp((height - this.top - 8) / T, 9, 46), wide = clamp((width - this.left - this.right) / S, 9, 60);
      this.cell = [Math.min(wide, 1.5 * tall), Math.min(tall, 1.3 * wide)];
      this.size = clamp(0.8 * Math.min(...this.cell), 9, 13);
    }
    [this.width, this.height] = this.labels ? [S * this.cell[0], T * this.cell[1]] : [large(S), large(T)];
    this.barHeight = bar ? Math.max(this.height, 116) : this.height;
    this.resize(this.left + this.width + this.right, this.top + this.barHeight + 8);
    [this.cells.width, this.cells.height] = [S, T];
    this.image = this.cells.getContext("2d").createImageData(S, T);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  get right() { return this.bar ? 74 : 12; }

  resize(width, height) {
    this.zoom = Math.max(1, window.devicePixelRatio || 1);
    for (const each of [this.canvas, this.paper])
      [each.width, each.height] = [Math.ceil(width * this.zoom), Math.ceil(height * this.zoom)];
    Object.assign(this.canvas.style, { width: `${Math.ceil(width)}px`, height: `${Math.ceil(height)}px` });
  }

  // Weights to pixels, one pixel a cell; stretched without smoothing when painted.
  load(weights, brightest) {
    Object.assign(this, { weights, brightest });
    const strange = pixelOf(this.colours.mark.match(/\d+/g).map(Number));
    const scale = 255 / brightest;
    for (let n = 0; n < weights.length; n++) {
      const v = weights[n];
      // v - v is 0 for every number but infinities: this loop runs 262,144 times in a frame of 512 tokens.
      this.pixels[n] = v - v !== 0 ? strange : PIXELS[v <= 0 ? 0 : v >= brightest ? 255 : (v * scale + 0.5) | 0];
    }
    this.cells.getContext("2d").putImageData(this.image, 0, 0);
  }

  readColours() {
    if (this.shades === this.ctx.shades) return;
    this.shades = this.ctx.shades;
    this.colours = Object.fromEntries(["fg", "muted", "bg", "panel", "line", "query", "key", "mark"].map(
      name => [name, this.ctx.colour(name)]));
    this.hatch = hatchTile(this.brush, this.colours, this.zoom);
  }

  paint(cell, allowed, marked) {
    const { brush, zoom } = this;
    brush.setTransform(zoom, 0, 0, zoom, 0, 0);
    brush.fillStyle = this.colours.bg;
    brush.fillRect(0, 0, this.canvas.width, this.canvas.height);
    brush.imageSmoothingEnabled = false;
    brush.drawImage(this.cells, this.left, this.top, this.width, this.height);
    if (allowed) this.paintHidden(allowed);
    this.paintNumbers(allowed);
    if (marked) this.paintMarks(marked);
    this.paintFrame(cell);
    if (this.bar) this.paintColourBar();
    this.paintCursor(cell);
    this.show();
  }

  show() { this.canvas.getContext("2d").drawImage(this.paper, 0, 0); } // opaque: it covers what was there

  box(i, j, rows = 1, columns = 1) {
    const w = this.width / this.set.S, h = this.height / this.set.T;
    return [this.left + j * w, this.top + i * h, columns * w, rows * h];
  }

  // Runs of hidden cells, not single ones: a causal mask over 512 tokens is 511 rectangles.
  paintHidden(allowed) {
    const { T, S } = this.set, path = new Path2D();
    for (let i = 0; i < T; i++) {
      for (let j = 0; j < S; j++) {
        const start = j;
        while (j < S && !allowed[i * S + j]) j++;
        if (j > start) path.rect(...this.box(i, start, 1, j - start));
      }
    }
    this.brush.fillStyle = this.hatch;
    this.brush.fill(path);
  }

  paintNumbers(allowed) {
    const { T, S } = this.set, [, , w, h] = this.box(0, 0);
    if (w < 26 || h < 16) return;
    this.write(w < 30 ? 9 : w < 34 ? 10 : 11, "center");
    for (let n = 0; n < T * S; n++) {
      if (allowed && !allowed[n]) continue;
      const [x, y] = this.box(Math.floor(n / S), n % S), v = this.weights[n];
      this.brush.fillStyle = Number.isFinite(v) ? inkOn(v / this.brightest) : this.colours.bg;
      this.brush.fillText(Number.isFinite(v) ? fixed(v) : Number.isNaN(v) ? "NaN" : v > 0 ? "∞" : "−∞", x + w / 2, y + h / 2);
    }
  }

  paintMarks(marked) {
    const [, , w, h] = this.box(0, 0), brush = this.brush, S = this.set.S;
    brush.strokeStyle = brush.fillStyle = this.colours.mark;
    brush.lineWidth = 2;
    for (const n of marked) {
      const [x, y] = this.box(Math.floor(n / S), n % S);
      if (w < 6 || h < 6) { brush.fillRect(x, y, w, h); continue; }
      const size = Math.min(11, w / 2, h / 2);
      brush.strokeRect(x + 3, y + 3, w - 6, h - 6);
      brush.beginPath();
      brush.moveTo(x + w - 2, y + 2);
      brush.lineTo(x + w - 2 - size, y + 2);
      brush.lineTo(x + w - 2, y + 2 + size);
      brush.fill();
    }
  }

  write(size, align, bold = false) {
    Object.assign(this.brush, { font: `${bold ? "bold " : ""}${size}px ${FONT}`, textAlign: align, textBaseline: "middle" });
  }

  paintFrame([i, j]) {
    const { brush, left, top, width, height } = this;
    brush.fillStyle = this.colours.fg;
    if (this.name) { this.write(13, "left", true); brush.fillText(this.name, left, 9); }
    this.write(12, "center");
    brush.fillStyle = this.colours.muted;
    brush.fillText("key", left + width / 2, (this.name ? 20 : 0) + 8);
    this.turned(8, top + height / 2, -Math.PI / 2, () => brush.fillText("query", 0, 0));
    if (this.labels) this.paintTokens(i, j); else this.paintTicks();
    brush.strokeStyle = this.colours.line;
    brush.lineWidth = 1;
    brush.strokeRect(left - 0.5, top - 0.5, width + 1, height + 1);
  }

  paintTokens(i, j) {
    const { brush, left, top } = this, [, , w, h] = this.box(0, 0);
    this.short.q.forEach((text, n) => {
      this.write(this.size, "right", n === i);
      brush.fillStyle = n === i ? this.colours.query : this.colours.fg;
      brush.fillText(isolate(text), left - 6, top + (n + 0.5) * h, 120);
    });
    this.short.k.forEach((text, n) => {
      this.write(this.size, "left", n === j);
      brush.fillStyle = n === j ? this.colours.key : this.colours.fg;
      this.turned(left + (n + 0.5) * w, top - 7, -0.96, () => brush.fillText(isolate(text), 0, 0, 120));
    });
  }

  paintTicks() {
    const { brush, left, top } = this, { T, S } = this.set, [, , w, h] = this.box(0, 0);
    const step = count => (count > 200 ? 100 : count > 100 ? 20 : 10);
    brush.fillStyle = this.colours.fg;
    this.write(11, "right");
    for (let n = 0; n < T; n += step(T)) brush.fillText(n, left - 5, top + (n + 0.5) * h);
    this.write(11, "center");
    for (let n = 0; n < S; n += step(S)) brush.fillText(n, left + (n + 0.5) * w, top - 8);
  }

  turned(x, y, angle, draw) {
    this.brush.save();
    this.brush.translate(x, y);
    this.brush.rotate(angle);
    draw();
    this.brush.restore();
  }

  paintColourBar() {
    const { brush, top, barHeight: height } = this, x = this.left + this.width + 16;
    const shade = brush.createLinearGradient(0, top + height, 0, top);
    for (let n = 0; n <= 16; n++) shade.addColorStop(n / 16, cssColour(n / 16));
    brush.fillStyle = shade;
    brush.fillRect(x, top, 13, height);
    brush.fillStyle = this.colours.fg;
    this.write(11, "left");
    for (const v of [0, 0.5, 1])
      brush.fillText(Number((v * this.brightest).toPrecision(2)), x + 18, clamp(top + height * (1 - v), top + 5, top + height - 5));
    brush.fillStyle = this.colours.muted;
    this.write(12, "center");
    this.turned(x + (this.brightest < 1 ? 56 : 50), top + height / 2, -Math.PI / 2, () => brush.fillText("attention weight", 0, 0));
  }

  paintCursor([i, j]) {
    const { T, S } = this.set;
    this.outline(this.box(i, 0, 1, S), this.colours.query, 2);
    this.outline(this.box(0, j, T, 1), this.colours.key, 2);
    this.outline(this.box(i, j), "#000", 4);
    this.outline(this.box(i, j), "#fff", 2);
  }

  outline([x, y, w, h], colour, width) {
    this.brush.strokeStyle = colour;
    this.brush.lineWidth = width;
    this.brush.strokeRect(x, y, Math.max(w, 3), Math.max(h, 3));
  }

  // What lies under the pointer: [query, key]; null for an axis that it is not over.
  under(event) {
    const view = this.canvas.getBoundingClientRect(), { T, S } = this.set;
    const i = Math.floor((event.clientY - view.top - this.top) / this.height * T);
    const j = Math.floor((event.clientX - view.left - this.left) / this.width * S);
    return [i >= 0 && i < T ? i : null, j >= 0 && j < S ? j : null];
  }
}

const pixelOf = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
const PIXELS = Uint32Array.from(VIRIDIS, pixelOf);

function hatchTile(brush, colours, zoom) {
  const tile = html("canvas", { width: 8 * zoom, height: 8 * zoom }), pen = tile.getContext("2d");
  pen.scale(zoom, zoom);
  pen.fillStyle = colours.panel;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1.2;
  for (const shift of [-8, 0, 8]) { pen.moveTo(shift, 8); pen.lineTo(shift + 8, 0); }
  pen.stroke();
  const pattern = brush.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(1 / zoom));
  return pattern;
}
