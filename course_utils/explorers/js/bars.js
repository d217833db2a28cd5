// Scores become weights in rows: a slider, the term exp(score / temperature), and the weight, its share of the sum.

FIGURES.bars = ctx => {
  const names = ctx.get("names"), maker = ctx.get("function_name"), table = softmaxTable(ctx, names, maker);
  const wanted = name => ctx.get("controls").includes(name);
  if (wanted("temperature")) ctx.range({ trait: "temperature", label: "Temperature", values: ctx.get("stops"), format: v => fixed(v, v < 1 ? 2 : v < 10 ? 1 : 0) });
  if (wanted("shift")) buttonGroup(ctx, "Add to every score:", [...ctx.get("steps").map(step =>
    [`${step < 0 ? "−" : "+"}${Math.abs(step)}`, () => ctx.set("shift", clamp(ctx.get("shift") + step, -2000, 2000))]),
    ["0 again", () => ctx.set("shift", 0)]]);
  if (wanted("stable")) ctx.checkbox({ trait: "stable", label: "Subtract the largest score first" });
  if (wanted("argmax")) ctx.checkbox({ trait: "hardmax", label: "Show argmax" });
  presetButtons(ctx);
  const root = sheet(ctx, [table]);
  const tell = coverButton(ctx, table.answers);
  ctx.exportButtons(() => root, "softmax");
  let now;
  const list = ctx.table({
    caption: ctx.get("title"), corner: "name", rows: () => names, columns: () => ["score", "exp term", "weight"],
    cell: (i, j) => j && ctx.get("covered") ? "" : [v => fixed(v), magnitude, v => fixed(v, 3)][j]([now.shifted, now.terms, now.weights][j][i]),
  });
  ctx.watch(["scores", "temperature", "shift", "stable", "hardmax", "film", "covered"], () => {
    now = softmaxSteps(ctx.get("scores"), ctx.get("temperature"), ctx.get("shift"), ctx.get("stable"));
    const other = filmWeights(ctx);
    table.draw(now, other, ctx.get("hardmax"));
    list();
    ctx.spoken = names.map((name, n) => `${name} ${fixed(now.weights[n])}`).join(", ") + ".";
    tell(softmaxSentence(now, names) + filmSentence(ctx, now, other, maker));
  });
};

// Every step of softmax, in double precision. Not stable: the formula as it is written, which may overflow.
function softmaxSteps(scores, temperature, shift, stable) {
  const shifted = scores.map(score => score + shift), divided = shifted.map(score => score / temperature);
  const largest = Math.max(...divided), terms = divided.map(v => Math.exp(stable ? v - largest : v));
  const sum = terms.reduce((a, b) => a + b, 0), literal = !stable && (!Number.isFinite(sum) || sum === 0);
  const weights = literal ? terms.map(term => term / sum)
    : [...softmaxRows(shifted, 1, scores.length, { temperature }, new Float64Array(scores.length))];
  return { shifted, terms, sum, weights, temperature, shift, stable, broken: literal };
}

// The weights that a function in Python gave for these scores at this stop of the temperature, or null.
function filmWeights(ctx) {
  const film = ctx.get("film");
  if (!film.frames || film.shift !== ctx.get("shift")) return null;
  if (film.scores.some((score, n) => score !== ctx.get("scores")[n])) return null;
  const frame = film.values.indexOf(ctx.get("temperature"));
  return frame < 0 ? null : unpack(film.frames, frame);
}

// Columns of the table, in drawing units.
const SOFT = { name: 0, slider: 118, score: 300, term: 352, number: 506, weight: 598, share: 792, width: 846, top: 30 };

function softmaxTable(ctx, names, maker) {
  const count = names.length, limit = ctx.get("limit"), row = clamp(300 / count, 38, 58), bottom = SOFT.top + count * row;
  const right = { "text-anchor": "end" }, small = { class: "cu-small" };
  const heads = [text(SOFT.slider, 16, "", small), text(SOFT.term, 16, "", small), text(SOFT.weight, 16, "weight = its part of the sum", small)];
  const rows = names.map((name, n) => tableRow(name, SOFT.top + n * row, row));
  const line = svg("line", { x1: SOFT.term, x2: SOFT.width, y1: bottom + 4, y2: bottom + 4, style: "stroke: var(--cu-line)" });
  const sumWord = text(SOFT.term, bottom + 26, "sum", { class: "cu-strong" });
  const sum = text(SOFT.number + 64, bottom + 26, "", { ...right, class: "cu-strong" });
  const whole = text(SOFT.width, bottom + 26, "", { ...right, class: "cu-strong" });
  const stack = names.map(() => svg("rect", { y: bottom + 12, height: 18, style: "stroke: var(--cu-bg); stroke-width: 2; fill: var(--cu-value)" }));
  const parts = names.map(name => text(0, bottom + 46, short(name, 8), { class: "cu-small", "text-anchor": "middle" }));
  const keys = [svg("g", {}, svg("rect", { x: 1, y: -12, width: 22, height: 13, style: HARD }), text(30, 0, "argmax", small)),
    svg("g", {}, svg("path", { d: diamond(8, -5), style: MARK }), text(22, 0, short(maker, 28), small))];
  const node = svg("g", { "aria-hidden": "true" }, ...heads, ...rows.map(row => row.node), line, sumWord, sum, whole, ...stack, ...parts, ...keys);
  const inputs = names.map((name, n) => {
    const [input, refresh] = numberSlider(ctx, {
      label: `Score of ${name}`, min: -limit, max: limit, step: 0.1, get: () => ctx.get("scores")[n],
      put: v => ctx.set("scores", ctx.get("scores").map((old, m) => m === n ? v : old)),
    });
    rows[n].refresh = refresh;
    return { node: input, x: SOFT.slider, y: SOFT.top + (n + 0.5) * row, width: 112 };
  });
  const draw = (now, other, hardmax) => {
    const largest = Math.max(...now.terms), winner = now.shifted.indexOf(Math.max(...now.shifted));
    heads[0].textContent = now.shift === 0 ? "score" : `score ${now.shift < 0 ? "−" : "+"} ${fixed(Math.abs(now.shift), 0)}`;
    heads[1].textContent = `exp(${now.stable ? "(score − largest)" : "score"}${now.temperature === 1 ? "" : ` / ${fixed(now.temperature, now.temperature < 1 ? 2 : 1)}`})`;
    rows.forEach((row, n) => {
      row.refresh();
      row.draw({ score: now.shifted[n], term: now.terms[n], part: largest > 0 && Number.isFinite(largest) ? now.terms[n] / largest : now.terms[n] === largest ? 1 : 0,
        weight: now.weights[n], other: other && other[n], hard: hardmax ? Number(n === winner) : null });
    });
    sum.textContent = magnitude(now.sum);
    whole.textContent = now.broken ? "NaN" : fixed(now.weights.reduce((a, b) => a + b, 0));
    let x = SOFT.weight;
    stack.forEach((rect, n) => {
      const size = (now.weights[n] || 0) * (SOFT.share - SOFT.weight);
      fill(rect, { x, width: size }, []);
      rect.style.fillOpacity = 1 - 0.55 * (n % 2);
      // A name stands under its part where there is room for it.
      moveTo(parts[n], [x + size / 2, 0]);
      parts[n].style.display = size > 9 * Math.min(8, [...names[n]].length) ? "" : "none";
      x += size;
    });
    [hardmax, other].forEach((shown, n) => { keys[n].style.display = shown ? "" : "none"; });
    moveTo(keys[0], [SOFT.name, bottom + 26]);
    moveTo(keys[1], [SOFT.name + (hardmax ? 110 : 0), bottom + 26]);
  };
  const answers = [...rows.flatMap(row => row.answers), sumWord, sum, whole, ...stack, ...parts, ...keys];
  return { node, width: SOFT.width, height: bottom + 58, inputs, draw, answers };
}

const HARD = "fill: none; stroke: var(--cu-query); stroke-width: 2.5", MARK = "fill: var(--cu-bg); stroke: var(--cu-fg); stroke-width: 2";

function tableRow(name, y, row) {
  const middle = y + row / 2, height = clamp(row * 0.55, 20, 28), top = middle - height / 2, end = { "text-anchor": "end" };
  const [word, score, number, share] = [[SOFT.name, {}], [SOFT.score, end], [SOFT.number + 64, end], [SOFT.width, end]]
    .map(([x, place]) => text(x, middle + 5, "", place));
  fill(word, { text: short(name, 13), class: "cu-strong" }, [svg("title", { text: name })]);
  const term = bar({ x: SOFT.term, y: top, width: SOFT.number - SOFT.term - 22, height });
  const weight = bar({ x: SOFT.weight, y: top, width: SOFT.share - SOFT.weight, height });
  const hard = svg("rect", { x: SOFT.weight, y: top - 3, height: height + 6, style: HARD });
  const mark = svg("path", { style: MARK });
  const node = svg("g", {}, word, score, term.node, number, weight.node, hard, mark, share);
  const draw = now => {
    score.textContent = fixed(now.score, 1);
    term.set(now.part, "line");
    number.textContent = magnitude(now.term);
    weight.set(now.weight, "value");
    share.textContent = Number.isNaN(now.weight) ? "NaN" : fixed(now.weight, 3);
    hard.style.display = now.hard === null ? "none" : "";
    fill(hard, { width: now.hard ? SOFT.share - SOFT.weight : 1 }, []);
    const known = now.other !== null && Number.isFinite(now.other);
    mark.setAttribute("d", known ? diamond(weight.at(now.other), middle) : "");
    mark.style.stroke = known && Math.abs(now.other - now.weight) > 1e-3 ? "var(--cu-mark)" : "var(--cu-fg)";
  };
  return { node, draw, answers: [term.node, number, weight.node, hard, mark, share] };
}

function softmaxSentence(now, names) {
  if (now.broken) return now.sum === 0 ? "Every term is 0: the formula divides 0 by 0."
    : "exp has overflowed: the formula divides infinity by infinity.";
  if (now.shifted.every(score => score === now.shifted[0])) return "All weights are equal.";
  const ratio = Math.exp((now.shifted[0] - now.shifted[1]) / now.temperature);
  return `The weight of ${short(names[0], 16)} is ${magnitude(ratio)} times that of ${short(names[1], 16)}.`;
}

// How the learner's own function compares, in words.
function filmSentence(ctx, now, other, maker) {
  maker = maker[0].toUpperCase() + maker.slice(1);
  if (ctx.get("film").trouble) return ` ${maker} did not answer: ${ctx.get("film").trouble}`;
  if (!ctx.get("film").frames) return "";
  if (!other) return ` ${maker} is not marked: it was asked for other scores.`;
  if (now.broken) return other.every(Number.isFinite) ? ` ${maker} stays finite: its weights are marked.` : ` So does ${ctx.get("function_name")}.`;
  // Written so that a number that is not one counts as different.
  const far = ctx.get("names").filter((_, n) => !(Math.abs(other[n] - now.weights[n]) <= 1e-3));
  return far.length ? ` ${maker} differs at ${far.map(name => short(name, 16)).join(", ")}.` : ` ${maker} agrees.`;
}
