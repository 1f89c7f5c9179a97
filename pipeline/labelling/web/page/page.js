"use strict";

// Shows samples, and sends what a person decides about them. Names come from anywhere: they are only ever set as text.
const find = (id) => document.getElementById(id);
const make = (tag, className = "", text = "") => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
};
const SIZES = [96, 128, 168, 216, 280]; // pixels of a tile
const GAP = 8, CAPTION = 28, HEADING = 36;
const NO_LABEL = "\u0000";
const MOST_ROWS = 10000, BATCH = 200, LOADS = 6, MOST_THUMBNAILS = 3000, MOST_SAMPLES = 20000;
const number = (value) => value.toLocaleString("en");

const page = {
  key: "", who: "", project: null, classes: [], byName: new Map(), byKey: new Map(),
  rows: [], groups: [], notes: {}, shown: 0, version: 0, suggestions: -1, classesVersion: -1,
  samples: new Map(), lines: [], columns: 1, size: 2, side: SIZES[2], tiles: new Map(), spare: [],
  current: 0, anchor: 0, selected: new Set(), history: [], outbox: [], sending: false, problem: "", problems: [],
  acts: [], since: performance.now(), stage: null, marks: [],
};

// ---- calls -------------------------------------------------------------------------------------------------------

class Refused extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

function headers(more = {}) {
  return page.key ? { ...more, "X-API-Key": page.key } : more;
}

async function call(path, body) {
  const options = body === undefined ? { headers: headers() }
    : { method: "POST", headers: headers({ "content-type": "application/json" }), body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused(0, "The server does not answer.");
  }
  const content = await response.json().catch(() => ({}));
  if (response.status === 401) askKey();
  if (!response.ok) throw new Refused(response.status, content.message || `The server answers ${response.status}.`);
  return content;
}

function query(values) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== "" && value !== null && value !== undefined) parts.set(name, value);
  return parts.toString();
}

let statusTimer = 0;
function say(text, seconds = 5) {
  find("status").textContent = text;
  clearTimeout(statusTimer);
  statusTimer = setTimeout(() => { find("status").textContent = ""; }, 1000 * seconds);
}

function showBanners() {
  const texts = [...page.problems];
  if (page.problem) texts.unshift(`${page.problem} ${page.outbox.length} ${page.outbox.length === 1 ? "decision waits" : "decisions wait"} in this browser and will be sent again.`);
  const shown = [...find("banners").children].map((one) => one.textContent);
  if (shown.join("\n") === texts.join("\n")) return;
  find("banners").replaceChildren(...texts.map((text) => make("p", "", text)));
}

// ---- pictures: those in sight first, six at a time, the last three thousand stay ----------------------------------

const thumbnails = new Map(); // row to the address of a blob, or "" where it cannot be read
let queue = [], numLoading = 0;
const loading = new Set();

async function fetchPicture(path) {
  const response = await fetch(path, { headers: headers() });
  if (!response.ok) {
    const content = await response.json().catch(() => ({}));
    throw new Refused(response.status, content.message || "cannot be read");
  }
  return URL.createObjectURL(await response.blob());
}

function wantThumbnails(rows) {
  queue = rows.filter((row) => !thumbnails.has(row) && !loading.has(row));
  pump();
}

function pump() {
  while (numLoading < LOADS && queue.length) {
    const row = queue.shift();
    const sample = page.samples.get(row);
    numLoading += 1;
    loading.add(row);
    fetchPicture(`samples/${row}/thumbnail?v=${sample ? sample.version : ""}`).then((address) => keepThumbnail(row, address, ""),
      (error) => { if (error.status >= 400 && error.status !== 401 && error.status !== 503) keepThumbnail(row, "", error.message); })
      .finally(() => { numLoading -= 1; loading.delete(row); pump(); });
  }
}

function keepThumbnail(row, address, message) {
  thumbnails.set(row, address);
  if (thumbnails.size > MOST_THUMBNAILS) {
    for (const [old, gone] of thumbnails) {
      if (thumbnails.size <= MOST_THUMBNAILS) break;
      if ([...page.tiles.values()].some((tile) => tile.row === old)) continue;
      thumbnails.delete(old);
      if (gone) URL.revokeObjectURL(gone);
    }
  }
  for (const tile of page.tiles.values()) if (tile.row === row) showThumbnail(tile, message);
}

function showThumbnail(tile, message = "cannot be read") {
  const address = thumbnails.get(tile.row);
  if (address === tile.address) return;
  tile.address = address;
  tile.broken.textContent = address === "" ? message : "";
  tile.img.hidden = !address;
  if (address) tile.img.src = address; else tile.img.removeAttribute("src");
}

// ---- samples ------------------------------------------------------------------------------------------------------

let wantedSamples = new Set(), sampleTimer = 0, numDescribing = 0;

function wantSamples(rows) {
  wantedSamples = new Set(rows.filter((row) => !page.samples.has(row)));
  if (wantedSamples.size && !sampleTimer && numDescribing < 2) sampleTimer = setTimeout(describe, 40);
}

async function describe() {
  sampleTimer = 0;
  const rows = [...wantedSamples].slice(0, BATCH);
  if (!rows.length) return;
  for (const row of rows) wantedSamples.delete(row);
  numDescribing += 1;
  try {
    take((await call(`samples?${query({ who: page.who, rows: rows.join(",") })}`)).samples);
  } catch (error) {
    if (error.status === 422 || error.status === 404) say(error.message);
  } finally {
    numDescribing -= 1;
    if (wantedSamples.size && !sampleTimer) sampleTimer = setTimeout(describe, 40);
  }
}

function take(samples) {
  const waiting = waitingRows();
  for (const sample of samples) if (!waiting.has(sample.row)) page.samples.set(sample.row, sample);
  if (page.samples.size > MOST_SAMPLES) {
    const seen = new Set(inSight(1));
    for (const row of page.samples.keys()) if (page.samples.size > MOST_SAMPLES && !seen.has(row) && !waiting.has(row)) page.samples.delete(row);
  }
  const rows = new Set(samples.map((one) => one.row));
  for (const tile of page.tiles.values()) if (rows.has(tile.row)) describeTile(tile);
  const chosen = targets();
  if (chosen.length > 1 || rows.has(chosen[0])) describeSide();
  if (page.stage && rows.has(page.stage.row)) describeStage();
}

function waitingRows() {
  return new Set(page.outbox.flatMap((one) => one.body.rows || []));
}

function forgetSamples() {
  const waiting = waitingRows();
  for (const row of [...page.samples.keys()]) if (!waiting.has(row)) page.samples.delete(row);
  draw();
}

// ---- the grid: only the lines in sight are in the document --------------------------------------------------------

const grid = find("grid");
const side = () => page.side;
const lineHeight = () => side() + CAPTION + GAP;

function layOut() {
  const width = grid.clientWidth - GAP;
  page.columns = Math.max(1, Math.floor(width / (SIZES[page.size] + GAP)));
  page.side = Math.max(40, Math.floor(width / page.columns) - GAP);
  page.lines = [];
  let top = GAP;
  const groups = page.groups.length ? page.groups : [["", 0]];
  groups.forEach(([title, start], place) => {
    const end = place + 1 < groups.length ? groups[place + 1][1] : page.rows.length;
    if (title) {
      page.lines.push({ top, height: HEADING, title: `${title} · ${number(end - start)}`, start, end: start });
      top += HEADING;
    }
    for (let first = start; first < end; first += page.columns) {
      page.lines.push({ top, height: lineHeight(), title: "", start: first, end: Math.min(end, first + page.columns) });
      top += lineHeight();
    }
  });
  find("sizer").style.height = `${top}px`;
  for (const tile of page.tiles.values()) { tile.node.remove(); page.spare.push(tile); }
  page.tiles.clear();
  draw();
}

function lineAt(top) {
  let low = 0, high = page.lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (page.lines[middle].top <= top) low = middle; else high = middle - 1;
  }
  return low;
}

function lineOf(place) {
  let low = 0, high = page.lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (page.lines[middle].start <= place) low = middle; else high = middle - 1;
  }
  return low;
}

function inSight(more) {
  const rows = [], top = grid.scrollTop, bottom = top + grid.clientHeight;
  const add = (from, to) => {
    for (let line = lineAt(Math.max(0, from)); line < page.lines.length && page.lines[line].top < to; line += 1)
      for (let place = page.lines[line].start; place < page.lines[line].end; place += 1) rows.push(page.rows[place]);
  };
  if (!page.lines.length) return rows;
  add(top, bottom); // those in sight first
  add(bottom, bottom + lineHeight() + more * grid.clientHeight);
  add(top - lineHeight(), top);
  return [...new Set(rows)];
}

const headings = new Map();
let isDrawing = false;
function draw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => { isDrawing = false; drawNow(); });
}

function drawNow() {
  const first = grid.scrollTop - lineHeight(), last = grid.scrollTop + grid.clientHeight + lineHeight();
  const places = new Set(), titles = new Set();
  for (let line = page.lines.length ? lineAt(Math.max(0, first)) : 0; line < page.lines.length && page.lines[line].top < last; line += 1) {
    const one = page.lines[line];
    if (one.title) titles.add(one);
    for (let place = one.start; place < one.end; place += 1) places.add(place);
  }
  for (const [place, tile] of page.tiles) if (!places.has(place)) { page.tiles.delete(place); tile.node.hidden = true; page.spare.push(tile); }
  for (const place of places) if (!page.tiles.has(place)) addTile(place);
  for (const [one, node] of headings) if (!titles.has(one)) { node.remove(); headings.delete(one); }
  for (const one of titles) if (!headings.has(one)) {
    const node = make("p", "group", one.title);
    node.style.transform = `translateY(${one.top}px)`;
    grid.append(node);
    headings.set(one, node);
  }
  loadInSight();
}

// Where a screen passes in less than a third of a second nothing is loaded: nobody could see it.
let lastTop = 0, lastTime = 0, restTimer = 0;
function loadInSight() {
  const now = performance.now(), speed = Math.abs(grid.scrollTop - lastTop) / Math.max(1, now - lastTime);
  lastTop = grid.scrollTop;
  lastTime = now;
  clearTimeout(restTimer);
  if (speed * 300 > grid.clientHeight) {
    queue = [];
    wantedSamples.clear();
    restTimer = setTimeout(loadInSight, 80);
    return;
  }
  const near = inSight(0.6);
  if (near.some((row) => !page.samples.has(row))) wantSamples(inSight(3)); // few large answers rather than many small ones
  wantThumbnails(near);
}

function newTile() {
  const node = make("div", "tile");
  node.setAttribute("role", "option");
  const frame = make("div", "frame"), img = make("img"), broken = make("span", "broken");
  img.alt = "";
  img.decoding = "async";
  img.hidden = true;
  img.addEventListener("load", () => img.classList.toggle("pixels", Math.max(img.naturalWidth, img.naturalHeight) <= 64));
  const caption = make("div", "caption"), name = make("span", "name"), mark = make("span", "mark");
  frame.append(img, broken);
  caption.append(name, mark);
  node.append(frame, caption);
  return { node, img, broken, name, mark, caption, row: -1, place: -1, address: undefined, text: "" };
}

function addTile(place) {
  const tile = page.spare.pop() || newTile();
  const line = page.lines[lineOf(place)];
  tile.place = place;
  if (tile.row !== page.rows[place]) { tile.row = page.rows[place]; tile.text = ""; }
  tile.node.hidden = false;
  tile.node.id = `tile-${place}`;
  tile.node.style.width = `${side()}px`;
  tile.node.style.height = `${side() + CAPTION}px`;
  tile.node.style.transform = `translate(${GAP + (place - line.start) * (side() + GAP)}px, ${line.top}px)`;
  tile.node.setAttribute("aria-posinset", place + 1);
  tile.node.setAttribute("aria-setsize", page.rows.length);
  showThumbnail(tile);
  describeTile(tile);
  if (!tile.node.isConnected) grid.append(tile.node);
  page.tiles.set(place, tile);
}

function colourOf(name) {
  const entry = page.byName.get(name);
  if (!entry) return "";
  return entry.colour || `hsl(${Math.round(137.5 * page.classes.indexOf(entry)) % 360} 65% 52%)`;
}

function describeTile(tile) {
  const sample = page.samples.get(tile.row);
  let text = "", mark = "", kind = "", colour = "";
  if (sample) {
    text = sample.labels.join(", ");
    colour = sample.labels.length ? colourOf(sample.labels[0]) : "";
    const guess = sample.predicted && find("predictions").checked ? sample.predicted : null;
    if (!text && sample.status === "labelled") text = "none of the classes";
    if (!text && guess && guess.labels.length) { text = `${guess.labels.join(", ")}?`; kind = " guess"; }
    if (sample.status === "dropped") { text = "taken out"; kind = " dropped"; }
    if (sample.mine) kind += " mine";
    if (!text) text = "–";
    const differs = guess && sample.labels.length && guess.labels.join() !== sample.labels.join();
    if (sample.status === "conflict") mark = "differ";
    else if (sample.pending) mark = "…";
    else if (sample.people > (sample.mine ? 1 : 0)) mark = sample.people === 1 ? "1 person" : `${sample.people} people`;
    else if (sample.blind) mark = "blind";
    else if (differs) mark = `${guess.labels.join(", ") || "none"}?`;
    else if (guess) mark = `${Math.round(100 * guess.scores[0][1])} %`;
    if (differs) kind += " differs";
    if (sample.status === "conflict") kind += " conflict";
  }
  const isSelected = page.selected.has(tile.row), isCurrent = tile.place === page.current;
  const all = `${text}|${mark}|${kind}|${colour}|${isSelected}|${isCurrent}`;
  if (all === tile.text) return;
  tile.text = all;
  tile.name.textContent = text;
  tile.mark.textContent = mark;
  tile.node.className = `tile${kind}${isSelected ? " selected" : ""}${isCurrent ? " current" : ""}`;
  tile.caption.style.setProperty("--class", colour || "transparent");
  tile.node.setAttribute("aria-selected", isSelected);
  tile.node.setAttribute("aria-label", `${sample ? sample.id : "sample"}: ${text || "no label"}`);
}

function redraw() {
  for (const tile of page.tiles.values()) describeTile(tile);
  grid.setAttribute("aria-activedescendant", `tile-${page.current}`);
  describeSide();
}

function goTo(place, isRange = false, keepsSelection = false) {
  if (!page.rows.length) return;
  place = Math.max(0, Math.min(page.rows.length - 1, place));
  page.current = place;
  if (isRange) selectRange(page.anchor, place);
  else { page.anchor = place; if (!keepsSelection) page.selected.clear(); }
  page.since = performance.now();
  const line = page.lines[lineOf(place)];
  if (line.top < grid.scrollTop) grid.scrollTop = Math.max(0, line.top - GAP);
  else if (line.top + line.height > grid.scrollTop + grid.clientHeight) grid.scrollTop = line.top + line.height - grid.clientHeight;
  drawNow();
  redraw();
}

function selectRange(from, to) {
  page.selected.clear();
  for (let place = Math.min(from, to); place <= Math.max(from, to); place += 1) page.selected.add(page.rows[place]);
}

function move(key, isRange) {
  const line = lineOf(page.current), one = page.lines[line], column = page.current - one.start;
  const toLine = (step) => {
    let next = line + step;
    while (page.lines[next] && page.lines[next].title) next += step;
    const there = page.lines[next];
    return there ? Math.min(there.start + column, there.end - 1) : page.current;
  };
  const screen = Math.max(1, Math.floor(grid.clientHeight / lineHeight()) - 1) * page.columns;
  const places = {
    ArrowLeft: () => page.current - 1, ArrowRight: () => page.current + 1, ArrowUp: () => toLine(-1), ArrowDown: () => toLine(1),
    Home: () => 0, End: () => page.rows.length - 1, PageUp: () => page.current - screen, PageDown: () => page.current + screen,
  };
  goTo(places[key](), isRange);
}

// ---- the mouse ----------------------------------------------------------------------------------------------------

let drag = null;
function placeAt(x, y) {
  const box = grid.getBoundingClientRect();
  const top = y - box.top + grid.scrollTop, left = x - box.left;
  if (!page.lines.length) return -1;
  const line = page.lines[lineAt(top)];
  const column = Math.floor((left - GAP / 2) / (side() + GAP));
  const place = line.start + column;
  return line.title || column < 0 || column >= page.columns || place >= line.end || top > line.top + line.height ? -1 : place;
}

grid.addEventListener("pointerdown", (event) => {
  if (event.button || event.pointerType === "touch" || event.offsetX > grid.clientWidth) return;
  const box = grid.getBoundingClientRect();
  drag = { x: event.clientX - box.left, y: event.clientY - box.top + grid.scrollTop, isBand: false, before: new Set(event.ctrlKey || event.metaKey ? page.selected : []) };
});
window.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const box = grid.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top + grid.scrollTop;
  if (!drag.isBand && Math.hypot(x - drag.x, y - drag.y) < 6) return;
  drag.isBand = true;
  if (event.clientY > box.bottom - 30) grid.scrollTop += 24;
  if (event.clientY < box.top + 30) grid.scrollTop -= 24;
  const [left, right] = [Math.min(x, drag.x), Math.max(x, drag.x)], [top, bottom] = [Math.min(y, drag.y), Math.max(y, drag.y)];
  const band = find("band");
  band.hidden = false;
  band.style.transform = `translate(${left}px, ${top}px)`;
  band.style.width = `${right - left}px`;
  band.style.height = `${bottom - top}px`;
  page.selected = new Set(drag.before);
  for (let line = lineAt(top); line < page.lines.length && page.lines[line].top < bottom; line += 1) {
    const one = page.lines[line];
    if (one.top + one.height < top) continue;
    for (let place = one.start; place < one.end; place += 1) {
      const start = GAP + (place - one.start) * (side() + GAP);
      if (start < right && start + side() > left) page.selected.add(page.rows[place]);
    }
  }
  redraw();
});
window.addEventListener("pointerup", (event) => {
  if (!drag) return;
  const wasBand = drag.isBand;
  drag = null;
  find("band").hidden = true;
  if (wasBand) { page.since = performance.now(); return; }
  const place = placeAt(event.clientX, event.clientY);
  if (place < 0) { page.selected.clear(); redraw(); return; }
  const row = page.rows[place];
  if (event.ctrlKey || event.metaKey) {
    if (page.selected.has(row)) page.selected.delete(row); else page.selected.add(row);
    goTo(place, false, true);
  } else goTo(place, event.shiftKey);
});
grid.addEventListener("click", (event) => {
  if (event.pointerType !== "touch") return;
  const place = placeAt(event.clientX, event.clientY);
  if (place >= 0) goTo(place);
});
grid.addEventListener("dblclick", (event) => { const place = placeAt(event.clientX, event.clientY); if (place >= 0) openLarge(place); });
grid.addEventListener("scroll", draw, { passive: true });
new ResizeObserver(() => { if (page.rows.length && !find("work").hidden) layOut(); }).observe(grid);

// ---- decisions: shown at once, sent in order, sent again until the server says that they are on the disk -----------

const boxName = () => `colibri-outbox-${page.project.source}-${page.tab}`;

function targets() {
  if (page.stage) return [page.stage.row];
  if (page.selected.size) return [...page.selected];
  return page.rows.length ? [page.rows[page.current]] : [];
}

function chooseClass(name) {
  const rows = targets();
  if (!rows.length) return;
  if (page.project.exclusive) { decide({ rows, labels: [name] }, (sample) => [name]); return; }
  const has = rows.every((row) => (page.samples.get(row)?.labels || []).includes(name));
  const change = has ? { remove: [name] } : { add: [name] };
  decide({ rows, ...change }, (sample) => [...new Set([...sample.labels.filter((one) => one !== name), ...(has ? [] : [name])])].sort());
}

function accept() {
  decide({ rows: targets(), action: "accept" }, (sample) => sample.labels.length || !sample.predicted ? sample.labels : sample.predicted.labels);
}

function drop() {
  decide({ rows: targets(), action: "drop" }, null);
}

function decide(body, labelsOf) {
  if (!page.who) { askWho(); return; }
  if (!body.rows.length) return;
  if (body.rows.length > MOST_ROWS) { say(`At most ${number(MOST_ROWS)} samples at once; ${number(body.rows.length)} are selected.`); return; }
  const isSingle = body.rows.length === 1 && !page.selected.size;
  const seconds = Math.min(300, (performance.now() - page.since) / 1000) / body.rows.length;
  for (const row of body.rows) {
    const sample = page.samples.get(row);
    if (!sample) continue;
    const labels = labelsOf === null ? [] : labelsOf(sample);
    page.samples.set(row, { ...sample, labels, status: labelsOf === null ? "dropped" : "labelled", mine: true, pending: true });
  }
  send("decisions", { who: page.who, manifest: page.project.manifest, ...body, seconds: Math.round(10 * seconds) / 10, seen_prediction: find("predictions").checked });
  page.acts.push([performance.now(), body.rows.length]);
  page.since = performance.now();
  const goesOn = page.project.exclusive || body.action;
  if (page.stage) { if (goesOn && !questionsOf(page.stage.row).length) openLarge(page.stage.place + 1); else describeStage(); redraw(); }
  else if (isSingle && goesOn && !body.attributes) goTo(page.current + 1);
  else redraw();
  showRate();
}

function send(path, body) {
  page.outbox.push({ path, body });
  storeOutbox();
  if (page.problem) showBanners();
  pumpOutbox();
}

function storeOutbox() {
  try { localStorage.setItem(boxName(), JSON.stringify(page.outbox)); } catch { /* private windows have no room */ }
}

async function pumpOutbox() {
  if (page.sending) return;
  page.sending = true;
  while (page.outbox.length) {
    const { path, body } = page.outbox[0];
    let found = null, message = "";
    try {
      found = await call(path, body);
    } catch (error) {
      const isLater = path === "decisions" && (error.status === 0 || error.status >= 500 || error.status === 401 || error.status === 408);
      if (isLater) {
        body.again = true;
        page.problem = error.message;
        showBanners();
        await new Promise((resolve) => setTimeout(resolve, 1500));
        continue;
      }
      message = error.message;
    }
    page.outbox.shift();
    storeOutbox();
    page.problem = "";
    showBanners();
    if (found) {
      setUndo(found.undo, found.redo);
      take(found.samples);
      if (path !== "decisions") say(`${path === "undo" ? "Undone" : "Done again"}: ${number(found.num_written)} ${found.num_written === 1 ? "sample" : "samples"}`);
    } else {
      say(message, 8);
      if (message.includes("reload the page") && !page.problems.includes(message)) { page.problems = [...page.problems, message]; showBanners(); }
      const waiting = waitingRows();
      for (const row of body.rows || []) if (!waiting.has(row)) page.samples.delete(row);
      draw();
    }
  }
  page.sending = false;
  soon();
}

function setUndo(undo, redo) {
  find("undo").disabled = !undo;
  find("redo").disabled = !redo;
}

window.addEventListener("beforeunload", (event) => { if (page.outbox.length) event.preventDefault(); });

// ---- what others do ------------------------------------------------------------------------------------------------

let pollTimer = 0;
function soon(seconds = 0.25) {
  clearTimeout(pollTimer);
  pollTimer = setTimeout(poll, 1000 * seconds);
}

async function poll() {
  if (!page.who) { soon(2); return; }
  try {
    const found = await call(`changes?${query({ who: page.who, since: page.version, shown: page.shown })}`);
    const waiting = waitingRows();
    if (found.all || found.suggestions_version !== page.suggestions) refetch(inSight(0.6), true);
    else refetch(found.rows.filter((row) => page.samples.has(row) && !waiting.has(row)), false);
    if (found.classes_version !== page.classesVersion) await loadClasses();
    takeProgress(found);
    if (!page.outbox.length && page.problem) { page.problem = ""; }
  } catch (error) {
    if (error.status === 0 && !page.outbox.length) page.problems = ["The server does not answer. Decisions wait in this browser until it does."];
  }
  showBanners();
  soon(document.hidden ? 10 : 2);
}

async function refetch(rows, isAll) {
  if (isAll) {
    const seen = new Set(rows), waiting = waitingRows();
    for (const row of [...page.samples.keys()]) if (!seen.has(row) && !waiting.has(row)) page.samples.delete(row);
  }
  for (let start = 0; start < rows.length; start += BATCH) {
    const part = rows.slice(start, start + BATCH);
    try { take((await call(`samples?${query({ who: page.who, rows: part.join(",") })}`)).samples); } catch { return; }
  }
}

function takeProgress(found) {
  page.version = found.version;
  page.suggestions = found.suggestions_version;
  page.problems = found.problems;
  page.decided = found.num_decided;
  page.total = found.num_shown;
  setUndo(found.undo, found.redo);
  fillSelect(find("f-annotator"), found.annotators.map((name) => [name, name]), "anybody");
  showRate();
}

function showRate() {
  const now = performance.now();
  page.acts = page.acts.filter(([when]) => now - when < 60000);
  const rate = page.acts.reduce((sum, [, count]) => sum + count, 0);
  find("bar").max = Math.max(1, page.total || 0);
  find("bar").value = page.decided || 0;
  find("progress-text").textContent = `${number(page.decided || 0)} of ${number(page.total || 0)} decided${rate ? ` · ${number(rate)} in the last minute` : ""}`;
}

// ---- classes, answers ----------------------------------------------------------------------------------------------

function takeClasses(found) {
  page.classes = found.classes;
  page.retired = found.retired;
  page.areListed = found.are_listed;
  page.listVersion = found.list_version;
  page.classesVersion = found.classes_version;
  page.classesFile = found.classes_file;
  page.byName = new Map(page.classes.map((one) => [one.name, one]));
  page.byKey = new Map(page.classes.filter((one) => one.key).map((one) => [one.key, one]));
  fillSelect(find("f-label"), [[NO_LABEL, "without a label"], ...page.classes.map((one) => [one.name, one.name])], "any");
  listClasses();
  if (!find("classes-page").hidden) showClassesTable();
}

async function loadClasses() {
  takeClasses(await call("classes"));
}

function classButton(entry, isFirst) {
  const button = make("button", isFirst ? "class first" : "class");
  button.type = "button";
  button.dataset.name = entry.name;
  button.title = entry.description;
  button.style.setProperty("--class", colourOf(entry.name));
  button.append(make("span", "name", entry.name));
  if (entry.key) { button.append(make("kbd", "", entry.key)); button.setAttribute("aria-keyshortcuts", entry.key); }
  button.addEventListener("click", () => chooseClass(entry.name));
  return button;
}

function matching() {
  const text = find("class-search").value.trim().toLowerCase();
  const found = page.classes.filter((one) => one.name.toLowerCase().includes(text));
  return text ? found.sort((one, other) => other.name.toLowerCase().startsWith(text) - one.name.toLowerCase().startsWith(text)) : found;
}

function listClasses() {
  const found = matching(), isSearch = Boolean(find("class-search").value.trim());
  const buttons = found.slice(0, 60).map((entry, place) => classButton(entry, isSearch && place === 0));
  if (found.length > 60) buttons.push(make("p", "quiet", `and ${number(found.length - 60)} more: find them by name`));
  if (!page.classes.length) buttons.push(make("p", "quiet", "There are no classes yet: choose Classes above and add some."));
  find("class-list").replaceChildren(...buttons);
  describeSide();
}

function questionsOf(row) {
  const sample = page.samples.get(row);
  const found = new Map();
  for (const name of sample ? sample.labels : []) for (const one of page.byName.get(name)?.attributes || []) found.set(one.name, one);
  return [...found.values()];
}

function describeSide() {
  if (!page.project) return;
  const rows = targets();
  const sample = rows.length === 1 ? page.samples.get(rows[0]) : null;
  const note = rows.length === 1 ? page.notes[rows[0]] : "";
  find("chosen").textContent = rows.length > 1 ? `${number(rows.length)} selected` : sample ? `${sample.id}${note ? ` · ${note}` : ""}${sample.blind ? " · shown without a prediction" : ""}` : "";
  const has = rows.length && rows.length <= 500 ? rows.map((row) => page.samples.get(row)?.labels || []) : [];
  for (const list of [find("class-list"), find("facts-classes")])
    for (const button of list.querySelectorAll(".class"))
      button.setAttribute("aria-pressed", has.length > 0 && has.every((labels) => labels.includes(button.dataset.name)));
  showQuestions(rows);
}

let shownQuestions = "";
function showQuestions(rows) {
  const questions = rows.length <= 500 ? rows.map(questionsOf) : [];
  const common = questions.length ? questions[0].filter((one) => questions.every((all) => all.some((other) => other.name === one.name))) : [];
  const answers = rows.length === 1 ? page.samples.get(rows[0])?.attributes || {} : {};
  const now = JSON.stringify([rows.slice(0, 3), rows.length, common, answers]);
  if (now === shownQuestions || (find("questions").contains(document.activeElement) && JSON.stringify(common.map((one) => one.name)) === find("questions").dataset.names && rows[0] === Number(find("questions").dataset.row))) return;
  shownQuestions = now;
  find("questions").dataset.names = JSON.stringify(common.map((one) => one.name));
  find("questions").dataset.row = rows[0];
  find("questions").replaceChildren(...common.map((one) => {
    const label = make("label", "", one.name);
    const input = make(one.kind === "choice" ? "select" : "input");
    if (one.kind === "choice") fillSelect(input, one.choices.map((text) => [text, text]), "");
    if (one.kind === "number") { input.type = "number"; input.step = "any"; }
    input.value = answers[one.name] ?? "";
    input.addEventListener("change", () => answer(one, input.value, rows));
    label.append(input);
    return label;
  }));
}

function answer(question, text, rows) {
  const value = question.kind === "number" && text !== "" ? Number(text) : text;
  for (const row of rows) {
    const sample = page.samples.get(row);
    if (sample) page.samples.set(row, { ...sample, attributes: { ...sample.attributes, [question.name]: value } });
  }
  decide({ rows, attributes: { [question.name]: value } }, (sample) => sample.labels);
}

function fillSelect(select, entries, first) {
  const now = JSON.stringify([entries, first]);
  if (select.dataset.entries === now) return;
  const value = select.value;
  select.dataset.entries = now;
  select.replaceChildren(...[["", first], ...entries].map(([name, text]) => { const option = make("option", "", text); option.value = name; return option; }));
  if ([...select.options].some((one) => one.value === value)) select.value = value;
}

// ---- one sample, large -----------------------------------------------------------------------------------------------

async function openLarge(place) {
  if (!page.rows.length || place >= page.rows.length || place < 0) { if (page.stage) { closeLarge(); } return; }
  const row = page.rows[place];
  if (!page.stage) find("large-view").showModal();
  endFrames();
  const stage = page.stage = { place, row, scale: 1, x: 0, y: 0, detail: null, frames: [], frame: 0, timer: 0 };
  page.current = place;
  page.anchor = place;
  page.selected.clear();
  page.since = performance.now();
  find("facts-near").replaceChildren();
  find("facts-properties").replaceChildren();
  find("facts-classes").replaceChildren(...page.classes.slice(0, 30).map((entry) => classButton(entry, false)));
  describeStage();
  goTo(place, false, true);
  const sample = page.samples.get(row);
  try {
    const [address, detail] = await Promise.all([
      fetchPicture(`samples/${row}/picture?v=${sample ? sample.version : ""}`), call(`samples/${row}?${query({ who: page.who })}`),
    ]);
    if (page.stage !== stage) { URL.revokeObjectURL(address); return; }
    stage.detail = detail;
    if (!waitingRows().has(row)) page.samples.set(row, { ...page.samples.get(row), ...detail });
    showStageImage(address, true);
    describeStage();
    showDetail(detail);
    beginFrames(stage, detail);
  } catch (error) {
    if (page.stage === stage) { find("facts-prediction").textContent = error.message; find("stage-image").removeAttribute("src"); }
  }
}

function closeLarge() {
  endFrames();
  page.stage = null;
  find("large-view").close();
  grid.focus();
  redraw();
}

let stageAddress = "";
function showStageImage(address, isOwned) {
  if (stageAddress) URL.revokeObjectURL(stageAddress);
  stageAddress = isOwned ? address : "";
  const image = find("stage-image");
  image.onload = () => {
    image.classList.toggle("pixels", Math.max(image.naturalWidth, image.naturalHeight) <= 256);
    const shape = `${image.naturalWidth}x${image.naturalHeight}`;
    if (page.stage && page.stage.shape !== shape) { page.stage.shape = shape; fit(); }
  };
  image.src = address;
}

function fit() {
  const stage = page.stage, image = find("stage-image"), box = find("stage").getBoundingClientRect();
  if (!stage || !image.naturalWidth) return;
  stage.scale = Math.min((box.width - 24) / image.naturalWidth, (box.height - 24) / image.naturalHeight);
  stage.x = stage.y = 0;
  stage.isFitted = true;
  place();
}

function place() {
  find("stage-image").style.transform = `translate(${page.stage.x}px, ${page.stage.y}px) scale(${page.stage.scale})`;
}

function zoom(factor, x = 0, y = 0) {
  const stage = page.stage, before = stage.scale;
  stage.scale = Math.max(0.05, Math.min(64, before * factor));
  stage.x = x - (x - stage.x) * (stage.scale / before);
  stage.y = y - (y - stage.y) * (stage.scale / before);
  place();
}

find("stage").addEventListener("wheel", (event) => {
  if (!page.stage) return;
  event.preventDefault();
  if (page.project.media === "volume" && !event.ctrlKey && page.stage.numFrames > 1) { showFrame(page.stage.frame + Math.sign(event.deltaY)); return; }
  const box = find("stage").getBoundingClientRect();
  zoom(Math.exp(-event.deltaY / 400), event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2);
}, { passive: false });
find("stage").addEventListener("pointerdown", (event) => { if (page.stage) { find("stage").setPointerCapture(event.pointerId); page.stage.drag = [event.clientX, event.clientY]; } });
find("stage").addEventListener("pointermove", (event) => {
  const from = page.stage && page.stage.drag;
  if (!from) return;
  page.stage.x += event.clientX - from[0];
  page.stage.y += event.clientY - from[1];
  page.stage.drag = [event.clientX, event.clientY];
  place();
});
find("stage").addEventListener("pointerup", () => { if (page.stage) page.stage.drag = null; });

function beginFrames(stage, detail) {
  stage.numFrames = detail.num_frames;
  find("frames").hidden = !(detail.num_frames > 1);
  if (!(detail.num_frames > 1)) return;
  find("frame").max = detail.num_frames - 1;
  find("frame").setAttribute("aria-label", page.project.media === "clip" ? "Frame" : "Slice");
  if (page.project.media === "volume") { showFrame(Math.floor(detail.num_frames / 2)); return; }
  showFrame(0);
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play();
}

function endFrames() {
  if (!page.stage) return;
  clearInterval(page.stage.timer);
  find("play").textContent = "▶";
  for (const address of page.stage.frames) if (address) URL.revokeObjectURL(address);
  page.stage.frames = [];
}

async function showFrame(frame) {
  const stage = page.stage;
  if (!stage || !stage.numFrames) return;
  frame = Math.max(0, Math.min(stage.numFrames - 1, frame));
  stage.frame = frame;
  find("frame").value = frame;
  find("frame-text").textContent = `${frame + 1} of ${stage.numFrames}`;
  if (!stage.frames[frame] && !stage.isLoading) {
    stage.isLoading = true;
    try {
      const address = await fetchPicture(`samples/${stage.row}/frames/${frame}?v=${stage.detail.version}`);
      if (page.stage !== stage) { URL.revokeObjectURL(address); return; }
      stage.frames[frame] = address;
    } catch (error) { say(error.message); stage.numFrames = 0; return; } finally { stage.isLoading = false; }
    if (stage.frame !== frame) { showFrame(stage.frame); return; }
  }
  if (stage.frames[frame]) showStageImage(stage.frames[frame], false);
}

function play() {
  const stage = page.stage;
  if (!stage) return;
  if (stage.timer) { clearInterval(stage.timer); stage.timer = 0; find("play").textContent = "▶"; return; }
  find("play").textContent = "■";
  stage.timer = setInterval(() => { if (!stage.isLoading) showFrame((stage.frame + 1) % stage.numFrames); }, 125);
}

function describeStage() {
  const sample = page.samples.get(page.stage.row);
  find("facts-title").textContent = sample ? sample.id : "";
  const parts = sample ? [sample.status === "dropped" ? "taken out" : sample.labels.join(", ") || (sample.status === "labelled" ? "none of the classes" : "no label"), sample.split] : [];
  if (sample && sample.source.join() !== sample.labels.join()) parts.push(`source: ${sample.source.join(", ") || "no label"}`);
  find("facts-labels").textContent = parts.join(" · ");
  const box = find("facts-prediction"), guess = sample && sample.predicted && find("predictions").checked ? sample.predicted : null;
  box.replaceChildren();
  if (sample && sample.blind) box.append(make("p", "quiet", "Shown without a prediction: one in ten is, to measure how much people follow it."));
  if (guess) {
    box.append(make("h3", "", { model: "Prediction of the model", probe: "Prediction of a linear probe", curate: "Suggested by the check of labels" }[guess.by]));
    for (const [name, score] of guess.scores) {
      const line = make("div", "score");
      line.style.setProperty("--share", score);
      line.append(make("span", "", name), make("span", "", `${(100 * score).toFixed(1)} %`));
      box.append(line);
    }
  }
  describeSide();
}

function showDetail(detail) {
  find("facts-near").replaceChildren(...detail.neighbours.map((one) => {
    const button = make("button"), img = make("img");
    button.type = "button";
    button.title = `${one.id}: ${one.labels.join(", ") || "no label"}, cosine ${one.cosine}`;
    img.alt = button.title;
    const known = thumbnails.get(one.row);
    if (known) img.src = known;
    else fetchPicture(`samples/${one.row}/thumbnail?v=${one.version}`).then((address) => { img.onload = () => URL.revokeObjectURL(address); img.src = address; }, () => {});
    button.append(img, make("span", "", one.labels.join(", ") || "–"));
    button.addEventListener("click", () => { const at = page.rows.indexOf(one.row); if (at >= 0) openLarge(at); else { closeLarge(); showLike(one.row); } });
    return button;
  }));
  find("facts-decisions").replaceChildren(...(detail.decisions.length ? detail.decisions : []).map((one) => make("li", "", `${one.who}: ${one.action} ${one.labels.join(", ")} (${one.when.slice(0, 16).replace("T", " ")})`)));
  if (!detail.decisions.length) find("facts-decisions").append(make("li", "quiet", detail.people ? "others decided; you see what after your own decision" : "none"));
  const properties = [["size", detail.size.filter((one, at) => at < 2 || one > 1).join(" × ")], ...detail.facts, ...detail.properties.map(([name, value]) => [name, Number(value.toPrecision(4)).toString()])];
  find("facts-properties").replaceChildren(...properties.flatMap(([name, value]) => [make("dt", "", name), make("dd", "", value)]));
}

// ---- views -----------------------------------------------------------------------------------------------------------

function filters() {
  return {
    label: find("f-label").value, split: find("f-split").value, status: find("f-status").value, annotator: find("f-annotator").value,
    property: find("f-property").value, low: find("f-property").value ? find("f-low").value : "", high: find("f-property").value ? find("f-high").value : "",
    min_score: find("f-min").value, max_score: find("f-max").value, search: find("f-search").value.trim(),
  };
}

async function openView(view, like = 0) {
  find("view").value = view;
  find("back").hidden = !page.history.length;
  const isClasses = view === "classes";
  find("work").hidden = isClasses;
  find("classes-page").hidden = !isClasses;
  page.view = view;
  page.like = like;
  if (isClasses) { await loadClasses(); showClassesTable(); return; }
  let found = null;
  try {
    found = await call(`view?${query({ who: page.who, view, ...(view === "like" ? { like } : {}), ...filters() })}`);
  } catch (error) {
    page.rows = [];
    page.groups = [];
    page.selected.clear();
    layOut();
    showEmpty(error.message);
    return;
  }
  page.rows = found.rows;
  page.groups = found.groups;
  page.notes = found.notes;
  page.shown = found.shown;
  page.selected.clear();
  page.current = page.anchor = 0;
  takeProgress(found);
  showEmpty(page.rows.length ? "" : "No sample passes.");
  grid.scrollTop = 0;
  layOut();
  redraw();
  page.since = performance.now();
}

function showEmpty(text) {
  find("empty").textContent = text;
  find("empty").hidden = !text;
}

function showLike(row) {
  page.history.push([page.view, page.like, grid.scrollTop, page.current]);
  openView("like", row);
}

async function back() {
  const last = page.history.pop();
  if (!last) return;
  await openView(last[0], last[1]);
  if (page.rows.length) goTo(last[3]);
  grid.scrollTop = last[2];
}

// ---- the list of classes ---------------------------------------------------------------------------------------------

function showClassesTable() {
  find("classes-note").textContent = page.areListed ? `Kept in ${page.classesFile}; git has its history.`
    : `The classes of the labels; the first change here writes ${page.classesFile}.`;
  const rows = [...page.classes.map((entry) => classRow(entry, false)), ...page.retired.map((entry) => classRow(entry, true)), classRow(null, false)];
  find("class-rows").replaceChildren(...rows);
}

function classRow(entry, isRetired) {
  const row = make("tr", isRetired ? "retired" : "");
  const field = (name, value, className = "", kind = "text") => {
    const cell = make("td", className), input = make("input");
    input.type = kind;
    input.value = value;
    input.name = name;
    input.disabled = isRetired;
    input.setAttribute("aria-label", `${name} of ${entry ? entry.name : "a new class"}`);
    cell.append(input);
    row.append(cell);
    return input;
  };
  const name = field("name", entry ? entry.name : ""), key = field("key", entry ? entry.key : nextKey(), "narrow");
  key.maxLength = 1;
  const colour = field("colour", entry ? entry.colour || toHex(colourOf(entry.name)) : toHex(`hsl(${Math.round(137.5 * page.classes.length) % 360} 65% 52%)`), "narrow", "color");
  const description = field("description", entry ? entry.description : ""), attributes = field("attributes", entry ? entry.attributes_text : "");
  if (!entry) name.placeholder = "a new class";
  attributes.placeholder = entry ? "" : "note:text";
  row.append(make("td", "count", entry ? number(entry.count) : ""));
  const cell = make("td", "buttons");
  const button = (text, act, isMain = false) => { const one = make("button", isMain ? "main" : "", text); one.type = "button"; one.addEventListener("click", act); cell.append(one); };
  const values = () => ({ key: key.value, colour: colour.value, description: description.value, attributes: attributes.value });
  if (!entry) button("Add", () => changeClasses({ edit: "add", name: name.value, ...values() }), true);
  else if (isRetired) button("Restore", () => changeClasses({ edit: "restore", name: entry.name }));
  else {
    button("Save", () => changeClasses({ edit: "change", name: entry.name, to: name.value, ...values() }));
    button("Merge …", () => askMerge(entry, "merge"));
    button("Split …", () => askMerge(entry, "split"));
    button("Retire", () => changeClasses({ edit: "retire", name: entry.name }));
  }
  row.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.tagName === "INPUT") cell.querySelector("button").click(); });
  row.append(cell);
  return row;
}

function nextKey() {
  return [..."123456789"].find((one) => !page.byKey.has(one)) || "";
}

function toHex(colour) {
  const probe = make("span");
  probe.style.color = colour;
  document.body.append(probe);
  const parts = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3);
  probe.remove();
  return `#${parts.map((one) => Math.round(Number(one)).toString(16).padStart(2, "0")).join("")}`;
}

async function changeClasses(body) {
  try {
    takeClasses(await call("classes", { version: page.listVersion, ...body }));
    showClassesTable();
    forgetSamples();
    say({ add: "Added", change: "Saved", merge: "Merged", split: "Split", retire: "Retired", restore: "Restored" }[body.edit]);
    if (body.edit === "add") find("class-rows").lastElementChild.querySelector("input").focus();
  } catch (error) {
    say(error.message, 10);
    if (error.status === 409) await loadClasses();
  }
}

function askMerge(entry, edit) {
  page.merge = { entry, edit };
  find("merge-title").textContent = edit === "merge" ? `Merge ${entry.name} into` : `Split ${entry.name}`;
  find("merge-text").textContent = edit === "merge" ? `Its ${number(entry.count)} samples get the other label.` : `Its ${number(entry.count)} samples wait until a person says which part each is.`;
  find("merge-to").hidden = edit !== "merge";
  find("merge-parts").hidden = edit === "merge";
  fillSelect(find("merge-to"), page.classes.filter((one) => one !== entry).map((one) => [one.name, one.name]), "choose a class");
  find("merge-parts").value = "";
  find("merge-view").showModal();
}

// ---- dialogs and keys -------------------------------------------------------------------------------------------------

function askWho() {
  if (find("who-view").open) return;
  find("who").value = page.who || page.project?.who || "";
  find("who-error").textContent = "";
  find("who-view").showModal();
}

function askKey() {
  if (!find("key-view").open) find("key-view").showModal();
}

function isTyping(target) {
  return target instanceof HTMLElement && (target.tagName === "TEXTAREA" || target.tagName === "SELECT" || (target.tagName === "INPUT" && !["checkbox", "range", "color"].includes(target.type)));
}

document.addEventListener("keydown", (event) => {
  if (!page.project || find("who-view").open || find("key-view").open || find("help-view").open || find("merge-view").open) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !isTyping(event.target)) {
    const letter = event.key.toLowerCase();
    if (letter === "z" && !event.shiftKey) { event.preventDefault(); takeBack("undo"); }
    else if (letter === "y" || (letter === "z" && event.shiftKey)) { event.preventDefault(); takeBack("redo"); }
    else if (letter === "a" && !page.stage && page.view !== "classes") { event.preventDefault(); selectAll(); }
    return;
  }
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape") { event.target.blur(); grid.focus(); }
    return;
  }
  if (event.key === "?") { event.preventDefault(); find("help-view").showModal(); return; }
  if (page.view === "classes") return;
  const isButton = event.target instanceof HTMLElement && ["BUTTON", "SUMMARY", "INPUT"].includes(event.target.tagName);
  if (isButton && (event.key === "Enter" || event.key === " ")) return;
  if (event.target instanceof HTMLInputElement && event.target.type === "range" && event.key.startsWith("Arrow")) return;
  const act = page.stage ? stageKey(event) : gridKey(event);
  if (act) { event.preventDefault(); act(); return; }
  const entry = page.byKey.get(event.key.toLowerCase());
  if (entry && !event.repeat) { event.preventDefault(); chooseClass(entry.name); }
});

function gridKey(event) {
  const key = event.key;
  if (["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"].includes(key)) return () => move(key, event.shiftKey);
  const row = page.rows[page.current];
  return {
    "Enter": () => openLarge(page.current), " ": () => toggle(row), "Escape": () => { if (page.selected.size) { page.selected.clear(); redraw(); } else if (page.history.length) back(); },
    "/": () => find("class-search").focus(), ".": accept, "Delete": drop, ";": () => { if (page.rows.length) showLike(row); },
    "+": () => resize(1), "=": () => resize(1), "-": () => resize(-1),
  }[key];
}

function stageKey(event) {
  const isVolume = page.project.media === "volume";
  return {
    "ArrowLeft": () => openLarge(Math.max(0, page.stage.place - 1)), "ArrowRight": () => openLarge(Math.min(page.rows.length - 1, page.stage.place + 1)),
    "ArrowUp": () => isVolume ? showFrame(page.stage.frame - 1) : zoom(1.25), "ArrowDown": () => isVolume ? showFrame(page.stage.frame + 1) : zoom(0.8),
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), ".": accept, "Delete": drop, " ": play,
    "Escape": closeLarge, "Enter": closeLarge,
  }[event.key];
}

function toggle(row) {
  if (page.selected.has(row)) page.selected.delete(row); else page.selected.add(row);
  redraw();
}

function selectAll() {
  page.selected = new Set(page.rows);
  redraw();
}

function resize(step) {
  const place = page.current;
  page.size = Math.max(0, Math.min(SIZES.length - 1, page.size + step));
  layOut();
  goTo(place, false, true);
}

function takeBack(path) {
  if (page.who) send(path, { who: page.who });
}

async function addFiles(files) {
  if (!files.length) return;
  if (!page.who) { askWho(); return; }
  const form = new FormData();
  for (const file of files) form.append("files", file);
  say(`Sending ${files.length} ${files.length === 1 ? "file" : "files"} ...`, 600);
  let response;
  try {
    response = await fetch("samples", { method: "POST", headers: headers(), body: form });
  } catch {
    say("The server does not answer; nothing was added.", 10);
    return;
  }
  const found = await response.json().catch(() => ({}));
  if (response.status === 401) askKey();
  if (!response.ok) { say(found.message || `The server answers ${response.status}; nothing was added.`, 15); return; }
  const parts = [`${found.added.length} added`];
  if (found.duplicates.length) parts.push(`${found.duplicates.length} there already`);
  if (found.refused.length) parts.push(`${found.refused.length} refused (${found.refused[0].name}: ${found.refused[0].detail || found.refused[0].reason})`);
  say(`${parts.join(", ")}. They are here after the next colibri run.`, 20);
}

const click = (id, act) => find(id).addEventListener("click", act);

function listen() {
  click("add", () => find("add-files").click());
  find("add-files").addEventListener("change", (event) => { addFiles([...event.target.files]); event.target.value = ""; });
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      if (kind === "drop") addFiles([...event.dataTransfer.files]);
    });
  }
  click("undo", () => takeBack("undo"));
  click("redo", () => takeBack("redo"));
  click("accept", accept);
  click("drop", drop);
  click("large", () => openLarge(page.current));
  click("like", () => { if (page.rows.length) showLike(page.rows[page.current]); });
  click("all", selectAll);
  click("back", back);
  click("who-button", askWho);
  click("help-button", () => find("help-view").showModal());
  click("previous", () => openLarge(Math.max(0, page.stage.place - 1)));
  click("next", () => openLarge(Math.min(page.rows.length - 1, page.stage.place + 1)));
  click("zoom-in", () => zoom(1.25));
  click("zoom-out", () => zoom(0.8));
  click("zoom-fit", fit);
  click("play", play);
  click("close-large", closeLarge);
  click("merge-cancel", () => find("merge-view").close());
  click("filter-button", () => { const isHidden = !find("filters").hidden; find("filters").hidden = isHidden; find("filter-button").setAttribute("aria-expanded", !isHidden); });
  find("frame").addEventListener("input", () => showFrame(Number(find("frame").value)));
  find("large-view").addEventListener("cancel", (event) => { event.preventDefault(); closeLarge(); });
  find("predictions").addEventListener("change", () => { redraw(); if (page.stage) describeStage(); });
  find("view").addEventListener("change", () => { page.history = []; openView(find("view").value); });
  find("class-search").addEventListener("input", listClasses);
  find("class-search").addEventListener("keydown", (event) => {
    const first = matching()[0];
    if (event.key === "Enter" && first && find("class-search").value.trim()) { event.preventDefault(); find("class-search").value = ""; listClasses(); grid.focus(); chooseClass(first.name); }
  });
  let filterTimer = 0;
  const refilter = () => { clearTimeout(filterTimer); filterTimer = setTimeout(() => { if (page.view && page.view !== "classes") openView(page.view, page.like); }, 250); };
  find("filters").addEventListener("input", refilter);
  find("filters").addEventListener("reset", () => setTimeout(refilter));
  find("filters").addEventListener("submit", (event) => { event.preventDefault(); refilter(); });
  find("questions").addEventListener("submit", (event) => event.preventDefault());
  find("who-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = find("who").value.trim();
    if (!name || /^[=+\-@]/.test(name)) { find("who-error").textContent = "A name needs a letter first."; return; }
    begin(name);
  });
  find("who-view").addEventListener("cancel", (event) => { if (!page.who) event.preventDefault(); });
  find("key-form").addEventListener("submit", () => {
    page.key = find("key").value;
    sessionStorage.setItem("colibri-key", page.key);
    if (!page.project) start();
  });
  find("merge-form").addEventListener("submit", () => {
    const { entry, edit } = page.merge;
    if (edit === "merge") changeClasses({ edit, name: entry.name, to: find("merge-to").value });
    else changeClasses({ edit, name: entry.name, parts: find("merge-parts").value.split(",").map((one) => one.trim()).filter(Boolean) });
  });
}

async function begin(name) {
  page.who = name;
  try { localStorage.setItem("colibri-who", name); } catch { /* then it is needed again */ }
  find("who-button").textContent = name;
  page.samples.clear();
  await openView(page.view || page.project.view, page.like);
  find("who-view").close();
  grid.focus();
  pumpOutbox();
}

async function start() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) { sessionStorage.setItem("colibri-key", given); history.replaceState(null, "", location.pathname); }
  page.key = sessionStorage.getItem("colibri-key") || "";
  page.tab = sessionStorage.getItem("colibri-tab") || Math.random().toString(36).slice(2);
  sessionStorage.setItem("colibri-tab", page.tab);
  let found = null;
  try {
    found = await call("state");
  } catch (error) {
    if (error.status !== 401) { say(`${error.message} Trying again.`, 4); setTimeout(start, 2000); }
    return;
  }
  page.project = found;
  document.title = `${found.source}: label`;
  find("title").textContent = found.source;
  fillSelect(find("f-split"), found.splits.map((one) => [one, one]), "any");
  fillSelect(find("f-property"), found.properties.map((one) => [one.name, `${one.name} (${Number(one.low.toPrecision(3))} to ${Number(one.high.toPrecision(3))})`]), "none");
  takeClasses(found);
  try { page.outbox = JSON.parse(localStorage.getItem(boxName()) || "[]").filter((one) => one.path === "decisions" && one.body.manifest === found.manifest); } catch { page.outbox = []; }
  for (const one of page.outbox) one.body.again = true;
  const who = localStorage.getItem("colibri-who") || "";
  if (who) begin(who); else askWho();
}

listen();
start();
