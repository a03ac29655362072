// A small inventory.
import type { Reader } from "./reader";

export type Name = string | { first: string; last?: string };

export interface Stock<K extends string = string> {
  readonly size: number;
  find(key: K): Part | undefined;
}

export enum Size {
  Small = 1,
  Large,
}

declare module "parts" {
  export function load(path: string): Promise<Part[]>;
}

export namespace shelves {
  export const max = 64;

  export function isFull(parts: readonly Part[]): boolean {
    return parts.length >= max;
  }
}

@sealed
export abstract class Part implements Stock {
  private static made = 0;
  size = 0;

  constructor(
    public readonly name: Name,
    protected count: number = 1,
  ) {
    Part.made++;
  }

  @log()
  find<K extends string>(key: K): Part | undefined {
    return (this.name as string) === key ? this : undefined;
  }

  abstract weight(): number;
}

export function count(parts: Part[]): number;
export function count(parts: Iterable<Part>): number {
  let sum = 0;
  for (const part of parts) sum += part["size"]!;
  return sum;
}

export const read = async <T,>(reader: Reader<T>): Promise<T[]> => {
  return await reader.all();
};
