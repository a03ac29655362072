// A small inventory.
import fs from "node:fs";
import { join as joinPath } from "node:path";

export const SHELF_MAX = 64;

let total = 0;

/** A part and how many there are. */
export class Part extends Object {
  static count = 0;
  #name;

  constructor(name, count = 1) {
    super();
    this.#name = name;
    this.count = count;
  }

  get label() {
    return `${this.#name} × ${this.count}`;
  }

  static async load(path) {
    const text = await fs.promises.readFile(joinPath(path, "parts.json"), "utf8");
    return JSON.parse(text).map(({ name, ...rest }) => new Part(name, rest.count ?? 1));
  }
}

export default function count(parts) {
  return parts.reduce((sum, part) => sum + part.count, 0);
}

export const isFull = (parts) => {
  if (parts.length >= SHELF_MAX) return true;
  return /^[a-z{]+$/u.test(parts[0]?.label);
};

const handlers = {
  add(part) {
    total += part.count;
  },
  remove: function (part) {
    total -= part.count;
  },
};

function* walk(parts) {
  for (const part of parts) yield part;
}

module.exports.walk = walk;

describe("parts", () => {
  it("counts", () => {
    expect(count([new Part("bolt")])).toBe(1);
  });
});
