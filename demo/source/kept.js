// Large files that a visitor asked for: fetched with progress, checked, and kept on the device for the next time.
//
// They stay out of the service worker's list, which every visitor fetches.
import { digestOf } from "./measured.js";
import { Problem } from "./problem.js";

const CACHE = "encoders"; // the service worker clears those whose names begin with "sentipress-"

/**
 * @typedef {object} Progress
 * @property {number} received bytes
 * @property {number} total bytes
 * @property {number | undefined} secondsLeft undefined in the first moments
 */

/**
 * The bytes of a file, from this device if it has them.
 * @param {{file: string, bytes: number, sha256: string}} about
 * @param {{progress?: (state: Progress) => void, signal?: AbortSignal}} options
 * @returns {Promise<{bytes: Uint8Array, verified: boolean, kept: boolean}>} not verified where the browser hides SHA-256;
 *   kept if nothing was fetched
 */
export async function fetchKept(about, { progress = () => {}, signal } = {}) {
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined);
  const name = new URL(`${about.file}?sha256=${about.sha256}`, location.href).href;
  const held = await cache?.match(name);
  if (held) {
    const bytes = new Uint8Array(await held.arrayBuffer());
    const found = await digestOf(bytes);
    if (found === undefined || found === about.sha256) {
      progress({ received: bytes.length, total: bytes.length, secondsLeft: 0 });
      return { bytes, verified: found !== undefined, kept: true };
    }
    await cache.delete(name); // damaged
  }
  const bytes = await fetched(about, progress, signal);
  const found = await digestOf(bytes);
  if (found && found !== about.sha256) throw new Problem("errorHash", { file: about.file, hash: found.slice(0, 12) });
  try {
    await forget(about, cache);
    await cache?.put(name, new Response(bytes, { headers: { "Content-Type": "application/octet-stream" } }));
  } catch {
    // The device is full, or keeps nothing in a private window: the model works all the same.
  }
  return { bytes, verified: Boolean(found), kept: false };
}

/** Whether a file is on this device. @param {{file: string, sha256: string}} about */
export async function isKept(about) {
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined);
  return Boolean(await cache?.match(new URL(`${about.file}?sha256=${about.sha256}`, location.href).href));
}

/** Delete a file, and older ones of its name, from this device. */
export async function forget(about, cache) {
  const some = cache ?? (await globalThis.caches?.open(CACHE).catch(() => undefined));
  await some?.delete(new URL(about.file, location.href).href, { ignoreSearch: true });
}

async function fetched({ file, bytes: expected }, progress, signal) {
  const unlessEnded = (error) => {
    if (signal?.aborted) throw error;
  };
  const response = await fetch(file, { signal }).catch(unlessEnded);
  if (!response?.ok) throw new Problem("errorFetch", { file, status: response?.status ?? 0 });
  const bytes = new Uint8Array(expected);
  const started = performance.now();
  const reader = response.body.getReader();
  let received = 0;
  for (;;) {
    const part = await reader.read().catch(unlessEnded);
    if (!part || part.done) break;
    if (received + part.value.length > expected) {
      await reader.cancel();
      throw new Problem("errorLonger", { file, expected });
    }
    bytes.set(part.value, received);
    received += part.value.length;
    const seconds = (performance.now() - started) / 1000;
    progress({ received, total: expected, secondsLeft: seconds > 0.2 ? (seconds * (expected - received)) / received : undefined });
  }
  if (received !== expected) throw new Problem("errorBroken", { file, received, expected });
  return bytes;
}
