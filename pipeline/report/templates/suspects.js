"use strict";
// Each picture has a choice (keep, relabel, drop); the lines of all choices are in the box, ready to be copied.
const cell = (text) => /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
const box = document.getElementById("lines");
const field = (id) => document.getElementById(id).value.trim();
function write() {
  const rest = [field("who"), field("when"), field("why")].map(cell);
  const lines = [];
  for (const one of document.querySelectorAll("fieldset[data-sample]")) {
    const action = one.querySelector("input[type=radio]:checked");
    if (!action) continue;
    const labels = action.value === "relabel" ? one.querySelector(".labels").value.trim() : "";
    lines.push([one.dataset.sample, action.value, one.dataset.previous].map(cell).concat(cell(labels), rest).join(","));
  }
  box.value = lines.length ? lines.join("\n") + "\n" : "";
  document.getElementById("count").textContent = lines.length;
  document.getElementById("copy").disabled = !lines.length;
}
const today = new Date();
document.getElementById("when").value =
  [today.getFullYear(), today.getMonth() + 1, today.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
document.addEventListener("input", (event) => {
  if (event.target.classList.contains("labels"))
    event.target.closest("fieldset").querySelector("[value=relabel]").checked = true;
  write();
});
document.getElementById("copy").addEventListener("click", (event) => {
  box.select();
  event.target.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
});
document.body.classList.add("with-script");
write();
