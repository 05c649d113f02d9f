/** Structured logs in JSON lines, with everything secret blanked. */
import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };

export interface LoggerOptions {
  /** The process or part that speaks: `api`, `worker`, … */
  readonly name: string;
  readonly level: string;
  /** Where lines go; standard output when absent. */
  readonly destination?: DestinationStream;
}

/** Keys whose values never reach a log, at the top of an entry or up to three levels inside it. */
const SECRET_KEYS = [
  'authorization',
  'Authorization',
  'cookie',
  'password',
  'secret',
  'secretHash',
  'secretAccessKey',
  'secretKey',
  'sessionToken',
  'securityToken',
  'credentials',
  'encryptionKeys',
  'databaseUrl',
  'redisUrl',
];

const REDACTED_PATHS = ['', '*.', '*.*.', '*.*.*.'].flatMap((inside) =>
  SECRET_KEYS.map((key) => inside + key),
);

export function createLogger({ name, level, destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
  };
  return destination ? pino(options, destination) : pino(options);
}
