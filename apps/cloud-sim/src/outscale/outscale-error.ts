/** A refusal in OAPI's terms: `{Errors: [{Code, Type, Details}], ResponseContext: {RequestId}}`. */
export class OutscaleError extends Error {
  constructor(
    readonly code: string,
    readonly type: string,
    readonly status: number,
    readonly details = '',
  ) {
    super(`${type} (${code}) ${details}`);
  }
}
