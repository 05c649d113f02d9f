import { StopReason } from './stop-reason.js';

/** The ways to end the parts that have been started, last one first. */
export class Parts {
  readonly #closers: { readonly name: string; readonly close: () => Promise<unknown> }[] = [];
  #isClosing = false;

  /**
   * @returns the part
   * @throws StopReason when everything is being ended already; the part then is too
   */
  started<T>(name: string, part: T, close: () => Promise<unknown>): T {
    if (this.#isClosing) {
      close().catch(() => undefined);
      throw new StopReason('Stopped while starting.');
    }
    this.#closers.push({ name, close });
    return part;
  }

  /** Ends every part in turn; one that fails does not keep the others from ending. */
  async close(onError: (name: string, error: unknown) => void): Promise<void> {
    this.#isClosing = true;
    for (let part = this.#closers.pop(); part !== undefined; part = this.#closers.pop()) {
      try {
        await part.close();
      } catch (error) {
        onError(part.name, error);
      }
    }
  }
}
