// Score texts by bags of words in JavaScript for a test in Python: takes {texts, bags} from stdin, where a bag is
// {file, metadata}; gives {probabilities, known_share} for each bag.
import { readFileSync } from "node:fs";
import { Words } from "../source/words.js";

let input = "";
for await (const chunk of process.stdin.setEncoding("utf8")) input += chunk;
const { texts, bags } = JSON.parse(input);
const answers = [];
for (const { file, metadata } of bags) {
  const words = await Words.unpacked(new Uint8Array(readFileSync(file)), metadata, file);
  const readings = texts.map((text) => words.read(text));
  answers.push({
    probabilities: await Promise.all(readings.map((reading) => words.score(reading.words))),
    known_share: readings.map(({ knownShare }) => knownShare),
  });
}
process.stdout.write(JSON.stringify(answers));
