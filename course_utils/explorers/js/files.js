// Saving what a figure shows, as a PNG or an SVG file.

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  html("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

const isVector = made => made instanceof SVGElement || Array.isArray(made);

// One or several SVG elements, placed as they stand on the page, as one file.
function asSvg(made) {
  const nodes = [made].flat(), boxes = nodes.map(node => node.getBoundingClientRect());
  const left = Math.min(...boxes.map(box => box.left)), top = Math.min(...boxes.map(box => box.top));
  const sheet = svg("svg", { xmlns: SVG,
    width: Math.max(...boxes.map(box => box.right)) - left, height: Math.max(...boxes.map(box => box.bottom)) - top });
  nodes.forEach((node, n) => sheet.append(fill(styledCopy(node),
    { x: boxes[n].left - left, y: boxes[n].top - top, width: boxes[n].width, height: boxes[n].height }, [])));
  return new Blob([new XMLSerializer().serializeToString(sheet)], { type: "image/svg+xml" });
}

// A file has no style sheet, so the computed styles are written into the copy.
function styledCopy(node) {
  const copy = node.cloneNode(true), originals = node.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((each, n) => {
    const style = getComputedStyle(originals[n]);
    for (const name of ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font", "text-anchor"])
      each.style.setProperty(name, style.getPropertyValue(name));
  });
  return copy;
}

async function asPng(made, background) {
  const canvas = isVector(made) ? await rasterise(asSvg(made), background) : made;
  return new Promise(done => canvas.toBlob(done, "image/png"));
}

async function rasterise(file, background, zoom = 2) {
  const url = URL.createObjectURL(file), image = new Image();
  image.src = url;
  await image.decode();
  const canvas = html("canvas", { width: Math.ceil(image.width * zoom), height: Math.ceil(image.height * zoom) });
  const brush = canvas.getContext("2d");
  brush.fillStyle = background;
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(url);
  return canvas;
}
