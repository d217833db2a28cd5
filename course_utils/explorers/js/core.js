// The shared part of every live figure. A drawer registers itself: FIGURES.kind = function (ctx) { ... }.
// All the files of a figure become one module, so what one defines at the top the next can use.
const FIGURES = {};

// JupyterLab takes arrow keys away from a focused element unless that very element carries this attribute.
const KEEP = "data-lm-suppress-shortcuts";
const keepKeys = node => { node.setAttribute(KEEP, "true"); return node; };

const SVG = "http://www.w3.org/2000/svg";
const LOW = 420;
let nextId = 0;

// Text only ever enters through textContent or an attribute: a token that holds markup stays text.
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") say(node, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter(child => child !== null));
  return node;
}
// Changes a text where it stands: a new text node would have the page work out its styles anew, in each frame of a drag.
function say(node, text) {
  const only = node.firstChild;
  if (!only || only.nextSibling || only.nodeType !== 3) node.textContent = text;
  else if (only.data !== String(text)) only.data = text;
}
const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// A token as a reader should see it: white space made visible, at most `limit` characters.
function shorten(token, limit = 14) {
  const shown = token === "" ? "(empty)" : token.replace(/\n/g, "↵").replace(/\t/g, "⇥").replace(/^ | $/g, "␣");
  const letters = [...shown];
  return letters.length <= limit ? shown : letters.slice(0, limit - 1).join("") + "…";
}
// Directional isolates keep a right-to-left token from reordering the sentence around it.
const isolate = text => `\u2068${text}\u2069`;
const rounded = (value, digits = 2) => Number((Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits));
// A number as it is read and spoken, with a minus sign: speech passes over a hyphen.
const minus = text => String(text).replace("-", "−");
const fixed = (value, digits = 2) => Number.isFinite(value) ? minus(rounded(value, digits).toFixed(digits))
  : Number.isNaN(value) ? "not a number" : value > 0 ? "infinity" : "minus infinity";

// Everything a drawer may use. Watchers run once after the drawer returns and then when their traits have changed.
class Context {
  constructor(model, root, signal) {
    Object.assign(this, { model, root, signal, id: `cu${++nextId}` });
    this.watchers = [];
    this.waiting = new Set();
    this.patient = new Set();
    this.shades = new Map();
    this.bar = html("div", { class: "cu-bar" });
    this.stage = html("div", { class: "cu-stage" });
    this.readout = html("p", { class: "cu-readout" });
    this.foot = html("div", { class: "cu-foot" });
    this.status = html("div", { class: "cu-hidden", role: "status" });
    this.tip = html("div", { class: "cu-tip", hidden: true, "aria-hidden": "true" });
    this.probe = html("span", { class: "cu-probe", hidden: true });
    this.news = new Set();
    this.told = -Infinity;
  }

  build() {
    const title = this.get("title"), maker = this.get("made_by");
    this.body = html("div", { class: "cu-body" }, this.bar, this.stage, this.readout);
    // The group's name says the title already.
    fill(this.root, { class: "cu", role: "group", "aria-label": title, "data-live": this.get("live") }, [
      html("div", { class: "cu-head" }, html("p", { class: "cu-caption", text: title, "aria-hidden": "true" }),
        maker ? html("p", { class: "cu-made", text: `Made by ${maker}.` }) : null),
      this.body, this.foot, this.status, this.tip, this.probe,
    ]);
    this.followKeys();
  }

  // The room for what is drawn, in pixels; that of a wide page until the figure stands on one.
  // Measured when it changes: to ask in each frame would have the page laid out once more in it.
  get room() {
    this.width ||= this.root.clientWidth;
    return this.width > 24 ? this.width - 24 : 1056;
  }
  // How much of the page is seen at once, in pixels: of what scrolls it, or of the window.
  get tall() {
    if (!this.height) {
      let at = this.root.parentElement;
      while (at && !(at.scrollHeight > at.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(at).overflowY))) at = at.parentElement;
      this.scroller = at && at !== document.documentElement && at !== document.body ? at : null;
      this.height = this.scroller?.clientHeight || innerHeight;
    }
    return this.height;
  }
  // On a low page, as at 200 %, things stand side by side while there is any room for it: one under another they are
  // never seen together.
  get low() { return this.tall < LOW; }
  get wide() { return this.room >= (this.low ? 500 : 676); }
  arrange() {
    this.root.classList.toggle("cu-wide", this.wide);
    this.root.classList.toggle("cu-low", this.low);
  }

  // --- state -----------------------------------------------------------------------------------
  get(name) { return this.model.get(name); }

  // Sets in the page at once; the kernel hears of it after the frame that shows it, once for all of its changes, and
  // of a drag four times a second and at its end: at each telling JupyterLab lays its toolbar out anew.
  set(name, value) {
    this.news.add(name);
    this.model.set(name, value);
    this.unsaved = true;
    this.ask();
  }

  // Call `draw` when one of the traits has changed: at once, but only once a frame. With `later` it waits until that
  // frame has been painted: words can come a frame after the picture, and the picture comes sooner for it.
  watch(traits, draw, { later = false } = {}) {
    this.watchers.push(draw);
    if (later) this.patient.add(draw);
    for (const trait of traits) this.onChange(trait, () => { this.waiting.add(draw); this.ask(); });
  }

  onChange(trait, callback) {
    this.model.on(`change:${trait}`, callback);
    this.signal.addEventListener("abort", () => this.model.off(`change:${trait}`, callback));
  }

  // The first change is drawn as soon as its event has been handled, so that the work is done before the frame
  // begins; what follows in the same frame waits for the next.
  ask() {
    if (this.asked) return;
    this.asked = true;
    if (!this.frame) queueMicrotask(() => this.drawNow());
  }

  drawNow() {
    this.asked = false;
    if (this.signal.aborted) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      if (this.asked) this.drawNow();
      setTimeout(() => this.finish()); // a task of its own, after the frame
    });
    this.arrange();
    this.run(draw => !this.patient.has(draw));
    this.root.dataset.frames = 1 + Number(this.root.dataset.frames ?? 0);
  }

  finish() {
    if (this.signal.aborted) return;
    this.run(draw => this.patient.has(draw));
    this.bringResult();
    if (this.unsaved) this.telling ||= setTimeout(() => this.tell(), this.told + 250 - performance.now());
  }

  tell() {
    clearTimeout(this.telling);
    if (this.unsaved) this.model.save_changes();
    [this.unsaved, this.telling, this.told] = [false, null, performance.now()];
  }

  run(wanted) {
    for (const draw of this.watchers) {
      if (wanted(draw) && this.waiting.delete(draw)) draw();
    }
  }

  drawAll() {
    this.arrange();
    this.watchers.forEach(draw => this.waiting.add(draw));
    this.run(() => true);
  }

  listen(node, names, callback, options = {}) {
    for (const name of names.split(" ")) node.addEventListener(name, callback, { signal: this.signal, ...options });
  }

  // --- controls: native, labelled, bound to a trait both ways -----------------------------------
  control(label, input, extra = null) {
    keepKeys(input);
    const box = html("label", { class: "cu-control" }, html("span", { text: label }), input, extra);
    this.bar.append(box);
    return box;
  }

  // values: the list of stops; without it min, max and step. format says a value in words.
  range({ trait, label, values = null, min = 0, max = 1, step = 0.01, format = v => fixed(v) }) {
    const bounds = values ? { min: 0, max: values.length - 1, step: 1 } : { min, max, step };
    const input = html("input", { type: "range", ...bounds });
    const shown = html("span", { class: "cu-value", "aria-hidden": "true" });
    const place = v => values ? nearest(values, v) : v;
    const refresh = () => {
      const value = this.get(trait);
      input.value = place(value);
      say(shown, format(value));
      input.setAttribute("aria-valuetext", format(value));
    };
    this.listen(input, "input", () => this.set(trait, values ? values[input.value] : Number(input.value)));
    this.onChange(trait, refresh);
    refresh();
    return this.control(label, input, shown);
  }

  checkbox({ trait, label }) {
    const input = html("input", { type: "checkbox" });
    const refresh = () => { input.checked = this.get(trait); };
    this.listen(input, "change", () => this.set(trait, input.checked));
    this.onChange(trait, refresh);
    refresh();
    return this.control(label, input);
  }

  // options: [value, words] pairs.
  select({ trait, label, options }) {
    const choices = options.map(([, words], n) => html("option", { value: n, text: words }));
    const input = html("select", {}, ...choices);
    const refresh = () => { input.value = options.findIndex(([value]) => value === this.get(trait)); };
    this.listen(input, "change", () => this.set(trait, options[input.value][0]));
    this.onChange(trait, refresh);
    refresh();
    return this.control(label, input);
  }

  button(label, action, place = this.bar) {
    const node = keepKeys(html("button", { type: "button", text: label }));
    this.listen(node, "click", action);
    place.append(node);
    return node;
  }

  // A point that is dragged or moved by arrow keys. node: an SVG or HTML element; at(event) gives [x, y] in data
  // units; value() and move([x, y]) read and write; describe() says the place in words; step: one arrow key.
  grip(node, { label, at, value, move, describe, step = 0.1 }) {
    fill(keepKeys(node), { tabindex: 0, role: "slider", "aria-label": label, "aria-roledescription": "movable point" }, []);
    node.classList.add("cu-grip");
    const refresh = () => fill(node, { "aria-valuetext": describe(), "aria-valuenow": rounded(value()[0]) }, []);
    // The style touch-action: none does not reach the parts of an SVG drawing in Chromium.
    this.listen(node, "touchstart", event => event.preventDefault(), { passive: false });
    this.listen(node, "pointerdown", event => { node.setPointerCapture(event.pointerId); node.focus(); event.preventDefault(); });
    this.listen(node, "pointermove", event => { if (node.hasPointerCapture(event.pointerId)) move(at(event)); });
    this.listen(node, "keydown", event => {
      const [right, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
      if (!right && !up) return;
      event.preventDefault();
      event.stopPropagation();
      const [x, y] = value(), size = event.shiftKey ? 5 * step : step;
      move([x + right * size, y + up * size]);
    });
    return refresh;
  }

  // --- words -----------------------------------------------------------------------------------
  // The summary is spoken once, after the reader has stopped moving; a live region would speak every step. Nothing is
  // said that no one asked for: not when a figure first appears, not when the theme or the kernel changes it.
  // summary is given the names of the traits that the reader has moved since the last one.
  announce(summary) {
    if (!this.news.size) return;
    clearTimeout(this.pause);
    this.pause = setTimeout(() => {
      const words = summary(this.news);
      this.news = new Set();
      if (words) this.status.textContent = words;
    }, 600);
  }

  // --- keys ------------------------------------------------------------------------------------
  // Where the page is so small that a control and the result are not on it together, the result comes to the control.
  followKeys() {
    const observer = new IntersectionObserver(seen => { this.resultSeen = seen.at(-1).intersectionRatio > 0.9; },
      { threshold: [0, 0.5, 0.95, 1] });
    observer.observe(this.readout);
    this.signal.addEventListener("abort", () => observer.disconnect());
    this.listen(this.root, "keydown", event => {
      this.keyed = event.key !== "Tab";
      if (!this.brought) this.hideTip();
      // Back to the cell, from where one goes on: Tab goes on to what takes a key next, some cells further down.
      if (event.key === "Escape") this.root.closest(".jp-Cell")?.focus();
      // JupyterLab's own commands, such as saving, are for the whole page: it may have them.
      const held = event.target;
      if ((event.ctrlKey || event.metaKey) && held.hasAttribute(KEEP)) {
        held.removeAttribute(KEEP);
        setTimeout(() => keepKeys(held));
      }
    }, { capture: true });
    this.listen(this.root, "pointerdown", () => { this.keyed = false; this.hideTip(); }, { capture: true });
    this.listen(this.root, "focusout", () => this.hideTip());
    this.listen(this.root, "pointerleave", () => this.hideTip());
    this.listen(this.root, "focusin", event => {
      if (event.target.matches(":focus-visible")) this.bring(event.target);
    });
    this.listen(document, "scroll", event => { if (event.target.contains(this.root)) this.hideTip(); }, { capture: true, passive: true });
    this.listen(window, "resize", () => { this.height = 0; });
  }

  // Who comes by keys sees as much of the figure around the place as the page is tall enough for; a control that stands
  // over more than that goes to the upper edge.
  bring(node) {
    const bar = node.closest(".cu-bar"), around = bar ? [this.root] : [this.root, this.stage, node.closest(".cu-map, .cu-wall")];
    const whole = around.find(each => each?.contains(node) && each.offsetHeight <= this.tall);
    if (whole) {
      whole.scrollIntoView({ block: "nearest" });
      const { left, right } = node.getBoundingClientRect(), room = this.stage.getBoundingClientRect();
      this.stage.scrollLeft += Math.max(0, right + 8 - room.right) - Math.max(0, room.left + 8 - left);
    } else if (bar) bar.scrollIntoView({ block: "start" });
    else node.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // The part of the figure that is on the screen: [left, top, right, bottom] in its own pixels.
  get seen() {
    const box = this.root.getBoundingClientRect(), { tall, scroller } = this;
    const top = scroller ? scroller.getBoundingClientRect().top + scroller.clientTop : 0;
    return [0, Math.max(0, top - box.top), box.width, Math.min(box.height, top + tall - box.top)];
  }

  // At the lower edge of the screen, or at its upper one where the focused place stands there: never over that place.
  bringResult() {
    const at = document.activeElement;
    if (!this.keyed || this.resultSeen !== false || !this.root.contains(at)) {
      if (this.brought) this.hideTip();
      return;
    }
    const box = at.getBoundingClientRect(), home = this.root.getBoundingClientRect(), [, top, right, bottom] = this.seen;
    this.showTip({ clientX: home.left, clientY: home.top }, this.result?.() ?? this.readout.textContent, right - 8);
    this.brought = true;
    const high = this.tip.offsetHeight, below = bottom - high - 4;
    const clear = place => place + high < box.top - home.top - 4 || place > box.bottom - home.top + 4;
    Object.assign(this.tip.style, { left: "4px", top: `${clear(below) ? below : clear(top + 4) ? top + 4 : box.bottom - home.top + 6}px` });
  }

  showTip(event, text, width = 320) {
    const box = this.root.getBoundingClientRect();
    this.tip.style.maxWidth = `${width}px`;
    this.tip.textContent = text;
    this.tip.hidden = false;
    this.tip.style.left = `${clamp(event.clientX - box.left + 14, 0, Math.max(0, box.width - this.tip.offsetWidth - 4))}px`;
    this.tip.style.top = `${event.clientY - box.top + 16}px`;
  }

  hideTip() { this.tip.hidden = true; this.brought = false; }

  // A real table behind a fold, made when opened. cell(i, j) gives its text; caption is text or gives it. Returns the function that refreshes it.
  table({ caption, corner, rows, columns, cell, label = "Show as a table", limit = 64 }) {
    const named = typeof caption === "function" ? caption : () => caption;
    const body = html("div", { class: "cu-table" });
    const fold = html("details", {}, keepKeys(html("summary", { text: label })), body);
    this.foot.append(fold);
    const refresh = () => {
      if (!fold.open) return;
      if (rows().length > limit || columns().length > limit) {
        body.textContent = `A table of more than ${limit} rows or columns helps nobody: use the arrow keys, or read the values in Python.`;
      } else body.replaceChildren(tableNode({ caption: named(), corner, rows: rows(), columns: columns(), cell }));
    };
    this.listen(fold, "toggle", refresh);
    return refresh;
  }

  // --- colours and files -----------------------------------------------------------------------
  // The colour that a style variable has in the present theme, as rgb(...): a canvas does not read variables.
  // Asking the style engine costs more than drawing, so the answer is kept until the looks change.
  colour(name) {
    if (!this.shades.has(name)) {
      this.probe.style.color = `var(--cu-${name})`;
      const shade = getComputedStyle(this.probe).color;
      if (!shade) return "rgb(127, 127, 127)"; // not on the page yet
      this.shades.set(name, shade);
    }
    return this.shades.get(name);
  }

  // make() returns a canvas, an SVG element or several; SVG can be saved both ways.
  exportButtons(make, name = "figure") {
    this.button("Save PNG", async () => save(await asPng(make(), this.colour("bg")), `${name}.png`), this.foot);
    if (isVector(make())) this.button("Save SVG", () => save(asSvg(make()), `${name}.svg`), this.foot);
  }
}

function nearest(values, v) {
  let best = 0;
  values.forEach((each, n) => { if (Math.abs(each - v) < Math.abs(values[best] - v)) best = n; });
  return best;
}

function tableNode({ caption, corner, rows, columns, cell }) {
  const head = html("tr", {}, html("th", { scope: "col", text: corner }),
    ...columns.map(text => html("th", { scope: "col", text: shorten(text, 30), title: text })));
  const lines = rows.map((text, i) => html("tr", {}, html("th", { scope: "row", text: shorten(text, 30), title: text }),
    ...columns.map((_, j) => html("td", { text: cell(i, j) }))));
  return html("table", {}, html("caption", { text: caption }), html("thead", {}, head), html("tbody", {}, ...lines));
}

// Colours on a canvas do not follow the theme by themselves. A figure may also be made before it stands on the page, as
// JupyterLab does, or on a slide that is not shown: then it has neither colours nor sizes, and is drawn when it comes
// into view.
function followLooks(ctx) {
  const redraw = () => { ctx.shades = new Map(); ctx.watchers.forEach(draw => ctx.waiting.add(draw)); ctx.ask(); };
  let shown = ctx.root.clientWidth;
  const sizes = new ResizeObserver(() => {
    const before = shown;
    ctx.width = shown = ctx.root.clientWidth;
    ctx.height = 0;
    if (shown && shown !== before) redraw();
  });
  sizes.observe(ctx.root);
  ctx.signal.addEventListener("abort", () => sizes.disconnect());
  ctx.listen(matchMedia("(prefers-color-scheme: dark)"), "change", redraw);
  const observer = new MutationObserver(redraw);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  ctx.signal.addEventListener("abort", () => observer.disconnect());
}

function render({ model, el }) {
  const life = new AbortController();
  const root = html("div");
  el.append(root);
  const ctx = new Context(model, root, life.signal);
  ctx.build();
  FIGURES[model.get("kind")](ctx);
  if (root.isConnected) ctx.drawAll();
  followLooks(ctx);
  return () => { ctx.tell(); life.abort(); cancelAnimationFrame(ctx.frame); clearTimeout(ctx.pause); };
}
