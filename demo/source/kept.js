// Large files that a visitor asked for: fetched with progress, checked, and kept on the device for the next time.
//
// They stay out of the service worker's list, which every visitor fetches.

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
    const found = await sha256(bytes);
    if (found === undefined || found === about.sha256) {
      progress({ received: bytes.length, total: bytes.length, secondsLeft: 0 });
      return { bytes, verified: found !== undefined, kept: true };
    }
    await cache.delete(name); // damaged
  }
  const bytes = await fetched(about, progress, signal);
  const found = await sha256(bytes);
  if (found && found !== about.sha256) throw new Error(`${about.file} is not the file that was measured (SHA-256 ${found.slice(0, 12)})`);
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

async function fetched(about, progress, signal) {
  const response = await fetch(about.file, { signal });
  if (!response.ok) throw new Error(`${about.file} could not be fetched (${response.status})`);
  const bytes = new Uint8Array(about.bytes);
  const started = performance.now();
  let received = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    if (received + value.length > bytes.length) throw new Error(`${about.file} has more than ${about.bytes} bytes: build the page again`);
    bytes.set(value, received);
    received += value.length;
    const seconds = (performance.now() - started) / 1000;
    progress({ received, total: about.bytes, secondsLeft: seconds > 0.2 ? (seconds * (about.bytes - received)) / received : undefined });
  }
  if (received !== about.bytes) throw new Error(`${about.file} has ${received} bytes, not ${about.bytes}: the connection broke, try again`);
  return bytes;
}

/** Hexadecimal SHA-256; undefined where the browser hides it, on pages that come neither by https nor from localhost. */
async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return undefined;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
