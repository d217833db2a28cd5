// What a heatmap shows: the weights of one picture under the present controls, made in the browser.

class AttentionNumbers {
  constructor(ctx) {
    this.ctx = ctx;
    this.opened = new Map();
  }

  get set() {
    const pictures = this.ctx.get("pictures");
    if (pictures !== this.pictures) this.opened.clear(); // others have come in their place
    this.pictures = pictures;
    return pictures[this.ctx.get("preset")];
  }

  // Heads that are on; a picture with another number of heads starts with its first.
  get heads() {
    const on = this.ctx.get("heads"), H = this.set.H;
    return on.length === H ? on.flatMap((yes, h) => (yes ? [h] : [])) : [0];
  }

  // An array of the present picture, unpacked once, or null.
  array(name) {
    const { set } = this, key = `${this.ctx.get("preset")} ${name}`;
    if (!this.opened.has(key)) this.opened.set(key, set[name] ? unpack(set[name]) : null);
    return this.opened.get(key);
  }

  // Head h of an array with a leading H, or null.
  head(name, h) {
    const all = this.array(name);
    return all && all.subarray(h * all.length / this.set.H, (h + 1) * all.length / this.set.H);
  }

  // Scores before scaling: given, or q . k. Made once for each head.
  rawScores(h) {
    const { T, S, q } = this.set, key = `${this.ctx.get("preset")} raw ${h}`;
    if (this.set.scores) return this.head("scores", h);
    if (!q) return null;
    if (!this.opened.has(key))
      this.opened.set(key, dotScores(this.head("q", h), this.head("k", h), T, S, q.shape.at(-1)));
    return this.opened.get(key);
  }

  get width() { return this.set.q?.shape.at(-1) ?? null; }
  get live() { return ["scores", "qk"].includes(this.set.source); }
  get temperature() { return this.live ? this.ctx.get("temperature") : 1; }
  // Controls that no longer stand as they did when the reference was made, in words.
  get moved() {
    if (!this.live) return [];
    const scale = this.set.source === "qk" && !this.ctx.get("scaled") ? "without the scale" : "";
    const warmth = this.temperature === 1 ? "" : `at temperature ${fixed(this.temperature)}`;
    return [scale, warmth, this.ctx.get("causal") ? "with the causal mask" : ""].filter(Boolean);
  }
  get divisor() {
    const plain = this.set.scores || (this.live && !this.ctx.get("scaled"));
    return plain ? 1 : Math.sqrt(this.width ?? 1);
  }

  // 1 where head h may attend, or null where it may everywhere.
  allowed(h) {
    const { T, S } = this.set, mask = this.head("mask", h);
    if (!this.live || !this.ctx.get("causal")) return mask;
    const causal = causalAllowed(T, S);
    return mask ? causal.map((yes, n) => yes && mask[n]) : causal;
  }

  // Where the weights of head h are written, time after time: a megabyte at 512 tokens.
  room(h) {
    const key = `${this.ctx.get("preset")} room ${h}`;
    if (!this.opened.has(key)) this.opened.set(key, new Float32Array(this.set.T * this.set.S));
    return this.opened.get(key);
  }

  weightsOf(h) {
    const { T, S, source, film } = this.set;
    if (source === "film") {
      const frame = unpack(film.frames, this.ctx.get("frame"));
      return frame.length === T * S ? frame : frame.subarray(h * T * S, (h + 1) * T * S);
    }
    if (source === "weights") return this.head("weights", h);
    return softmaxRows(this.rawScores(h), T, S,
      { temperature: this.temperature * this.divisor, allowed: this.allowed(h) }, this.room(h));
  }

  // { weights, reference or null, allowed or null }: the average over the heads that are on.
  compute() {
    const made = this.computeNow();
    this.agrees = !made.reference || this.moved.length > 0 || made.weights.every((w, n) => !differs(w, made.reference[n], this.ctx.get("same")));
    return made;
  }

  computeNow() {
    const heads = this.heads, masks = heads.map(h => this.allowed(h));
    return {
      weights: average(heads.map(h => this.weightsOf(h))),
      reference: this.set.reference ? average(heads.map(h => this.head("reference", h))) : null,
      allowed: masks[0] && masks.reduce((a, b) => a.map((yes, n) => yes || b[n])),
    };
  }

  // One weight taken apart: { q, k, products, score, scaled, largest, term, sum, weight }, or null.
  parts(i, j) {
    const { S } = this.set, [h] = this.heads, raw = this.rawScores(h), allowed = this.allowed(h);
    if (!raw || this.heads.length > 1) return null;
    const scale = 1 / (this.temperature * this.divisor), visible = n => !allowed || allowed[i * S + n];
    const row = Array.from({ length: S }, (_, n) => (visible(n) ? raw[i * S + n] * scale : -Infinity));
    const largest = Math.max(...row), terms = row.map(s => (s === -Infinity ? 0 : Math.exp(s - largest)));
    const sum = terms.reduce((a, b) => a + b, 0), vector = (name, n) => {
      const all = this.head(name, h), d = this.set[name]?.shape.at(-1);
      return all && Array.from(all.subarray(n * d, (n + 1) * d));
    };
    const q = vector("q", i), k = vector("k", j);
    return {
      q, k, v: vector("v", j), products: q && q.map((each, c) => each * k[c]), hidden: !visible(j), score: raw[i * S + j],
      scaled: raw[i * S + j] / this.divisor, logit: row[j], largest, term: terms[j], sum, weight: sum ? terms[j] / sum : 0,
    };
  }
}

function average(tables) {
  if (tables.length === 1) return tables[0];
  const out = new Float32Array(tables[0].length);
  for (const table of tables) for (let n = 0; n < out.length; n++) out[n] += table[n] / tables.length;
  return out;
}

const AGREES = "Every weight agrees with the reference.";

// What a reader should be told in words: numbers that are no weights, and differences from the reference.
function remarks(set, { weights, reference, moved = [] }, same) {
  const words = [], strange = [], outside = [], differing = [];
  for (let n = 0; n < weights.length; n++) {
    if (!Number.isFinite(weights[n])) strange.push(n);
    else if (weights[n] < -1e-6 || weights[n] > 1 + 1e-6) outside.push(n);
    if (reference && differs(weights[n], reference[n], same)) differing.push(n);
  }
  const place = n => `query ${Math.floor(n / set.S)}, key ${n % set.S}`;
  const count = list => `${list.length} of ${weights.length} weights`;
  if (strange.length) words.push(`${count(strange)} are not finite; the first, at ${place(strange[0])}, is ${fixed(weights[strange[0]])}.`);
  if (outside.length) words.push(`${count(outside)} lie outside 0 to 1; the first, at ${place(outside[0])}, is ${fixed(weights[outside[0]], 3)}.`);
  if (moved.length && reference) {
    const how = moved.join(", ");
    words.push(`${how[0].toUpperCase()}${how.slice(1)}, ${count(differing)} are others than in the reference.`);
  } else if (differing.length) words.push(`${count(differing)} differ from the reference; they are marked.`);
  else if (reference) words.push(AGREES);
  return words.join(" ");
}

const differs = (a, b, same) => !(Math.abs(a - b) <= same) && !(Number.isNaN(a) && Number.isNaN(b)) && a !== b;
