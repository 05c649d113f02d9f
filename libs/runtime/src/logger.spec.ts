import { describe, expect, test } from '@jest/globals';

import { createLogger } from './logger.js';

/** What a logger writes, entry by entry. */
function capture(level = 'info'): {
  entries: Record<string, unknown>[];
  logger: ReturnType<typeof createLogger>;
} {
  const entries: Record<string, unknown>[] = [];
  const destination = {
    write: (line: string) => void entries.push(JSON.parse(line) as Record<string, unknown>),
  };
  return { entries, logger: createLogger({ name: 'spec', level, destination }) };
}

describe('the log', () => {
  test('says who, when and how bad in words', () => {
    const { entries, logger } = capture();
    logger.warn({ deploymentId: 'dep_1' }, 'slow');
    expect(entries).toEqual([
      expect.objectContaining({ name: 'spec', level: 'warn', deploymentId: 'dep_1', msg: 'slow' }),
    ]);
    expect(entries[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  test('keeps to its level', () => {
    const { entries, logger } = capture('error');
    logger.info('not this');
    logger.error('this');
    expect(entries.map(({ msg }) => msg)).toEqual(['this']);
  });

  test('blanks secrets wherever they are in an entry', () => {
    const { entries, logger } = capture();
    const secret = 'hunter2';
    logger.info({
      secretAccessKey: secret,
      account: { credentials: { accessKeyId: 'A', secretAccessKey: secret } },
      req: { headers: { authorization: secret, cookie: secret, accept: '*/*' } },
      request: { options: { key: { sessionToken: secret, secret } } },
      config: {
        database: { password: secret },
        redisUrl: secret,
        databaseUrl: secret,
        encryptionKeys: secret,
      },
    });
    expect(JSON.stringify(entries)).not.toContain(secret);
    expect(entries[0]).toMatchObject({
      secretAccessKey: '[redacted]',
      req: { headers: { authorization: '[redacted]', accept: '*/*' } },
    });
  });
});
