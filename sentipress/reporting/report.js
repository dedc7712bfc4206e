"use strict";
// Sorts a table by the column whose header is pressed, and shows the figures of the point that mouse or keyboard reaches.
for (const table of document.querySelectorAll("table.sortable")) {
  const headers = [...table.tHead.rows[0].cells];
  const numberIn = (cell) => cell.textContent.replaceAll(",", "").match(/[-+]?\d+(?:\.\d+)?/)?.[0];
  const sort = (header, column) => {
    const rising = header.getAttribute("aria-sort") !== "ascending";
    for (const one of headers) one.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const text = header.classList.contains("text");
    const keyed = [...table.tBodies[0].rows].map((row) => {
      const cell = row.cells[column];
      return [row, text ? cell.textContent : numberIn(cell)];
    });
    const compare = text ? (a, b) => a.localeCompare(b) : (a, b) => a - b;
    // Rows without a number stay at the end in both orders.
    keyed.sort(([, a], [, b]) => (a === undefined || b === undefined ? (a === undefined) - (b === undefined) : rising ? compare(a, b) : compare(b, a)));
    table.tBodies[0].append(...keyed.map(([row]) => row));
  };
  headers.forEach((header, column) => header.querySelector("button").addEventListener("click", () => sort(header, column)));
}
for (const figure of document.querySelectorAll("figure.live")) {
  const shown = figure.querySelector(".figures");
  const show = (event) => {
    const title = event.target.closest?.(".point")?.querySelector("title");
    if (title) shown.textContent = title.textContent;
  };
  for (const kind of ["focusin", "pointerover", "click"]) figure.addEventListener(kind, show);
}
