// Figures made of points, arrows and bars: what they share.

// --- numbers of the plane, pure: held to Python by tests/test_explorer_scenes.py ---------------------------------
const dot2 = (a, b) => a[0] * b[0] + a[1] * b[1];
const length2 = a => Math.hypot(a[0], a[1]);
const times2 = (a, factor) => [a[0] * factor, a[1] * factor];
const plus2 = (a, b) => [a[0] + b[0], a[1] + b[1]];
const unit2 = a => length2(a) > 0 ? times2(a, 1 / length2(a)) : [0, 0];
// Not a number when an arrow has no length, and so no direction.
const cosine2 = (a, b) => dot2(a, b) / (length2(a) * length2(b));
const angle2 = (a, b) => Math.acos(clamp(cosine2(a, b), -1, 1)) * 180 / Math.PI;
// The dropped perpendicular: the point of b's line that is nearest to a.
const foot2 = (a, b) => dot2(b, b) > 0 ? times2(b, dot2(a, b) / dot2(b, b)) : [0, 0];
const snap = (v, step) => Math.round(v / step) / Math.round(1 / step);

// --- words ---------------------------------------------------------------------------------------------------
const short = (name, limit) => isolate(shorten(name, limit));
// A number that may be huge or tiny.
function magnitude(value) {
  if (!Number.isFinite(value) || value === 0 || (Math.abs(value) >= 0.01 && Math.abs(value) < 1000)) return fixed(value);
  const [digits, power] = value.toExponential(2).split("e");
  const raised = [...String(Number(power))].map(c => c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");
  return `${minus(digits)}·10${raised}`;
}
// "2.0 × 3.0 = 6.0", with ≈ where the rounded factors do not give the rounded result.
function equation(factors, result, digits = 2, each = digits) {
  const product = factors.reduce((total, v) => total * rounded(v, each), 1);
  return `${factors.map(v => bracket(v, each)).join(" × ")} ${same(product, result, digits)} ${fixed(result, digits)}`;
}
const same = (one, two, digits = 2) => fixed(one, digits) === fixed(two, digits) ? "=" : "≈";
const bracket = (v, digits) => rounded(v, digits) < 0 ? `(${fixed(v, digits)})` : fixed(v, digits);
const text = (x, y, words, attributes = {}) => svg("text", { x, y, text: words, ...attributes });

// --- parts of a drawing --------------------------------------------------------------------------------------
// Each part is a drawing of its own: { node, width, height, inputs }; inputs: { node, x, y, width } in the part's units,
// native controls laid over the drawing so that each is in its row. The style sheet places them: pictures on the left,
// controls, numbers and the result in a column beside them; all below each other on a narrow page, the result first.
// Returns the drawings.
function sheet(ctx, parts) {
  ctx.root.classList.add("cu-scene");
  ctx.body.classList.add(`cu-parts-${parts.length}`);
  const note = ctx.get("note");
  if (note) ctx.bar.before(html("p", { class: "cu-note", text: note }));
  return parts.map(({ node, width, height, inputs = [] }, n) => {
    const root = svg("svg", { role: "group", "aria-label": parts.length > 1 ? `drawing ${n + 1} of ${parts.length}` : "drawing", viewBox: `0 0 ${width} ${height}` }, node);
    const box = html("div", { class: "cu-sheet" }, root, ...inputs.map(input => input.node));
    box.style.setProperty("--cu-width", `${width}px`);
    for (const input of inputs) Object.assign(input.node.style, {
      left: `${100 * input.x / width}%`, top: `${100 * input.y / height}%`, width: `${100 * input.width / width}%`,
    });
    ctx.stage.append(box);
    return root;
  });
}

// A square plane through zero, both ways in equal steps. x and y: [low, high].
function plane({ size, x, y, label, xLabel = "", yLabel = "", ticks = 6 }) {
  const extra = { width: size - (yLabel ? 66 : 48), height: size - (xLabel ? 56 : 38) };
  const inner = Math.min(extra.width, extra.height);
  const made = axes({ width: size + inner - extra.width, height: size + inner - extra.height, x, y, label, xLabel, yLabel, ticks });
  const axis = (x1, y1, x2, y2) => svg("line", { x1, y1, x2, y2, style: "stroke: var(--cu-line)" });
  const { X, Y } = made;
  made.node.querySelectorAll("text").forEach(each => each.classList.add("cu-tick"));
  made.layer.before(
    ...(y[0] < 0 && y[1] > 0 ? [axis(X(x[0]), Y(0), X(x[1]), Y(0))] : []),
    ...(x[0] < 0 && x[1] > 0 ? [axis(X(0), Y(y[0]), X(0), Y(y[1]))] : []));
  // What may leave the picture goes into `inside`, which is cut at the frame.
  const name = `cu-clip${++nextId}`, width = Number(made.node.getAttribute("width")), height = Number(made.node.getAttribute("height"));
  const inside = svg("g", { "clip-path": `url(#${name})` });
  made.layer.append(svg("clipPath", { id: name }, svg("rect", { x: X(x[0]), y: Y(y[1]), width: X(x[1]) - X(x[0]), height: Y(y[0]) - Y(y[1]) })), inside);
  return { ...made, width, height, inside, P: point => [X(point[0]), Y(point[1])], x, y };
}

// An arrow with its name beyond the tip. set(from, to) takes drawing units.
function arrow({ colour, name = "", width = 3.5, dashed = false }) {
  const paint = `var(--cu-${colour})`;
  const line = svg("line", { style: `stroke: ${paint}; stroke-width: ${width}; ${dashed ? "stroke-dasharray: 5 4" : ""}` });
  const head = svg("polygon", { style: `fill: ${paint}` });
  const word = svg("text", { class: "cu-halo", "paint-order": "stroke", "text-anchor": "middle", "dominant-baseline": "central",
    text: short(name, 16), style: `fill: ${paint}` });
  const node = svg("g", { "aria-hidden": "true" }, line, head, ...(name ? [word] : []));
  const set = (from, to) => {
    const away = [to[0] - from[0], to[1] - from[1]], length = length2(away), [ux, uy] = unit2(away);
    const size = Math.min(4.4 * width, length), half = size * 0.42;
    const neck = [to[0] - ux * size, to[1] - uy * size];
    fill(line, { x1: from[0], y1: from[1], x2: neck[0] + ux, y2: neck[1] + uy }, []);
    fill(head, { points: `${to} ${neck[0] - uy * half},${neck[1] + ux * half} ${neck[0] + uy * half},${neck[1] - ux * half}` }, []);
    const far = 13 + size / 4 + half * Math.abs(ux);
    const beyond = length > 0 ? [to[0] + ux * (far + half), to[1] + uy * far] : [to[0], to[1] - 17];
    Object.assign(place, { x: beyond[0] + ux * place.width / 2, y: beyond[1] });
    fill(word, { x: place.x, y: place.y }, []);
  };
  const place = { x: 0, y: 0, width: 9 * [...shorten(name, 16)].length, word };
  return { node, set, place, weigh: stroke => { width = stroke; line.style.strokeWidth = stroke; } };
}

// Names that would cover each other move apart, up and down. places: { x, y, width, word }, x in the middle.
// They also stay between the sides of the picture, where those are given.
function spread(places, sides = null, height = 18) {
  for (const place of sides ? places : []) {
    place.x = clamp(place.x, sides[0] + place.width / 2, Math.max(sides[0] + place.width / 2, sides[1] - place.width / 2));
    place.word.setAttribute("x", place.x);
  }
  for (let pass = 0; pass < 6; pass++) {
    places.forEach((one, n) => places.slice(0, n).forEach(two => {
      const missing = height - Math.abs(one.y - two.y);
      if (missing <= 0 || Math.abs(one.x - two.x) >= (one.width + two.width) / 2 + 4) return;
      const way = one.y < two.y ? -1 : 1;
      one.y += way * missing / 2;
      two.y -= way * missing / 2;
    }));
  }
  for (const { word, y } of places) word.setAttribute("y", y);
}

// A point to drag: an invisible disc big enough for a finger, around what is drawn.
const gripNode = (...drawn) => svg("g", {}, svg("circle", { r: 17, class: "cu-ring" }), ...drawn);
const diamond = (x, y, size = 8) => `M${x} ${y - size}l${size} ${size}l${-size} ${size}l${-size} ${-size}z`;
const moveTo = (node, [x, y]) => node.setAttribute("transform", `translate(${x} ${y})`);

// A bar that grows from zero to either side. What is longer than the track ends in a point.
function bar({ x, y, width, height = 18, low = 0, high = 1 }) {
  const at = value => x + clamp((value - low) / (high - low), 0, 1) * width;
  const track = svg("rect", { x, y, width, height, rx: 2, style: "fill: var(--cu-panel)" });
  const body = svg("path");
  const zero = svg("line", { x1: at(0), x2: at(0), y1: y - 2, y2: y + height + 2, style: "stroke: var(--cu-line)" });
  const node = svg("g", { "aria-hidden": "true" }, track, body, zero);
  const set = (value, colour = value < 0 ? "mark" : "value") => {
    const known = Number.isNaN(value) ? 0 : value, from = at(0), to = at(known), way = Math.sign(to - from);
    const over = known > high || known < low, neck = over ? to - way * height / 2 : to;
    fill(body, { d: `M${from} ${y}H${neck}L${to} ${over ? y + height / 2 : y}${over ? "" : `V${y + height}`}L${neck} ${y + height}H${from}Z`,
      style: `fill: var(--cu-${colour})` }, []);
  };
  return { node, set, at };
}

// --- controls ------------------------------------------------------------------------------------------------
// A slider for one number inside a trait: get() reads it, put(v) writes it. Returns [input, refresh].
function numberSlider(ctx, { label, get, put, min, max, step, say = v => fixed(v, 1) }) {
  const input = keepKeys(html("input", { type: "range", min, max, step, "aria-label": label }));
  ctx.listen(input, "input", () => put(Number(input.value)));
  const refresh = () => {
    const value = get();
    if (Number(input.value) !== value) input.value = value;
    input.setAttribute("aria-valuetext", say(value));
  };
  return [input, refresh];
}

// The same, in the bar above the figure with its name and its value.
function barSlider(ctx, options) {
  const [input, refresh] = numberSlider(ctx, options);
  const shown = html("span", { class: "cu-value", "aria-hidden": "true" });
  ctx.control(options.short ?? options.label, input, shown);
  return () => { refresh(); shown.textContent = (options.say ?? (v => fixed(v, 1)))(options.get()); };
}

// Buttons that set several traits at once, named as one group.
function buttonGroup(ctx, label, buttons) {
  if (!buttons.length) return;
  const box = html("span", { class: "cu-group", role: "group", "aria-label": label }, html("span", { text: label, "aria-hidden": "true" }));
  for (const [name, action] of buttons) ctx.button(name, action, box);
  ctx.bar.append(box);
}

// A button that hides what a class should predict first. Returns show(words): the readout, or a question.
function coverButton(ctx, nodes) {
  const button = ctx.button("", () => ctx.set("covered", !ctx.get("covered")), ctx.foot);
  return words => {
    const covered = ctx.get("covered");
    button.textContent = covered ? "Show the result" : "Hide the result";
    nodes.forEach(node => { node.style.visibility = covered ? "hidden" : ""; });
    ctx.readout.textContent = covered ? "What do you expect? Say it first, then show the result." : words;
    ctx.announce(() => covered ? "The result is hidden." : `${ctx.spoken ?? ""} ${words}`);
  };
}

function presetButtons(ctx) {
  buttonGroup(ctx, "Try:", ctx.get("presets").map(({ label, state }) =>
    [shorten(label, 40), () => Object.entries(state).forEach(([name, value]) => ctx.set(name, value))]));
}
