/** How questions that come at the same time are gathered. */
export interface CoalescerOptions<Item, Answer> {
  /** Answers many at once, in their order. */
  readonly together: (items: readonly Item[]) => Promise<readonly Answer[]>;
  /** Answers one by itself, when {@link together} has failed and that may be the fault of one of them. */
  readonly alone?: (item: Item) => Promise<Answer>;
  /** Whether a failure of {@link together} is everybody's: then nobody is asked about alone. */
  readonly failsAll?: (error: unknown) => boolean;
  /** At most this many go together. */
  readonly most: number;
  /** Gatherings under way at a time; what comes while there are so many goes with the next. */
  readonly atOnce: number;
}

/**
 * Makes one question out of many that are asked at the same time. A question that comes while nothing is under way is
 * asked at the end of this turn of the event loop, so that it waits for nobody; under load what comes while others are
 * being answered goes together, and the more there is, the less each one costs.
 */
export class Coalescer<Item, Answer> {
  #waiting: Waiting<Item, Answer>[] = [];
  #underWay = 0;
  #isScheduled = false;

  constructor(private readonly options: CoalescerOptions<Item, Answer>) {}

  ask(item: Item): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.push({ item, resolve, reject });
    this.#schedule();
    return promise;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#underWay >= this.options.atOnce || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const gathered = this.#waiting.splice(0, this.options.most);
      this.#underWay += 1;
      void this.#answer(gathered).finally(() => {
        this.#underWay -= 1;
        this.#schedule();
      });
      this.#schedule();
    });
  }

  /** Never rejects: every outcome goes to whoever asked. */
  async #answer(gathered: readonly Waiting<Item, Answer>[]): Promise<void> {
    const { together, alone, failsAll } = this.options;
    try {
      const answers = await together(gathered.map(({ item }) => item));
      if (answers.length !== gathered.length) throw new Error('There are not as many answers as questions.');
      gathered.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
    } catch (error) {
      if (alone === undefined || failsAll?.(error) === true) {
        for (const { reject } of gathered) reject(error);
        return;
      }
      // One after the other: they would only stand in each other's way again.
      for (const { item, resolve, reject } of gathered) await alone(item).then(resolve, reject);
    }
  }
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}
