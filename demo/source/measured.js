// A file as the table measured it, and how long a model's answers take.
import { Problem } from "./problem.js";

const RECENT = 101; // runs whose median is shown

/** Bytes of a file. @param {string | URL} file */
export async function fetched(file) {
  const response = await fetch(file).catch(() => null);
  if (!response?.ok) throw new Problem("errorFetch", { file, status: response?.status ?? 0 });
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * Fetch a file and make sure that its bytes are those that the table measured.
 * @param {{file: string, sha256: string}} about a model of metadata.json, or the vocabulary of one
 * @returns {Promise<{bytes: Uint8Array, verified: boolean}>} not verified where the browser hides SHA-256
 */
export async function fetchMeasured({ file, sha256 }) {
  const bytes = await fetched(file);
  const found = await digestOf(bytes);
  if (found && found !== sha256) throw new Problem("errorHash", { file, hash: found.slice(0, 12) });
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
export async function digestOf(bytes) {
  if (!globalThis.crypto?.subtle) return undefined;
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
