/** What every process needs before it does anything: configuration, time, ids, secrets, logs and metrics. */
export { systemClock, type Clock } from './clock.js';
export { ConfigError, loadConfig, type Config } from './config.js';
export { CredentialCipher, CredentialCipherError } from './credential-cipher.js';
export { isId, newId, type IdPrefix } from './ids.js';
export { createLogger, type Logger, type LoggerOptions } from './logger.js';
export { createMetricsRegistry, type MetricsRegistry } from './metrics.js';
export { hashSecret, newSecret, secretMatches } from './secrets.js';
