// An image in patches: one token is the query, and every head has a picture of what it looks at.

// In drawing units: the class token's cell, the image below it, and the heads' pictures beside.
const PATCH = { side: 168, cell: 30, gap: 20, top: 22 };

FIGURES.patches = ctx => {
  const [rows, columns, H, names] = ["rows", "columns", "heads", "names"].map(name => ctx.get(name)), T = 1 + rows * columns;
  const called = token => token === 0 ? "[CLS]" : `patch ${Math.floor((token - 1) / columns)}, ${(token - 1) % columns}`;
  const tokens = Array.from({ length: T }, (_, n) => called(n));
  ctx.select({ trait: "image", label: "Image", options: names.map((name, n) => [n, shorten(name, 20)]) });
  ctx.select({ trait: "block", label: "Block", options: Array.from({ length: ctx.get("blocks") }, (_, n) => [n, String(n)]) });
  ctx.select({ trait: "query", label: "Query", options: tokens.map((name, n) => [n, name]) });
  const picture = patchPicture(ctx, rows, columns, H, tokens);
  const root = sheet(ctx, [picture])[0];
  ctx.exportButtons(() => root, "patches");
  let seen = [];
  const list = ctx.table({
    caption: () => `${ctx.get("title")}: ${names[ctx.get("image")]}, block ${ctx.get("block")}, query ${tokens[ctx.get("query")]}`,
    corner: "key", rows: () => tokens, columns: () => seen.map((_, h) => `head ${h}`), cell: (i, j) => fixed(seen[j][i], 3),
  });
  ctx.watch(["image", "block", "query"], () => {
    const query = ctx.get("query"), table = unpack(ctx.get("tables"), ctx.get("image") * ctx.get("blocks") + ctx.get("block"));
    seen = Array.from({ length: H }, (_, h) => [...table.subarray((h * T + query) * T, (h * T + query + 1) * T)]);
    picture.draw(unpack(ctx.get("ink"), ctx.get("image")), seen, query);
    list();
    const most = seen.map((row, h) => { const n = row.indexOf(Math.max(...row)); return `head ${h} ${tokens[n]} (${fixed(row[n])})`; });
    const words = `${tokens[query]} looks most at: ${most.join(", ")}.`;
    ctx.readout.textContent = words;
    ctx.announce(() => words);
  });
};

function patchPicture(ctx, rows, columns, H, tokens) {
  const [, height, width] = ctx.get("ink").shape, { side, cell, gap, top } = PATCH, T = tokens.length;
  const first = top + cell + 8, w = side / columns, h = side / rows;
  // The cells of a picture, the class token's first; its left edge stands at x.
  const cells = x => [svg("rect", { x, y: top, width: side, height: cell }),
    ...Array.from({ length: T - 1 }, (_, n) => svg("rect", { x: x + n % columns * w, y: first + Math.floor(n / columns) * h, width: w, height: h }))];
  const pixels = Array.from({ length: height * width }, (_, n) => svg("rect", { x: n % width * side / width,
    y: first + Math.floor(n / width) * side / height, width: side / width + 0.3, height: side / height + 0.3 }));
  const tokenCells = cells(0), line = "stroke: var(--cu-line); stroke-width: 1; fill: transparent; cursor: pointer";
  tokenCells.forEach((each, n) => {
    each.style.cssText = line;
    each.append(svg("title", { text: tokens[n] }));
    ctx.listen(each, "pointerdown", () => ctx.set("query", n));
    ctx.listen(each, "pointerenter", event => { if (event.buttons) ctx.set("query", n); });
  });
  const frame = svg("rect", { style: "fill: none; stroke: var(--cu-query); stroke-width: 4", class: "cu-pass" });
  const heads = Array.from({ length: H }, (_, k) => {
    const x = (k + 1) * (side + gap), boxes = cells(x), mark = svg("rect", { style: "fill: none; stroke: var(--cu-query); stroke-width: 3" });
    const words = boxes.map(box => text(Number(box.getAttribute("x")) + box.getAttribute("width") / 2,
      Number(box.getAttribute("y")) + box.getAttribute("height") / 2 + 5, "", { "text-anchor": "middle", class: "cu-small" }));
    boxes.forEach(box => { box.style.stroke = "var(--cu-bg)"; });
    return { boxes, words, mark, node: svg("g", {}, text(x, 15, `head ${k}`, { class: "cu-strong" }), ...boxes, ...words, mark) };
  });
  const name = text(side / 2, top + cell / 2 + 5, "[CLS]", { "text-anchor": "middle", class: "cu-strong cu-pass" });
  const place = (rect, box, by) => fill(rect, { x: Number(box.getAttribute("x")) + by, y: Number(box.getAttribute("y")) + by,
    width: box.getAttribute("width") - 2 * by, height: box.getAttribute("height") - 2 * by }, []);
  const draw = (ink, seen, query) => {
    pixels.forEach((pixel, n) => { const v = Math.round(255 * (1 - ink[n])); pixel.style.fill = `rgb(${v} ${v} ${v})`; });
    place(frame, tokenCells[query], 1);
    heads.forEach((head, k) => {
      head.boxes.forEach((box, n) => {
        box.style.fill = cssColour(seen[k][n]);
        head.words[n].textContent = n === 0 ? `[CLS] ${fixed(seen[k][n])}` : seen[k][n] < 0.005 ? "" : fixed(seen[k][n]);
        head.words[n].style.fill = inkOn(seen[k][n]);
      });
      place(head.mark, head.boxes[query], 1.5);
    });
  };
  const node = svg("g", { "aria-hidden": "true" }, text(0, 15, "query", { class: "cu-strong" }), ...pixels, ...tokenCells, name, frame,
    ...heads.map(head => head.node));
  return { node, width: (H + 1) * (side + gap) - gap, height: first + side + 4, draw };
}
