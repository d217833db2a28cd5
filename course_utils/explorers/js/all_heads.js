// All tables of a model as small pictures, rows layers, columns heads; the chosen one enlarged, as an attention figure.

FIGURES.heads = ctx => {
  const layers = ctx.get("layers"), { film, T } = ctx.get("pictures")[0], H = film.values.length / layers;
  const wall = new HeadWall(ctx, film, layers, H, T);
  ctx.share = 0.5;
  ctx.place = () => `layer ${Math.floor(ctx.get("frame") / H)}, head ${ctx.get("frame") % H}`;
  FIGURES.heatmap(ctx);
  ctx.stage.classList.add("cu-heads");
  ctx.stage.prepend(wall.node);
  ctx.watch(["frame"], () => wall.draw());
};

// One canvas for all pictures; over it a grid of cells that tell their table's pattern, one of them in the order of tabs.
class HeadWall {
  constructor(ctx, film, layers, H, T) {
    Object.assign(this, { ctx, film, layers, H, T });
    this.canvas = html("canvas", { "aria-hidden": "true" });
    this.brush = this.canvas.getContext("2d");
    this.thumbs = film.values.map((_, n) => keepKeys(html("div", { role: "gridcell", class: "cu-thumb", tabindex: -1 })));
    const rows = Array.from({ length: layers }, (_, l) => html("div", { role: "row" }, ...this.thumbs.slice(l * H, (l + 1) * H)));
    this.node = html("div", { class: "cu-wall", role: "grid", "aria-label": `${film.values.length} tables, ${layers} layers by ${H} heads`,
      "aria-description": "Arrow keys move among heads and layers, Home and End along a layer." }, this.canvas, ...rows);
    this.thumbs.forEach((thumb, n) => ctx.listen(thumb, "pointerdown", event => { event.preventDefault(); this.choose(n); }));
    ctx.listen(this.node, "keydown", event => this.move(event));
  }

  choose(n) {
    if (n !== this.ctx.get("frame")) this.ctx.set("frame", n);
    this.thumbs[n].focus({ preventScroll: true });
    if (this.ctx.keyed) this.ctx.bring(this.thumbs[n]);
  }

  move(event) {
    const now = this.ctx.get("frame"), { H, layers } = this, layer = Math.floor(now / H), head = now % H;
    const next = { ArrowLeft: [layer, head - 1], ArrowRight: [layer, head + 1], ArrowUp: [layer - 1, head], ArrowDown: [layer + 1, head],
      Home: [layer, 0], End: [layer, H - 1], PageUp: [0, head], PageDown: [layers - 1, head] }[event.key];
    if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose(clamp(next[0], 0, layers - 1) * H + clamp(next[1], 0, H - 1));
  }

  draw() {
    if (this.room !== this.ctx.room || this.tall !== this.ctx.tall || this.shades !== this.ctx.shades) this.paint();
    const now = this.ctx.get("frame");
    this.thumbs.forEach((thumb, n) => fill(thumb, { tabindex: n === now ? 0 : -1, "aria-selected": String(n === now) }, []));
  }

  paint() {
    const { ctx, brush, H, T, layers } = this, zoom = Math.max(1, window.devicePixelRatio || 1), left = 34, top = 34, gap = 3;
    [this.room, this.tall, this.shades] = [ctx.room, ctx.tall, ctx.shades];
    const width = ctx.wide ? 0.5 * ctx.room - 18 : ctx.room;
    const step = clamp(Math.min((width - left) / H, (ctx.tall - top - 14) / layers), 12, 42), side = step - gap;
    const size = [left + H * step, top + layers * step];
    [this.canvas.width, this.canvas.height] = size.map(v => Math.ceil(v * zoom));
    Object.assign(this.canvas.style, { width: `${size[0]}px`, height: `${size[1]}px` });
    brush.setTransform(zoom, 0, 0, zoom, 0, 0);
    brush.fillStyle = ctx.colour("bg");
    brush.fillRect(0, 0, ...size);
    brush.imageSmoothingEnabled = false;
    brush.font = `11px ${FONT}`;
    brush.textBaseline = "middle";
    brush.textAlign = "center";
    brush.fillStyle = ctx.colour("muted");
    brush.fillText("head", left + H * step / 2, 8);
    brush.save();
    brush.translate(7, top + layers * step / 2);
    brush.rotate(-Math.PI / 2);
    brush.fillText("layer", 0, 0);
    brush.restore();
    for (let h = 0; h < H; h++) brush.fillText(h, left + h * step + side / 2, 24);
    for (let l = 0; l < layers; l++) brush.fillText(l, 23, top + l * step + side / 2);
    const tile = html("canvas", { width: T, height: T }), pen = tile.getContext("2d"), image = pen.createImageData(T, T);
    const pixels = new Uint32Array(image.data.buffer), set = ctx.get("pictures")[0];
    this.thumbs.forEach((thumb, n) => {
      const weights = unpack(this.film.frames, n), x = left + n % H * step, y = top + Math.floor(n / H) * step;
      weights.forEach((v, m) => { pixels[m] = PIXELS[Math.round(clamp(v, 0, 1) * 255)]; });
      pen.putImageData(image, 0, 0);
      brush.drawImage(tile, x, y, side, side);
      thumb.style.cssText = `left:${x}px;top:${y}px;width:${side}px;height:${side}px`;
      fill(thumb, { "aria-label": `layer ${Math.floor(n / H)}, head ${n % H}. ${sayPattern(set, weights)}`.trim() }, []);
    });
  }
}
