// How long a model takes for each of some texts, by a clock that may tick slowly.

const LEAST_TICKS = 20; // of the clock in a measurement: it is then wrong by 5 % at most
const MOST_RUNS = 2000; // of one text
const WARM_UP = 20; // texts before the first that counts

/** Milliseconds between two ticks of the browser's clock: the least difference that it was seen to make. */
export function clockTick(samples = 5) {
  let least = Infinity;
  for (let sample = 0; sample < samples; sample++) {
    const started = performance.now();
    let now = started;
    while (now === started) now = performance.now();
    least = Math.min(least, now - started);
  }
  return least;
}

/** Value below which a share of numbers lies. @param {number[]} numbers @param {number} share 0 to 1 */
export function percentile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/**
 * Milliseconds of each text, from the raw text to the probabilities.
 * @param {import("./models.js").Asked} model
 * @param {string[]} texts
 * @param {number} tick milliseconds, see `clockTick`
 * @param {{signal: AbortSignal, progress: (done: number) => void | Promise<void>}} options
 * @returns {Promise<number[] | null>} null when it was stopped
 */
export async function timesOf(model, texts, tick, { signal, progress }) {
  const label = (text) => model.score(model.read(text).words);
  for (const text of texts.slice(0, WARM_UP)) await label(text);
  const times = [];
  for (const [done, text] of texts.entries()) {
    if (done % 10 === 0) await progress(done);
    if (signal.aborted) return null;
    const started = performance.now();
    let runs = 0;
    let spent = 0;
    do {
      await label(text);
      runs++;
      spent = performance.now() - started;
    } while (spent < LEAST_TICKS * tick && runs < MOST_RUNS);
    times.push(spent / runs);
  }
  return times;
}
