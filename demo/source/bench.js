// The page that measures the models on the device that opens it: times of 200 texts, memory, and all of it as a JSON.
import { titleOf } from "./choices.js";
import { $, part } from "./dom.js";
import { explained, kilobytes, milliseconds, number, offerLanguages, preferred, speak, t } from "./language.js";
import { load } from "./models.js";
import { clockTick, percentile, timesOf } from "./timing.js";

const SCHEMA = 1; // of the JSON
const MEGABYTE = 1_000_000;

let metadata;
let tick;
let stopping;
let state = ["benchReady", () => ({})]; // what is said, to be said again in another language
const measured = new Map(); // id of a model to its figures

start().catch(fail);

async function start() {
  metadata = await fetched("./metadata.json");
  await speak(preferred(metadata.languages));
  offerLanguages($("language"), metadata.languages, (language) => speak(language).then(show).catch(fail));
  tick = clockTick();
  show();
  $("start").addEventListener("click", () => measure().catch(fail));
  $("stop").addEventListener("click", () => stopping.abort());
  $("save").addEventListener("click", save);
  $("start").disabled = false;
  document.documentElement.dataset.ready = "true";
}

async function fetched(file) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} could not be fetched (${response.status})`);
  return response.json();
}

function fail(error) {
  $("state").textContent = explained(error);
  $("start").disabled = false;
  $("stop").disabled = true;
  document.documentElement.dataset.ready = "failed";
}

function say(key, values = () => ({})) {
  state = [key, values];
  $("state").textContent = t(key, values());
}

/** Everything that is made of strings. */
function show() {
  const wanted = new Set([...document.querySelectorAll("#models input:not(:checked)")].map((box) => box.value));
  $("models").replaceChildren(
    ...metadata.models.map((about) => {
      const choice = part("box", "", "label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", value: about.id, checked: !wanted.has(about.id) });
      choice.append(box, ` ${titleOf(about)}, ${kilobytes(about.bytes)}`);
      return choice;
    }),
  );
  say(...state);
  showResults();
}

/** Load each model that is ticked, and time it. */
async function measure() {
  const wanted = [...document.querySelectorAll("#models input:checked")].map((box) => box.value);
  stopping = new AbortController();
  $("start").disabled = true;
  $("save").disabled = true;
  $("stop").disabled = false;
  const texts = await fetched("./bench-texts.json");
  for (const about of metadata.models.filter(({ id }) => wanted.includes(id))) {
    say("benchLoading", () => ({ model: titleOf(about) }));
    const model = await load(metadata, about);
    const times = await timesOf(model, texts, tick, {
      signal: stopping.signal,
      progress: (done) => {
        say("benchRunning", () => ({ model: titleOf(about), done, count: texts.length }));
        return new Promise((resolve) => setTimeout(resolve)); // the page shows it and hears the button
      },
    });
    if (!times) break;
    measured.set(about.id, figuresOf(about, model, times, await memory()));
    showResults();
  }
  say(stopping.signal.aborted ? "benchStopped" : "benchDone");
  $("start").disabled = false;
  $("stop").disabled = true;
  $("save").disabled = !measured.size;
}

function figuresOf(about, model, times, memoryBytes) {
  const rounded = (value) => Number(value.toFixed(4));
  return {
    id: about.id,
    origin: about.origin,
    sha256: about.sha256,
    checked: model.verified,
    bytes: about.bytes,
    load_ms: rounded(model.loadMilliseconds),
    texts: times.length,
    p50_ms: rounded(percentile(times, 0.5)),
    p95_ms: rounded(percentile(times, 0.95)),
    times_ms: times.map(rounded),
    memory_bytes: memoryBytes?.bytes ?? null,
    memory_of: memoryBytes?.of ?? null,
  };
}

/** Bytes that the page holds, where the browser tells; without isolation from other pages it tells JavaScript's alone. */
async function memory() {
  if (globalThis.crossOriginIsolated && performance.measureUserAgentSpecificMemory) {
    return { bytes: (await performance.measureUserAgentSpecificMemory()).bytes, of: "page" };
  }
  return performance.memory ? { bytes: performance.memory.usedJSHeapSize, of: "JavaScript heap, without WebAssembly" } : null;
}

function showResults() {
  $("results").hidden = !measured.size;
  $("clock").textContent = t("benchClock", { time: t("milliseconds", { amount: number(tick, 3) }) });
  $("times").tBodies[0].replaceChildren(
    ...metadata.models
      .filter(({ id }) => measured.has(id))
      .map((about) => {
        const found = measured.get(about.id);
        const row = document.createElement("tr");
        row.dataset.id = about.id;
        const bytes = found.memory_bytes;
        const cells = [
          t("milliseconds", { amount: number(found.p50_ms, 3) }),
          t("milliseconds", { amount: number(found.p95_ms, 3) }),
          milliseconds(found.load_ms),
          bytes === null ? t("benchNoMemory") : t("benchMegabytes", { amount: number(bytes / MEGABYTE, 1) }),
        ];
        row.append(Object.assign(part("", titleOf(about), "th"), { scope: "row" }), ...cells.map((text) => part("number", text, "td")));
        return row;
      }),
  );
}

function save() {
  const content = {
    schema: SCHEMA,
    what: "milliseconds of a text, from the raw text to the probabilities, one after the other",
    created: new Date().toISOString(),
    browser: navigator.userAgent,
    cores: navigator.hardwareConcurrency ?? null,
    device_memory_gb: navigator.deviceMemory ?? null,
    screen: [screen.width, screen.height, devicePixelRatio],
    clock_tick_ms: tick,
    models: [...measured.values()],
  };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${JSON.stringify(content, null, 1)}\n`], { type: "application/json" }));
  link.download = `sentipress-bench-${content.created.slice(0, 10)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
