// The alignment explorer: the attention map below a box whose text the kernel translates.

const PATIENCE = 5000; // milliseconds until a kernel that says nothing is taken for none

FIGURES.alignment = ctx => {
  const input = keepKeys(html("input", { type: "text", maxlength: ctx.get("longest"), spellcheck: "false", autocomplete: "off" }));
  const form = html("div", { class: "cu-form" },
    html("label", { class: "cu-control" }, html("span", { text: ctx.get("label") }), input));
  const said = html("p", { class: "cu-said", role: "status" });
  let waiting = null;

  ctx.bar.append(form);
  ctx.bar.after(said);
  ctx.signal.addEventListener("abort", () => clearTimeout(waiting));

  const set = () => ctx.get("pictures")[ctx.get("preset")];
  const answer = () => `${isolate(set().tokens_k.join(""))} → ${isolate(set().tokens.join(""))}`;
  const tell = words => { said.textContent = words; };

  // What has been answered already is shown again and not sent: the kernel would not notice it.
  function submit() {
    const text = input.value.trim();
    input.value = text;
    if (!text) return tell("Type a text first.");
    const known = ctx.get("problem") || text === ctx.get("pictures")[0].tokens_k.join("");
    if (text === ctx.get("text") && known) { ctx.set("preset", 0); return refresh(); }
    tell("…");
    clearTimeout(waiting);
    waiting = setTimeout(() => tell("No answer yet: this needs a running kernel. The examples in the list need none."), PATIENCE);
    ctx.set("text", text);
  }

  // Not a form: JupyterLab keeps the Enter key from submitting one.
  ctx.button("Translate", submit, form);
  ctx.listen(input, "keydown", event => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    submit();
  });

  function refresh() {
    clearTimeout(waiting);
    tell(ctx.get("preset") === 0 && ctx.get("problem") ? `Not translated: ${isolate(ctx.get("problem"))}` : answer());
  }

  const write = () => { if (document.activeElement !== input) input.value = ctx.get("text"); };
  ctx.onChange("answers", refresh);
  ctx.onChange("preset", refresh);
  ctx.onChange("text", write);
  write();
  refresh();
  FIGURES.heatmap(ctx);
};
