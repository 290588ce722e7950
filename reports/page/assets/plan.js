"use strict";
/* The plots of a plan, and keys that show one engine alone. */
(() => {
  const { data, find, colourOf, embed } = page;
  let views = [];
  let picked = "";

  const show = (name) => {
    picked = picked === name ? "" : name;
    [...find("#keys").children].forEach((key) =>
      key.setAttribute("aria-pressed", String(key.dataset.engine === picked)));
    return Promise.all(views.map((view) => view.signal("picked", picked).runAsync()));
  };
  const key = (engine) => {
    const button = document.createElement("button");
    const swatch = document.createElement("i");
    button.type = "button";
    button.dataset.engine = engine.name;
    button.setAttribute("aria-pressed", "false");
    swatch.style.background = engine.colour === "#000000" ? "currentColor" : engine.colour;
    button.append(swatch, ` ${engine.name} · ${engine.share.toFixed(1)} %`);
    button.addEventListener("click", () => show(engine.name));
    return button;
  };
  find("#keys").append(...data.engines.map(key));

  /* Black of the palette is the text's colour, which is light on a dark page. */
  const inked = (spec) => JSON.parse(
    JSON.stringify(spec).replaceAll('"#000000"', JSON.stringify(colourOf("--text"))));
  page.plots.push(async () => {
    const done = await Promise.all(Object.entries(data.specs).map(([name, spec]) =>
      embed(`#${name}`, inked(spec), { rows: data.rows[name] })));
    views = done.map((one) => one.view);
    await Promise.all(views.map((view) => view.signal("picked", picked).runAsync()));
  });
  page.start();
})();
