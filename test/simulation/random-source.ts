/** Chance that can be repeated: the same seed and label give the same numbers, on every machine. */
export class RandomSource {
  #state: number;

  constructor(
    private readonly seed: number,
    label = '',
  ) {
    this.#state = mix(label, seed);
  }

  /** A source of its own for one purpose, so that what one purpose draws does not shift what another one gets. */
  fork(label: string): RandomSource {
    return new RandomSource(this.seed, `${label} of ${this.seed}`);
  }

  /** From 0 up to, but not, 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 up to, but not, `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A whole number from `low` to `high`, both possible. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('there is nothing to pick from');
    return item;
  }

  /** One of the names, each as likely as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const entries = Object.entries(weights) as [Name, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      left -= weight;
      if (left < 0) return name;
    }
    throw new RangeError('nothing has a weight');
  }
}

/** FNV-1a over the label, stirred with the seed. */
function mix(label: string, seed: number): number {
  let hash = 2_166_136_261 ^ seed;
  for (let index = 0; index < label.length; index += 1) {
    hash = Math.imul(hash ^ label.charCodeAt(index), 16_777_619);
  }
  return Math.imul(hash ^ (hash >>> 16), 2_246_822_507) | 0;
}
