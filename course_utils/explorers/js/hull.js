// A weighted sum of values: where the weights come from, the parts of the sum, and the output inside the hull.

FIGURES.hull = ctx => {
  const source = ctx.get("source"), names = ctx.get("names");
  const field = valuePlane(ctx, names);
  const asker = source === "query" ? keyPlane(ctx, names) : null;
  const side = weightPanel(ctx, names, source);
  if (asker) asker.controls();
  ctx.checkbox({ trait: "normalise", label: "Divide by the sum" });
  ctx.select({ trait: "contributions", label: "Show weight × value as",
    options: [["chain", "arrows, tip to tail"], ["lines", "lines to the output"], ["none", "nothing"]] });
  presetButtons(ctx);
  const root = sheet(ctx, [...(asker ? [asker] : []), field, side]);
  const tell = coverButton(ctx, [...side.answers, ...field.answers]);
  ctx.exportButtons(() => root, "weighted-sum");
  let now;
  const list = ctx.table({
    caption: ctx.get("title"), corner: "value", rows: () => names,
    columns: () => ["first number", "second number", source === "amounts" ? "amount" : "score", "weight"],
    cell: (i, j) => j === 3 && ctx.get("covered") ? "" : fixed([...now.values[i], now.raw[i], now.weights[i]][j]),
  });
  ctx.watch(["values", "amounts", "scores", "query", "key_vectors", "normalise", "contributions", "covered"], () => {
    now = weightedSum(ctx);
    if (asker) asker.draw(now);
    field.draw(now);
    side.draw(now);
    list();
    ctx.spoken = `Output ${now.output.map(v => fixed(v)).join(", ")}. Weights ${names.map((name, n) => `${name} ${fixed(now.weights[n])}`).join(", ")}.`;
    tell(hullSentence(now));
  });
};

// Weights and output in double precision, from whichever source the figure has.
function weightedSum(ctx) {
  const source = ctx.get("source"), normalise = ctx.get("normalise"), values = ctx.get("values"), names = ctx.get("names");
  const query = ctx.get("query"), keys = ctx.get("key_vectors");
  const raw = source === "query" ? keys.map(key => dot2(key, query)) : ctx.get(source);
  const weights = source === "amounts" ? shares(raw, normalise)
    : normalise ? [...softmaxRows(raw, 1, raw.length, {}, new Float64Array(raw.length))] : raw.map(Math.exp);
  const steps = [[0, 0]];
  values.forEach((value, n) => steps.push(plus2(steps[n], times2(value, weights[n]))));
  const hull = convexHull(values), output = steps[steps.length - 1];
  return { source, names, values, query, keys, raw, weights, steps, output, hull, sum: weights.reduce((a, b) => a + b, 0),
    inside: insideHull(output, hull.map(n => values[n])), contributions: ctx.get("contributions") };
}

function shares(amounts, normalise) {
  const sum = amounts.reduce((a, b) => a + b, 0);
  return normalise && sum > 0 ? amounts.map(amount => amount / sum) : [...amounts];
}

const turn2 = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

// The corners of the hull, as numbers of points, counter-clockwise from the leftmost.
function convexHull(points) {
  const order = points.map((_, n) => n).sort((m, n) => points[m][0] - points[n][0] || points[m][1] - points[n][1]);
  const half = way => {
    const corners = [];
    for (const n of way) {
      while (corners.length > 1 && turn2(points[corners.at(-2)], points[corners.at(-1)], points[n]) <= 0) corners.pop();
      if (!corners.length || points[corners.at(-1)].some((v, c) => v !== points[n][c])) corners.push(n);
    }
    return corners;
  };
  const lower = half(order), upper = half([...order].reverse());
  return lower.length > 1 ? [...lower.slice(0, -1), ...upper.slice(0, -1)] : lower;
}

// Whether a point lies in the hull; a hair outside still counts, for rounding.
function insideHull(point, corners, hair = 1e-9) {
  if (corners.length === 1) return length2(plus2(point, times2(corners[0], -1))) <= hair;
  const [a, b] = corners;
  if (corners.length === 2) {
    const along = dot2(plus2(point, times2(a, -1)), plus2(b, times2(a, -1))), whole = length2(plus2(b, times2(a, -1)));
    return Math.abs(turn2(a, b, point)) <= hair * whole && along >= -hair && along <= whole * whole + hair;
  }
  return corners.every((corner, n) => turn2(corner, corners[(n + 1) % corners.length], point) >= -hair);
}

// A named point to drag.
function pointGrip(ctx, { label, at, value, move, step, drawn }) {
  const node = gripNode(drawn);
  const refresh = ctx.grip(node, { label, at, value, move, step, describe: () => value().map(v => fixed(v, 1)).join(", ") });
  return { node, refresh };
}

const replaced = (list, n, value) => list.map((old, m) => m === n ? value : old);

function valuePlane(ctx, names) {
  const [xLow, xHigh, yLow, yHigh] = ctx.get("frame"), size = ctx.get("source") === "query" ? 352 : 440;
  const field = plane({ size, x: [xLow, xHigh], y: [yLow, yHigh], label: "The plane of the values" });
  const { P } = field, step = niceTicks(0, xHigh - xLow, 100)[1];
  const shape = svg("polygon", { "aria-hidden": "true", style: "fill: var(--cu-value); fill-opacity: 0.13; stroke: var(--cu-value); stroke-width: 1.6; stroke-linejoin: round" });
  const lines = names.map(() => svg("line", { "aria-hidden": "true", style: "stroke: var(--cu-key)", opacity: 0.55 }));
  const chain = names.map(() => arrow({ colour: "key", width: 2.6 }));
  const grips = names.map((name, n) => pointGrip(ctx, {
    label: `Value ${name}`, at: field.at, step, drawn: svg("circle", { r: 8, class: "cu-dot", style: "fill: var(--cu-value)" }),
    value: () => ctx.get("values")[n],
    move: ([x, y]) => ctx.set("values", replaced(ctx.get("values"), n, [clamp(snap(x, step), xLow, xHigh), clamp(snap(y, step), yLow, yHigh)])),
  }));
  const label = (name, colour) => svg("text", { class: "cu-halo", "paint-order": "stroke", "text-anchor": "middle", "dominant-baseline": "central",
    text: short(name, 14), style: `fill: var(--cu-${colour})`, "aria-hidden": "true" });
  const words2 = names.map(name => label(name, "value")), outWord = label("output", "query");
  const out = svg("path", { "aria-hidden": "true", d: diamond(0, 0, 11), style: "fill: var(--cu-query); stroke: var(--cu-bg); stroke-width: 2" });
  const heading = text(field.X((xLow + xHigh) / 2), 8, "", { class: "cu-small", "text-anchor": "middle" });
  const parts = svg("g", {}, ...lines, ...chain.map(each => each.node));
  field.inside.append(shape, parts);
  field.layer.append(...grips.map(each => each.node), svg("g", { class: "cu-pass" }, out, ...words2, outWord));
  field.node.append(heading);
  const draw = now => {
    heading.textContent = now.source === "query" ? "values and output" : "";
    shape.setAttribute("points", now.hull.map(n => P(now.values[n])).join(" "));
    const edge = 9, [left, top] = P([xLow, yHigh]), [right, bottom] = P([xHigh, yLow]);
    const [ox, oy] = P(now.output), at = [clamp(ox, left + edge, right - edge), clamp(oy, top + edge, bottom - edge)];
    const away = at[0] !== ox || at[1] !== oy;
    names.forEach((_, n) => {
      const [x, y] = P(now.values[n]), [from, to] = [P(now.steps[n]), P(now.steps[n + 1])];
      chain[n].node.style.display = now.contributions === "chain" && now.weights[n] > 1e-6 ? "" : "none";
      chain[n].set(from, to);
      lines[n].style.display = now.contributions === "lines" ? "" : "none";
      fill(lines[n], { x1: x, y1: y, x2: at[0], y2: at[1] }, []);
      lines[n].style.strokeWidth = 22 * Math.min(1, now.weights[n]);
      moveTo(grips[n].node, [x, y]);
      grips[n].refresh();
    });
    moveTo(out, at);
    out.style.fill = outWord.style.fill = `var(--cu-${now.inside ? "query" : "mark"})`;
    const places = [...now.values.map((value, n) => outward(P(value), P(middle2(now.values)), words2[n], names[n], 20)),
      { x: at[0], y: at[1] + 24, width: 58, word: outWord }];
    if (away) fill(outWord, { text: `output (${now.output.map(v => fixed(v, 1)).join(", ")})` }, []);
    else fill(outWord, { text: "output" }, []);
    places.at(-1).width = away ? 150 : 58;
    places.forEach(place => {
      place.x = clamp(place.x, left + place.width / 2, right - place.width / 2);
      place.y = clamp(place.y, top + 10, bottom - 10);
      place.word.setAttribute("x", place.x);
    });
    spread(places);
  };
  return { ...field, draw, answers: [out, outWord, parts] };
}

const middle2 = points => times2(points.reduce(plus2, [0, 0]), 1 / points.length);

// A name on the side of its point that looks away from the middle of the figure.
function outward(point, middle, word, name, distance) {
  const [ux, uy] = unit2([point[0] - middle[0], point[1] - middle[1]]), width = 9 * Math.min(14, [...name].length);
  return { x: point[0] + ux * (distance + width / 2 - 4), y: point[1] + (uy || 1) * distance, width, word };
}

// Keys and the query that looks at them; both can be dragged.
function keyPlane(ctx, names) {
  const reach = 3, size = 352;
  const field = plane({ size, x: [-reach * 1.12, reach * 1.12], y: [-reach * 1.12, reach * 1.12], label: "The plane of query and keys" });
  const tidy = point => point.map(v => clamp(snap(v, 0.1), -reach, reach));
  const keys = names.map(name => arrow({ colour: "key", name, width: 2.2 })), query = arrow({ colour: "query", name: "query" });
  const grips = names.map((name, n) => pointGrip(ctx, {
    label: `Key ${name}`, at: field.at, step: 0.1, value: () => ctx.get("key_vectors")[n], drawn: svg("g"),
    move: point => ctx.set("key_vectors", replaced(ctx.get("key_vectors"), n, tidy(point))),
  }));
  const handle = pointGrip(ctx, { label: "Query", at: field.at, step: 0.1, value: () => ctx.get("query"), drawn: svg("g"),
    move: point => ctx.set("query", tidy(point)) });
  field.layer.append(...keys.map(each => each.node), query.node, ...grips.map(each => each.node), handle.node);
  field.node.append(text(field.X(0), 8, "query and keys", { class: "cu-small", "text-anchor": "middle" }));
  let sliders = [];
  const controls = () => {
    sliders = ["₀", "₁"].map((mark, axis) => barSlider(ctx, { label: `query, number ${axis}`, short: `query${mark}`, min: -reach, max: reach,
      step: 0.1, get: () => ctx.get("query")[axis], put: v => ctx.set("query", replaced(ctx.get("query"), axis, v)) }));
  };
  const draw = now => {
    const zero = field.P([0, 0]);
    keys.forEach((each, n) => {
      each.set(zero, field.P(now.keys[n]));
      each.weigh(1.6 + 5 * Math.min(1, now.weights[n]));
      moveTo(grips[n].node, field.P(now.keys[n]));
      grips[n].refresh();
    });
    query.set(zero, field.P(now.query));
    spread([query, ...keys].map(each => each.place), [0, size]);
    moveTo(handle.node, field.P(now.query));
    handle.refresh();
    sliders.forEach(refresh => refresh());
  };
  return { ...field, draw, controls };
}

// One row a value: its slider (or score), its weight as a bar; below, all weights end to end against the mark at 1.
function weightPanel(ctx, names, source) {
  const count = names.length, narrow = source === "query", row = clamp(250 / count, 32, 44), top = 30, bottom = top + count * row;
  const at = narrow ? { score: 112, bar: 126, share: 252, width: 300 } : { slider: 92, score: 222, bar: 240, share: 344, width: 396 };
  const small = { class: "cu-small" }, end = { "text-anchor": "end" };
  const heads = [text(narrow ? at.score : at.slider, 16, { amounts: "amount", scores: "score", query: "score" }[source], narrow ? { ...small, ...end } : small),
    text(at.bar, 16, "weight", small)];
  const rows = names.map((name, n) => {
    const middle = top + (n + 0.5) * row, word = text(0, middle + 5, short(name, narrow ? 8 : 9), { class: "cu-strong" });
    word.append(svg("title", { text: name }));
    const score = text(at.score, middle + 5, "", end), share = text(at.width, middle + 5, "", end);
    const track = bar({ x: at.bar, y: middle - 10, width: at.share - at.bar, height: 20 });
    return { node: svg("g", {}, word, score, track.node, share), score, share, track, middle };
  });
  const reach = source === "amounts" ? count : 2, scale = at.width / reach, y = bottom + 34;
  const sum = text(0, bottom + 26, "", { class: "cu-strong" });
  const rail = svg("rect", { x: 0, y, width: at.width, height: 22, rx: 2, style: "fill: var(--cu-panel)" });
  const stack = names.map(() => svg("rect", { y, height: 22, style: "fill: var(--cu-value); stroke: var(--cu-bg); stroke-width: 2" }));
  const one = svg("g", {}, svg("line", { x1: scale, x2: scale, y1: y - 6, y2: y + 28, style: "stroke: var(--cu-fg); stroke-width: 2" }),
    text(scale, y + 44, "1", { "text-anchor": "middle" }), text(0, y + 44, "0", small));
  const place = text(0, y + 102, "", { class: "cu-strong" }), formula = text(0, y + 78, "");
  const node = svg("g", { "aria-hidden": "true" }, ...heads, ...rows.map(each => each.node), sum, rail, ...stack, one, formula, place);
  const [min, max] = source === "amounts" ? [0, 1] : [-5, 5];
  const sliders = narrow ? [] : names.map((name, n) => numberSlider(ctx, {
    label: `${source === "amounts" ? "Amount" : "Score"} of ${name}`, min, max, step: source === "amounts" ? 0.05 : 0.1, say: v => fixed(v, source === "amounts" ? 2 : 1),
    get: () => ctx.get(source)[n], put: v => ctx.set(source, replaced(ctx.get(source), n, v)),
  }));
  const draw = now => {
    sliders.forEach(([, refresh]) => refresh());
    rows.forEach((each, n) => {
      each.score.textContent = fixed(now.raw[n], source === "amounts" ? 2 : 1);
      each.track.set(now.weights[n], "value");
      each.share.textContent = now.weights[n] < 1000 ? fixed(now.weights[n]) : magnitude(now.weights[n]);
    });
    sum.textContent = `sum of the weights = ${magnitude(now.sum)}`;
    let x = 0;
    stack.forEach((rect, n) => {
      const size = clamp(now.weights[n] * scale, 0, at.width - x);
      fill(rect, { x, width: size }, []);
      rect.style.fillOpacity = 1 - 0.55 * (n % 2);
      x += size;
    });
    const parts = names.map((name, n) => `${fixed(now.weights[n])} ${short(name, 10)}`).join(" + ");
    formula.textContent = [...parts].length <= (narrow ? 36 : 46) ? parts : "sum of weight × value";
    place.textContent = `output = (${now.output.map(v => magnitude(v)).join(", ")})`;
  };
  return { node, width: at.width, height: y + 114, draw,
    inputs: sliders.map(([node], n) => ({ node, x: at.slider, y: rows[n].middle, width: 86 })),
    answers: [...rows.flatMap(each => [each.track.node, each.share]), sum, ...stack, formula, place] };
}

function hullSentence(now) {
  const whole = Math.abs(now.sum - 1) < 1e-9;
  if (now.sum === 0) return "Every weight is 0: the output is (0, 0).";
  if (whole) return now.inside ? "The weights sum to 1; the output lies in the hull, the shaded region." : "";
  return `The weights sum to ${magnitude(now.sum)}, not to 1: the output ${now.inside ? "may leave" : "has left"} the hull.`;
}
