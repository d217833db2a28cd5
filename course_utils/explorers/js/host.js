// Runs the live figures of a saved page: no kernel, no network, no other library.
// A page holds the widgets' state and, where a figure stands, the id of its model; this file gives each figure a model
// that remembers what is set, imports the figure's own module from a blob, and lets it draw.
(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';

  class Model {
    constructor(state) { this.state = state; this.listeners = new Map(); }
    get(name) { return this.state[name]; }
    set(name, value) {
      if (Object.is(this.state[name], value)) return;
      this.state[name] = value;
      for (const call of [...this.heard(`change:${name}`), ...this.heard("change")]) call(this, value);
    }
    heard(event) { return this.listeners.get(event) ?? []; }
    on(event, call) { this.listeners.set(event, [...this.heard(event), call]); }
    off(event, call) { this.listeners.set(event, this.heard(event).filter(each => each !== call)); }
    save_changes() {}
    send() {}
  }

  const bytes = text => new DataView(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);

  function revive({ state, buffers = [] }) {
    for (const { path, data } of buffers) {
      const holder = path.slice(0, -1).reduce((each, step) => each[step], state);
      holder[path.at(-1)] = bytes(data);
    }
    return new Model(state);
  }

  const modules = new Map();
  function load(code) {
    if (!modules.has(code)) modules.set(code, import(URL.createObjectURL(new Blob([code], { type: "text/javascript" }))));
    return modules.get(code);
  }

  const styled = new Set();
  function addStyle(css) {
    if (!css || styled.has(css)) return;
    styled.add(css);
    document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
  }

  async function show(place, model) {
    const el = document.createElement("div");
    place.after(el);
    addStyle(model.get("_css"));
    const { default: figure } = await load(model.get("_esm"));
    await figure.render({ model, el });
  }

  async function main() {
    const saved = document.querySelector(STATE);
    const models = new Map(Object.entries(saved ? JSON.parse(saved.textContent).state : {}).map(
      ([id, entry]) => [id, revive(entry)]));
    for (const place of document.querySelectorAll(VIEW)) {
      const model = models.get(JSON.parse(place.textContent).model_id);
      if (model?.get("_esm")) await show(place, model);
    }
    document.documentElement.dataset.figures = "ready";
    window.liveFigures = models;
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", main); else main();
})();
