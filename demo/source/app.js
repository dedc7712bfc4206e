// The page: what is written is read and scored as it is typed; nothing leaves the device.
import { prepareAnswer, showAnswer, showObstacle } from "./answer.js";
import { showCards, showState } from "./choices.js";
import { $, runsLeftwards } from "./dom.js";
import { showExamples } from "./examples.js";
import { explained, labelName, offerLanguages, percent, preferred, speak, t } from "./language.js";
import { showLegend, showStrongest, showText } from "./marked.js";
import { load } from "./models.js";
import { keepLoaded, keepPage, showKept } from "./offline.js";
import { Problem } from "./problem.js";
import { clearRow, showObstacleBeside, showRow, showTable } from "./side.js";
import { isTooForeign, strongest } from "./verdict.js";

const SCHEMA = 4; // of metadata.json
const TYPING = 120; // milliseconds of rest before a text is scored; longer where scoring itself is slow
const SETTLED = 700; // milliseconds of rest before words are weighed, loaded models asked and a screen reader is told
const RUNS = 11; // of a text beside others: a median needs a few

let metadata;
let sentences;
let chosen; // entry of metadata.models
const loading = new Map(); // id of a model to the promise of it, see models.js
const loaded = new Map(); // id to the model itself
let typing;
let settling;
let weighing = new AbortController();
let request = 0; // a text that was overtaken by a later one is not shown

start().catch(fail);

async function start() {
  const [about, examples] = await Promise.all(["./metadata.json", "./sentences.json"].map(fetched));
  await speak(preferred(about.languages));
  if (about.schema !== SCHEMA) throw new Problem("errorSchema", { found: String(about.schema), expected: String(SCHEMA) });
  [metadata, sentences] = [about, examples];
  offerLanguages($("language"), metadata.languages, (language) => changeLanguage(language).catch(fail));
  showModels(metadata.models[0]);
  $("input").addEventListener("input", onInput);
  $("compare").addEventListener("click", () => compare().catch(fail));
  await choose(metadata.models[0]);
  $("compare").disabled = false;
  document.documentElement.dataset.ready = "true";
  performance.mark("ready");
  await keepPage([...loaded.keys()].flatMap(filesOf));
}

async function fetched(file) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} could not be fetched (${response.status})`);
  return response.json();
}

function fail(error) {
  weighing.abort();
  // Without strings nothing can be said in a language; the obstacle is then in English.
  const [title, reason] = metadata || error instanceof Problem ? [t("failed"), explained(error)] : ["This does not work here", String(error?.message ?? error)];
  showObstacle(title, reason);
  announce(`${title}. ${reason}`);
  document.documentElement.dataset.ready = "failed";
}

async function changeLanguage(language) {
  await speak(language);
  showModels(chosen);
  showKept();
  prepareAnswer(chosen.labels);
  showExamples(sentences, metadata, chosen, loaded.get(chosen.id), take);
  await update();
}

// --- Models

function showModels(first) {
  showCards(metadata.models, first, (about) => choose(about).catch(fail));
  showTable(metadata.models);
  for (const about of metadata.models) if (loaded.has(about.id)) showState(about, loaded.get(about.id));
}

const filesOf = (id) => metadata.models.filter((about) => about.id === id).flatMap((about) => [about.file, ...(about.vocabulary ? [about.vocabulary.file] : [])]);

function model(about) {
  if (!loading.has(about.id)) {
    const promise = load(metadata, about).then(
      (ready) => {
        loaded.set(about.id, ready);
        showState(about, ready);
        keepLoaded(filesOf(about.id));
        return ready;
      },
      (error) => {
        loading.delete(about.id); // a second try may find the network again
        showState(about, undefined, "notLoadable");
        throw error;
      },
    );
    showState(about, undefined, "loading");
    loading.set(about.id, promise);
  }
  return loading.get(about.id);
}

async function choose(about) {
  chosen = about;
  weighing.abort();
  prepareAnswer(about.labels);
  const ready = await model(about);
  if (chosen !== about) return;
  showExamples(sentences, metadata, about, ready, take);
  await update();
}

/** The same text by every model; one that cannot be loaded does not keep the others from answering. */
async function compare() {
  $("compare").disabled = true;
  for (const about of metadata.models) {
    const ready = await model(about).catch((error) => showObstacleBeside(about, explained(error)));
    if (ready) await answerBeside(about, ready).catch((error) => showObstacleBeside(about, explained(error)));
  }
  $("compare").disabled = false;
}

/** What a model answers, in its row of the table. */
async function answerBeside(about, ready) {
  const mine = request;
  const reading = ready.read($("input").value);
  if (!reading.total) return;
  for (let run = 1; run < RUNS; run++) await ready.score(reading.words);
  const probabilities = await ready.score(reading.words);
  showState(about, ready);
  if (mine === request) showRow(metadata, about, probabilities, reading, ready.milliseconds);
}

// --- Text

/** Take an example as if it had been written. */
function take(text) {
  $("input").value = text;
  update().catch(fail);
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
  for (const one of metadata.models) clearRow(one);
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
    showObstacle(...obstacle);
    settling = setTimeout(() => {
      announce(obstacle.join(". "));
      answerLoaded().catch(fail);
    }, SETTLED);
    return;
  }
  const probabilities = await ready.score(reading.words);
  if (mine !== request) return;
  lastCost = performance.now() - started;
  const read = [`${t("known", { known: reading.known, count: reading.total })}.`, ...(reading.cut ? [t(ready.limit.key, ready.limit)] : [])];
  const answer = showAnswer(probabilities, read.join(" "));
  showLegend(about.labels.map(labelName), weighedLabel(probabilities), t(ready.how));
  showRow(metadata, about, probabilities, reading, ready.milliseconds);
  showState(about, ready);
  settling = setTimeout(() => {
    announce(`${answer}.`);
    weigh(about, ready, { raw, words: reading.words, probabilities }, weighing.signal)
      .then((done) => done && answerLoaded())
      .catch(fail);
  }, SETTLED);
}

/** Ask again the models that are at hand. */
async function answerLoaded() {
  const mine = request;
  for (const about of metadata.models) if (loaded.has(about.id) && mine === request) await answerBeside(about, loaded.get(about.id));
}

/** Title and reason where a text gets no label. @returns {[string, string] | null} */
function obstacleOf(raw, reading) {
  if (!raw.trim()) return [t("waiting"), t($("examples").hidden ? "waitingReason" : "waitingReasonExamples")];
  if (!reading.total) return [t("noWords"), t("noWordsReason")];
  if (!isTooForeign(metadata, reading.knownShare)) return null;
  return [t("cannotJudge"), t("cannotJudgeReason", { known: t("known", { known: reading.known, count: reading.total }), least: percent(metadata.known_share) })];
}

function announce(text) {
  $("announcement").textContent = text;
}

// --- Words

/** Number of the label whose log-odds are weighed: the last one of two, else the chosen one. */
const weighedLabel = (probabilities) => (probabilities.length === 2 ? 1 : strongest(probabilities));

/** Show which words moved the answer. @returns {Promise<boolean>} false when it was cancelled */
async function weigh(about, ready, { raw, words, probabilities }, signal) {
  const found = await ready.influence(words, probabilities, weighedLabel(probabilities), {
    signal,
    progress: (done) => ($("progress").textContent = t("weighing", { done, count: words.length })),
  });
  if (!found) return false;
  $("progress").textContent = "";
  showStrongest(found.terms, found.weights);
  showText(raw, found.words, found.shares);
  $("words").dataset.state = "current";
  showState(about, ready);
  return true;
}
