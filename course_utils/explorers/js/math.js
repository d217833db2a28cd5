// Pure functions: arrays in, arrays out, no page. Held to the Python reference by tests/test_js_math.py.

// Scores q . k, times `factor`; q is (T, d), k is (S, d), both flat.
function dotScores(q, k, T, S, d, factor = 1, out = new Float32Array(T * S)) {
  for (let i = 0; i < T; i++) {
    for (let j = 0; j < S; j++) {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += q[i * d + c] * k[j * d + c];
      out[i * S + j] = sum * factor;
    }
  }
  return out;
}

// Softmax of every row of a (T, S) table. allowed is null or (T, S) of 0 and 1; a row with nothing allowed gets zeros.
function softmaxRows(scores, T, S, { temperature = 1, allowed = null } = {}, out = new Float32Array(T * S)) {
  for (let i = 0; i < T; i++) softmaxRow(scores, i * S, S, temperature, allowed, out);
  return out;
}

function softmaxRow(scores, start, S, temperature, allowed, out) {
  const end = start + S;
  let max = -Infinity, sum = 0;
  for (let n = start; n < end; n++) if (scores[n] > max && (!allowed || allowed[n])) max = scores[n];
  for (let n = start; n < end; n++) {
    const term = scores[n] === -Infinity || (allowed && !allowed[n]) ? 0 : Math.exp((scores[n] - max) / temperature);
    out[n] = term;
    sum += term;
  }
  for (let n = start; n < end; n++) out[n] = sum === 0 ? 0 : out[n] / sum;
}

// Query i may look at keys up to its own place, counted from the end when there are more keys than queries.
function causalAllowed(T, S) {
  const allowed = new Uint8Array(T * S);
  for (let i = 0; i < T; i++) allowed.fill(1, i * S, i * S + Math.max(0, Math.min(S, i + 1 + S - T)));
  return allowed;
}

function meanVariance(values) {
  let mean = 0, square = 0;
  for (const v of values) mean += v / values.length;
  for (const v of values) square += (v - mean) ** 2 / values.length;
  return [mean, square];
}

// An envelope made by base.pack: { shape, bits, low, high, data: DataView }. Frame n along the first axis, or all of it.
function unpack(envelope, frame = null) {
  const { shape, bits, low, high, data } = envelope;
  const Kind = { 8: Uint8Array, 16: Uint16Array, 32: Float32Array }[bits];
  const width = bits / 8;
  const count = frame === null ? data.byteLength / width : shape.slice(1).reduce((a, b) => a * b, 1);
  const start = data.byteOffset + (frame === null ? 0 : frame * count * width);
  const stored = new Kind(data.buffer.slice(start, start + count * width));
  if (bits === 32) return stored;
  const step = (high - low) / (2 ** bits - 1);
  return Float32Array.from(stored, v => low + v * step);
}

const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
