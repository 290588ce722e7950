"use strict";
/* The report's plot, and the budget that moves the recommendation. */
(() => {
  const { data, find } = page;
  let shownPoints = data.points;
  let view = null;
  const plain = (value) => Number(value.toPrecision(3)).toString();
  const section = find("#tradeoff");
  const drawableOf = (points) => points.filter((p) => p.score !== null);
  const drawable = drawableOf(data.points);

  const stepAt = (budget) => {
    const fitting = data.steps.filter((step) => step.from_ms <= budget * (1 + 1e-9));
    return fitting[fitting.length - 1];
  };
  const advise = (budget) => {
    const step = stepAt(budget);
    const advice = find("#advice");
    const within = data.points.filter((p) => p.latency <= budget).length;
    const count = `${within} of ${data.points.length} engines take ${plain(budget)} ms or less.`;
    advice.replaceChildren(...[...(step ? step.said : ["Nothing fits."]), count].map((said) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = said;
      return paragraph;
    }));
    return step ? step.ids : [];
  };
  const moveBudget = () => {
    const budget = budgetOf(Number(find("#budget").value));
    find("#budget-ms").textContent = `${plain(budget)} ms`;
    const chosen = advise(budget);
    if (view) view.signal("budget", budget).signal("chosen", chosen).runAsync();
  };
  const ends = () => {
    const all = data.points.map((p) => p.latency);
    return [Math.min(...all) * 0.95, Math.max(...all) * 1.05];
  };
  const budgetOf = (share) => {
    const [low, high] = ends();
    return low * (high / low) ** (share / 1000);
  };

  const plot = async () => {
    if (!drawable.length) return;
    const done = await page.embed("#plot", data.spec, { points: drawableOf(shownPoints) });
    view = done.view;
    moveBudget();
  };
  page.plots.push(plot);
  page.filters.push(async (fits, said) => {
    const textOf = (p) => `${p.engine} ${p.size} ${p.precision}`;
    shownPoints = said ? data.points.filter((p) => fits(textOf(p))) : data.points;
    find("#count").textContent = said
      ? `${shownPoints.length} of ${data.points.length} engines` : "";
    if (view) await view.data("points", drawableOf(shownPoints)).runAsync();
  });

  if (drawable.length) {
    section.innerHTML = `<div class="budget"><label for="budget">Latency budget</label>
      <input id="budget" type="range" min="0" max="1000" value="1000" step="1">
      <output id="budget-ms" for="budget"></output></div>
      <div id="advice" aria-live="polite"></div><div id="plot"></div>`;
    find("#budget").addEventListener("input", moveBudget);
  } else {
    section.remove();
  }
  page.start();
})();
