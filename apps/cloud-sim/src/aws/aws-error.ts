/** A refusal in AWS's terms; rendered by the service's own envelope. */
export class AwsError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}

/** A parameter that the operation needs is absent. */
export function missingParameter(name: string): AwsError {
  return new AwsError('MissingParameter', `The request must contain the parameter ${name}`);
}

/** A parameter's value cannot be used. */
export function invalidParameterValue(value: string, name: string, why: string): AwsError {
  return new AwsError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid. ${why}`);
}
