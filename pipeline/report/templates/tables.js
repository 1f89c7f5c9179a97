"use strict";
// A click on the head of a column sorts the table by it, upwards; the next click turns the order round.
const width = (row) => [...row.cells].reduce((sum, cell) => sum + cell.colSpan, 0);
const read = (row, column) => {
  const text = (row.cells[column] ?? row.cells[row.cells.length - 1]).innerText.trim();  // the last one may span several
  const number = parseFloat(text.replaceAll(",", "").replace("\u2212", "-"));
  return Number.isNaN(number) ? text : number;
};
const compare = (first, second, turn) => {  // what has no number comes last both ways
  if (typeof first !== typeof second) return typeof first === "number" ? -1 : 1;
  return turn * (typeof first === "number" ? first - second : first.localeCompare(second, "en", { numeric: true }));
};
function sort(table, head, column) {
  const upwards = head.getAttribute("aria-sort") !== "ascending";
  const rows = [...table.tBodies[0].rows].map((row) => [read(row, column), row]);
  rows.sort((first, second) => compare(first[0], second[0], upwards ? 1 : -1));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", upwards ? "ascending" : "descending");
  table.tBodies[0].append(...rows.map((row) => row[1]));
}
for (const table of document.querySelectorAll("table:not(.matrix)")) {
  const heads = table.tHead?.rows.length === 1 ? [...table.tHead.rows[0].cells] : [];
  const rows = table.tBodies.length === 1 ? [...table.tBodies[0].rows] : [];
  if (rows.length < 3 || rows.some((row) => width(row) !== heads.length)) continue;
  heads.forEach((head, column) => {
    if (!head.textContent.trim() || head.classList.contains("dots")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, head, column));
    head.append(button);
  });
}
