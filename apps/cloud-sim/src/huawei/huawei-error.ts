/**
 * The shapes in which Huawei Cloud reports an error. All of them come from one host:
 * `vpc` `{code, message}` (VPC API v1), `neutron` `{NeutronError: {type, message, detail}}` (the native OpenStack API, which
 * peerings belong to), `gateway` `{error_code, error_msg, request_id}` (API gateway, VPC API v3, STS), `iam`
 * `{error: {code, message, title}}`.
 */
export type ErrorEnvelope = 'vpc' | 'neutron' | 'gateway' | 'iam';

/** A refusal in Huawei Cloud's terms. */
export class HuaweiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** The envelope to use whatever was called; the called API's own when undefined. */
    readonly envelope?: ErrorEnvelope,
  ) {
    super(message);
  }
}

/** The API gateway does not know who is calling. */
export function unauthenticated(why: string): HuaweiError {
  return new HuaweiError(401, 'APIGW.0301', `Incorrect IAM authentication information: ${why}`, 'gateway');
}

/** The body of an error answer. */
export function errorBody(
  envelope: ErrorEnvelope,
  { code, message, status }: HuaweiError,
  requestId: string,
): Readonly<Record<string, unknown>> {
  switch (envelope) {
    case 'vpc':
      return { code, message };
    case 'neutron':
      return { NeutronError: { type: code, message, detail: '' } };
    case 'gateway':
      return { error_msg: message, error_code: code, request_id: requestId };
    case 'iam':
      return { error: { code: status, message, title: code } };
  }
}
