// Programs that the tests start.
import { accessSync, constants } from "node:fs";
import path from "node:path";

/** The program that a person named, or the first of `names` in the path. */
export function program(given, names) {
  if (given) return given;
  for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
    for (const name of names) {
      const file = path.join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        continue;
      }
    }
  }
  throw new Error(`none of ${names.join(", ")} is in the path: install one, or name it in $CHROMIUM or $PYTHON`);
}
