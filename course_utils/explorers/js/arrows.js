// Two arrows and their dot product; or one query, several keys, and the score of each.

FIGURES.arrows = ctx => {
  const limit = ctx.get("limit"), reach = ctx.get("score_limit"), many = ctx.get("key_vectors").length > 0;
  const state = arrowState(ctx, many, limit);
  const field = arrowPlane(ctx, state, limit);
  const side = many ? scorePanel(ctx, state, reach) : productPanel(ctx, reach);
  arrowControls(ctx, state, limit);
  const root = sheet(ctx, [field, side]);
  const tell = coverButton(ctx, [side.node, ...field.answers]);
  ctx.exportButtons(() => root, "dot-product");
  const table = arrowTable(ctx, state);
  ctx.watch(["a", "b", "key_vectors", "chosen", "normalise", "covered"], () => {
    const now = state.now();
    field.draw(now);
    side.draw(now);
    table();
    state.controls.forEach(refresh => refresh());
    ctx.spoken = arrowNumbers(now);
    tell(arrowSentence(now));
  });
};

// Where the arrows are, and the ways to move them. A tip never leaves the plane; drags stop at tenths.
function arrowState(ctx, many, limit) {
  const others = () => many ? ctx.get("key_vectors") : [ctx.get("b")];
  const names = many ? ctx.get("key_names") : [ctx.get("b_name")];
  const tidy = (point, old) => {
    if (!ctx.get("normalise")) return point.map(v => clamp(snap(v, 0.1), -limit, limit));
    const turned = times2(unit2(point), length2(old) || 1);
    return times2(turned, Math.min(1, limit / Math.max(...turned.map(Math.abs))));
  };
  const setA = point => ctx.set("a", tidy(point, ctx.get("a")));
  const setOther = (n, point) => {
    const moved = tidy(point, others()[n]);
    if (many) ctx.set("key_vectors", others().map((key, m) => m === n ? moved : key));
    else ctx.set("b", moved);
  };
  // The angle from a to b, counted to the left, 0 to 360 degrees. At 360, b is back at 0, and the slider stays at its end.
  let full = false;
  const direction = ([x, y]) => Math.atan2(y, x);
  const turned = () => {
    const degrees = (direction(ctx.get("b")) - direction(ctx.get("a"))) * 180 / Math.PI;
    const round = Math.round(10 * (degrees + 720)) / 10 % 360;
    return full && round === 0 ? 360 : round;
  };
  // A turn keeps the length, and the arrow in the plane: one longer than the plane is wide is shortened first.
  const turn = degrees => {
    full = degrees === 360;
    const angle = direction(ctx.get("a")) + degrees * Math.PI / 180, length = Math.min(length2(ctx.get("b")), limit);
    ctx.set("b", [Math.cos(angle), Math.sin(angle)].map(v => clamp(length * v, -limit, limit)));
  };
  const choose = n => { if (many && ctx.get("chosen") !== n) ctx.set("chosen", n); };
  const now = () => {
    const unit = ctx.get("normalise"), shape = unit ? unit2 : v => v, n = many ? ctx.get("chosen") : 0;
    const a = ctx.get("a"), b = others()[n];
    return {
      a: shape(a), b: shape(b), others: others().map(shape), n, unit, many, names, aName: ctx.get("a_name"), bName: names[n],
      dot: dot2(shape(a), shape(b)), angle: angle2(a, b), cosine: cosine2(a, b), lengths: [length2(a), length2(b)],
    };
  };
  return { now, setA, setOther, turned, turn, choose, names, others, many, controls: [] };
}

function arrowControls(ctx, state, limit) {
  const now = () => state.many ? ctx.get("chosen") : 0;
  const slider = (label, short, vector, put, axis) => state.controls.push(barSlider(ctx, {
    label, short, min: -limit, max: limit, step: 0.1, get: () => vector()[axis],
    put: v => put(vector().map((old, each) => each === axis ? v : old)),
  }));
  const a = ctx.get("a_name"), b = state.many ? "key" : ctx.get("b_name");
  if (state.many) ctx.select({ trait: "chosen", label: "Key", options: state.names.map((name, n) => [n, short(name, 24)]) });
  ["₀", "₁"].forEach((mark, axis) => slider(`${a}, number ${axis}`, short(a, 12) + mark, () => ctx.get("a"), state.setA, axis));
  ["₀", "₁"].forEach((mark, axis) => slider(`${b}, number ${axis}`, short(b, 12) + mark, () => state.others()[now()],
    point => state.setOther(now(), point), axis));
  if (!state.many) state.controls.push(barSlider(ctx, {
    label: `Turn ${b}: the angle from ${a} to ${b}`, short: `turn ${short(b, 12)}`, min: 0, max: 360, step: 1,
    get: state.turned, put: state.turn, say: v => `${fixed(v, 0)}°`,
  }));
  ctx.checkbox({ trait: "normalise", label: state.many ? "All lengths 1 (cosine)" : "Both lengths 1 (cosine)" });
  presetButtons(ctx);
}

// The plane: arrows, the angle, and the shadow of a on the line of b. With all lengths 1 it is drawn closer.
function arrowPlane(ctx, state, limit) {
  const make = (reach, label) => plane({ size: 440, x: [-reach, reach], y: [-reach, reach], label });
  const wide = make(limit * 1.12, "The plane of the arrows"), near = make(1.4, "The plane, all arrows with length 1");
  const paint = (tag, style, attributes = {}) => svg(tag, { "aria-hidden": "true", style, ...attributes });
  const edge = paint("line", "stroke: var(--cu-muted); stroke-dasharray: 2 5");
  const edgeName = svg("text", { class: "cu-small cu-halo", "paint-order": "stroke", "text-anchor": "middle", text: "dot product 0" });
  const ray = paint("line", "stroke: var(--cu-key); stroke-dasharray: 1 5");
  const shadow = paint("line", "", { "stroke-linecap": "butt" });
  const drop = paint("path", "fill: none; stroke: var(--cu-muted); stroke-width: 1.6; stroke-dasharray: 5 4");
  const arc = paint("path", "fill: none; stroke: var(--cu-fg); stroke-width: 1.6");
  const degrees = svg("text", { class: "cu-halo", "paint-order": "stroke", "text-anchor": "middle", "dominant-baseline": "central" });
  const circle = paint("circle", "fill: none; stroke: var(--cu-line); stroke-dasharray: 4 4");
  const b = state.names.map(name => arrow({ colour: "key", name })), a = arrow({ colour: "query", name: ctx.get("a_name") });
  const active = () => ctx.get("normalise") ? near : wide;
  const step = () => ctx.get("normalise") ? 0.05 : 0.1;
  const tip = (label, vector, move) => {
    const node = gripNode();
    const refresh = ctx.grip(node, {
      label: `Tip of ${label}`, at: event => active().at(event), step: 0.1,
      value: () => ctx.get("normalise") ? unit2(vector()) : vector(), move,
      describe: () => vector().map(v => fixed(v, 1)).join(", "),
    });
    return { node, refresh };
  };
  const tips = state.names.map((name, n) => tip(name, () => state.others()[n], point => state.setOther(n, point)));
  tips.forEach((each, n) => ctx.listen(each.node, "focus pointerdown", () => state.choose(n)));
  const tipA = tip(ctx.get("a_name"), () => ctx.get("a"), state.setA);
  const shapes = svg("g", {}, edge, edgeName, ray, circle, shadow, drop, arc, ...b.map(each => each.node), a.node, degrees,
    ...tips.map(each => each.node), tipA.node);
  const draw = now => {
    const here = active(), there = here === near ? wide : near, { P } = here, zero = P([0, 0]);
    if (shapes.parentNode !== here.layer) here.layer.append(shapes);
    here.node.style.display = "";
    there.node.style.display = "none";
    b.forEach((each, n) => {
      each.set(zero, P(now.others[n]));
      each.weigh(n === now.n ? 3.5 : 1.8);
    });
    a.set(zero, P(now.a));
    spread([a, ...b].map(each => each.place), [0, here.width]);
    tips.forEach((each, n) => { moveTo(each.node, P(now.others[n])); each.refresh(); });
    moveTo(tipA.node, P(now.a));
    tipA.refresh();
    drawShadow(now, here);
    drawAngle(now, here);
  };
  const drawShadow = (now, { P, x }) => {
    const [ux, uy] = unit2(now.b), reach = x[1] / Math.max(Math.abs(ux), Math.abs(uy), 1e-9), flat = length2(now.b) === 0;
    const foot = foot2(now.a, now.b), colour = now.dot < 0 ? "mark" : "value";
    const span = (line, from, to) => fill(line, { x1: from[0], y1: from[1], x2: to[0], y2: to[1] }, []);
    for (const each of [edge, edgeName, ray, shadow, drop]) each.style.display = flat ? "none" : "";
    span(ray, P([-ux * reach, -uy * reach]), P([ux * reach, uy * reach]));
    span(edge, P([-uy * reach, ux * reach]), P([uy * reach, -ux * reach]));
    const end = P(times2([-uy, ux], (uy > 0 ? -0.86 : 0.86) * reach));
    fill(edgeName, { x: clamp(end[0], 90, 380), y: end[1] }, []);
    span(shadow, P([0, 0]), P(foot));
    shadow.setAttribute("style", `stroke: var(--cu-${colour}); stroke-width: 11; opacity: 0.45`);
    const [fx, fy] = P(foot), [ax, ay] = P(now.a), side = unit2([ax - fx, ay - fy]), back = times2([ux, -uy], now.dot > 0 ? -1 : 1);
    const corner = length2([ax - fx, ay - fy]) > 14 && length2(foot) > 0
      ? `M${plus2([fx, fy], times2(side, 11))}L${plus2([fx, fy], plus2(times2(side, 11), times2(back, 11)))}L${plus2([fx, fy], times2(back, 11))}` : "";
    drop.setAttribute("d", `M${ax} ${ay}L${fx} ${fy}${corner}`);
  };
  const drawAngle = (now, { P }) => {
    const known = Number.isFinite(now.angle);
    for (const each of [arc, degrees]) each.style.display = known ? "" : "none";
    circle.style.display = now.unit ? "" : "none";
    const [cx, cy] = P([0, 0]), from = unit2(now.b), to = unit2(now.a), radius = 40;
    fill(circle, { cx, cy, r: P([1, 0])[0] - cx }, []);
    if (!known) return;
    const sweep = from[0] * to[1] - from[1] * to[0] > 0 ? 0 : 1;
    const at = (u, r) => [cx + u[0] * r, cy - u[1] * r];
    arc.setAttribute("d", `M${at(from, radius)}A${radius} ${radius} 0 0 ${sweep} ${at(to, radius)}`);
    // In a narrow angle there is no room for its number: it stands beyond b.
    const turn = (sweep ? 1 : -1) * (now.angle < 32 ? 24 : -now.angle / 2) * Math.PI / 180;
    const way = [from[0] * Math.cos(turn) - from[1] * Math.sin(turn), from[0] * Math.sin(turn) + from[1] * Math.cos(turn)];
    const [x, y] = at(way, radius + 20);
    fill(degrees, { x, y, text: `${fixed(now.angle, 0)}°` }, []);
  };
  return { node: svg("g", {}, wide.node, near.node), width: wide.width, height: wide.height, draw,
    answers: [shadow, drop, arc, degrees, edge, edgeName] };
}

// The dot product as a bar and as three calculations that agree.
function productPanel(ctx, reach) {
  const width = 396, strong = { class: "cu-strong" };
  const bars = [[0, 40, width, 22], [270, 109, 126, 16], [270, 134, 126, 16], [270, 160, 126, 16]].map(place => twoBars(...place, reach));
  const bounds = [0, 1].map(() => svg("path", { style: "fill: none; stroke: var(--cu-fg); stroke-width: 2" }));
  const result = text(0, 27, "", { class: "cu-big" }), most = text(width / 2, 79, "", { class: "cu-small", "text-anchor": "middle" });
  const heads = [103, 204, 281].map(y => text(0, y, "", { class: "cu-small" }));
  const lines = [122, 147, 174, 226, 250, 303].map(y => text(0, y, "", y === 174 ? strong : {}));
  const node = svg("g", { "aria-hidden": "true" }, ...bars.map(each => each.node), ...bounds, result, most, ...heads, ...lines);
  const draw = now => {
    const digits = now.unit ? 2 : 1, a = short(now.aName, 10), b = short(now.bName, 10), brief = (now.aName + now.bName).length < 5;
    const [la, lb] = [length2(now.a), length2(now.b)], products = [0, 1].map(n => now.a[n] * now.b[n]);
    const used = bars.map(each => each.pick(now.unit));
    [now.dot, ...products, now.dot].forEach((value, n) => used[n].set(value));
    bounds.forEach((mark, n) => mark.setAttribute("d", `M${used[0].at(n ? la * lb : -la * lb)} 36v30`));
    const put = (node, words) => { node.textContent = words; };
    put(result, `${a} · ${b} = ${fixed(now.dot)}`);
    put(most, now.unit ? "between −1 (opposite) and 1 (same direction)" : `with these lengths from ${fixed(-la * lb)} to ${fixed(la * lb)}`);
    put(heads[0], "number by number");
    products.forEach((product, n) => put(lines[n],
      `${brief ? `${a}${"₀₁"[n]} × ${b}${"₀₁"[n]} = ` : ""}${equation([now.a[n], now.b[n]], product, 2, digits)}`));
    put(lines[2], `sum = ${fixed(now.dot)}`);
    put(heads[1], "from the lengths and the angle");
    const known = Number.isFinite(now.angle);
    put(lines[3], known ? `|${a}| × |${b}| × cos ${fixed(now.angle, 0)}°` : "an arrow of length 0 has no angle");
    put(lines[4], known ? `= ${equation([la, lb, now.cosine], now.dot)}` : "");
    put(heads[2], `shadow of ${a} on the line of ${b}, times length of ${b}`);
    put(lines[5], lb > 0 ? equation([now.dot / lb, lb], now.dot) : `${b} has no line to fall on`);
  };
  return { node, width, height: 314, draw };
}

// The same bar on two scales: for dot products, and for cosines.
function twoBars(x, y, width, height, reach) {
  const wide = bar({ x, y, width, height, low: -reach, high: reach }), near = bar({ x, y, width, height, low: -1, high: 1 });
  const pick = unit => {
    wide.node.style.display = unit ? "none" : "";
    near.node.style.display = unit ? "" : "none";
    return unit ? near : wide;
  };
  return { node: svg("g", {}, wide.node, near.node), pick };
}

// One row a key: its score as a bar. The chosen key is taken apart below.
function scorePanel(ctx, state, reach) {
  const width = 396, row = 32, count = state.names.length;
  const head = text(0, 18, "", { class: "cu-small" });
  const rows = state.names.map((name, n) => {
    const y = 30 + n * row, back = svg("rect", { x: -6, y, width: width + 12, height: row - 2, rx: 4 });
    const word = text(0, y + 20, short(name, 13)), value = text(width, y + 20, "", { "text-anchor": "end" });
    const bars = twoBars(118, y + 6, 208, 18, reach);
    word.append(svg("title", { text: name }));
    const node = svg("g", { class: "cu-row" }, back, bars.node, word, value);
    ctx.listen(node, "click", () => state.choose(n));
    return { node, back, word, value, bars };
  });
  const below = 54 + count * row, lines = [0, 1].map(n => text(0, below + 25 * n, "", { class: ["cu-strong", ""][n] }));
  const node = svg("g", { "aria-hidden": "true" }, head, ...rows.map(each => each.node), ...lines);
  const draw = now => {
    const scores = now.others.map(key => dot2(now.a, key)), best = Math.max(...scores), a = short(now.aName, 12), b = short(now.bName, 12);
    head.textContent = now.unit ? `cosine with ${a}` : `dot product with ${a}: the score`;
    rows.forEach((each, n) => {
      const used = each.bars.pick(now.unit);
      each.back.setAttribute("style", `fill: ${n === now.n ? "var(--cu-grid)" : "transparent"}`);
      used.set(scores[n]);
      each.value.textContent = fixed(scores[n]);
      for (const word of [each.word, each.value]) word.classList.toggle("cu-strong", scores[n] === best);
    });
    const digits = now.unit ? 2 : 1, product = n => `${bracket(now.a[n], digits)} × ${bracket(now.b[n], digits)}`;
    const near = dot2(...[now.a, now.b].map(each => each.map(v => rounded(v, digits))));
    lines[0].textContent = `${a} · ${b} = ${fixed(now.dot)}`;
    lines[1].textContent = `${same(near, now.dot)} ${product(0)} + ${product(1)}`;
  };
  return { node, width, height: below + 35, draw };
}

function arrowTable(ctx, state) {
  const arrows = () => { const now = state.now(); return [[now.aName, now.a, null], ...now.names.map((name, n) => [name, now.others[n], dot2(now.a, now.others[n])])]; };
  return ctx.table({
    caption: ctx.get("title"), corner: "arrow", columns: () => ["number 0", "number 1", "length", `dot product with ${ctx.get("a_name")}`],
    rows: () => arrows().map(([name]) => name),
    cell: (i, j) => { const [, [x, y], dot] = arrows()[i]; return j === 3 && (dot === null || ctx.get("covered")) ? "" : fixed([x, y, length2([x, y]), dot][j]); },
  });
}

function arrowSentence(now) {
  const a = short(now.aName, 16), b = short(now.bName, 16);
  if (now.many) {
    const scores = now.others.map(key => dot2(now.a, key)), best = Math.max(...scores);
    const winners = now.names.filter((_, n) => scores[n] === best).map(name => short(name, 16)).join(" and ");
    return `Largest ${now.unit ? "cosine" : "score"}: ${winners}, ${fixed(best)}.`;
  }
  if (!Number.isFinite(now.angle)) return "An arrow of length 0: the dot product is 0, and there is no angle.";
  if (Math.abs(now.cosine) < 1e-9) return `${a} and ${b} are perpendicular: the dot product is 0.`;
  if (now.cosine > 1 - 1e-9) return `${a} and ${b} point the same way: the dot product is as large as these lengths allow.`;
  if (now.cosine < -1 + 1e-9) return `${a} and ${b} point opposite ways: the dot product is as negative as these lengths allow.`;
  return now.dot > 0 ? `Less than 90° apart: the dot product is positive.` : `More than 90° apart: the dot product is negative.`;
}

function arrowNumbers(now) {
  if (now.many) return now.names.map((name, n) => `${name} ${fixed(dot2(now.a, now.others[n]))}`).join(", ");
  return `${now.unit ? "Cosine" : "Dot product"} ${fixed(now.dot)}, angle ${fixed(now.angle, 0)} degrees.`;
}
