/** What a key holds. Every kind of key that stays is one of these. */
export const kinds = [
  "session",
  "sessions of a user",
  "conversation",
  "messages",
  "conversations of a user",
  "standalone messages",
  "memory values",
  "memory usage",
  "memory writes",
  "memories of a user",
] as const;
export type Kind = (typeof kinds)[number];

/** How much there is of a kind: keys, what they hold together (messages, members, values), and the bytes of its texts. */
export interface Amount {
  readonly keys: number;
  readonly items: number;
  readonly bytes: number;
}

/** What a server holds, counted without asking it. */
export type Population = Readonly<Record<Kind, Amount>>;

/** A key that was written, and what of. */
export interface StoredKey extends Omit<Amount, "keys"> {
  readonly key: string;
  readonly kind: Kind;
}

export class Census {
  readonly #amounts = new Map<Kind, Amount>();

  add({ kind, items, bytes }: Omit<StoredKey, "key">, times = 1): void {
    const { keys, ...before } = this.#amounts.get(kind) ?? { keys: 0, items: 0, bytes: 0 };
    this.#amounts.set(kind, {
      keys: keys + times,
      items: before.items + items * times,
      bytes: before.bytes + bytes * times,
    });
  }

  get population(): Population {
    const none: Amount = { keys: 0, items: 0, bytes: 0 };
    return Object.fromEntries(kinds.map((kind) => [kind, this.#amounts.get(kind) ?? none])) as Population;
  }
}

export function keysIn(population: Population): number {
  return kinds.reduce((total, kind) => total + population[kind].keys, 0);
}

export function kindOf(key: string): Kind | "operation" | "data key" | "other" {
  if (key.includes(":operation:")) return "operation";
  if (key.endsWith(":data-key")) return "data key";
  for (const [kind, pattern] of patterns) if (pattern.test(key)) return kind;
  return "other";
}

const patterns: readonly (readonly [Kind, RegExp])[] = [
  ["session", /\}:session:/],
  ["sessions of a user", /\}:sessions$/],
  ["conversation", /\}:conversation:/],
  ["messages", /\}:messages:/],
  ["conversations of a user", /\}:conversations$/],
  ["standalone messages", /:history:\{.*\}:messages$/],
  ["memory values", /:memory:.*:values$/],
  ["memory usage", /:memory:.*:usage$/],
  ["memory writes", /:memory:.*:writes$/],
  ["memories of a user", /\}:memories$/],
];
