// Read texts in JavaScript for a test in Python: takes {metadata, texts, probabilities} from stdin, where probabilities
// are a row for each text; gives {ids, known_share, verdicts, words}.
import { Tokenizer } from "../source/tokenizer.js";
import { verdict } from "../source/verdict.js";

let input = "";
for await (const chunk of process.stdin.setEncoding("utf8")) input += chunk;
const { metadata, texts, probabilities } = JSON.parse(input);
const tokenizer = new Tokenizer(metadata);
const read = texts.map((text) => tokenizer.read(text));
process.stdout.write(
  JSON.stringify({
    ids: texts.map((text) => Array.from(tokenizer.encode(text))),
    known_share: read.map(({ knownShare }) => knownShare),
    verdicts: read.map(({ knownShare }, index) => metadata.labels[verdict(metadata, probabilities[index], knownShare)] ?? "cannot judge"),
    words: texts.map((text) => tokenizer.words(text).map(({ word }) => word)),
  }),
);
