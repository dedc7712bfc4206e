// The .tflite files, run by LiteRT.js on this device.
import { Tensor, loadAndCompile, loadLiteRt } from "./litert/core.js";
import { Times } from "./measured.js";
import { Problem } from "./problem.js";

let runtime;

/** Start LiteRT's wasm once; `loadLiteRt` itself takes the file that fits the browser's SIMD. */
export function startRuntime() {
  if (runtime) return runtime;
  // LiteRT reports its ordinary progress as errors; what is one stays one.
  self.Module = { printErr: (line) => (/^(INFO|VERBOSE|WARNING):/.test(line) ? console.debug(line) : console.error(line)) };
  runtime = loadLiteRt(new URL("./litert/", import.meta.url).href); // beside this file, wherever the page is
  return runtime;
}

export class Model {
  #compiled;
  #shape;
  #labels;
  #times = new Times();

  constructor(compiled, shape, labels) {
    this.#compiled = compiled;
    this.#shape = shape;
    this.#labels = labels;
  }

  /**
   * Compile a model and run it once.
   * @param {Uint8Array} bytes of a .tflite file
   * @param {Int32Array} ids of any text
   * @param {number} labels how many there are
   */
  static async compiled(bytes, ids, labels) {
    await startRuntime();
    const model = new Model(await loadAndCompile(bytes, { accelerator: "wasm" }), [1, ids.length], labels);
    await model.score(ids);
    model.#times = new Times(); // the first run also allocates
    return model;
  }

  /** Probabilities of all labels, in their order. @param {Int32Array} ids of a text @returns {Promise<number[]>} */
  async score(ids) {
    const started = performance.now();
    const input = new Tensor(ids, this.#shape);
    // Not `run` of the package: it refuses a file whose batch is open ([-1, length]) whatever it is given, while the
    // runtime below it takes the batch of its input.
    const [buffer] = await this.#compiled.liteRtCompiledModel.run(0, [input.liteRtTensorBuffer]);
    const output = new Tensor(buffer);
    const numbers = Array.from(output.toTypedArray());
    input.delete();
    output.delete();
    this.#times.add(performance.now() - started);
    const expected = this.#labels === 2 ? 1 : this.#labels; // of two labels a model gives the last one's probability
    if (numbers.length !== expected) throw new Problem("errorOutputs", { count: numbers.length, labels: this.#labels, expected });
    return expected === 1 ? [1 - numbers[0], numbers[0]] : numbers;
  }

  /** Median of the recent runs, from ids to probabilities. */
  get milliseconds() {
    return this.#times.median;
  }
}
