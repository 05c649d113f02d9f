/** An answer that is not there yet: what together could not be told without waiting for somebody is found out alone. */
export class Later<Answer> {
  constructor(readonly find: () => Promise<Answer>) {}
}

/** How questions that come at the same time are gathered. */
export interface CoalescerOptions<Item, Answer> {
  /** Answers many at once, in their order; {@link Later} for those who would have kept the others waiting. */
  readonly together: (items: readonly Item[]) => Promise<readonly (Answer | Later<Answer>)[]>;
  /** Answers one by itself, when {@link together} has failed and that may be the fault of one of them. */
  readonly alone?: (item: Item) => Promise<Answer>;
  /** Whether a failure of {@link together} is everybody's: then nobody is asked about alone. */
  readonly failsAll?: (error: unknown) => boolean;
  /** At most this many go together. */
  readonly most: number;
  /** Gatherings under way at a time; what comes while there are so many goes with the next. */
  readonly atOnce: number;
  /** At most this many are asked about alone at a time, beside the gatherings: each may wait for what somebody holds. */
  readonly aloneAtOnce?: number;
}

/** As many connections of the pool, at most, wait for locks of one kind of question. */
const ALONE_AT_ONCE = 2;

/**
 * Makes one question out of many that are asked at the same time. A question that comes while nothing is under way is
 * asked at the end of this turn of the event loop, so that it waits for nobody; under load what comes while others are
 * being answered goes together, and the more there is, the less each one costs.
 */
export class Coalescer<Item, Answer> {
  #waiting: Waiting<Item, Answer>[] = [];
  #underWay = 0;
  #isScheduled = false;
  readonly #alone: (() => Promise<void>)[] = [];
  #aloneUnderWay = 0;

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
      gathered.forEach((waiting, index) => {
        const answer = answers[index] as Answer | Later<Answer>;
        if (answer instanceof Later) this.#askAlone(waiting, answer.find);
        else waiting.resolve(answer);
      });
    } catch (error) {
      for (const waiting of gathered) {
        if (alone === undefined || failsAll?.(error) === true) waiting.reject(error);
        else this.#askAlone(waiting, () => alone(waiting.item));
      }
    }
  }

  #askAlone({ resolve, reject }: Waiting<Item, Answer>, find: () => Promise<Answer>): void {
    this.#alone.push(() => find().then(resolve, reject));
    this.#goOnAlone();
  }

  #goOnAlone(): void {
    while (this.#aloneUnderWay < (this.options.aloneAtOnce ?? ALONE_AT_ONCE)) {
      const next = this.#alone.shift();
      if (next === undefined) return;
      this.#aloneUnderWay += 1;
      void next().finally(() => {
        this.#aloneUnderWay -= 1;
        this.#goOnAlone();
      });
    }
  }
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}
