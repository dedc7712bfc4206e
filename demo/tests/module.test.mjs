// The module for pages of others in a real browser, against `sentipress.load` in Python: make demo-test
//
// Reads   demo/module (library.py), results/reference/pocket.zip and packed_11900.zip; asks $PYTHON for its answers
// Writes  module.json to $REPORT (demo/report by default)
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { program } from "./programs.mjs";
import { RARE, demo, escapedJson, launch, report, serve } from "./visiting.mjs";

const root = path.resolve(demo, "..");
const MODELS = { "pocket.zip": 1e-3, "packed_11900.zip": 1e-6 }; // to how far probabilities may be apart: LiteRT's kernels differ
const ODD = ["", " \n", "<br>", "\0😀!", "\ud800 half", "qwertz asdfgh", "It's 'good', ''isn't''_it?", "Das ist ein schöner FILM.", "constructor __proto__", "good ".repeat(5000)];
const ASK = `
import json, sys, sentipress
from sentipress.data.sources import read_bundled
odd, models = json.load(sys.stdin)
texts = [*odd, *read_bundled()["review"].sample(150, random_state=1)]
answers = {}
for name in models:
    found = sentipress.load("results/reference/" + name)(texts)
    answers[name] = [[one.label, one.score, one.probabilities, one.known] for one in found]
print(json.dumps({"texts": texts, "answers": answers}))
`;
const python = program(process.env.PYTHON, ["python3", "python"]);
const input = escapedJson([ODD, Object.keys(MODELS)]);
const { texts, answers } = JSON.parse(execFileSync(path.resolve(python), ["-c", ASK], { cwd: root, input, maxBuffer: 1 << 26, env: { ...process.env, PYTHONPATH: root } }));
const figures = { schema: 1, texts: texts.length, models: {} };
let server;
let browser;

before(async () => {
  server = await serve(0, path.join(demo, "module"));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  writeFileSync(path.join(report, "module.json"), `${JSON.stringify(figures, null, 1)}\n`);
});

/** A page of somebody else in a folder of its own, which finds the models beside itself. */
async function visit() {
  const page = await (await browser.newContext()).newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  page.requested = [];
  page.on("request", (request) => page.requested.push(new URL(request.url()).pathname));
  await page.route("**/other/", (route) => route.fulfill({ body: "<!doctype html><title>Other</title>", contentType: "text/html" }));
  await page.route("**/other/*.zip", (route) => {
    const name = path.basename(new URL(route.request().url()).pathname);
    return name in MODELS ? route.fulfill({ body: readFileSync(path.join(root, "results", "reference", name)) }) : route.fulfill({ status: 404 });
  });
  await page.goto(`${server.url}other/`);
  return page;
}

for (const [name, limit] of Object.entries(MODELS)) {
  test(`three lines give Python's answers: ${name}`, async () => {
    const page = await visit();
    const found = await page.evaluate(
      async ([file, escaped]) => {
        const { load } = await import("/sentipress.js");
        const model = await load(file);
        return { labels: model.labels, answers: await model(JSON.parse(escaped)) };
      },
      [name, escapedJson(texts)],
    );
    assert.deepEqual(found.labels, ["negative", "positive"]);
    assert.equal(found.answers.length, texts.length);
    const apart = [];
    for (const [index, [label, score, probabilities, known]] of answers[name].entries()) {
      const answer = found.answers[index];
      assert.deepEqual(Object.keys(answer.probabilities), Object.keys(probabilities));
      apart.push(Math.max(...found.labels.map((one) => Math.abs(answer.probabilities[one] - probabilities[one]))));
      assert.equal(answer.known, known, JSON.stringify(texts[index]));
      assert.equal(answer.score, Math.max(...Object.values(answer.probabilities)));
      if (label === null || Math.abs(score - 0.5) > limit) assert.equal(answer.label, label, JSON.stringify(texts[index]));
    }
    const largest = Math.max(...apart);
    const beyond = apart.filter((difference) => difference > limit).length;
    const usual = Math.max(...apart.filter((difference) => difference <= limit));
    figures.models[name] = { largest_difference: Number(largest.toExponential(2)), beyond, usual_difference: Number(usual.toExponential(2)) };
    const network = name === "pocket.zip";
    assert.ok(beyond <= (network ? RARE.share * texts.length : 0), `probabilities of ${beyond} texts differ by more than ${limit}`);
    assert.ok(largest <= (network ? RARE.limit : limit), `probabilities differ by up to ${largest}`);
    assert.ok(new Set(answers[name].map(([label]) => label)).size === 3, "not all kinds of answers are there");
    const wasm = page.requested.filter((file) => file.endsWith(".wasm"));
    assert.equal(wasm.length, name === "pocket.zip" ? 1 : 0, "a bag of words needs no runtime, a network one");
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test("calls that overlap, two models side by side, bytes in the place of an address", async () => {
  const page = await visit();
  const differences = await page.evaluate(async (escaped) => {
    const { load } = await import("/sentipress.js");
    const bytes = new Uint8Array(await (await fetch("pocket.zip")).arrayBuffer());
    const [network, same, bag] = await Promise.all([load("pocket.zip"), load(bytes), load(new URL("packed_11900.zip", location.href))]);
    const some = JSON.parse(escaped);
    const alone = await network(some);
    const [first, empty, second, third, fourth] = await Promise.all([network(some), network([]), network([...some].reverse()), same(some), bag(some)]);
    const equal = (one, other) => JSON.stringify(one) === JSON.stringify(other);
    return [equal(alone, first), empty.length, equal(alone, second.reverse()), equal(alone, third), equal(await bag(some), fourth), equal(alone, fourth)];
  }, escapedJson(texts.slice(10, 40)));
  assert.deepEqual(differences, [true, 0, true, true, true, false]);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("what is no list of texts, and what is no model, is refused in words", async () => {
  const page = await visit();
  const said = await page.evaluate(async () => {
    const { load } = await import("/sentipress.js");
    const model = await load("packed_11900.zip");
    const message = (call) => call().then(() => "no error", (error) => `${error.name}: ${error.message}`);
    const refused = [await message(() => model("fine")), await message(() => model(["fine", null])), await message(() => load("none.zip")), await message(() => load(new Uint8Array(9)))];
    return [...refused, (await model(["fine"])).length];
  });
  assert.match(said[0], /^TypeError: give a list of texts, also for a single one: model\(\[text\]\)$/);
  assert.match(said[1], /^TypeError: texts\[1\] is no text/);
  assert.match(said[2], /^Error: none\.zip could not be fetched \(404\)$/);
  assert.match(said[3], /^Error: the file cannot be opened: no zip file$/);
  assert.equal(said[4], 1);
  await page.context().close();
});
