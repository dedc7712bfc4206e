// Which words moved a label's probability: each is left out once, and the model asked again.

const SLICE = 8; // milliseconds of work before the page gets a turn

const idle = globalThis.requestIdleCallback ?? ((callback) => setTimeout(callback, 1));
const turn = () => new Promise((resolve) => idle(resolve, { timeout: 200 }));

/** Log-odds of a probability, kept finite where float32 has run out of steps. */
export function logOdds(probability) {
  const kept = Math.min(Math.max(probability, 1e-7), 1 - 1e-7);
  return Math.log(kept / (1 - kept));
}

/**
 * What a label's log-odds lose with each word: above 0 for a word that speaks for the label.
 *
 * @param {number[]} ids of the words, not padded, or groups of words
 * @param {number} probability of the label, by the whole text
 * @param {(ids: number[]) => Promise<number>} score gives its probability
 * @param {{signal: AbortSignal, progress: (done: number, count: number) => void}} options
 * @returns {Promise<Float64Array | null>} null when it was cancelled
 */
export async function leaveOneOut(ids, probability, score, { signal, progress }) {
  const whole = logOdds(probability);
  const moved = new Float64Array(ids.length);
  let until = 0;
  for (let left = 0; left < ids.length; left++) {
    if (performance.now() >= until) {
      progress(left, ids.length);
      await turn();
      until = performance.now() + SLICE;
    }
    if (signal.aborted) return null;
    moved[left] = whole - logOdds(await score([...ids.slice(0, left), ...ids.slice(left + 1)]));
  }
  return signal.aborted ? null : moved;
}
