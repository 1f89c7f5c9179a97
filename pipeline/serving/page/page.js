"use strict";

// Sends pictures to this server, shows what it says, and sends back what was right.
// Names of classes and files come from anywhere: they are only ever set as text.
const SHOWN = 5;
const find = (id) => document.getElementById(id);
const percent = (score) => `${(100 * score).toFixed(score > 0.9995 || score < 0.0005 ? 0 : 1)} %`;
let key = "";
let classes = [];
let severalLabels = false;
let noun = "picture";

async function call(path, options = {}) {
  const headers = { ...(options.headers || {}), ...(key ? { "X-API-Key": key } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Error("The server does not answer.");
  }
  const content = await response.json().catch(() => ({}));
  find("key-form").hidden = response.status !== 401;
  if (!response.ok) {
    const error = new Error(content.message || `The server answers ${response.status}.`);
    error.refused = content.refused;
    throw error;
  }
  return content;
}

function show(text, kind = "") {
  find("status").textContent = text;
  find("status").className = kind;
}

async function start() {
  try {
    const state = await call("readyz");
    find("model").textContent = `${state.model}, version ${state.version}`;
    if (state.media) noun = state.media;
    find("title").textContent = `Classify a ${noun}`;
    find("prompt").textContent = noun === "picture" ? "Drop pictures here" : `Drop ${noun}s here, a folder of one as a zip`;
    classes = (await call("classes")).map((one) => one.name);
    find("model").textContent += `, ${classes.length} classes`;
    show("");
  } catch (error) {
    show(error.message, "bad");
  }
}

async function classify(files) {
  const pictures = [...files];
  if (!pictures.length) return;
  show(pictures.length === 1 ? `Looking at the ${noun} …` : `Looking at ${pictures.length} ${noun}s …`);
  const form = new FormData();
  for (const file of pictures) form.append("files", file);
  let found = [];
  try {
    found = (await call("predict", { method: "POST", body: form })).predictions;
    show("");
  } catch (error) {
    show(error.message, "bad");
    found = error.refused || [];
    if (found.length === 1) return;
  }
  found.forEach((prediction, place) => find("answers").prepend(makeCard(prediction, pictures[place])));
}

function makeCard(prediction, file) {
  const card = find("card").content.firstElementChild.cloneNode(true);
  const part = (name) => card.querySelector(name);
  showSample(part("img"), file, !prediction.error);
  part(".file").textContent = file.name;
  if (prediction.error) {
    part("h2").textContent = "Cannot be read";
    part(".note").textContent = `${prediction.error.replaceAll("_", " ")}: ${prediction.message}`;
    part(".feedback").remove();
    return card;
  }
  severalLabels = prediction.class === undefined;
  part("h2").textContent = prediction.labels.join(", ") || "None of the classes";
  if (prediction.abstains) {
    part(".note").textContent =
      prediction.reason ? `Left to a person: ${prediction.reason}.` : "Left to a person: the model is not sure enough.";
  }
  const scores = Object.entries(prediction.scores).sort((one, other) => other[1] - one[1]);
  for (const [name, score] of scores.slice(0, SHOWN)) part(".scores").append(makeScore(name, score));
  addFeedback(card, prediction);
  return card;
}

// A film plays and a picture is shown; what the browser cannot show, the server draws: frames, slices, other formats.
function showSample(image, file, isReadable) {
  image.alt = file.name;
  const draw = async (shown) => {
    if (shown !== image) shown.replaceWith(image);
    try {
      if (!isReadable) throw new Error("not shown");
      image.src = URL.createObjectURL(await fetchPreview(file));
    } catch {
      image.remove();
    }
  };
  let shown = image;
  if (file.type.startsWith("video/")) {
    shown = document.createElement("video");
    Object.assign(shown, { muted: true, loop: true, controls: true, autoplay: true });
    image.replaceWith(shown);
  } else if (noun !== "picture" && !file.type.startsWith("image/")) {
    draw(image);
    return;
  }
  shown.addEventListener("error", () => draw(shown), { once: true });
  shown.src = URL.createObjectURL(file);
}

async function fetchPreview(file) {
  const form = new FormData();
  form.append("files", file);
  const response = await fetch("preview", { method: "POST", body: form, headers: key ? { "X-API-Key": key } : {} });
  if (!response.ok) throw new Error("not shown");
  return response.blob();
}

function makeScore(name, score) {
  const line = document.createElement("li");
  line.style.setProperty("--share", score);
  const title = document.createElement("span");
  title.textContent = name;
  const number = document.createElement("span");
  number.textContent = percent(score);
  line.append(title, number);
  return line;
}

function addFeedback(card, prediction) {
  const form = card.querySelector(".feedback");
  const choice = form.querySelector("select");
  choice.multiple = severalLabels;
  for (const name of Object.keys(prediction.scores)) {
    const option = document.createElement("option");
    option.value = option.textContent = name;
    option.selected = prediction.labels.includes(name);
    choice.append(option);
  }
  const said = card.querySelector(".said");
  const send = async (body, text) => {
    try {
      await call("feedback", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ id: prediction.id, ...body }),
      });
      said.textContent = text;
      said.className = "said good";
    } catch (error) {
      said.textContent = error.message;
      said.className = "said bad";
    }
  };
  form.querySelector(".right").addEventListener("click", () => send({ action: "confirm" }, "Stored: it is right."));
  form.querySelector(".discard").addEventListener("click", () => send({ action: "discard" }, "Stored: leave it out."));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const labels = [...choice.selectedOptions].map((one) => one.value);
    send({ action: "correct", labels }, `Stored: it is ${labels.join(", ") || "none of the classes"}.`);
  });
}

const drop = find("drop");
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
for (const name of ["dragleave", "drop"]) {
  drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.remove("over"); });
}
drop.addEventListener("drop", (event) => classify(event.dataTransfer.files));
find("files").addEventListener("change", (event) => { classify([...event.target.files]); event.target.value = ""; });
document.addEventListener("paste", (event) => classify(event.clipboardData.files));
find("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = find("key").value;
  start();
});
start();
