// What the mask painter says: about a cell, about leaks, about rows, and about the learner's own function.

const capital = text => isolate(text.charAt(0).toUpperCase() + text.slice(1));
const quoted = text => `“${isolate(shorten(text, 30))}”`;
const list = names => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

function sayPainted({ tokens, T, flat, allowed, padding, goal, scores, now }, [i, j], method) {
  const n = i * T + j, why = goal[n] ? "" : padding[j] ? "; it is padding" : "; it comes later";
  const replaced = allowed[n] || method === "weight 0" ? "" : `, replaced by ${FILL_WORDS[method]}`;
  return `Query ${i} ${quoted(tokens[i])}, key ${j} ${quoted(tokens[j])}${why}: mask ${flat[n] ? "True" : "False"}, `
    + `${allowed[n] ? "may attend" : "hidden"}; score ${fixed(scores[n])}${replaced}, weight ${fixed(now.weights[n], 3)}.`;
}

function sayMask({ allowed, mask, T }, before) {
  const changed = mask.filter((yes, n) => String(yes) !== before[n]).length, hidden = [...allowed].filter(yes => !yes).length;
  return `${changed} ${changed === 1 ? "cell" : "cells"} changed; ${hidden} of ${T * T} are hidden now.`;
}

function sayLeak({ now, goal, allowed }) {
  const leaking = [...now.leak].flatMap((v, i) => (v > LEAKING ? [i] : [])), many = leaking.length > 1;
  const lost = [...goal].filter((yes, n) => yes && !allowed[n]).length;
  const words = leaking.length ? [`Leak: ${many ? "queries" : "query"} ${list(leaking)} ${many ? "give" : "gives"} weight to keys that should not be seen.`] : [];
  const seen = Math.max(0, ...[...now.weights].filter((w, n) => !allowed[n] && w > 0));
  if (seen && seen <= LEAKING) words.push(`Hidden keys still get a little weight, ${seen < 1e-7 ? "less than 0.0000001" : `up to ${seen.toFixed(7)}`}.`);
  if (lost) words.push(`${lost} ${lost > 1 ? "cells are" : "cell is"} hidden without need.`);
  return words.join(" ");
}

function sayRows({ now }, method) {
  const { empty, sums } = now, many = empty.length > 1;
  if (empty.length) {
    const fate = { "-inf": "weights of 0, so its output is 0", nan: "NaN: 0 divided by 0", "weight 0": "weights of 0" }[method]
      ?? "the same score everywhere, so equal weights on keys that are all hidden";
    return `${many ? "Queries" : "Query"} ${list(empty)} ${many ? "see" : "sees"} no key: ${many ? "each" : "it"} gets ${fate}.`;
  }
  const short = [...sums].flatMap((v, i) => (Math.abs(v - 1) > LEAKING ? [i] : []));
  return short.length ? `Row ${list(short)}: the weights no longer sum to 1.` : "";
}

// What the learner's own function makes of this very mask, if the kernel has said so.
function sayOwn(ctx, { allowed, now }) {
  const answer = ctx.get("answer");
  if (!answer.mask || ctx.get("method") !== "-inf" || answer.mask !== allowed.join("")) return "";
  if (answer.trouble) return `Your function stopped: ${answer.trouble}`;
  const theirs = unpack(answer.weights), wrong = [...theirs].filter((w, n) => !(Math.abs(w - now.weights[n]) < 1e-3)).length;
  const maker = capital(ctx.get("made_by").split(" (")[0] || "the function");
  return wrong ? `${maker} gives other weights in ${wrong} cells.` : `${maker} gives these weights too.`;
}
