/** A refusal in Alibaba Cloud's terms. Most of its errors are HTTP 400, whatever they say. */
export class AlibabaError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}

/** A mandatory parameter is absent: the API gateway answers before the product is asked. */
export function missingParameter(name: string): AlibabaError {
  return new AlibabaError(`Missing${name}`, `${name} is mandatory for this action.`);
}

/** A parameter's value cannot be used, in the words of the VpcPeer API's table of errors. */
export function illegalParameter(name: string): AlibabaError {
  return new AlibabaError(`IllegalParam.${name}`, `The param of ${name} is illegal.`);
}
