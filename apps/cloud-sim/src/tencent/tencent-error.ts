/** A refusal in Tencent Cloud's terms. It travels with HTTP 200, inside the `Response` envelope. */
export class TencentError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A parameter that the operation needs is absent. */
export function missingParameter(name: string): TencentError {
  return new TencentError('MissingParameter', `The request is missing a required parameter \`${name}\`.`);
}

/** A parameter's value cannot be used; `kind` is the part of the code after the dot. */
export function invalidValue(name: string, value: string, kind = 'Malformed'): TencentError {
  return new TencentError(
    `InvalidParameterValue.${kind}`,
    `The value \`${value}\` of parameter \`${name}\` is not valid.`,
  );
}

/** There is no such resource, or it is not the caller's to see. */
export function resourceNotFound(id: string): TencentError {
  return new TencentError('ResourceNotFound', `The resource \`${id}\` is not found.`);
}
