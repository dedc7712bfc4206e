// A transformer encoder in the browser, against the ids and scores that Python wrote: make demo-test
//
// Reads   demo/source, demo/node_modules, demo/golden/encoder (encoder_golden.py)
// Writes  encoder.json to $REPORT (demo/report by default)
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { demo, escapedJson, golden, json, launch, report } from "./visiting.mjs";

const SCORE_LIMIT = 1e-3; // the median's: another processor rounds the 8-bit products otherwise
const FURTHEST = 1e-2; // of any text, by an encoder that was never trained
const SENTENCE_LIMIT = 25; // milliseconds, median, a text of up to 32 pieces; held with STRICT=1, on a quiet machine
const ROUNDS = 5; // other programs only ever add time, so a sentence's own time is the best of some
const CHOICES = 4; // times that the encoder is chosen and put away again
const folder = path.join(golden, "encoder");
const missing = existsSync(path.join(folder, "about.json")) ? false : "demo/golden/encoder is missing: python demo/encoder_golden.py";
const about = missing ? null : json(folder, "about.json");
const expected = missing ? null : json(folder, "golden.json");
const figures = { schema: 1, processor: os.cpus()[0].model.trim(), cores: os.availableParallelism(), load_average: Number(os.loadavg()[0].toFixed(1)) };
const median = (numbers) => [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)];
const rounded = (number, digits = 1) => Number(number.toFixed(digits));
const complaints = [];
let server;
let url;
let browser;
let page;
let requested = []; // paths in their order
let slow = false; // whether a model's file comes in pieces with rests between
let broken = null; // what comes in the place of a model's file

/** The page's scripts as they are, LiteRT.js beside them, and the encoder's files. */
async function answer(request, response) {
  const name = decodeURIComponent(new URL(request.url, "http://localhost").pathname.slice(1)) || "index.html";
  requested.push(name);
  const modules = path.join(demo, "node_modules", "@litertjs");
  const found = {
    "index.html": () => Buffer.from('<!doctype html><html lang="en"><meta charset="utf-8"><title>Encoder</title><link rel="icon" href="icon.svg">'),
    "litert/core.js": () => Buffer.from(readFileSync(path.join(modules, "core/dist/index.js"), "utf8").replace('"@litertjs/wasm-utils"', '"./wasm-utils.js"')),
    "litert/wasm-utils.js": () => readFileSync(path.join(modules, "wasm-utils/dist/index.js")),
  }[name];
  const file = name.startsWith("litert/") ? path.join(modules, "core/wasm", path.basename(name)) : path.join(name.startsWith("models/") ? path.join(folder, "site") : path.join(demo, "source"), name);
  if (!found && (broken === "gone" ? name.startsWith("models/") : !existsSync(file))) return response.writeHead(404).end();
  const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm", ".svg": "image/svg+xml" };
  const content = found ? found() : readFileSync(file);
  if (broken === "swapped" && name.endsWith(".tflite")) content[content.length - 9] ^= 1;
  const sent = broken === "cut" && name.endsWith(".tflite") ? content.subarray(0, content.length >> 1) : content;
  response.writeHead(200, { "Content-Type": types[path.extname(found ? name : file)] ?? "application/octet-stream" });
  if (!slow || !name.endsWith(".tflite")) return response.end(sent);
  const step = Math.ceil(sent.length / 10);
  for (let start = 0; start < sent.length; start += step) {
    response.write(sent.subarray(start, start + step));
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  return response.end();
}

before(async () => {
  if (missing) return;
  server = createServer((request, response) => void answer(request, response));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${server.address().port}/`;
  browser = await launch();
  figures.browser = `Chromium ${browser.version()}`;
  page = await visit();
});

after(async () => {
  await browser?.close();
  server?.close();
  if (!missing) writeFileSync(path.join(report, "encoder.json"), `${JSON.stringify(figures, null, 1)}\n`);
});

async function visit() {
  const context = await browser.newContext({ serviceWorkers: "block" });
  const visited = await context.newPage();
  visited.on("pageerror", (error) => complaints.push(String(error)));
  visited.on("console", (message) => message.type() === "error" && !broken && complaints.push(message.text()));
  await visited.goto(url);
  return visited;
}

/** Load the encoder in a page as `encoder`, with what was told meanwhile. */
const load = (visited, changes = {}) =>
  visited.evaluate(async (about) => {
    const { Encoder } = await import(new URL("encoder.js", location.href));
    const states = [];
    globalThis.encoder = await Encoder.load(about, { progress: (state) => states.push(state) });
    const { verified, kept, loadMilliseconds } = globalThis.encoder;
    return { states, verified, kept, loadMilliseconds };
  }, { ...about, ...changes });

const score = (visited, text) =>
  visited.evaluate(async (text) => globalThis.encoder.score(globalThis.encoder.read(text).words), text);

/** Memory of all of the browser's processes that show pages, in MB; undefined where /proc is missing. */
async function memory() {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const some = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => `/proc/${id}/smaps_rollup`);
  if (!some.every(existsSync)) return undefined;
  return some.reduce((sum, file) => sum + Number(/^Pss: +(\d+) kB/m.exec(readFileSync(file, "utf8"))[1]), 0) / 1024;
}

/** What is left after the browser has tidied up. */
async function settledMemory(visited) {
  const session = await visited.context().newCDPSession(visited);
  for (let turn = 0; turn < 3; turn++) {
    await session.send("HeapProfiler.collectGarbage");
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return memory();
}

test("nothing of an encoder is fetched before it is chosen, then its download is told", { skip: missing }, async () => {
  figures.memory_mb = { before: await settledMemory(page) };
  assert.deepEqual(requested.filter((name) => /models|litert/.test(name)), []);
  slow = true;
  const { states, verified, kept, loadMilliseconds } = await load(page);
  slow = false;
  figures.memory_mb.chosen = await memory();
  const total = about.bytes + about.tokenizer.bytes;
  assert.ok(states.length > 5 && states.every((state) => state.total === total));
  const received = states.map((state) => state.received);
  assert.deepEqual([...received].sort((one, other) => one - other), received);
  assert.equal(received.at(-1), total);
  assert.ok(states.some(({ secondsLeft }) => secondsLeft > 0), "no time left was told");
  assert.deepEqual([verified, kept], [true, false]);
  assert.ok(loadMilliseconds > 0);
});

test("ids, known shares and scores are Python's", { skip: missing }, async () => {
  const found = await page.evaluate(async ([texts, about]) => {
    const { Pieces } = await import(new URL("pieces.js", location.href));
    const { library, reading } = await (await fetch(about.tokenizer.file)).json();
    const pieces = new Pieces(library, reading);
    const answers = [];
    for (const text of JSON.parse(texts)) {
      const reading = globalThis.encoder.read(text);
      const started = performance.now();
      const probabilities = await globalThis.encoder.score(reading.words);
      answers.push({ ids: pieces.ids(reading.words), share: reading.knownShare, probabilities, milliseconds: performance.now() - started });
    }
    return answers;
  }, [escapedJson(expected.texts), about]);
  assert.deepEqual(found.map(({ ids }) => ids), expected.ids);
  assert.deepEqual(found.map(({ share }) => share), expected.known_share);
  const best = await page.evaluate(async ([texts, rounds]) => {
    const rows = JSON.parse(texts).map((text) => globalThis.encoder.read(text).words);
    const times = rows.map(() => Infinity);
    for (let round = 0; round < rounds; round++) {
      for (const [index, words] of rows.entries()) {
        const started = performance.now();
        await globalThis.encoder.score(words);
        times[index] = Math.min(times[index], performance.now() - started);
      }
    }
    return times;
  }, [escapedJson(expected.texts.filter((_, text) => expected.ids[text].length <= expected.sentence).slice(0, 50)), ROUNDS]);
  const differences = found.map(({ probabilities }, text) => Math.max(...probabilities.map((one, label) => Math.abs(one - expected.probabilities[text][label]))));
  const chosen = (row) => row.indexOf(Math.max(...row));
  const flips = found.filter(({ probabilities }, text) => chosen(probabilities) !== chosen(expected.probabilities[text])).length;
  const short = found.filter(({ ids }) => ids.length <= expected.sentence).map(({ milliseconds }) => milliseconds);
  Object.assign(figures, {
    file: path.basename(about.file),
    bytes: about.bytes,
    gzip_bytes: about.gzip_bytes,
    tokenizer_bytes: about.tokenizer.bytes,
    lengths: about.lengths,
    texts: found.length,
    largest_difference: Number(Math.max(...differences).toExponential(2)),
    median_difference: Number(median(differences).toExponential(2)),
    texts_beyond_limit: differences.filter((difference) => difference > SCORE_LIMIT).length,
    different_labels: flips,
    sentences: short.length,
    sentence_ms: { p50: rounded(median(short)), p95: rounded([...short].sort((one, other) => one - other)[Math.floor(short.length * 0.95)]) },
    sentence_best_of_5_p50_ms: rounded(median(best)),
    text_ms: Object.fromEntries(
      about.lengths.map((length, index) => {
        const some = found.filter(({ ids }) => ids.length <= length && ids.length > (about.lengths[index - 1] ?? 0)).map(({ milliseconds }) => milliseconds);
        return [length, { texts: some.length, p50: some.length ? rounded(median(some)) : null }];
      }),
    ),
  });
  assert.ok(new Set(found.map(({ probabilities }) => probabilities[0].toFixed(3))).size > 10, "the scores hardly differ");
  // Of a trained encoder a product that is rounded otherwise moves the next ones: the score of a text may differ by more.
  const near = median(differences) <= SCORE_LIMIT && (expected.trained || Math.max(...differences) <= FURTHEST);
  assert.ok(near, `scores differ by up to ${Math.max(...differences)}, ${figures.texts_beyond_limit} of them by more than ${SCORE_LIMIT}`);
  assert.equal(flips, 0);
  if (process.env.STRICT === "1") assert.ok(median(best) <= SENTENCE_LIMIT, `p50 ${median(best)} ms, limit ${SENTENCE_LIMIT} ms`);
});

test("words that moved the score, and texts without words", { skip: missing }, async () => {
  const { moved, words, empty, odd, long } = await page.evaluate(async () => {
    const { encoder } = globalThis;
    const reading = encoder.read("A dull, <b>stupid</b> film.");
    const row = await encoder.score(reading.words);
    const found = await encoder.influence(reading.words, row, 1, { signal: new AbortController().signal, progress: () => {} });
    const odd = [];
    for (const text of ["\0", "😀".repeat(5000), "<".repeat(100_000), "a".repeat(100_000), "constructor __proto__", "\ud800"]) odd.push(await encoder.score(encoder.read(text).words));
    // A long text's words are left out in groups; those of a group share what it moved.
    const longer = Array.from({ length: 150 }, (_, index) => ({ word: `w${index}`, start: 0, end: 1 }));
    let asked = 0;
    const grouped = await encoder.influence(longer, await encoder.score(longer), 1, { signal: new AbortController().signal, progress: (_, count) => (asked = count) });
    const long = { asked, terms: grouped.terms.map(({ word }) => word), weights: Array.from(grouped.weights), shares: grouped.shares };
    return { moved: Array.from(found.weights), words: reading.words, empty: encoder.read("").total, odd, long };
  });
  assert.deepEqual(words.map(({ word }) => word), ["A", "dull,", "stupid", "film."]);
  assert.ok(moved.length === 4 && moved.some((weight) => Math.abs(weight) > 1e-6));
  assert.equal(empty, 0);
  assert.deepEqual([long.asked, long.terms.length, long.terms[0], long.terms.at(-1), long.shares.length], [50, 50, "w0 w1 w2", "w147 w148 w149", 150]);
  assert.deepEqual(long.shares.slice(0, 3), new Array(3).fill(long.weights[0] / 3));
  for (const row of odd) assert.ok(Math.abs(row.reduce((sum, one) => sum + one, 0) - 1) < 1e-9);
});

test("its memory comes back when another model is chosen, each time", { skip: missing }, async () => {
  const words = "globalThis.encoder.score(globalThis.encoder.read('good').words)";
  for (let choice = 0; choice < CHOICES; choice++) {
    assert.equal(page.workers().length, 1);
    await page.evaluate(() => globalThis.encoder.free());
    await assert.rejects(page.evaluate(words), /was put away/);
    figures.memory_mb[`put_away_${choice + 1}`] = await settledMemory(page);
    assert.equal(page.workers().length, 0);
    await load(page);
  }
  for (const [name, value] of Object.entries(figures.memory_mb)) if (value !== undefined) figures.memory_mb[name] = rounded(value, 0);
});

test("a file that is kept on the device is not fetched again, nor is the server needed", { skip: missing }, async () => {
  broken = "gone";
  requested = [];
  const before = await score(page, "A good film.");
  await page.evaluate(() => globalThis.encoder.free());
  const { verified, kept, states, loadMilliseconds } = await load(page);
  broken = null;
  figures.load_ms_kept = rounded(loadMilliseconds, 0);
  assert.deepEqual([verified, kept, states.at(-1).received], [true, true, about.bytes + about.tokenizer.bytes]);
  assert.deepEqual(requested.filter((name) => name.startsWith("models/")), []);
  assert.deepEqual(await score(page, "A good film."), before);
});

test("a download that is ended, cut off or another file leaves nothing behind", { skip: missing }, async () => {
  const other = await visit();
  slow = true;
  const ended = await other.evaluate(async (about) => {
    const { Encoder } = await import(new URL("encoder.js", location.href));
    const control = new AbortController();
    const progress = ({ received }) => received > about.bytes / 3 && control.abort();
    return Encoder.load(about, { progress, signal: control.signal }).then(() => "loaded", (error) => error.name);
  }, about);
  slow = false;
  assert.equal(ended, "AbortError");
  for (const [kind, message] of [["swapped", /errorHash/], ["cut", /errorBroken/], ["gone", /errorFetch.*404/]]) {
    broken = kind;
    await assert.rejects(load(other), message);
  }
  broken = null;
  const kept = await other.evaluate(async (about) => (await import(new URL("kept.js", location.href))).isKept(about), about);
  assert.equal(kept, false);
  assert.deepEqual((await load(other)).kept, false);
  await assert.rejects(load(other, { lengths: [1] }), /.+/);
  await other.context().close();
});

test("a newer file takes the place of the kept one", { skip: missing }, async () => {
  const names = () => page.evaluate(async () => (await (await caches.open("encoders")).keys()).map(({ url }) => url));
  assert.equal((await names()).length, 2);
  await page.evaluate(async (about) => {
    const cache = await caches.open("encoders");
    await cache.put(`${about.file}?sha256=older`, new Response("older"));
    await cache.delete(new URL(`${about.file}?sha256=${about.sha256}`, location.href).href);
    globalThis.encoder.free();
  }, about);
  assert.equal((await load(page)).kept, false);
  const left = await names();
  assert.ok(left.length === 2 && !left.some((name) => name.includes("older")), left.join());
});

test("no complaint in the browser, and the download is what it says", { skip: missing }, () => {
  assert.equal(statSync(path.join(folder, "site", about.file)).size, about.bytes);
  assert.deepEqual(complaints, []);
});
