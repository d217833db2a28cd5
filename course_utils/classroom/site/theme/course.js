// Furo's theme, said in the words that the course's figures know.
(() => {
  const body = document.body;
  const tell = () => {
    const dark = body.dataset.theme === "dark"
      || (body.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    body.dataset.jpThemeLight = String(!dark);
  };
  new MutationObserver(tell).observe(body, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  tell();
  // On paper everything is light.
  addEventListener("beforeprint", () => { body.dataset.jpThemeLight = "true"; });
  addEventListener("afterprint", tell);
})();
