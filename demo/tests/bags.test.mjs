// Bags of words on the page, against the scores that Python wrote: make demo-test
//
// Reads   demo/dist (build.py), demo/golden (golden.py)
// Writes  bags.json and pictures to $REPORT (demo/report by default)
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { Words } from "../source/words.js";
import { contextOf } from "../source/context.js";
import { askAll, dist, escapedJson, golden, json, launch, ready, report, scrollsSideways, serve, settled, write } from "./visiting.mjs";

const SCORE_LIMIT = 1e-6; // Python's probabilities have 32 bits
const built = json(dist, "metadata.json");
const { texts, bags } = json(golden, "bags.json");
const figures = { schema: 1, texts: texts.length, bags: {} };
let server;
let browser;
let complaints;

before(async () => {
  server = await serve();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  writeFileSync(path.join(report, "bags.json"), `${JSON.stringify(figures, null, 1)}\n`);
});

const file = (bag) => readFileSync(path.join(golden, bag.file));

/** Metadata of the page that a bag of the golden vectors would be on. */
function metadataOf(bag) {
  const { cleaning: { lower, recipe, ...rules } } = json(golden, `metadata-${bag.recipe}-alphabets.json`);
  const [{ accuracy }] = built.models;
  const about = { id: "bag", kind: "bag", title: { key: "titleBag" }, words: 1000, origin: bag.file, file: `models/${bag.file}`, bytes: file(bag).length, sha256: bag.sha256, labels: bag.labels, cleaning: recipe, accuracy };
  return { ...built, cleaning: { recipes: { [recipe]: rules }, lower }, models: [about] };
}

/** A visit to the page with this metadata and no other model file than this one. */
async function visit(metadata, content, options = {}) {
  const context = await browser.newContext({ serviceWorkers: "block", viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.requested = [];
  page.on("request", (request) => page.requested.push(new URL(request.url()).pathname));
  await page.route("**/metadata.json", (route) => route.fulfill({ json: metadata }));
  await page.route("**/models/*", (route) => route.fulfill({ body: content, contentType: "application/zip" }));
  await page.goto(server.url);
  return page;
}

const listed = (page) => page.locator("#strongest li").evaluateAll((items) => items.map((item) => [item.querySelector(".word").textContent, item.className, item.querySelector(".amount").textContent]));
const shown = (probability) => `${(100 * probability).toFixed(1)} %`;
const signed = (number) => `${number > 0 ? "+" : "−"}${Math.abs(number).toFixed(2)}`;
const strongest = (row) => row.indexOf(Math.max(...row));
const opened = async (bag) => Words.unpacked(new Uint8Array(file(bag)), contextOf(metadataOf(bag), metadataOf(bag).models[0]), bag.file);

for (const bag of bags) {
  const name = `${bag.file}, recipe ${bag.recipe}, ${bag.labels.length} labels`;
  test(`scores and shares of known words are Python's: ${name}`, async () => {
    const page = await visit(metadataOf(bag), file(bag));
    await ready(page);
    const found = [];
    for (let start = 0; start < texts.length; start += 500) {
      found.push(
        ...(await page.evaluate(async (some) => {
          const metadata = await (await fetch("metadata.json")).json();
          const { load } = await import(new URL("models.js", location.href));
          globalThis.bag ??= await load(metadata, metadata.models[0]);
          return Promise.all(JSON.parse(some).map(async (text) => {
            const reading = globalThis.bag.read(text);
            return [await globalThis.bag.score(reading.words), reading.knownShare];
          }));
        }, escapedJson(texts.slice(start, start + 500)))),
      );
    }
    const differences = found.map(([row], text) => Math.max(...row.map((probability, label) => Math.abs(probability - bag.probabilities[text][label]))));
    const largest = Math.max(...differences);
    figures.bags[bag.file] = { recipe: bag.recipe, labels: bag.labels.length, largest_difference: Number(largest.toExponential(2)) };
    assert.ok(largest <= SCORE_LIMIT, `scores differ by up to ${largest}, at ${JSON.stringify(texts[differences.indexOf(largest)])}`);
    assert.deepEqual(found.map(([, share]) => share), bag.known_share);
    assert.ok(found.every(([row], text) => row.length === bag.labels.length && bag.probabilities[text].length === row.length));
    assert.ok(new Set(bag.probabilities.map((row) => row[0].toFixed(3))).size > 100, "the scores hardly differ");
    assert.deepEqual(complaints, []);
    assert.deepEqual(page.requested.filter((name) => name.endsWith(".wasm") || name.includes("litert_wasm")), [], "a bag of words needs no runtime");
    await page.context().close();
  });

  test(`the weights of a text's terms add up to its score: ${name}`, async () => {
    const words = await opened(bag);
    const empty = await words.score([]);
    for (const text of texts.filter((text) => text.length < 3000).slice(0, 400)) {
      const reading = words.read(text);
      const row = await words.score(reading.words);
      const label = bag.labels.length === 2 ? 1 : strongest(row);
      const { weights, shares } = await words.influence(reading.words, row, label);
      const sum = (numbers) => numbers.reduce((some, number) => some + number, 0);
      assert.ok(Math.abs(sum(weights) - sum(shares)) < 1e-9);
      if (bag.labels.length === 2) {
        const logOdds = (probabilities) => Math.log(probabilities[1] / probabilities[0]);
        assert.ok(Math.abs(logOdds(row) - logOdds(empty) - sum(weights)) < 1e-9);
      }
    }
  });
}

/** Bags of two labels, and of more, that read words as they stand. */
const two = bags.find((bag) => bag.labels[1] === "positive");
const many = bags.find((bag) => bag.labels.length > 2 && bag.recipe === "default");

for (const [bag, options] of [[two, {}], [many, { viewport: { width: 390, height: 844 } }]]) {
  test(`a text's answer, the terms that moved it and their marks: ${bag.labels.join(", ")}`, async () => {
    const page = await visit(metadataOf(bag), file(bag), options);
    await ready(page);
    const words = await opened(bag);
    const raw = "The film was not good, not good at all: a <b>film</b> of the worst kind.";
    const reading = words.read(raw);
    const row = await words.score(reading.words);
    const chosen = strongest(row);
    const answer = await write(page, raw);
    assert.ok(answer.label.toLowerCase().endsWith(bag.labels[chosen].toLowerCase()));
    assert.deepEqual([answer.score, answer.reading], [shown(row[chosen]), `${reading.known} of ${reading.total} words known.`]);
    await settled(page);
    const { terms, weights, shares } = await words.influence(reading.words, row, bag.labels.length === 2 ? 1 : chosen);
    const expected = terms.map(({ word }, index) => [word, weights[index]]).sort(([, one], [, other]) => Math.abs(other) - Math.abs(one));
    const listing = expected.slice(0, 8).filter(([, weight]) => Math.abs(weight) >= 0.05);
    assert.deepEqual(await listed(page), listing.map(([word, weight]) => [word, weight > 0 ? "for" : "against", signed(weight)]));
    assert.ok(listing.some(([word]) => word.includes(" ")), "no group of words is among the strongest");
    assert.ok(expected.filter(([word]) => word === "film").length <= 1);
    assert.ok((await page.locator("#text mark").count()) > 0);
    const titles = await page.locator("#text mark").evaluateAll((marks) => marks.map(({ title }) => title));
    for (const title of titles) assert.ok([...shares].some((share) => title === `${signed(share)} log-odds`), title);
    assert.match(await page.locator("#words > .quiet").textContent(), /^\s*The model adds up the weights of words and of neighbouring words; .* speak for/s);
    await askAll(page);
    assert.match(await page.locator("#side td.answer").textContent(), new RegExp(` ${shown(row[chosen])}$`));
    assert.match(await page.locator(".choice .times").textContent(), /loaded in [\d.]+ ms · (below )?[\d.]+ ms a text/);
    assert.equal(await scrollsSideways(page), false);
    await page.screenshot({ path: path.join(report, `bag-${bag.labels.length}.png`), fullPage: true });
    assert.deepEqual(complaints, []);
    await page.context().close();
  });
}

test("a word that comes again counts once, and its places share the weight", async () => {
  const words = await opened(two);
  const [once, thrice] = ["film", "film! Film, FILM"].map((text) => words.read(text).words);
  const { terms, weights } = await words.influence(once, [], 1);
  assert.deepEqual(terms, [{ word: "film" }]);
  const repeated = await words.influence(thrice, [], 1);
  assert.deepEqual(repeated.terms[0], { word: "film" });
  assert.equal(repeated.weights[0], weights[0]);
  const pair = repeated.terms.findIndex(({ word }) => word === "film film");
  const of = (share) => weights[0] / 3 + (pair < 0 ? 0 : repeated.weights[pair] * share);
  for (const [index, share] of [1 / 4, 1 / 2, 1 / 4].entries()) assert.ok(Math.abs(repeated.shares[index] - of(share)) < 1e-12);
});

test("odd texts", async () => {
  const page = await visit(metadataOf(two), file(two));
  await ready(page);
  const expected = {
    "": /Waiting/,
    "\0😀!": /No words/,
    "qwertz asdfgh yxcvbn": /Cannot judge/,
    "constructor __proto__ toString hasOwnProperty": /negative|positive|judge/i,
    "a good\r\nfilm\rnot\ngood": /negative|positive/i,
    [`${"The film was good. ".repeat(50_000)}`]: /negative|positive/i,
  };
  for (const [text, label] of Object.entries(expected)) assert.match((await write(page, text)).label, label);
  await settled(page);
  assert.ok((await page.locator("#text").textContent()).length < 20_000);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("a file that is not the measured one, or no bag of words of this page, is refused", async () => {
  const good = file(two);
  const swapped = Buffer.from(good);
  swapped[1000] ^= 1;
  const digest = async (content) => Buffer.from(await crypto.subtle.digest("SHA-256", content)).toString("hex");
  const cases = [
    [swapped, {}, /bag-0\.zip is not the file that was measured/],
    [good.subarray(0, -1), { sha256: await digest(good.subarray(0, -1)) }, /bag-0\.zip is no packed bag of words of this page \(no zip file\)/],
    [Buffer.from("no zip"), { sha256: await digest(Buffer.from("no zip")) }, /no packed bag of words of this page \(no zip file\)/],
    [swapped, { sha256: await digest(swapped) }, /no packed bag of words of this page \(/],
    [good, { labels: ["positive", "negative"] }, /its labels are negative,positive/],
    [good, { recipe: "thesis" }, /it reads texts of the recipe default/],
  ];
  for (const [content, { sha256, labels, recipe }, message] of cases) {
    const metadata = metadataOf(two);
    if (sha256) metadata.models[0].sha256 = sha256;
    if (labels) metadata.models[0].labels = labels;
    if (recipe) metadata.models[0].cleaning = recipe;
    if (recipe) metadata.cleaning.recipes[recipe] = metadata.cleaning.recipes[two.recipe];
    const page = await visit(metadata, content);
    await page.waitForFunction(() => document.documentElement.dataset.ready);
    assert.equal(await page.locator("#label").textContent(), "This does not work here");
    assert.match(await page.locator("#reading").textContent(), message);
    assert.equal(await page.locator(".choice .times").textContent(), "could not be loaded");
    await page.context().close();
  }
});
