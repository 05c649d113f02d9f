/** Something that expires, with when to get a new one. */
export interface Expiring<T> {
  readonly value: T;
  /** Epoch milliseconds by the machine's clock; Infinity for never. */
  readonly renewAt: number;
}

/**
 * Keeps what expires, such as temporary credentials, and gets a new one in time. All who ask meanwhile wait for the same
 * one; a failure is theirs, and the next who asks tries again.
 */
export class Renewed<T> {
  #current: Promise<Expiring<T>> | undefined;

  constructor(private readonly obtain: () => Promise<Expiring<T>>) {}

  /** The one that is good now. Rejects as `obtain` does. */
  async get(): Promise<T> {
    const current = (this.#current ??= this.#obtain());
    const { value, renewAt } = await current;
    if (renewAt > Date.now()) return value;
    if (this.#current === current) this.#current = this.#obtain();
    return (await this.#current).value;
  }

  #obtain(): Promise<Expiring<T>> {
    const obtained = this.obtain();
    obtained.catch(() => {
      if (this.#current === obtained) this.#current = undefined;
    });
    return obtained;
  }
}
