// What is wider than its place scrolls: then, and only then, it can be reached and moved by keyboard.
(() => {
  const BOXES = ":is(main, article) :is(pre, .table-wrapper, div.math, math[display=block], .output, .jp-RenderedHTMLCommon)";
  const wide = () => {
    for (const box of document.querySelectorAll(BOXES)) {
      if (box.closest(".cu")) continue;
      const scrolls = box.scrollWidth > box.clientWidth && /auto|scroll/.test(getComputedStyle(box).overflowX);
      const attributes = { tabindex: "0", role: "region", "aria-label": "wider than the page, scrolls" };
      for (const [name, value] of Object.entries(attributes)) {
        if (scrolls) box.setAttribute(name, value);
        else if (box.dataset.scrolls) box.removeAttribute(name);
      }
      if (scrolls) box.dataset.scrolls = "yes"; else delete box.dataset.scrolls;
    }
  };
  addEventListener("resize", wide);
  document.addEventListener("toggle", wide, true);  // a fold that opens
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", wide); else wide();
})();
