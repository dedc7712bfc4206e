// An encoder's .tflite file in a thread of its own: the page stays quick meanwhile, and all memory comes back when it ends.
//
// Takes {id, bytes} once, then {id, ids, signature}; answers {id, numbers} or {id, error}.
let model;
let lite;

// LiteRT reports its ordinary progress as errors; what is one stays one. It looks for its wasm beside this file otherwise.
self.Module = {
  printErr: (line) => (/^(INFO|VERBOSE|WARNING):/.test(line) ? console.debug(line) : console.error(line)),
  locateFile: (name) => new URL(`./litert/${name}`, self.location.href).href,
};
// LiteRT asks for a graphics adapter and complains where there is none; this file runs on the processor alone.
Object.defineProperty(navigator, "gpu", { value: undefined });

self.onmessage = async ({ data }) => {
  try {
    if (data.bytes) await load(data.bytes);
    self.postMessage({ id: data.id, numbers: data.ids ? await run(data.ids, data.signature) : [] });
  } catch (error) {
    self.postMessage({ id: data.id, error: String(error?.message ?? error) });
  }
};

async function load(bytes) {
  lite = await import("./litert/core.js");
  await lite.loadLiteRt("./litert/");
  model = await lite.loadAndCompile(bytes, { accelerator: "wasm" });
}

async function run(ids, signature) {
  const input = new lite.Tensor(ids, [1, ids.length]);
  const [output] = await model.run(signature, input);
  const numbers = Array.from(output.toTypedArray());
  input.delete();
  output.delete();
  return numbers;
}
