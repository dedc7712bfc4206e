// Encode texts in JavaScript for a test in Python: reads {metadata, texts} from stdin, writes a list of id lists.
import { Tokenizer } from "../source/tokenizer.js";

let input = "";
for await (const chunk of process.stdin.setEncoding("utf8")) input += chunk;
const { metadata, texts } = JSON.parse(input);
const tokenizer = new Tokenizer(metadata);
process.stdout.write(JSON.stringify(texts.map((text) => Array.from(tokenizer.encode(text)))));
