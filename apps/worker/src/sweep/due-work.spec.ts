import { beforeEach, describe, expect, it } from '@jest/globals';

import { DueWork } from './due-work.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('work on what is due', () => {
  let begun: string[];
  let ends: Map<string, { readonly succeed: () => void; readonly fail: (error: Error) => void }>;
  let failed: string[];
  let idle: number;
  let due: DueWork;

  beforeEach(() => {
    begun = [];
    ends = new Map();
    failed = [];
    idle = 0;
    due = new DueWork({
      limit: 2,
      work: (id) => {
        begun.push(id);
        return new Promise((succeed, fail) => ends.set(id, { succeed, fail }));
      },
      onFailed: (id) => failed.push(id),
      onIdle: () => {
        idle += 1;
      },
    });
  });

  const end = async (id: string): Promise<void> => {
    ends.get(id)?.succeed();
    await settle();
  };

  it('takes the first ones first, as many at a time as it may', async () => {
    due.replace(['a', 'b', 'c', 'd']);
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('goes by the latest sweep, and begins nothing twice', async () => {
    due.replace(['a', 'b', 'c']);
    due.replace(['b', 'x']);
    await end('a');
    expect(begun).toEqual(['a', 'b', 'x']);
    await end('b');
    due.replace(['b']);
    expect(begun).toEqual(['a', 'b', 'x', 'b']);
  });

  it('tells of a failure, and goes on', async () => {
    due.replace(['a', 'b', 'c']);
    ends.get('a')?.fail(new Error('no'));
    await settle();
    expect(failed).toEqual(['a']);
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('says when it has free hands', async () => {
    due.replace(['a', 'b', 'c']);
    await end('a');
    expect(idle).toBe(1);
    await end('b');
    await end('c');
    expect(idle).toBe(3);
  });
});
