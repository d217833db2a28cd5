// A curve among points, and a slider that steps through the curves of a film.

FIGURES.curve = ctx => {
  const film = ctx.get("film"), x = unpack(ctx.get("x")), points = unpack(ctx.get("points")), count = points.length / 2;
  const all = unpack(film.frames), low = Math.min(...all, ...points.subarray(count)), high = Math.max(...all, ...points.subarray(count));
  const plot = axes({ width: 830, height: 300, x: [x[0], x.at(-1)], y: [low, high], ticks: 8, yTicks: 6,
    xLabel: ctx.get("x_label"), yLabel: ctx.get("y_label"), label: "curve" });
  plot.node.querySelectorAll("text").forEach(each => each.classList.add("cu-tick"));
  const dots = Array.from({ length: count }, (_, n) => svg("circle", { cx: plot.X(points[n]), cy: plot.Y(points[count + n]), r: 3, style: "fill: var(--cu-key)" }));
  const line = svg("path", { style: "fill: none; stroke: var(--cu-query); stroke-width: 2.5; stroke-linejoin: round" });
  plot.layer.append(...dots, line);
  plot.layer.setAttribute("aria-hidden", "true");
  ctx.range({ trait: "value", label: film.label, values: film.values, format: minus });
  const root = sheet(ctx, [{ node: plot.node, width: 830, height: 300 }]);
  ctx.exportButtons(() => root, "curve");
  let now;
  const some = Array.from(x.keys()).filter(n => n % Math.ceil(x.length / 40) === 0);
  const list = ctx.table({
    caption: ctx.get("title"), corner: ctx.get("x_label"), rows: () => some.map(n => tickText(x[n])), columns: () => [ctx.get("y_label")],
    cell: i => fixed(now[some[i]]),
  });
  ctx.watch(["value"], () => {
    now = unpack(film.frames, nearest(film.values, ctx.get("value")));
    line.setAttribute("d", `M${Array.from(now, (y, n) => `${plot.X(x[n])} ${plot.Y(y)}`).join("L")}`);
    list();
    const many = turns(now);
    ctx.readout.textContent = `The curve lies between ${fixed(Math.min(...now), 1)} and ${fixed(Math.max(...now), 1)} and has ${many} turn${many === 1 ? "" : "s"}.`;
    ctx.announce(() => `${film.label} ${ctx.get("value")}. ${ctx.readout.textContent}`);
  });
};

// How often a curve changes between rising and falling; steps below a thousandth of its range do not count.
function turns(heights) {
  const hair = 1e-3 * (Math.max(...heights) - Math.min(...heights));
  const ways = Array.from(heights.subarray(1), (y, n) => y - heights[n]).filter(step => Math.abs(step) > hair).map(Math.sign);
  return ways.filter((way, n) => n && way !== ways[n - 1]).length;
}
