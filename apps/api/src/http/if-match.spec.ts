import { describe, expect, test } from '@jest/globals';

import { requireVersion } from './if-match.js';

const check = (header: string | undefined) => () =>
  requireVersion({ headers: header === undefined ? {} : { 'if-match': header } }, 7);

describe('If-Match against version 7', () => {
  test.each([undefined, '"7"', '*', '"6", "7"', ' "7" '])('%s lets the change through', (header) => {
    expect(check(header)).not.toThrow();
  });

  test.each(['"6"', '7', 'W/"7"', '""', '"6","8"', ''])('%s is stale', (header) => {
    expect(check(header)).toThrow(expect.objectContaining({ code: 'version_stale' }));
  });
});
