// The page: what is written is cleaned, encoded and scored as it is typed; nothing leaves the device.
import { leaveOneOut } from "./influence.js";
import { Model, startRuntime } from "./model.js";
import { Tokenizer } from "./tokenizer.js";

const SCHEMA = 1; // of metadata.json
const TYPING = 120; // milliseconds of rest before a text is scored; longer where scoring itself is slow
const SETTLED = 700; // milliseconds of rest before words are weighed and a screen reader is told
const STRONGEST = 8; // words in the list
const NOTICEABLE = 0.05; // log-odds below which a word is not marked

const EXAMPLES = [
  ["A warm one", "A quiet, beautiful film. The two leads are wonderful together, the script trusts its audience, and the last ten minutes moved me to tears. One of the best things I have seen this year."],
  ["A sour one", "What a waste of two hours. The plot makes no sense, the dialogue is embarrassing and not a single joke lands. I kept checking my watch and hoping it would end."],
  ["Not bad at all", "I expected nothing and it was not bad at all. No masterpiece, the middle sags a little, but it is never boring and the ending is clever."],
  ["In two minds", "The photography is gorgeous and the music stays with you. Sadly the story goes nowhere, the acting is wooden, and by the end I did not care who lived."],
];

const $ = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en");
const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;
const shortTime = (milliseconds) => `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;

let metadata;
const tokenizers = new Map(); // words to the Tokenizer that has them
let chosen; // entry of metadata.models
const loaded = new Map(); // name to promise of a Model
let current = null; // what the page shows: { words, ids, probability }
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
  showExamples();
  showModels();
  $("review").addEventListener("input", onInput);
  $("compare").addEventListener("click", () => compare().catch(fail));
  await choose(metadata.models[0]);
  $("compare").disabled = false;
  document.documentElement.dataset.ready = "true";
  performance.mark("ready");
  keepForOffline();
}

function fail(error) {
  weighing.abort();
  show({ verdict: "none", label: "This does not work here", reading: String(error?.message ?? error) });
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
      part("title", about.label),
      part("size", `${whole.format(Math.round(about.bytes / 1024))} KB`),
      part("accuracy", `${percent(value)} of ${whole.format(about.accuracy.n)} test reviews right (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`),
      part("times", "not loaded yet"),
      part("answer", ""),
      Object.assign(part("hash", `SHA-256 ${about.sha256.slice(0, 12)}…`), { title: about.sha256 }),
    );
    $("choices").append(choice);
  }
  const { recipe } = metadata.cleaning;
  const words = whole.format(metadata.tokenizer.words.length);
  const others = metadata.models.filter((about) => about.words).map((about) => `${about.label} with ${whole.format(about.words.length)} of its own, inside its size`);
  $("source").textContent =
    `The models read ${words} words${others.length ? ` (${others.join(", ")})` : ""}, cleaned by the recipe “${recipe}”. The interval is 95 %.`;
}

function part(name, text) {
  return Object.assign(document.createElement("span"), { className: name, textContent: text });
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
    const loading = Model.load(about, tokenizerOf(about).encode("")).catch((error) => {
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
    `loaded in ${shortTime(ready.loadMilliseconds)}` + (median === undefined ? "" : ` · ${median.toFixed(1)} ms a review`);
}

/** The same text by every model. */
async function compare() {
  $("compare").disabled = true;
  try {
    for (const about of metadata.models) {
      const ready = await model(about);
      if (current?.ids) {
        const row = tokenizerOf(about).encode(current.raw);
        for (let run = 0; run < 11; run++) await ready.score(row); // a median needs a few
        showAnswer(about, await ready.score(row));
      }
      showTimes(about, ready);
    }
  } finally {
    $("compare").disabled = false;
  }
}

function showAnswer(about, probability) {
  partOf(about, "answer").textContent = probability === undefined ? "" : percent(probability);
}

// --- Text

function showExamples() {
  for (const [title, text] of EXAMPLES) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: title });
    button.addEventListener("click", () => {
      $("review").value = text;
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
  const raw = $("review").value;
  const { words, cut } = tokenizer.read(raw);
  const ids = tokenizer.lookup(words);
  const unknown = ids.filter((id) => id === tokenizer.oovId).length;
  for (const other of metadata.models) showAnswer(other, undefined);
  const obstacle = !raw.trim()
    ? ["Waiting for a review", "Write or paste one, or take an example."]
    : !words.length
      ? ["No words in there", "The model reads letters and digits; none are left after cleaning."]
      : unknown === words.length
        ? ["No word that the model knows", `${counted(words.length, "word")}, none in its vocabulary. It learned from English film reviews.`]
        : null;
  if (obstacle) {
    current = null;
    show({ verdict: "none", label: obstacle[0], reading: obstacle[1] });
    settling = setTimeout(() => announce(obstacle.join(". ")), SETTLED);
    return;
  }
  const ready = await model(about);
  const probability = await ready.score(tokenizer.pad(ids));
  if (mine !== request) return;
  lastCost = performance.now() - started;
  current = { raw, words, ids, probability };
  const positive = probability > 0.5;
  const sure = Math.abs(probability - 0.5) > 0.15;
  const end = tokenizer.truncating === "pre" ? "last" : "first";
  const read = cut ? `Only the ${end} ${whole.format(tokenizer.length)} words are read` : `${counted(words.length, "word")} read`;
  const label = `${sure ? "" : "Leans "}${positive ? "positive" : "negative"}`;
  show({
    verdict: positive ? "positive" : "negative",
    label: label[0].toUpperCase() + label.slice(1),
    probability,
    reading: `${read}${unknown ? `, ${whole.format(unknown)} of them not in the vocabulary` : ""}.`,
  });
  showAnswer(about, probability);
  showTimes(about, ready);
  settling = setTimeout(() => {
    announce(`${label}, score ${percent(probability, 0)}.`);
    weigh(about, ready, current, weighing.signal).catch(fail);
  }, SETTLED);
}

const counted = (number, noun) => `${whole.format(number)} ${noun}${number === 1 ? "" : "s"}`;

function show({ verdict, label, probability, reading }) {
  $("verdict").dataset.verdict = verdict;
  $("label").textContent = label;
  $("score").textContent = probability === undefined ? "" : percent(probability);
  $("marker").style.left = percent(probability ?? 0.5, 2).replace(" ", "");
  $("reading").textContent = reading;
  $("words").hidden = verdict === "none";
  $("words").dataset.state = "old";
  $("progress").textContent = "";
}

function announce(text) {
  $("announcement").textContent = text;
}

// --- Words

async function weigh(about, ready, { raw, words, ids, probability }, signal) {
  const tokenizer = tokenizerOf(about);
  const moved = await leaveOneOut(ids, probability, (some) => ready.score(tokenizer.pad(some)), {
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

function showStrongest(words, moved) {
  const sums = new Map(); // a word that comes twice is listed once
  words.forEach(({ word }, index) => {
    const known = sums.get(word) ?? { word, moved: 0, times: 0 };
    sums.set(word, { word, moved: known.moved + moved[index], times: known.times + 1 });
  });
  const strongest = [...sums.values()].sort((a, b) => Math.abs(b.moved) - Math.abs(a.moved)).slice(0, STRONGEST);
  const most = Math.max(...strongest.map((entry) => Math.abs(entry.moved)), NOTICEABLE);
  $("strongest").replaceChildren(
    ...strongest
      .filter((entry) => Math.abs(entry.moved) >= NOTICEABLE)
      .map((entry) => {
        const item = document.createElement("li");
        item.className = entry.moved > 0 ? "for" : "against";
        const bar = part("bar", "");
        bar.style.width = percent(Math.abs(entry.moved) / most, 1).replace(" ", "");
        const amount = part("amount", `${entry.moved > 0 ? "+" : "−"}${Math.abs(entry.moved).toFixed(2)}`);
        amount.title = "change of the log-odds";
        item.append(part("word", entry.times > 1 ? `${entry.word} ×${entry.times}` : entry.word), bar, amount);
        return item;
      }),
  );
}

/** The part of the text that the model reads, as it was written. */
function showText(raw, words, moved) {
  const most = Math.max(...moved.map(Math.abs), NOTICEABLE);
  const parts = [];
  let from = words[0].start;
  words.forEach(({ start, end }, index) => {
    if (start < from) return; // a letter can become two words: marked once
    parts.push(raw.slice(from, start));
    const strength = Math.abs(moved[index]) / most;
    if (Math.abs(moved[index]) < NOTICEABLE || strength < 0.12) {
      parts.push(raw.slice(start, end));
    } else {
      const mark = document.createElement("mark");
      mark.className = moved[index] > 0 ? "for" : "against";
      mark.style.setProperty("--strength", `${Math.round(15 + 55 * strength)}%`);
      mark.textContent = raw.slice(start, end);
      mark.title = `${moved[index] > 0 ? "+" : "−"}${Math.abs(moved[index]).toFixed(2)} log-odds`;
      parts.push(mark);
    }
    from = end;
  });
  parts.push(raw.slice(from, from + 20).match(/^\S*/)[0]); // the full stop behind the last word
  $("text").replaceChildren(...(words[0].start > 0 && raw.slice(0, words[0].start).trim() ? ["… "] : []), ...parts);
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
