// A model's file as the table measured it, and how long its answers take.

const RECENT = 101; // runs whose median is shown

/**
 * Fetch a model and make sure that its bytes are those that the table measured.
 * @param {{file: string, sha256: string}} about entry of metadata.json
 * @returns {Promise<{bytes: Uint8Array, verified: boolean}>} not verified where the browser hides SHA-256
 */
export async function fetchMeasured(about) {
  const response = await fetch(about.file);
  if (!response.ok) throw new Error(`${about.file} could not be fetched (${response.status})`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const found = await sha256(bytes);
  if (found && found !== about.sha256) throw new Error(`${about.file} is not the file that was measured (SHA-256 ${found.slice(0, 12)})`);
  return { bytes, verified: Boolean(found) };
}

/** Times of the recent runs. */
export class Times {
  #spent = [];

  add(milliseconds) {
    this.#spent.push(milliseconds);
    if (this.#spent.length > RECENT) this.#spent.shift();
  }

  /** Undefined before the first run. */
  get median() {
    return [...this.#spent].sort((a, b) => a - b)[Math.floor(this.#spent.length / 2)];
  }
}

/** Hexadecimal SHA-256; undefined where the browser hides it, on pages that come neither by https nor from localhost. */
async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return undefined;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
