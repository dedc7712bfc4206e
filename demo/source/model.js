// The .tflite files, run by LiteRT.js on this device.
import { Tensor, loadAndCompile, loadLiteRt } from "./litert/core.js";

const RECENT = 101; // runs whose median is shown

let runtime;

/** Start LiteRT's wasm once; `loadLiteRt` itself takes the file that fits the browser's SIMD. */
export function startRuntime() {
  if (runtime) return runtime;
  // LiteRT reports its ordinary progress as errors; what is one stays one.
  self.Module = { printErr: (line) => (/^(INFO|VERBOSE|WARNING):/.test(line) ? console.debug(line) : console.error(line)) };
  runtime = loadLiteRt("./litert/");
  return runtime;
}

export class Model {
  #compiled;
  #shape;
  #spent = [];

  constructor(compiled, shape, loadMilliseconds) {
    this.#compiled = compiled;
    this.#shape = shape;
    this.loadMilliseconds = loadMilliseconds;
  }

  /**
   * Fetch a model, make sure that its bytes are those that the table measured, compile it and run it once.
   * @param {{file: string, sha256: string}} about entry of metadata.json
   * @param {Int32Array} ids of any review
   */
  static async load(about, ids) {
    await startRuntime();
    const started = performance.now();
    const response = await fetch(about.file);
    if (!response.ok) throw new Error(`${about.file} could not be fetched (${response.status})`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const found = await sha256(bytes);
    if (found && found !== about.sha256) throw new Error(`${about.file} is not the file that was measured (SHA-256 ${found.slice(0, 12)})`);
    const compiled = await loadAndCompile(bytes, { accelerator: "wasm" });
    const model = new Model(compiled, [1, ids.length], 0);
    model.verified = Boolean(found);
    await model.score(ids);
    model.#spent = []; // the first run also allocates
    model.loadMilliseconds = performance.now() - started;
    return model;
  }

  /** Probability that a review is positive. @param {Int32Array} ids */
  async score(ids) {
    const started = performance.now();
    const input = new Tensor(ids, this.#shape);
    // Not `run` of the package: it refuses a file whose batch is open ([-1, length]) whatever it is given, while the
    // runtime below it takes the batch of its input.
    const [buffer] = await this.#compiled.liteRtCompiledModel.run(0, [input.liteRtTensorBuffer]);
    const output = new Tensor(buffer);
    const probability = output.toTypedArray()[0];
    input.delete();
    output.delete();
    this.#spent.push(performance.now() - started);
    if (this.#spent.length > RECENT) this.#spent.shift();
    return probability;
  }

  /** Median of the recent runs, from ids to probability. */
  get milliseconds() {
    if (!this.#spent.length) return undefined;
    return [...this.#spent].sort((a, b) => a - b)[Math.floor(this.#spent.length / 2)];
  }
}

/** Hexadecimal SHA-256; undefined where the browser hides it, on pages that come neither by https nor from localhost. */
async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return undefined;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
