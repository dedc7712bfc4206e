// The page: what is written is read and scored as it is typed; nothing leaves the device.
import { prepareAnswer, showAnswer, showObstacle } from "./answer.js";
import { mark, radioOf, showCards, showState, titleOf } from "./choices.js";
import { $, runsLeftwards } from "./dom.js";
import { showExamples } from "./examples.js";
import { explained, labelName, megabytes, offerLanguages, percent, preferred, speak, t } from "./language.js";
import { clearLoading, placesOf, showFailure, showProgress } from "./loading.js";
import { showLegend, showStrongest, showText } from "./marked.js";
import { bytesOf, isLarge, load } from "./models.js";
import { keepLoaded, keepPage, showKept } from "./offline.js";
import { Problem } from "./problem.js";
import { clearRow, loadingBeside, showObstacleBeside, showOffer, showRow, showTable } from "./side.js";
import { isTooForeign, strongest } from "./verdict.js";

const SCHEMA = 4; // of metadata.json
const TYPING = 120; // milliseconds of rest before a text is scored; longer where scoring itself is slow
const SETTLED = 700; // milliseconds of rest before words are weighed, loaded models asked and a screen reader is told
const RUNS = 11; // of a text beside others: a median needs a few

let metadata;
let sentences;
let chosen; // entry of metadata.models; undefined where a visitor has not yet chosen one of large models alone
let fallback; // the small model that was chosen last: answers where a visitor has enough of waiting for a large one
const loading = new Map(); // id of a model to the promise of it, see models.js
const loaded = new Map(); // id to the model itself
const coming = new Map(); // id of a large model to what ends its loading, and how far it is
const kept = new Set(); // ids of large models that are on this device
let refused; // why the chosen one, a large model, could not be loaded
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
  const first = metadata.models.find((one) => !isLarge(one));
  showModels(first);
  $("input").addEventListener("input", onInput);
  $("compare").addEventListener("click", () => compare().catch(fail));
  await (first ? choose(first) : update());
  $("compare").disabled = false;
  document.documentElement.dataset.ready = "true";
  performance.mark("ready");
  for (const about of metadata.models.filter(isLarge)) await noteKept(about);
  await keepPage([...loaded.keys()].flatMap(filesOf));
}

async function fetched(file) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} could not be fetched (${response.status})`);
  return response.json();
}

function fail(error) {
  if (error?.name === "AbortError") return; // a large model was put away: what it was asked is of no use any more
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
  if (chosen) prepareAnswer(chosen.labels);
  if (loaded.has(chosen?.id)) showExamples(sentences, metadata, chosen, loaded.get(chosen.id), take);
  await update();
}

// --- Models

function showModels(first) {
  showCards(metadata.models, first, (about) => choose(about).catch(fail));
  showTable(metadata.models);
  for (const about of metadata.models) {
    if (loaded.has(about.id)) showState(about, loaded.get(about.id));
    else if (loading.has(about.id)) showState(about, undefined, "loading");
    else if (isLarge(about)) showIdle(about);
    if (coming.has(about.id)) showComing(about);
  }
  if (refused) showRefusal(chosen);
}

/** Files of a model that the service worker keeps. */
const filesOf = (id) =>
  metadata.models.filter((about) => about.id === id && !isLarge(about)).flatMap((about) => [about.file, ...(about.vocabulary ? [about.vocabulary.file] : [])]);

function model(about) {
  if (!loading.has(about.id)) {
    const end = new AbortController();
    const promise = load(metadata, about, { signal: end.signal, progress: (state) => onProgress(about, end, state) }).then(
      (ready) => {
        if (end.signal.aborted) ready.free(); // it was put away in its last moment
        end.signal.throwIfAborted();
        loaded.set(about.id, ready);
        showState(about, ready);
        if (isLarge(about)) onArrival(about);
        else keepLoaded(filesOf(about.id));
        return ready;
      },
      (error) => {
        if (!end.signal.aborted) {
          loading.delete(about.id); // a second try may find the network again
          showState(about, undefined, "notLoadable");
          if (isLarge(about)) onFailure(about, error);
        }
        throw error;
      },
    );
    showState(about, undefined, "loading");
    loading.set(about.id, promise);
    if (isLarge(about)) {
      announce(t("loadingModel", { model: titleOf(about) }));
      onProgress(about, end, { received: 0, total: bytesOf(about) });
    }
  }
  return loading.get(about.id);
}

async function choose(about) {
  if (refused) clearComing(chosen);
  refused = undefined;
  chosen = about;
  weighing.abort();
  for (const other of metadata.models) if (isLarge(other) && other !== about) putAway(other);
  prepareAnswer(about.labels);
  if (!isLarge(about)) fallback = about;
  else if (!loading.has(about.id)) clearRow(about);
  showWaiting(about);
  const ready = await model(about);
  if (chosen !== about) return;
  showExamples(sentences, metadata, about, ready, take);
  await update();
}

/** The same text by every model that is small or loaded; one that cannot be loaded does not keep the others from answering. */
async function compare() {
  $("compare").disabled = true;
  for (const about of metadata.models) if (!isLarge(about) || loaded.has(about.id)) await askBeside(about);
  $("compare").disabled = false;
}

async function askBeside(about) {
  try {
    await answerBeside(about, await model(about));
  } catch (error) {
    if (error.name !== "AbortError") showObstacleBeside(about, explained(error));
  }
}

/** What a model answers, in its row of the table. */
async function answerBeside(about, ready) {
  const mine = request;
  const reading = ready.read($("input").value);
  if (!reading.total) return;
  for (let run = 1; run < RUNS && mine === request; run++) await ready.score(reading.words);
  const probabilities = await ready.score(reading.words);
  showState(about, ready);
  if (mine === request) showRow(metadata, about, probabilities, reading, ready.milliseconds);
}

// --- Large models: one that is chosen and one beside it at most are in memory

/** End a large model, loaded or on its way, and give its memory back. */
function putAway(about) {
  if (!loading.has(about.id)) return;
  coming.get(about.id)?.end.abort();
  loaded.get(about.id)?.free();
  for (const known of [loading, loaded]) known.delete(about.id);
  clearComing(about);
  showState(about, undefined, kept.has(about.id) ? "onDevice" : "notLoaded");
}

/** Load one for the table. */
async function loadBeside(about) {
  if (about === chosen) return choose(about); // it was refused before
  for (const other of metadata.models) if (isLarge(other) && other !== about && other !== chosen) putAway(other);
  const place = loadingBeside(about);
  const asked = askBeside(about);
  showComing(about);
  place.querySelector("button")?.focus();
  return asked;
}

function onProgress(about, end, state) {
  if (end.signal.aborted) return;
  const quarter = Math.floor((4 * state.received) / state.total);
  const told = coming.get(about.id)?.state;
  if (told && quarter < 4 && quarter > Math.floor((4 * told.received) / told.total)) {
    announce(t("loadedShare", { model: titleOf(about), share: percent(quarter / 4, 0) }));
  }
  coming.set(about.id, { end, state });
  showComing(about);
}

function showComing(about) {
  const { state } = coming.get(about.id);
  for (const place of placesOf(about)) showProgress(place, titleOf(about), state, () => endWaiting(about));
}

function clearComing(about) {
  coming.delete(about.id);
  for (const place of placesOf(about)) clearLoading(place, place.closest("[tabindex]") ?? radioOf(about));
}

function onArrival(about) {
  clearComing(about);
  announce(t("loadedModel", { model: titleOf(about) }));
  noteKept(about);
}

function onFailure(about, error) {
  clearComing(about);
  if (chosen !== about) return; // the table says it
  refused = error;
  showRefusal(about);
}

function showRefusal(about) {
  const card = placesOf(about).find((place) => place.closest("#choices"));
  showFailure(card, explained(refused), t("loadAgain", { size: megabytes(bytesOf(about)) }), () => choose(about).catch(fail));
}

/** The visitor has enough of waiting: the small model that was chosen before answers. */
function endWaiting(about) {
  putAway(about);
  if (chosen !== about) return showIdle(about);
  chosen = fallback;
  mark(fallback);
  radioOf(fallback ?? about).focus();
  announce(t("loadingEnded", { model: titleOf(about) }));
  return (fallback ? choose(fallback) : update()).catch(fail);
}

/** What the page says of a large model that is not loaded. */
function showIdle(about) {
  showState(about, undefined, kept.has(about.id) ? "onDevice" : "notLoaded");
  const text = kept.has(about.id) ? t("askToo") : t("loadToo", { size: megabytes(bytesOf(about)) });
  showOffer(about, text, () => loadBeside(about).catch(fail));
}

function showWaiting(about) {
  if (isLarge(about) && !loaded.has(about.id)) showObstacle(t("loadingTitle"), t("loadingReason", { model: titleOf(about), size: megabytes(bytesOf(about)) }));
}

/** Find out whether a large model is on this device. */
async function noteKept(about) {
  const { isKept } = await import("./kept.js");
  if ((await isKept(about)) && (await isKept(about.tokenizer))) kept.add(about.id);
  else kept.delete(about.id);
  if (!loading.has(about.id)) showIdle(about);
}

/** Empty a model's row for another text; a large model that is not loaded is offered there. */
function emptyRow(about) {
  if (!isLarge(about) || loaded.has(about.id)) clearRow(about);
  else if (!loading.has(about.id)) showIdle(about);
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
  for (const one of metadata.models) emptyRow(one);
  $("words").dataset.state = "old";
  $("progress").textContent = "";
  if (!about) return showObstacle(t("noModel"), t("noModelReason"));
  if (refused) return showObstacle(t("failed"), explained(refused)); // a button tries it again: no text does
  showWaiting(about);
  const ready = await model(about);
  if (mine !== request) return;
  const started = performance.now();
  const raw = $("input").value;
  $("input").dir = runsLeftwards(raw) ? "rtl" : "ltr";
  const reading = ready.read(raw);
  const obstacle = obstacleOf(raw, reading, isLarge(about) ? "cannotJudgePieces" : "cannotJudgeReason");
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

/** Title and reason where a text gets no label. @param {string} foreign key of the reason where too few words are known @returns {[string, string] | null} */
function obstacleOf(raw, reading, foreign) {
  if (!raw.trim()) return [t("waiting"), t($("examples").hidden ? "waitingReason" : "waitingReasonExamples")];
  if (!reading.total) return [t("noWords"), t("noWordsReason")];
  if (!isTooForeign(metadata, reading.knownShare)) return null;
  return [t("cannotJudge"), t(foreign, { known: t("known", { known: reading.known, count: reading.total }), least: percent(metadata.known_share) })];
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
    progress: (done, count) => ($("progress").textContent = t("weighing", { done, count })),
  });
  if (!found) return false;
  $("progress").textContent = "";
  showStrongest(found.terms, found.weights);
  showText(raw, found.words, found.shares);
  $("words").dataset.state = "current";
  showState(about, ready);
  return true;
}
