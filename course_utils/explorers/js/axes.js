// Axes for a figure made of SVG: a frame, ticks, a grid, labels, and the way between data and pixels.

// x and y: [low, high]. Returns { node, X, Y, at, layer }: X and Y map data to SVG units, at(event) maps the
// pointer to data, layer is the group for the drawer's own shapes. xText and yText write a tick; yTicks 0 leaves them out.
function axes({ width, height, x, y, xLabel, yLabel, label, ticks = 5, yTicks = ticks, xText = tickText, yText = tickText }) {
  const left = yLabel ? 52 : 34, bottom = xLabel ? 44 : 26, top = 12, right = 14;
  const X = v => left + (v - x[0]) / (x[1] - x[0]) * (width - left - right);
  const Y = v => height - bottom - (v - y[0]) / (y[1] - y[0]) * (height - top - bottom);
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": label });
  const layer = svg("g");
  const line = (x1, y1, x2, y2, stroke) => svg("line", { x1, y1, x2, y2, style: `stroke: var(--cu-${stroke})` });
  const word = (at, text, anchor, extra = {}) => svg("text", { x: at[0], y: at[1], "text-anchor": anchor, text, ...extra });
  const frame = svg("g", { "aria-hidden": "true" });
  for (const v of niceTicks(...x, ticks))
    frame.append(line(X(v), Y(y[0]), X(v), Y(y[1]), "grid"), word([X(v), Y(y[0]) + 17], xText(v), "middle"));
  for (const v of yTicks ? niceTicks(...y, yTicks) : [])
    frame.append(line(X(x[0]), Y(v), X(x[1]), Y(v), "grid"), word([X(x[0]) - 7, Y(v) + 4], yText(v), "end"));
  frame.append(line(X(x[0]), Y(y[0]), X(x[1]), Y(y[0]), "line"), line(X(x[0]), Y(y[0]), X(x[0]), Y(y[1]), "line"));
  if (xLabel) frame.append(word([(X(x[0]) + X(x[1])) / 2, height - 6], xLabel, "middle"));
  if (yLabel) frame.append(word([0, 0], yLabel, "middle", { transform: `translate(13 ${(Y(y[0]) + Y(y[1])) / 2}) rotate(-90)` }));
  node.append(frame, layer);
  const at = event => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(node.getScreenCTM().inverse());
    return [x[0] + (point.x - left) / (width - left - right) * (x[1] - x[0]),
            y[0] + (height - bottom - point.y) / (height - top - bottom) * (y[1] - y[0])];
  };
  return { node, X, Y, at, layer };
}

function niceTicks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough);
  const ticks = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9; n++) ticks.push(n * step);
  return ticks;
}
const tickText = v => minus(Math.round(v * 1e6) / 1e6);
