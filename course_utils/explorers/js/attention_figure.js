// The attention explorer: maps, sentence, parts, controls and keyboard, tied to the shared state.

const TEMPERATURES = [0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 7, 10];

FIGURES.heatmap = ctx => {
  const numbers = new AttentionNumbers(ctx);
  const mine = ctx.get("made_by").startsWith("your") ? "Yours" : "Shown";
  const map = new WeightMap(ctx, "");
  const twin = new WeightMap(ctx, "Reference");
  const grid = new FocusGrid(ctx, map, numbers, () => shown);
  const sentence = new SentencePanel(ctx, i => choose(i, null));
  const parts = new PartsPanel();
  const notice = html("p", { class: "cu-notice" });
  let shown = null, two = false, held = false, noticed = "";

  map.node.append(grid.node);
  ctx.stage.append(map.node, twin.node, html("div", { class: "cu-side" },
    html("div", { class: "cu-words" }, ctx.readout, notice, parts.node), sentence.node));
  const choosers = attentionControls(ctx, numbers);
  const retable = ctx.table({
    caption: () => `Attention weights${sayHeads(numbers)}: rows are queries, columns are keys`, corner: "query \\ key",
    rows: () => numbers.set.tokens, columns: () => numbers.set.tokens_k,
    cell: (i, j) => (isHidden(i, j) ? "hidden" : fixed(shown.weights[i * numbers.set.S + j], 3)),
  });
  ctx.exportButtons(() => pasted(two ? [map, twin] : [map], ctx), "attention");
  ctx.foot.append(html("p", { class: "cu-keys", text: "In the table: arrow keys, Home, End, Page Up, Page Down." }));

  const isHidden = (i, j) => Boolean(shown.allowed) && !shown.allowed[i * numbers.set.S + j];
  const cell = () => {
    const [i, j] = ctx.get("cell"), { T, S } = numbers.set;
    return [clamp(i, 0, Math.max(0, T - 1)), clamp(j, 0, Math.max(0, S - 1))];
  };

  // null leaves an axis where it is; nothing is sent when nothing changes.
  function choose(i, j) {
    const [oldI, oldJ] = ctx.get("cell"), next = [i ?? oldI, j ?? oldJ];
    if (next[0] !== oldI || next[1] !== oldJ) ctx.set("cell", next);
  }

  // A second table stands beside the first only where it is another one, and only while the controls stand as they
  // did for it: moving a control is no mistake.
  function compute() {
    const { set } = numbers, empty = !(set.T && set.S);
    ctx.foot.hidden = map.node.hidden = empty;
    shown = empty ? null : numbers.compute();
    if (shown) shown.moved = shown.reference ? numbers.moved : [];
    if (shown) shown.differing = shown.reference && !shown.moved.length ? marks(shown, ctx.get("same")) : [];
    const taken = Boolean(shown && numbers.rawScores(0)); // where a cell is taken apart, marks on it must do
    two = Boolean(shown?.differing.length) && !taken;
    twin.node.hidden = !two;
    ctx.stage.classList.toggle("cu-two", two);
    map.name = ctx.place?.() ?? (two ? mine : "");
    sentence.node.toggleAttribute("hidden", empty || two || Math.max(set.T, set.S) > SENTENCE || Boolean(ctx.place) || taken);
    const high = Math.min(ctx.wide && !two ? 356 : 330, Math.max(170, ctx.tall - 14)); // all of it on the screen at once
    const room = { width: !ctx.wide ? ctx.room : two ? (ctx.room - 22) / 2 : (ctx.share ?? 0.52) * ctx.room, height: high };
    if (shown) load(map, shown.weights, two && ctx.wide ? { ...room, bar: false } : room);
    if (two) load(twin, shown.reference, room);
    choosers.forEach(refresh => refresh());
  }

  function load(each, table, room) {
    const key = JSON.stringify([room, each.name]);
    if (each.set !== numbers.set || each.key !== key) each.measure(numbers.set, room);
    each.key = key;
    each.readColours();
    each.load(table, ctx.get("stretched") ? brightest(table) : 1);
  }

  function draw() {
    if (!shown) return;
    const marked = ctx.get("marked") && shown.differing;
    map.paint(cell(), shown.allowed, marked);
    if (two) twin.paint(cell(), shown.allowed, marked);
  }

  function describe() {
    const { set } = numbers, [i, j] = cell(), small = Math.max(set.T, set.S) <= LABELLED;
    say(notice, shown ? remarks(set, shown, ctx.get("same")) : "There are no tokens to show.");
    notice.classList.toggle("cu-good", notice.textContent === AGREES);
    notice.classList.toggle("cu-plain", Boolean(shown?.moved.length));
    parts.draw(shown && numbers, i, j, shown?.weights[i * set.S + j]);
    if (!shown) return;
    if (small) sentence.draw(set, i, shown.weights, shown.allowed);
    grid.describe([i, j]);
    say(ctx.readout, (ctx.place ? `${capitalised(ctx.place())}. ` : "") + sayCell(set, shown, [i, j]) + (held ? " Held: click again to let go." : ""));
    retable();
    ctx.announce(news => {
      const moved = [...news].some(name => !["cell", "marked"].includes(name)), words = [];
      if (ctx.place && news.has("frame")) words.push(`${capitalised(ctx.place())}.`);
      if (news.has("heads")) words.push(`Shown:${sayHeads(numbers)}.`);
      if (moved) words.push(sayPattern(set, shown.weights));
      if (notice.textContent !== noticed || moved) words.push(notice.textContent);
      if (!grid.focused) words.push(sayCell(set, shown, [i, j]));
      if (moved || !grid.focused || i !== spoken) words.push(sayRow(set, shown.weights, i));
      [noticed, spoken] = [notice.textContent, i];
      return words.filter(Boolean).join(" ");
    });
    grid.name(`attention weights${ctx.place ? ` of ${ctx.place()}` : sayHeads(numbers)}, ${set.T} queries by ${set.S} keys. ${sayPattern(set, shown.weights)}`);
  }
  let spoken = null;

  for (const each of [map, twin]) {
    ctx.listen(each.canvas.parentNode, "pointermove pointerdown", event => {
      const [i, j] = each.under(event), inside = i !== null && j !== null;
      if (event.type === "pointerdown" && inside) { held = !held; choose(i, j); grid.focus(); event.preventDefault(); describe(); }
      if (inside && !held) choose(i, j);
      tip(event, i, j);
    });
    ctx.listen(each.canvas.parentNode, "pointerleave", () => ctx.hideTip());
  }

  function tip(event, i, j) {
    const { tokens, tokens_k: keys } = numbers.set;
    const token = i !== null && j === null ? tokens[i] : j !== null && i === null ? keys[j] : null;
    if (token === null) ctx.hideTip(); else ctx.showTip(event, token);
  }

  grid.onMove((i, j) => choose(i, j));
  const controls = ["preset", "heads", "temperature", "scaled", "causal", "frame", "pictures", "stretched"];
  ctx.watch(controls, compute);
  ctx.watch([...controls, "cell", "marked"], draw);
  ctx.watch([...controls, "cell"], () => shown && grid.draw(cell()));
  ctx.watch([...controls, "cell"], describe, { later: true });
};

// The largest weight, at least a hundredth: colours are not stretched over rounding errors.
const brightest = table => clamp(table.reduce((a, b) => (b > a ? b : a), 0), 0.01, 1);

function marks({ weights, reference }, same) {
  const list = [];
  for (let n = 0; n < weights.length; n++) if (differs(weights[n], reference[n], same)) list.push(n);
  return list;
}

function sayCell(set, { weights, reference, allowed }, [i, j]) {
  const n = i * set.S + j, token = text => `“${isolate(shorten(text, 30))}”`;
  const who = `Query ${i} ${token(set.tokens[i])}, key ${j} ${token(set.tokens_k[j])}: `;
  if (allowed && !allowed[n]) return `${who}hidden by the mask.`;
  const other = reference ? `; the reference has ${fixed(reference[n], 3)}` : "";
  return `${who}weight ${fixed(weights[n], 3)}${other}.`;
}

const capitalised = text => text[0].toUpperCase() + text.slice(1);

// Which heads are shown, where there are several.
function sayHeads({ set, heads }) {
  if (set.H < 2) return "";
  const names = heads.map(h => shorten(set.head_names[h], 40));
  return heads.length === 1 ? ` of ${names[0]}` : ` averaged over ${heads.length === set.H ? `all ${set.H} heads` : names.join(" and ")}`;
}

// What the largest weights have in common: the words of course_utils.alt_text.pattern.
function sayPattern({ T, S, tokens_k: keys }, weights) {
  if (T < 3 || S < 3 || Math.max(T, S) > 64 || !weights.every(Number.isFinite)) return ""; // in no time for a frame
  const at = (i, j) => weights[i * S + j], rows = Array.from({ length: T }, (_, i) => [...weights.subarray(i * S, (i + 1) * S)]);
  if (Math.max(...rows.map(row => Math.max(...row) - Math.min(...row))) < 0.02) return "Every query gives all keys nearly the same.";
  const best = rows.map(row => row.indexOf(Math.max(...row))), counts = best.map(j => best.filter(other => other === j).length);
  const top = best.reduce((a, j, i) => (counts[i] > counts[best.indexOf(a)] || (counts[i] === counts[best.indexOf(a)] && j < a) ? j : a), best[0]);
  const targets = [[() => top, `key ${top} ${shorten(keys[top])}`]];
  if (T === S) targets.unshift([i => i, "themselves"], [i => i - 1, "the token before them"], [i => i + 1, "the token after them"],
    [i => S - 1 - i, "the token as far from the other end"]);
  let mean = -1, said = "";
  for (const [target, words] of targets) {
    const there = rows.map((_, i) => i).filter(i => target(i) >= 0 && target(i) < S), hits = there.filter(i => best[i] === target(i)).length;
    const now = there.reduce((sum, i) => sum + at(i, target(i)), 0) / there.length;
    if (hits >= 0.75 * there.length && now > mean) [mean, said] = [now, `${hits} of ${there.length} queries give most to ${words}, ${fixed(now)} on average.`];
  }
  const later = T === S && rows.every((row, i) => row.slice(i + 1).every(v => v < 0.0005));
  return [said, later ? "No query gives anything to later keys." : ""].filter(Boolean).join(" ");
}

function sayRow(set, weights, i) {
  const row = [...weights.subarray(i * set.S, (i + 1) * set.S)].map((v, j) => [v, j]).sort((a, b) => b[0] - a[0]);
  return "Its largest weights: " + row.slice(0, 3).map(([v, j]) => `${shorten(set.tokens_k[j], 30)} ${fixed(v)}`).join(", ") + ".";
}

// Controls that make sense for one of the pictures; each is hidden while another picture is shown.
function attentionControls(ctx, numbers) {
  const pictures = ctx.get("pictures"), refreshers = [];
  const when = (wanted, control) => refreshers.push(() => { control.hidden = !wanted(numbers.set); });
  if (pictures.length > 1)
    ctx.select({ trait: "preset", label: "show", options: pictures.map((picture, n) => [n, shorten(picture.name, 40)]) });
  if (pictures.some(picture => picture.H > 1)) refreshers.push(headChooser(ctx, numbers));
  for (const film of ctx.place ? [] : new Set(pictures.map(picture => picture.film).filter(Boolean)))
    when(set => set.film === film, ctx.range({
      trait: "frame", label: film.label, values: film.values.map((_, n) => n), format: n => String(film.values[n]) }));
  const live = set => ["scores", "qk"].includes(set.source);
  if (pictures.some(live))
    when(live, ctx.range({ trait: "temperature", label: "temperature", values: TEMPERATURES }));
  if (pictures.some(picture => picture.source === "qk"))
    when(set => set.source === "qk", ctx.checkbox({ trait: "scaled", label: "divide by √d_k" }));
  if (ctx.get("causal_offered") && pictures.some(picture => live(picture) && picture.T === picture.S))
    when(set => live(set) && set.T === set.S, ctx.checkbox({ trait: "causal", label: "causal mask" }));
  if (pictures.some(picture => picture.reference))
    when(set => set.reference && !numbers.agrees, ctx.checkbox({ trait: "marked", label: "mark differences" }));
  if (pictures.some(picture => picture.S > 16))
    when(set => set.S > 16, ctx.checkbox({ trait: "stretched", label: "brightest colour = largest weight" }));
  return refreshers;
}

// A list for one head or all, and ticks for any few.
function headChooser(ctx, numbers) {
  const list = keepKeys(html("select", { "aria-label": "head" }));
  const box = html("fieldset", {}, html("legend", { text: "head" }), list), ticks = html("span", { class: "cu-ticks" });
  let built = null;
  const only = wanted => ctx.set("heads", numbers.set.head_names.map((_, h) => wanted(h)));
  ctx.bar.append(box);
  box.append(ticks);
  ctx.listen(list, "change", () => only(h => list.value === "all" || h === Number(list.value)));

  function build(set) {
    built = set;
    const options = set.head_names.map((name, h) => html("option", { value: h, text: name }));
    list.replaceChildren(...options, html("option", { value: "all", text: `average of all ${set.H}` }),
      html("option", { value: "some", text: "average of the ticked", disabled: true }));
    ticks.replaceChildren(...(set.H > 16 ? [] : set.head_names.map((name, h) => tick(name, h))));
  }

  function tick(name, h) {
    const input = keepKeys(html("input", { type: "checkbox", "aria-label": name }));
    ctx.listen(input, "change", () => {
      const on = new Set(numbers.heads);
      if (input.checked) on.add(h); else on.delete(h);
      if (on.size) return only(each => on.has(each));
      input.checked = true;
      input.setCustomValidity("One head has to stay. Tick another one first.");
      input.reportValidity();
    });
    return html("label", { class: "cu-tick", title: name }, input, html("span", { "aria-hidden": "true", text: h }));
  }

  return () => {
    const { set, heads } = numbers;
    box.hidden = set.H < 2;
    if (set !== built) build(set);
    list.value = heads.length === 1 ? heads[0] : heads.length === set.H ? "all" : "some";
    ticks.querySelectorAll("input").forEach((input, h) => {
      input.checked = heads.includes(h);
      input.setCustomValidity("");
    });
  };
}

// role=grid over the canvas. Focus moves to the other of two cells, because a screen reader speaks
// when focus moves and not when a text changes.
class FocusGrid {
  constructor(ctx, map, numbers, shown) {
    Object.assign(this, { ctx, map, numbers, shown, turn: 0 });
    this.cells = [0, 1].map(() => keepKeys(html("div", { role: "gridcell", class: "cu-cell", tabindex: -1 })));
    this.rows = this.cells.map(cell => html("div", { role: "row" }, cell));
    this.node = html("div", { role: "grid", class: "cu-grid" }, ...this.rows);
  }

  get focused() { return this.node.contains(document.activeElement); }
  name(words) { if (this.node.getAttribute("aria-label") !== words) fill(this.node, { "aria-label": words }, []); }

  // A click has the cell under the pointer; keys may have left the screen.
  focus(scroll = false) {
    this.cells[this.turn].focus({ preventScroll: true });
    if (scroll) this.ctx.bring(this.cells[this.turn]);
  }

  draw([i, j]) {
    const { map } = this, { T, S } = this.numbers.set, { focused } = this;
    const key = [i, j, ...map.box(i, j), T, S].join();
    if (key === this.key) return;
    if (focused && this.place !== `${i} ${j}`) this.turn = 1 - this.turn;
    [this.key, this.place] = [key, `${i} ${j}`];
    fill(this.node, {
      "aria-rowcount": T, "aria-colcount": S,
      "aria-description": "Arrow keys move, Home and End go to the ends of the row, Page Up and Page Down to the ends of the column.",
    }, []);
    const [x, y, w, h] = map.box(i, j), cell = this.cells[this.turn];
    cell.style.cssText = `left:${x}px;top:${y}px;width:${Math.max(w, 4)}px;height:${Math.max(h, 4)}px`;
    fill(cell, { "aria-colindex": j + 1 }, []);
    fill(this.rows[this.turn], { "aria-rowindex": i + 1 }, []);
    this.describe([i, j]);
    this.rows.forEach((row, n) => { row.hidden = false; this.cells[n].tabIndex = n === this.turn ? 0 : -1; });
    if (focused) this.focus(this.ctx.keyed);
    this.rows[1 - this.turn].hidden = true;
  }

  describe(at) { fill(this.cells[this.turn], { "aria-label": sayCell(this.numbers.set, this.shown(), at) }, []); }

  onMove(move) {
    this.ctx.listen(this.node, "keydown", event => {
      const [i, j] = this.ctx.get("cell"), { T, S } = this.numbers.set;
      const next = {
        ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1],
        Home: [i, 0], End: [i, S - 1], PageUp: [0, j], PageDown: [T - 1, j],
      }[event.key];
      if (!next) return;
      event.preventDefault();
      event.stopPropagation();
      move(clamp(next[0], 0, T - 1), clamp(next[1], 0, S - 1));
    });
  }
}

// The maps side by side on one canvas, for saving.
function pasted(maps, ctx) {
  const canvas = html("canvas", {
    width: maps.reduce((sum, map) => sum + map.canvas.width, 0), height: Math.max(...maps.map(map => map.canvas.height)) });
  const brush = canvas.getContext("2d");
  brush.fillStyle = ctx.colour("bg");
  brush.fillRect(0, 0, canvas.width, canvas.height);
  let x = 0;
  for (const map of maps) { brush.drawImage(map.canvas, x, 0); x += map.canvas.width; }
  return canvas;
}
