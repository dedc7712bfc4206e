// The page: what is written is read and scored as it is typed; nothing leaves the device.
import { prepareAnswer, showAnswer, showObstacle } from "./answer.js";
import { $, counted, part, percent, runsLeftwards, shortTime, whole } from "./dom.js";
import { showLegend, showStrongest, showText } from "./marked.js";
import { BAG, load } from "./models.js";
import { isTooForeign, strongest, verdict } from "./verdict.js";

const SCHEMA = 3; // of metadata.json
const TYPING = 120; // milliseconds of rest before a text is scored; longer where scoring itself is slow
const SETTLED = 700; // milliseconds of rest before words are weighed and a screen reader is told

let metadata;
let chosen; // entry of metadata.models
const loaded = new Map(); // name to promise of a model, see models.js
let typing;
let settling;
let weighing = new AbortController();
let request = 0; // a text that was overtaken by a later one is not shown

start().catch(fail);

async function start() {
  const response = await fetch("./metadata.json");
  if (!response.ok) throw new Error(`metadata.json could not be fetched (${response.status})`);
  metadata = await response.json();
  if (metadata.schema !== SCHEMA) throw new Error(`metadata.json has schema ${metadata.schema}, this page reads ${SCHEMA}: build it again`);
  prepareAnswer(metadata.labels);
  showModels();
  $("input").addEventListener("input", onInput);
  $("compare").addEventListener("click", () => compare().catch(fail));
  await choose(metadata.models[0]);
  await showExamples();
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
  $("source").textContent = sourceOf(metadata.models);
}

/** What the models read of a text, in sentences. */
function sourceOf(models) {
  const networks = models.filter((about) => about.kind !== BAG);
  const own = networks.filter((about) => about.words).map((about) => `${about.title} with ${whole.format(about.words.length)} of its own, inside its size`);
  return [
    ...(networks.length ? [`The networks read ${whole.format(metadata.tokenizer.words.length)} words${own.length ? ` (${own.join(", ")})` : ""}.`] : []),
    ...(networks.length < models.length ? ["A bag of words asks which words and groups of neighbouring words stand in a text, not where or how often."] : []),
    `Texts are cleaned by the recipe “${metadata.cleaning.recipe}”. The interval is 95 %.`,
  ].join(" ");
}

function partOf(about, name) {
  return document.querySelector(`.choice[data-name="${CSS.escape(about.name)}"] .${name}`);
}

function model(about) {
  if (!loaded.has(about.name)) {
    const loading = load(metadata, about).catch((error) => {
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
    `loaded in ${shortTime(ready.loadMilliseconds)}` + (median === undefined ? "" : ` · ${median < 0.05 ? "below 0.1" : median.toFixed(1)} ms a ${metadata.wording.noun}`);
}

/** The same text by every model. */
async function compare() {
  $("compare").disabled = true;
  try {
    for (const about of metadata.models) {
      const ready = await model(about);
      const mine = request;
      const reading = ready.read($("input").value);
      if (reading.total) {
        for (let run = 0; run < 11; run++) await ready.score(reading.words); // a median needs a few
        const probabilities = await ready.score(reading.words);
        if (mine === request) showRow(about, probabilities, reading);
      }
      showTimes(about, ready);
    }
  } finally {
    $("compare").disabled = false;
  }
}

/** What a model answers, in its own row. */
function showRow(about, probabilities, { knownShare }) {
  const share = isTooForeign(metadata, knownShare) ? [] : [` ${percent(Math.max(...probabilities))}`];
  partOf(about, "answer").replaceChildren(part("", verdict(metadata, probabilities, knownShare), "bdi"), ...share);
}

// --- Text

/** Examples that the first model has words for: those at hand are in English. */
async function showExamples() {
  const first = await model(metadata.models[0]);
  const readable = metadata.wording.examples.filter(([, text]) => !isTooForeign(metadata, first.read(text).knownShare));
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
  const about = chosen;
  for (const other of metadata.models) if (other !== about) partOf(other, "answer").textContent = "";
  $("words").dataset.state = "old";
  $("progress").textContent = "";
  const ready = await model(about);
  if (mine !== request) return;
  const started = performance.now();
  const raw = $("input").value;
  $("input").dir = runsLeftwards(raw) ? "rtl" : "ltr";
  const reading = ready.read(raw);
  const obstacle = obstacleOf(raw, reading);
  if (obstacle) {
    lastCost = performance.now() - started;
    partOf(about, "answer").textContent = "";
    showObstacle(...obstacle);
    settling = setTimeout(() => announce(obstacle.join(". ")), SETTLED);
    return;
  }
  const probabilities = await ready.score(reading.words);
  if (mine !== request) return;
  lastCost = performance.now() - started;
  const answer = showAnswer(probabilities, `${knownOf(reading)}.${reading.cut ? ` ${ready.limit}` : ""}`);
  showLegend(metadata.labels, weighedLabel(probabilities), ready.how);
  showRow(about, probabilities, reading);
  showTimes(about, ready);
  settling = setTimeout(() => {
    announce(`${answer}.`);
    weigh(about, ready, { raw, words: reading.words, probabilities }, weighing.signal).catch(fail);
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

async function weigh(about, ready, { raw, words, probabilities }, signal) {
  const found = await ready.influence(words, probabilities, weighedLabel(probabilities), {
    signal,
    progress: (done) => ($("progress").textContent = `weighing ${whole.format(done)} of ${whole.format(words.length)}`),
  });
  if (!found) return;
  $("progress").textContent = "";
  showStrongest(found.terms, found.weights);
  showText(raw, found.words, found.shares);
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
