// One score is nudged; each weight moves, and its change divided by the step is its slope, the better the smaller the step.

FIGURES.nudge = ctx => {
  const names = ctx.get("names"), table = nudgeTable(ctx, names);
  ctx.select({ trait: "nudged", label: "Raise the score of", options: names.map((name, n) => [n, shorten(name, 20)]) });
  buttonGroup(ctx, "by:", [...ctx.get("steps").map(step => [String(step), () => ctx.set("step", step)]),
    ["0 again", () => ctx.set("step", 0)]]);
  const root = sheet(ctx, [table]);
  const tell = coverButton(ctx, table.answers);
  ctx.exportButtons(() => root, "nudge");
  let now;
  const list = ctx.table({
    caption: ctx.get("title"), corner: "name", rows: () => names,
    columns: () => ["score", "weight before", "weight after", "change / step", "for ever smaller steps"],
    cell: (i, j) => (j > 0 && ctx.get("covered")) || (j > 2 && !now.step) ? ""
      : fixed([now.scores, now.before, now.after, now.quotients, now.slopes][j][i], j ? 3 : 1),
  });
  ctx.watch(["scores", "nudged", "step", "covered"], () => {
    now = nudge(ctx.get("scores"), ctx.get("nudged"), ctx.get("step"));
    table.draw(now);
    list();
    tell(nudgeSentence(now, names));
  });
};

// Weights before and after one score is raised by `step`, the quotients, and what they tend to; in double precision.
function nudge(scores, nudged, step) {
  const weigh = x => [...softmaxRows(x, 1, x.length, {}, new Float64Array(x.length))];
  const before = weigh(scores), after = weigh(scores.map((score, n) => n === nudged ? score + step : score));
  return { scores, nudged, step, before, after,
    quotients: after.map((weight, n) => step ? (weight - before[n]) / step : NaN),
    slopes: before.map((weight, n) => weight * (Number(n === nudged) - before[nudged])) };
}

// Columns of the table, in drawing units.
const NUDGE = { name: 0, slider: 84, score: 284, weight: 310, share: 424, change: 552, slope: 590, end: 762, width: 830, top: 30 };

function nudgeTable(ctx, names) {
  const count = names.length, limit = ctx.get("limit"), row = clamp(260 / count, 38, 58), bottom = NUDGE.top + count * row;
  const small = { class: "cu-small" }, right = { "text-anchor": "end" }, strong = { ...right, class: "cu-strong" };
  const rows = names.map((name, n) => {
    const middle = NUDGE.top + (n + 0.5) * row, word = text(NUDGE.name, middle + 5, short(name, 9), { class: "cu-strong" });
    word.append(svg("title", { text: name }));
    const [score, change, slope] = [NUDGE.score, NUDGE.change, NUDGE.width].map(x => text(x, middle + 5, "", right));
    const weight = bar({ x: NUDGE.weight, y: middle - 12, width: NUDGE.share - NUDGE.weight, height: 24 });
    const tick = svg("line", { y1: middle - 16, y2: middle + 16, style: "stroke: var(--cu-fg); stroke-width: 2.5" });
    const moved = bar({ x: NUDGE.slope, y: middle - 12, width: NUDGE.end - NUDGE.slope, height: 24, low: -0.25, high: 0.25 });
    const mark = svg("path", { style: "fill: var(--cu-bg); stroke: var(--cu-fg); stroke-width: 2" });
    return { node: svg("g", {}, word, score, weight.node, tick, change, moved.node, mark, slope), score, change, slope, weight, tick, moved, mark, middle };
  });
  const heads = [["score", NUDGE.slider], ["weight", NUDGE.weight], ["change of weight ÷ step", NUDGE.slope]].map(([words, x]) => text(x, 16, words, small));
  const line = svg("line", { x1: NUDGE.weight, x2: NUDGE.width, y1: bottom + 4, y2: bottom + 4, style: "stroke: var(--cu-line)" });
  const sumWord = text(NUDGE.weight, bottom + 26, "sum", { class: "cu-strong" });
  const whole = text(NUDGE.change, bottom + 26, "", strong), none = text(NUDGE.width, bottom + 26, "", strong);
  const keys = [svg("g", {}, svg("line", { x1: 8, x2: 8, y1: -14, y2: 4, style: "stroke: var(--cu-fg); stroke-width: 2.5" }), text(22, 0, "weight before", small)),
    svg("g", {}, svg("path", { d: diamond(8, -5), style: "fill: var(--cu-bg); stroke: var(--cu-fg); stroke-width: 2" }), text(22, 0, "for ever smaller steps", small))];
  moveTo(keys[0], [NUDGE.name, bottom + 26]);
  moveTo(keys[1], [NUDGE.slope, bottom + 26]);
  const inputs = names.map((name, n) => {
    const [input, refresh] = numberSlider(ctx, {
      label: `Score of ${name}`, min: -limit, max: limit, step: 0.1, get: () => ctx.get("scores")[n],
      put: v => ctx.set("scores", ctx.get("scores").map((old, m) => m === n ? v : old)),
    });
    rows[n].refresh = refresh;
    return { node: input, x: NUDGE.slider, y: rows[n].middle, width: 100 };
  });
  const draw = now => {
    rows.forEach((each, n) => {
      each.refresh();
      each.score.textContent = fixed(now.scores[n], 1) + (now.step && n === now.nudged ? ` + ${now.step}` : "");
      each.score.style.fontWeight = now.step && n === now.nudged ? 600 : "";
      each.weight.set(now.after[n], "value");
      fill(each.tick, { x1: each.weight.at(now.before[n]), x2: each.weight.at(now.before[n]) }, []);
      each.change.textContent = now.step ? `${fixed(now.before[n], 3)} → ${fixed(now.after[n], 3)}` : fixed(now.before[n], 3);
      each.moved.set(now.quotients[n]);
      each.slope.textContent = now.step ? fixed(now.quotients[n], 3) : "";
      each.mark.setAttribute("d", now.step ? diamond(each.moved.at(now.slopes[n]), each.middle) : "");
    });
    const sum = list => fixed(list.reduce((a, b) => a + b, 0), 3);
    whole.textContent = sum(now.after);
    none.textContent = now.step ? sum(now.quotients) : "";
    keys.forEach(key => { key.style.display = now.step ? "" : "none"; });
  };
  const node = svg("g", { "aria-hidden": "true" }, ...heads, ...rows.map(each => each.node), line, sumWord, whole, none, ...keys);
  return { node, width: NUDGE.width, height: bottom + 36, inputs, draw,
    answers: [...rows.flatMap(each => [each.weight.node, each.tick, each.change, each.moved.node, each.mark, each.slope]), whole, none, keys[1]] };
}

function nudgeSentence(now, names) {
  if (!now.step) return "Nothing is nudged yet.";
  const digits = 3 - Math.round(Math.log10(now.step));
  const each = now.after.map((weight, n) => `${short(names[n], 12)} ${fixed(weight - now.before[n], digits)}`).join(", ");
  return `Change of the weights: ${each}.`;
}
