"use strict";
// A click on a column's name sorts its table: numbers by what they begin with, the rest as words.
function valueOf(text) {
  const number = parseFloat(text.replaceAll(",", ""));
  return Number.isNaN(number) ? text : number;
}
function compare(a, b) {
  if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
  return typeof a === "number" ? -1 : 1;
}
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const valued = [...table.tBodies[0].rows].map((row) => [valueOf(row.cells[column].textContent), row]);
      valued.sort((a, b) => (down ? compare(b[0], a[0]) : compare(a[0], b[0])));
      table.tBodies[0].append(...valued.map(([, row]) => row));
    });
  });
}
// A link to a reason opens it.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.tagName === "DETAILS") target.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();
