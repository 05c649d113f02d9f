/** What {@link DueWork} needs of its surroundings. */
export interface DueWorkParts {
  /** Deployments worked on at a time. */
  readonly limit: number;
  readonly work: (deploymentId: string) => Promise<void>;
  /** Told when work has failed. */
  readonly onFailed: (deploymentId: string, error: unknown) => void;
  /** Told when there are free hands and nothing is waiting any more. */
  readonly onIdle: () => void;
}

/**
 * Works on what a sweep has found, in its order and a few at a time. No jobs are made of it: the database says already
 * what is due, and a job for each would cost more than the work itself.
 */
export class DueWork {
  #waiting: string[] = [];
  readonly #underWay = new Set<string>();

  constructor(private readonly parts: DueWorkParts) {}

  /** Takes the place of what was still waiting from the sweep before. */
  replace(deploymentIds: readonly string[]): void {
    this.#waiting = deploymentIds.filter((id) => !this.#underWay.has(id)).reverse();
    this.#begin();
  }

  #begin(): void {
    while (this.#underWay.size < this.parts.limit) {
      const deploymentId = this.#waiting.pop();
      if (deploymentId === undefined) return;
      this.#underWay.add(deploymentId);
      void this.#work(deploymentId);
    }
  }

  async #work(deploymentId: string): Promise<void> {
    try {
      await this.parts.work(deploymentId);
    } catch (error) {
      this.parts.onFailed(deploymentId, error);
    }
    this.#underWay.delete(deploymentId);
    this.#begin();
    if (this.#waiting.length === 0) this.parts.onIdle();
  }
}
