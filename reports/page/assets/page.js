"use strict";
/* What all pages have: tables to sort and filter, and dark or light. A page's own script adds to
   `page.filters` and `page.plots`, and then starts it. */
const page = (() => {
  const PAGE = 50;
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (selector, root = document) => root.querySelector(selector);

  /* Tables: all rows are data; a page of them stands in the document. */
  const strip = document.createElement("div");
  const textOf = (html) => {
    if (!/[<&]/.test(html)) return html;
    strip.innerHTML = html;
    return strip.textContent;
  };
  const NUMBER = /[-−+±]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?/i;
  const numberOf = (text) => {
    const found = NUMBER.exec(text);
    return found ? Number(found[0].replace(/[,±+]/g, "").replace("−", "-")) : NaN;
  };

  class Table {
    constructor(element, rows) {
      this.element = element;
      this.sides = element.dataset.sides.split(",");
      this.rows = rows.map((cells) => ({ cells, texts: null, low: null }));
      this.shown = this.rows;
      this.sorted = null;
      this.limit = PAGE;
      this.more = find(`[data-more="${element.dataset.table}"]`);
      element.tHead.querySelectorAll("button").forEach((button, column) =>
        button.addEventListener("click", () => this.sort(column)));
      if (rows.length > PAGE) this.draw();
    }
    texts(row) {
      row.texts ??= row.cells.map(textOf);
      return row.texts;
    }
    key(row) {
      row.low ??= this.texts(row).join(" ").toLowerCase();
      return row.low;
    }
    filter(wanted, unwanted) {
      this.shown = this.rows.filter((row) => {
        const text = this.key(row);
        return wanted.every((word) => text.includes(word)) &&
          !unwanted.some((word) => text.includes(word));
      });
      this.limit = PAGE;
      this.draw();
    }
    sort(column) {
      const falling = this.sorted?.column === column && !this.sorted.falling;
      this.sorted = { column, falling };
      [...this.element.tHead.rows[0].cells].forEach((cell, turn) => cell.setAttribute("aria-sort",
        turn !== column ? "none" : falling ? "descending" : "ascending"));
      this.draw();
    }
    ordered() {
      if (!this.sorted) return this.shown;
      const { column, falling } = this.sorted;
      const keyed = this.shown.map((row) => {
        const text = this.texts(row)[column];
        return { row, text, number: this.sides[column] === "r" ? numberOf(text) : NaN };
      });
      keyed.sort((a, b) => {
        const unknown = Number(Number.isNaN(a.number)) - Number(Number.isNaN(b.number));
        if (this.sides[column] === "r" && unknown) return unknown;
        const by = Number.isNaN(a.number) ? a.text.localeCompare(b.text) : a.number - b.number;
        return falling ? -by : by;
      });
      return keyed.map((one) => one.row);
    }
    draw() {
      const rows = this.ordered().slice(0, this.limit);
      this.element.tBodies[0].innerHTML = rows.map(({ cells }) => "<tr>" +
        cells.map((cell, turn) => `<td class="${this.sides[turn]}">${cell}</td>`).join("") +
        "</tr>").join("");
      this.tell();
    }
    tell() {
      const left = this.shown.length - this.limit;
      const less = this.rows.length - this.shown.length;
      this.more.hidden = left <= 0 && less === 0;
      this.more.textContent = `${this.shown.length} of ${this.rows.length} rows. `;
      if (left > 0) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = `Show ${Math.min(left, PAGE * 4)} more`;
        button.addEventListener("click", () => { this.limit += PAGE * 4; this.draw(); });
        this.more.append(button);
      }
    }
  }

  const tables = [...document.querySelectorAll("table[data-table]")].map(
    (element) => new Table(element, data.tables[Number(element.dataset.table)]));

  const words = () => find("#filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const applyFilter = () => {
    const said = words();
    const unwanted = said.filter((w) => w.startsWith("-") && w.length > 1).map((w) => w.slice(1));
    const wanted = said.filter((w) => !w.startsWith("-"));
    tables.forEach((table) => table.filter(wanted, unwanted));
    const fits = (text) => {
      const low = text.toLowerCase();
      return wanted.every((w) => low.includes(w)) && !unwanted.some((w) => low.includes(w));
    };
    filters.forEach((filter) => filter(fits, said.length > 0));
  };
  const filters = [];
  let waiting = 0;
  find("#filter").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(applyFilter, 120);
  });

  const colourOf = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colours = () => {
    const [text, line] = ["--text", "--line"].map(colourOf);
    return {
      background: "transparent",
      axis: { labelColor: text, titleColor: text, gridColor: line, domainColor: line,
        tickColor: line },
      legend: { labelColor: text, titleColor: text, labelLimit: 220,
        symbolBaseFillColor: text, symbolBaseStrokeColor: text,
        orient: innerWidth < 700 ? "bottom" : "right", columns: innerWidth < 700 ? 2 : 1 },
      view: { stroke: line },
      text: { color: text },
      rule: { color: text },
    };
  };
  const embed = (place, spec, datasets) => {
    const dark = root.classList.contains("dark");
    const all = { ...spec.datasets, ...datasets };
    return vegaEmbed(place, { ...spec, datasets: all }, {
      actions: false, renderer: "canvas", config: colours(), tooltip: { theme: dark ? "dark" : "light" },
    });
  };

  /* Dark or light: as the system has it, until the reader says otherwise. */
  const plots = [];
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const wear = (dark) => {
    root.classList.toggle("dark", dark);
    find("#theme").textContent = dark ? "Light" : "Dark";
    return Promise.all(plots.map((plot) => plot()));
  };
  const start = () => {
    find("#theme").addEventListener("click", () => wear(!root.classList.contains("dark")));
    system.addEventListener("change", (event) => wear(event.matches));
    wear(system.matches).then(() => { root.dataset.ready = "yes"; });
  };

  return { data, find, colourOf, embed, filters, plots, start };
})();
