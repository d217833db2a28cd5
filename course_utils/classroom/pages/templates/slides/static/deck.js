// Deals the steps of a lesson out on slides. A slide holds what fits into its height, measured here where fonts and
// figures are as they will be seen; what does not fit goes on, on a slide of its own. Then reveal.js takes over.
(() => {
  const ROOM = 640, WIDTH = 1160;  // px of a slide's 720 and 1280 that its sheet may take
  const main = document.querySelector("main.reveal"), slides = main.querySelector(".slides");
  const store = document.getElementById("steps");
  const query = new URLSearchParams(location.search);
  const el = (name, className) => Object.assign(document.createElement(name), { className });

  const figuresReady = () => new Promise(done => {
    const ready = () => document.documentElement.dataset.figures === "ready";
    if (ready()) return done();
    const observer = new MutationObserver(() => { if (ready()) { observer.disconnect(); done(); } });
    observer.observe(document.documentElement, { attributes: true });
  });

  // What of a step can stand alone: paragraphs, lists, a cell's code, each of its outputs.
  function blocksOf(step) {
    const text = step.querySelector(":scope .jp-MarkdownCell .jp-RenderedMarkdown");
    if (text) return [...text.children].map(node => ({ node, text: true, heading: /^H[1-6]$/.test(node.tagName) }));
    const blocks = [...step.querySelectorAll(".jp-Cell-inputWrapper, .jp-OutputArea-child")].map(node => ({
      node, output: node.matches(".jp-OutputArea-child") }));
    return blocks.filter(({ node }) => node.textContent.trim() || node.querySelector("img, canvas, svg"));
  }

  class Sheet {  // one slide while it is filled
    constructor(title, part) {
      this.node = el("div", "sheet stage");
      main.append(this.node);
      this.title = title; this.part = part; this.blocks = []; this.notes = [];
    }
    holderOf({ text, fragment }) {
      const last = this.node.lastElementChild, kind = text ? "jp-RenderedHTMLCommon jp-RenderedMarkdown" : "jp-Cell jp-CodeCell";
      if (last && !fragment && !last.classList.contains("fragment") && last.className === kind) return last;
      const holder = el("div", fragment ? `${kind} fragment` : kind);
      this.node.append(holder);
      return holder;
    }
    add(block) { this.blocks.push(block); block.holder = this.holderOf(block); block.holder.append(block.node); }
    take(block) {
      this.blocks.splice(this.blocks.indexOf(block), 1);
      block.node.remove();
      if (!block.holder.children.length) block.holder.remove();
    }
    get height() { return this.node.getBoundingClientRect().height; }
    get full() { return this.height > ROOM; }
  }

  // A heading, or a line that ends in a colon, does not stay behind at the foot of a slide.
  const leads = block => block.heading || (block.text && /:\s*$/.test(block.node.textContent));

  function deal() {
    const sheets = [], cut = JSON.parse(document.getElementById("cuts").textContent)[query.get("cut")];
    let sheet = null;
    const begin = (title, part) => { sheet = new Sheet(title, part); sheets.push(sheet); };
    for (const step of [...store.querySelectorAll(".step")]) {
      const { kind, part, title } = step.dataset, answer = "answer" in step.dataset;
      if (cut && !cut.includes(part)) continue;
      if (kind === "notes") { sheet?.notes.push(step.querySelector(".jp-RenderedMarkdown")); continue; }
      if (kind === "slide" || !sheet) begin(title, part);
      let later = kind === "fragment" && sheet.blocks.length > 0;
      const pack = block => {
        block.fragment = later || (answer && Boolean(block.output));
        sheet.add(block);
        if (!sheet.full) return;
        if (sheet.blocks.length === 1) return fit(sheet, block, pack);
        const moved = [block];
        sheet.take(block);
        while (sheet.blocks.length > 1 && leads(sheet.blocks.at(-1))) { const last = sheet.blocks.at(-1); moved.unshift(last); sheet.take(last); }
        begin(title, part); later = false;
        for (const each of moved) { each.fragment = false; pack(each); }
      };
      for (const block of blocksOf(step)) { if (block.output) enlarge(block); pack(block); }
    }
    return sheets;
  }

  // A live figure is drawn for a notebook's column; on a slide it may be larger.
  function enlarge({ node }) {
    const figure = node.querySelector(".cu");
    if (!figure) return;
    const box = figure.getBoundingClientRect(), right = Math.max(...[...figure.querySelectorAll("canvas, svg, input, label, p")]
      .map(part => part.getBoundingClientRect()).filter(part => part.width).map(part => part.right - box.left));
    node.style.zoom = Math.max(1, Math.min(ROOM / (box.height + 20), WIDTH / right, 1.5));
  }

  // Cuts code in two at the last empty line that leaves the first part short enough; gives the rest, or null.
  function cutCode(sheet, node) {
    const code = node.matches("pre") ? node : node.querySelector(":scope pre");
    if (!code) return null;
    const lines = code.innerHTML.replace(/\n$/, "").split("\n"), whole = code.innerHTML;
    const count = (text, part) => text.split(part).length - 1;
    for (let k = lines.length - 1; k > 0; k--) {
      const first = lines.slice(0, k).join("\n");
      if (lines[k].replace(/<[^>]*>/g, "").trim() || count(first, "<span") !== count(first, "</span>")) continue;
      code.innerHTML = first;
      if (sheet.full) continue;
      const rest = node.cloneNode(true);
      (rest.matches("pre") ? rest : rest.querySelector("pre")).innerHTML = lines.slice(k + 1).join("\n");
      return rest;
    }
    code.innerHTML = whole;
    return null;
  }

  // One block that is taller than a slide: a list or a program goes on over the page; anything else is shown smaller.
  function fit(sheet, block, pack) {
    const { node } = block, more = cutCode(sheet, node);
    if (more) return pack({ ...block, node: more, fragment: false });
    if (/^[UO]L$/.test(node.tagName) && node.children.length > 1) {
      const rest = node.cloneNode(false);
      while (sheet.full && node.children.length > 1) rest.prepend(node.lastElementChild);
      if (rest.tagName === "OL") rest.start = (node.start || 1) + node.children.length;
      pack({ ...block, node: rest, fragment: false });
    } else {
      for (let k = 0; k < 4 && sheet.full; k++) {
        node.style.zoom = (Number(node.style.zoom) || 1) * ROOM / sheet.height * 0.995;
      }
    }
  }

  function show(sheets) {
    let stack = null, part = null;
    for (const sheet of sheets) {
      if (!sheet.blocks.length) { sheet.node.remove(); continue; }
      const slide = document.makeSlide();
      slide.dataset.part = sheet.part;
      if (sheet.part !== part) { stack = document.makeSlide(); stack.className = "stack"; slides.append(stack); part = sheet.part; }
      if (!sheet.node.querySelector("h1, h2") && sheet.title) {
        slide.append(Object.assign(el("div", "running"), { textContent: sheet.title }));
      }
      sheet.node.classList.remove("stage");
      slide.append(sheet.node);
      if (sheet.notes.length) { const aside = el("aside", "notes"); aside.append(...sheet.notes); slide.append(aside); }
      stack.append(slide);
    }
    store.remove();
  }

  // What a figure does with a key is its own affair; a presenter's keys still turn the page.
  function guardKeys() {
    const pass = new Set(["PageDown", "PageUp", "Escape", "F5"]);
    for (const figure of slides.querySelectorAll(".jp-OutputArea-child")) {
      figure.addEventListener("keydown", event => { if (!pass.has(event.key)) event.stopPropagation(); });
    }
  }

  function theme() {
    const light = document.body.dataset.jpThemeLight !== "true";
    document.body.dataset.jpThemeLight = light;
    document.documentElement.style.colorScheme = light ? "light" : "dark";
  }

  async function begin() {
    await Promise.all([figuresReady(), document.fonts.ready]);
    if (query.get("theme") === "dark") theme(); else document.documentElement.style.colorScheme = "light";
    show(deal());
    guardKeys();
    await Reveal.initialize({
      width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 4, center: false, hash: true, transition: "none",
      backgroundTransition: "none", navigationMode: "linear", slideNumber: "c/t", showSlideNumber: "all", pdfSeparateFragments: false,
      plugins: [RevealNotes], keyboard: { 68: theme } });
    document.documentElement.dataset.deck = "ready";
  }
  begin();
})();
