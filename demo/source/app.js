// The page: what is written is cleaned, encoded and scored as it is typed; nothing leaves the device.
import { prepareAnswer, showAnswer, showObstacle } from "./answer.js";
import { $, counted, part, percent, runsLeftwards, shortTime, whole } from "./dom.js";
import { leaveOneOut } from "./influence.js";
import { showLegend, showStrongest, showText } from "./marked.js";
import { Model, startRuntime } from "./model.js";
import { Tokenizer } from "./tokenizer.js";
import { isTooForeign, strongest, verdict } from "./verdict.js";

const SCHEMA = 2; // of metadata.json
const TYPING = 120; // milliseconds of rest before a text is scored; longer where scoring itself is slow
const SETTLED = 700; // milliseconds of rest before words are weighed and a screen reader is told

let metadata;
const tokenizers = new Map(); // words to the Tokenizer that has them
let chosen; // entry of metadata.models
const loaded = new Map(); // name to promise of a Model
let typing;
let settling;
let weighing = new AbortController();
let request = 0; // a text that was overtaken by a later one is not shown

start().catch(fail);

async function start() {
  startRuntime().catch(() => {}); // the wasm and the vocabulary come at the same time; an error is met in Model.load
  const response = await fetch("./metadata.json");
  if (!response.ok) throw new Error(`metadata.json could not be fetched (${response.status})`);
  metadata = await response.json();
  if (metadata.schema !== SCHEMA) throw new Error(`metadata.json has schema ${metadata.schema}, this page reads ${SCHEMA}: build it again`);
  prepareAnswer(metadata.labels);
  showExamples();
  showModels();
  $("input").addEventListener("input", onInput);
  $("compare").addEventListener("click", () => compare().catch(fail));
  await choose(metadata.models[0]);
  $("compare").disabled = false;
  document.documentElement.dataset.ready = "true";
  performance.mark("ready");
  keepForOffline();
}

function fail(error) {
  weighing.abort();
  showObstacle("This does not work here", String(error?.message ?? error));
  announce(`Error. ${error?.message ?? error}`);
  document.documentElement.dataset.ready = "failed";
}

// --- Models

function showModels() {
  const best = metadata.models[0];
  for (const about of metadata.models) {
    const choice = document.createElement("label");
    choice.className = "choice";
    choice.dataset.name = about.name;
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: "model", value: about.name, checked: about === best });
    radio.addEventListener("change", () => choose(about).catch(fail));
    const { value, low, high } = about.accuracy;
    choice.append(
      radio,
      part("title", about.title),
      part("size", `${whole.format(Math.round(about.bytes / 1024))} KB`),
      part("accuracy", `${percent(value)} of ${counted(about.accuracy.n, `test ${metadata.wording.noun}`)} right (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`),
      part("times", "not loaded yet"),
      Object.assign(part("hash", `SHA-256 ${about.sha256.slice(0, 12)}…`), { title: about.sha256 }),
      part("answer", ""),
    );
    $("choices").append(choice);
  }
  const { recipe } = metadata.cleaning;
  const words = whole.format(metadata.tokenizer.words.length);
  const others = metadata.models.filter((about) => about.words).map((about) => `${about.title} with ${whole.format(about.words.length)} of its own, inside its size`);
  $("source").textContent =
    `The models read ${words} words${others.length ? ` (${others.join(", ")})` : ""}, cleaned by the recipe “${recipe}”. The interval is 95 %.`;
}

function partOf(about, name) {
  return document.querySelector(`.choice[data-name="${CSS.escape(about.name)}"] .${name}`);
}

/** Most models share the vocabulary of metadata.json; the pocket model has its own. */
function tokenizerOf(about) {
  const words = about.words ?? metadata.tokenizer.words;
  if (!tokenizers.has(words)) tokenizers.set(words, new Tokenizer(metadata, about));
  return tokenizers.get(words);
}

function model(about) {
  if (!loaded.has(about.name)) {
    const loading = Model.load(about, tokenizerOf(about).encode(""), metadata.labels.length).catch((error) => {
      loaded.delete(about.name); // a second try may find the network again
      throw error;
    });
    loaded.set(about.name, loading);
  }
  return loaded.get(about.name);
}

async function choose(about) {
  chosen = about;
  weighing.abort();
  partOf(about, "times").textContent = "loading…";
  try {
    const ready = await model(about);
    showTimes(about, ready);
  } catch (error) {
    partOf(about, "times").textContent = "could not be loaded";
    throw error;
  }
  await update();
}

function showTimes(about, ready) {
  const checked = ready.verified ? "✓ as measured" : "(not checked without https)";
  partOf(about, "hash").textContent = `SHA-256 ${about.sha256.slice(0, 12)}… ${checked}`;
  const median = ready.milliseconds;
  partOf(about, "times").textContent =
    `loaded in ${shortTime(ready.loadMilliseconds)}` + (median === undefined ? "" : ` · ${median.toFixed(1)} ms a ${metadata.wording.noun}`);
}

/** The same text by every model. */
async function compare() {
  $("compare").disabled = true;
  try {
    for (const about of metadata.models) {
      const ready = await model(about);
      const mine = request;
      const reading = tokenizerOf(about).read($("input").value);
      if (reading.total) {
        const row = rowOf(about, reading);
        for (let run = 0; run < 11; run++) await ready.score(row); // a median needs a few
        const probabilities = await ready.score(row);
        if (mine === request) showRow(about, probabilities, reading);
      }
      showTimes(about, ready);
    }
  } finally {
    $("compare").disabled = false;
  }
}

/** Ids of a text, as a model takes them. */
function rowOf(about, reading) {
  const tokenizer = tokenizerOf(about);
  return tokenizer.pad(tokenizer.lookup(reading.words));
}

/** What a model answers, in its own row. */
function showRow(about, probabilities, { knownShare }) {
  const share = isTooForeign(metadata, knownShare) ? [] : [` ${percent(Math.max(...probabilities))}`];
  partOf(about, "answer").replaceChildren(part("", verdict(metadata, probabilities, knownShare), "bdi"), ...share);
}

// --- Text

/** Examples that the first model has words for: those at hand are in English. */
function showExamples() {
  const tokenizer = tokenizerOf(metadata.models[0]);
  const readable = metadata.wording.examples.filter(([, text]) => !isTooForeign(metadata, tokenizer.read(text).knownShare));
  $("examples").hidden = !readable.length;
  for (const [title, text] of readable) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: title });
    button.addEventListener("click", () => {
      $("input").value = text;
      update().catch(fail);
    });
    $("examples").append(button);
  }
}

let lastCost = 0; // milliseconds of the last update

function onInput() {
  weighing.abort();
  clearTimeout(typing);
  typing = setTimeout(() => update().catch(fail), Math.max(TYPING, 3 * lastCost));
}

async function update() {
  clearTimeout(typing);
  clearTimeout(settling);
  weighing.abort();
  weighing = new AbortController();
  const mine = ++request;
  const started = performance.now();
  const about = chosen;
  const tokenizer = tokenizerOf(about);
  const raw = $("input").value;
  $("input").dir = runsLeftwards(raw) ? "rtl" : "ltr";
  const reading = tokenizer.read(raw);
  for (const other of metadata.models) if (other !== about) partOf(other, "answer").textContent = "";
  $("words").dataset.state = "old";
  $("progress").textContent = "";
  const obstacle = obstacleOf(raw, reading);
  if (obstacle) {
    lastCost = performance.now() - started;
    partOf(about, "answer").textContent = "";
    showObstacle(...obstacle);
    settling = setTimeout(() => announce(obstacle.join(". ")), SETTLED);
    return;
  }
  const ready = await model(about);
  const ids = tokenizer.lookup(reading.words);
  const probabilities = await ready.score(tokenizer.pad(ids));
  if (mine !== request) return;
  lastCost = performance.now() - started;
  const end = tokenizer.truncating === "pre" ? "last" : "first";
  const cut = reading.cut ? ` Only the ${end} ${whole.format(tokenizer.length)} are read.` : "";
  const answer = showAnswer(probabilities, `${knownOf(reading)}.${cut}`);
  showLegend(metadata.labels, weighedLabel(probabilities));
  showRow(about, probabilities, reading);
  showTimes(about, ready);
  settling = setTimeout(() => {
    announce(`${answer}.`);
    weigh(about, ready, { raw, words: reading.words, ids, probabilities }, weighing.signal).catch(fail);
  }, SETTLED);
}

/** Title and reason where a text gets no label. @returns {[string, string] | null} */
function obstacleOf(raw, reading) {
  if (!raw.trim()) return [`Waiting for a ${metadata.wording.noun}`, metadata.wording.examples.length ? "Write or paste one, or take an example." : "Write or paste one."];
  if (!reading.total) return ["No words in there", "The model reads letters and digits; none are left after cleaning."];
  if (!isTooForeign(metadata, reading.knownShare)) return null;
  const least = percent(metadata.known_share);
  return [
    "Cannot judge",
    `${knownOf(reading)}. Below ${least} the model has read too little to judge: its vocabulary is that of the ${metadata.wording.noun}s it learned from.`,
  ];
}

const knownOf = ({ known, total }) => `${whole.format(known)} of ${counted(total, "word")} known`;

function announce(text) {
  $("announcement").textContent = text;
}

// --- Words

/** Number of the label whose log-odds are weighed: the last one of two, else the chosen one. */
const weighedLabel = (probabilities) => (probabilities.length === 2 ? 1 : strongest(probabilities));

/** Leave each word out once. */
async function weigh(about, ready, { raw, words, ids, probabilities }, signal) {
  const tokenizer = tokenizerOf(about);
  const weighed = weighedLabel(probabilities);
  const score = async (some) => (await ready.score(tokenizer.pad(some)))[weighed];
  const moved = await leaveOneOut(ids, probabilities[weighed], score, {
    signal,
    progress: (done) => ($("progress").textContent = `weighing ${whole.format(done)} of ${whole.format(ids.length)}`),
  });
  if (!moved) return;
  $("progress").textContent = "";
  showStrongest(words, moved);
  showText(raw, words, moved);
  $("words").dataset.state = "current";
  showTimes(about, ready);
}

// --- Offline

async function keepForOffline() {
  if (!("serviceWorker" in navigator)) {
    $("offline").textContent = "This browser, or a page without https, cannot keep it for offline use.";
    return;
  }
  try {
    await navigator.serviceWorker.register("./sw.js");
    await navigator.serviceWorker.ready;
    document.documentElement.dataset.offline = "true";
    $("offline").textContent = "Kept on this device: works offline from now on, and can be installed from the browser's menu.";
  } catch (error) {
    $("offline").textContent = `Could not be kept for offline use (${error.message}).`;
  }
}
