// From a token's vector to an output: x times the three matrices above, the keys' rows below, q with its sliders.

// The numbers, pure: held to Python by tests/test_explorer_scenes.py. rows of x, a matrix, and so on are lists of lists.
const rowTimes = (x, W) => W[0].map((_, c) => x.reduce((sum, v, r) => sum + v * W[r][c], 0));

function pathNumbers({ x, W_k, W_v, q, scaled }) {
  const keys = x.map(row => rowTimes(row, W_k)), values = x.map(row => rowTimes(row, W_v)), root = Math.sqrt(q.length);
  const products = keys.map(k => k.map((v, c) => v * q[c]));
  const raw = [...dotScores(q, keys.flat(), 1, keys.length, q.length, 1, new Float64Array(keys.length))];
  const scores = scaled ? raw.map(v => v / root) : raw;
  const weights = [...softmaxRows(scores, 1, keys.length, {}, new Float64Array(keys.length))];
  const parts = values.map((v, n) => v.map(each => each * weights[n]));
  const output = values[0].map((_, c) => parts.reduce((sum, part) => sum + part[c], 0));
  return { keys, values, products, raw, scores, weights, parts, output };
}

// Places in drawing units; columns are as wide as their numbers and their heading want.
const PATH = { name: 62, product: 44, part: 52, high: 24, row: 28, top: 22, slider: 112, width: 780 };
const roomFor = tables => Math.max(38, 4 + 8 * Math.max(...tables.flat(2).map(v => terse(v).length)));

FIGURES.path = ctx => {
  const names = ctx.get("tokens"), askers = ctx.get("askers"), picture = pathPicture(ctx, names, askers);
  const choices = list => list.map((name, n) => [n, shorten(name, 20)]);
  ctx.select({ trait: "query", label: "Query", options: choices(askers) });
  ctx.select({ trait: "key", label: "Key shown with its matrices", options: choices(names) });
  const own = () => rowTimes(ctx.get("x_queries")[ctx.get("query")], ctx.get("W_q"));
  ctx.onChange("query", () => ctx.set("q", own()));
  ctx.button("q = x W_q again", () => ctx.set("q", own()));
  presetButtons(ctx);
  const root = sheet(ctx, [picture]);
  const tell = coverButton(ctx, picture.answers);
  ctx.exportButtons(() => root, "token-path");
  let now;
  const columns = ["k", "score", ...(ctx.get("scaled") ? ["scaled score"] : []), "weight", "v", "weight × v"];
  const list = ctx.table({
    caption: `${ctx.get("title")}: every key`, corner: "key", rows: () => names, columns: () => columns,
    cell: (i, j) => {
      const hidden = ctx.get("covered"), made = {
        k: tuple(now.keys[i]), v: tuple(now.values[i]), score: fixed(now.raw[i]), "scaled score": fixed(now.scores[i]),
        weight: fixed(now.weights[i], 3), "weight × v": tuple(now.parts[i]) };
      return hidden && !["k", "v"].includes(columns[j]) ? "" : made[columns[j]];
    },
  });
  ctx.watch(["query", "key", "q", "covered"], () => {
    const q = ctx.get("q"), moved = own().some((v, c) => Math.abs(v - q[c]) > 1e-9);
    now = pathNumbers({ x: ctx.get("x_keys"), W_k: ctx.get("W_k"), W_v: ctx.get("W_v"), q, scaled: ctx.get("scaled") });
    picture.draw(now, q, moved, own());
    list();
    const asker = short(askers[ctx.get("query")], 16), key = ctx.get("key");
    ctx.spoken = `q is ${tuple(q)}${moved ? ", moved by hand" : ""}.`;
    const root = ctx.get("scaled") ? ` ÷ √${q.length} = ${fixed(now.scores[key])};` : "";
    tell(`q · k of ${short(names[key], 16)} = ${now.keys[key].map((v, c) => `${terse(q[c], c > 0)} × ${terse(v, true)}`).join(" + ")} `
      + `= ${fixed(now.raw[key])};${root} weight ${fixed(now.weights[key], 3)}. Output of ${asker}: ${tuple(now.output)}.`);
  });
};

const tuple = vector => `(${vector.map(v => fixed(v)).join(", ")})`;
// A number as short as it can be: at most two decimals, no zeros at the end.
const terse = (v, inside = false) => {
  const told = minus(rounded(v));
  return inside && told[0] === "−" ? `(${told})` : told;
};

function pathPicture(ctx, names, askers) {
  const W = ["W_q", "W_k", "W_v"].map(name => ctx.get(name)), [d, dK, dV] = [W[0].length, W[0][0].length, W[2][0].length];
  const [keys, values, own] = [["x_keys", 1], ["x_keys", 2], ["x_queries", 0]].map(([x, n]) => ctx.get(x).map(row => rowTimes(row, W[n])));
  const cellK = roomFor([W[0], W[1], keys, own]), cellV = roomFor([W[2], values]), cellX = roomFor([ctx.get("x_keys"), ctx.get("x_queries")]);
  const scaled = ctx.get("scaled"), { name, product, part, high, row, top } = PATH, S = names.length;
  const result = top + d * high + 6, first = result + 26 + 30, bottom = first + S * row;
  const at = { k: name, product: name + Math.max(dK * cellK, 72) + 12 };
  at.score = at.product + Math.max(dK * product, 44) + 52;
  at.scaled = at.score + (scaled ? 52 : 0);
  at.bar = at.scaled + 12;
  const last = Math.max(dV * cellV, 72) + 10 + Math.max(dV * part, 84);
  at.track = Math.max(64, PATH.width - at.bar - 60 - last);
  at.weight = at.bar + at.track + 48;
  at.v = at.weight + 12;
  at.part = at.v + last - Math.max(dV * part, 84);
  const width = at.v + last, sliders = name + Math.max(dK * cellK + 12, 128);
  const blockV = Math.max(150, cellX + dV * cellV), gap = (width - sliders - PATH.slider - cellX - dK * cellK - blockV) / 2;
  const blocks = [
    block({ x: name - cellX, colour: "query", matrix: W[0], result, cell: cellK, side: cellX }),
    block({ x: sliders + PATH.slider + gap, colour: "key", matrix: W[1], result, cell: cellK, side: cellX }),
    block({ x: width - blockV, colour: "value", matrix: W[2], result, cell: cellV, side: cellX }),
  ];
  const head = (x, told, anchor = "start") => text(x, first - 9, told, { class: "cu-small", "text-anchor": anchor });
  const heads = [head(at.k, "k = x W_k"), head(at.product, "q × k"), head(at.score, "score", "end"),
    ...(scaled ? [head(at.scaled, `÷ √${dK}`, "end")] : []), head(at.bar, "weight"), head(at.v, "v = x W_v"), head(at.part, "weight × v")];
  const rows = names.map((each, n) => keyRow({ ctx, each, n, y: first + n * row, at, dK, dV, cellK, cellV, scaled, width }));
  const line = svg("line", { x1: at.product, x2: width, y1: bottom + 4, y2: bottom + 4, style: "stroke: var(--cu-line)" });
  const total = cells({ x: at.part, y: bottom + 9, count: dV, size: part, colour: "value", strong: true });
  const sum = text(at.part - 10, bottom + 27, "output = sum", { class: "cu-strong", "text-anchor": "end" });
  const label = text(sliders, 14, "move q", { class: "cu-small" });
  const signs = W[0][0].map((_, c) => text(sliders, top + c * 27 + 17, `q${"₀₁₂₃"[c]}`, { class: "cu-small" }));
  const inputs = W[0][0].map((_, c) => {
    const limit = ctx.get("limit"), [node, refresh] = numberSlider(ctx, {
      label: `q, position ${c}`, min: -limit, max: limit, step: limit > 10 ? 0.5 : 0.1, get: () => ctx.get("q")[c], say: v => fixed(v),
      put: v => ctx.set("q", ctx.get("q").map((old, m) => (m === c ? v : old))),
    });
    return { node, refresh, x: sliders + 24, y: top + c * 27 + 12, width: PATH.slider - 24 };
  });
  const node = svg("g", { "aria-hidden": "true" }, ...blocks.map(each => each.node), ...heads, ...rows.map(each => each.node), line,
    total.node, sum, label, ...signs);
  const draw = (now, q, moved, own) => {
    const key = ctx.get("key"), x = ctx.get("x_keys")[key], asker = ctx.get("query");
    blocks[0].draw(moved ? "q, moved by hand" : `${short(askers[asker], 7)}: x W_q = q`, ctx.get("x_queries")[asker], q, moved);
    blocks[1].draw(`${short(names[key], 7)}: x W_k = k`, x, now.keys[key]);
    blocks[2].draw(`${short(names[key], 7)}: x W_v = v`, x, now.values[key]);
    inputs.forEach(input => input.refresh());
    rows.forEach((each, n) => each.draw(now, n, n === key));
    total.draw(now.output, fixed, Math.max(...now.values.flat().map(Math.abs)));
  };
  const height = Math.max(bottom + 40, top + dK * 27);
  return { node, width, height, inputs, draw, answers: [...rows.flatMap(each => each.answers), total.node] };
}

// Numbers in a row of coloured cells: the larger, the fuller the colour; below zero in the colour of what is less.
function cells({ x, y, count, size, colour, height = PATH.high, down = false, strong = false }) {
  const places = Array.from({ length: count }, (_, n) => (down ? [x, y + n * height] : [x + n * size, y]));
  const rects = places.map(([left, up]) => svg("rect", { x: left + 1, y: up + 1, width: size - 2, height: height - 2, rx: 3, class: "cu-tint" }));
  const told = places.map(([left, up]) => text(left + size / 2, up + height / 2 + 5, "", { class: `cu-digits${strong ? " cu-strong" : ""}` }));
  const node = svg("g", {}, ...rects, ...told);
  const draw = (vector, write, largest) => vector.forEach((v, n) => {
    rects[n].style.fill = `var(--cu-${v < 0 ? "mark" : colour})`;
    rects[n].style.fillOpacity = 0.32 * Math.min(1, Math.abs(v) / (largest || 1));
    told[n].textContent = write(v);
  });
  return { node, draw };
}

// x down the side, the matrix beside it, x times the matrix below.
function block({ x, colour, matrix, result, cell, side: sideCell }) {
  const { high, top } = PATH, largest = Math.max(...matrix.flat().map(Math.abs)), count = matrix[0].length;
  const head = text(x, 14, "", { class: "cu-strong" });
  const side = cells({ x, y: top, count: matrix.length, size: sideCell, colour: "line", down: true });
  const rows = matrix.map((_, r) => cells({ x: x + sideCell, y: top + r * high, count, size: cell, colour }));
  const answer = cells({ x: x + sideCell, y: result, count, size: cell, colour, height: 26, strong: true });
  rows.forEach((row, r) => row.draw(matrix[r], terse, largest));
  const line = svg("line", { x1: x + sideCell, x2: x + sideCell + count * cell, y1: result - 3, y2: result - 3, style: "stroke: var(--cu-fg)" });
  const sign = text(x + sideCell - 8, result + 18, { query: "q", key: "k", value: "v" }[colour], { class: "cu-strong", "text-anchor": "end" });
  const product = svg("g", {}, side.node, ...rows.map(row => row.node), line);
  const node = svg("g", {}, head, product, answer.node, sign);
  const draw = (told, vector, made, moved = false) => {
    head.textContent = told;
    side.draw(vector, terse, Math.max(...vector.map(Math.abs)));
    answer.draw(made, terse, Math.max(...made.map(Math.abs)));
    product.classList.toggle("cu-faded", moved);
  };
  return { node, draw };
}

function keyRow({ ctx, each, n, y, at, dK, dV, cellK, cellV, scaled, width }) {
  const { product, part } = PATH, middle = y + 17, end = { "text-anchor": "end", class: "cu-told" };
  const word = text(0, middle, short(each, 7), { class: "cu-strong" });
  word.append(svg("title", { text: each }));
  const k = cells({ x: at.k, y: y + 1, count: dK, size: cellK, colour: "key" });
  const products = cells({ x: at.product, y: y + 1, count: dK, size: product, colour: "query" });
  const score = text(at.score, middle, "", end), divided = text(at.scaled, middle, "", end);
  const weight = bar({ x: at.bar, y: y + 4, width: at.track }), share = text(at.weight, middle, "", end);
  const v = cells({ x: at.v, y: y + 1, count: dV, size: cellV, colour: "value" });
  const parts = cells({ x: at.part, y: y + 1, count: dV, size: part, colour: "value" });
  const frame = svg("rect", { x: -5, y, width: width + 10, height: 26, rx: 4, class: "cu-unpicked" });
  const answers = [products.node, score, ...(scaled ? [divided] : []), weight.node, share, parts.node];
  const node = svg("g", {}, word, k.node, v.node, ...answers, frame);
  ctx.listen(frame, "click", () => ctx.set("key", n));
  const draw = (now, i, picked) => {
    const most = table => Math.max(...table.flat().map(Math.abs));
    frame.setAttribute("class", picked ? "cu-picked" : "cu-unpicked");
    k.draw(now.keys[i], terse, most(now.keys));
    products.draw(now.products[i], terse, most(now.products));
    score.textContent = fixed(now.raw[i]);
    divided.textContent = fixed(now.scores[i]);
    weight.set(now.weights[i], "value");
    share.textContent = fixed(now.weights[i], 3);
    v.draw(now.values[i], terse, most(now.values));
    parts.draw(now.parts[i], fixed, most(now.values));
  };
  return { node, draw, answers };
}
