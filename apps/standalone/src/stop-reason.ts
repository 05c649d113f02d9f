/** Why the program cannot start or go on, in one line for the person at the terminal: what is wrong and what to do. */
export class StopReason extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'StopReason';
  }
}

/** The system's code of a failed call, such as EACCES; its text where it has none. */
export function systemCode(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code ?? (error instanceof Error ? error.message : String(error));
}
