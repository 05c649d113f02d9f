/**
 * A refusal in OAPI's terms: `{Errors: [{Code, Type, Details}], ResponseContext: {RequestId}}`. The code's range gives
 * the type, and the type the HTTP status (OUTSCALE API errors reference), with the exceptions in {@link STATUSES}.
 */
export class OutscaleError extends Error {
  readonly type: string;
  readonly status: number;

  constructor(
    readonly code: string,
    readonly details = '',
    status?: number,
  ) {
    const { type, status: usual } = classOf(code);
    super(`${type} (${code}) ${details}`);
    this.type = type;
    this.status = status ?? STATUSES[code] ?? usual;
  }
}

/**
 * The codes that this simulator answers with by itself. Where the reference could not be had, the code is one of the
 * right range; a client should judge by range and status, and look again.
 */
export const CODES = {
  authenticationFailed: '1',
  notPermitted: '4',
  platformThrottled: '6',
  lockedOut: '11',
  staleTimestamp: '15',
  accountThrottled: '24',
  callThrottled: '25',
  /** Of the right range. */
  vmMissing: '1004',
  internal: '2000',
  unknownParameter: '3001',
  unreadableBody: '3002',
  wrongContentType: '3010',
  netSize: '4014',
  sameNet: '4045',
  invalidValue: '4047',
  tagKeyEmpty: '4069',
  wrongPrefix: '4104',
  malformedId: '4105',
  wrongType: '4110',
  unknownAccessKey: '4120',
  gatewayNotFound: '5001',
  groupNotFound: '5020',
  peeringNotFound: '5035',
  nicNotFound: '5036',
  routeTableNotFound: '5046',
  subnetNotFound: '5057',
  vmNotFound: '5063',
  netNotFound: '5065',
  /** These three of the right range. */
  linkNotFound: '5080',
  routeNotFound: '5081',
  ruleNotFound: '5082',
  peeringState: '6004',
  missingParameter: '7000',
  notTheAccepter: '8011',
  inUse: '9029',
  subnetOverlap: '9058',
  /** These three of the right range. */
  groupExists: '9008',
  routeExists: '9080',
  ruleExists: '9081',
  quota: '10001',
  invalidAction: '12000',
} as const;

const CLASSES: readonly { readonly from: number; readonly type: string; readonly status: number }[] = [
  { from: 12_000, type: 'InvalidAction', status: 400 },
  { from: 11_000, type: 'UnknownError', status: 400 },
  { from: 10_000, type: 'TooManyResources (QuotaExceded)', status: 400 },
  { from: 9_000, type: 'ResourceConflict', status: 409 },
  { from: 8_000, type: 'OperationNotSupported', status: 400 },
  { from: 7_000, type: 'MissingParameter', status: 400 },
  { from: 6_000, type: 'InvalidState', status: 409 },
  { from: 5_000, type: 'InvalidResource', status: 400 },
  { from: 4_000, type: 'InvalidParameterValue', status: 400 },
  { from: 3_000, type: 'InvalidParameter', status: 400 },
  { from: 2_000, type: 'InternalError', status: 500 },
  { from: 1_000, type: 'DependencyProblem', status: 424 },
  { from: 0, type: 'AccessDenied', status: 401 },
];

/** Throttling says AccessDenied too: only code and status tell it from a refusal. */
const STATUSES: Readonly<Record<string, number>> = {
  [CODES.notPermitted]: 403,
  [CODES.platformThrottled]: 503,
  [CODES.accountThrottled]: 429,
  [CODES.callThrottled]: 429,
};

const UNKNOWN_CLASS = { type: 'UnknownError', status: 400 };

/** Codes past the last range are injected ones, which no type is known of. */
const END_OF_CODES = 13_000;

function classOf(code: string): { readonly type: string; readonly status: number } {
  const number = /^\d+$/.test(code) ? Number(code) : END_OF_CODES;
  return number < END_OF_CODES
    ? (CLASSES.find(({ from }) => number >= from) ?? UNKNOWN_CLASS)
    : UNKNOWN_CLASS;
}

/** A parameter that the operation needs is absent or empty. */
export function missingParameter(name: string): OutscaleError {
  return new OutscaleError(CODES.missingParameter, `The parameter '${name}' is required.`);
}

/** A parameter's value cannot be used. */
export function invalidValue(name: string, value: string, why = ''): OutscaleError {
  const details = `The provided value ('${value}') for the parameter '${name}' is invalid. ${why}`;
  return new OutscaleError(CODES.invalidValue, details.trim());
}
