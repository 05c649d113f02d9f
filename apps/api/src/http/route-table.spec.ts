import { describe, expect, test } from '@jest/globals';

import { RouteTable } from './route-table.js';

const table = new RouteTable();
table.add('/v1/peerings', 'GET');
table.add('/v1/peerings/:id', 'GET');
table.add('/v1/peerings/:id', 'DELETE');
table.add('/v1/peerings/:id/retry', 'POST');
table.add('/docs/*', 'GET');
table.add('/openapi.json', 'GET');

describe('the methods that are possible', () => {
  test.each<[string, string[]]>([
    ['/v1/peerings', ['GET']],
    ['/v1/peerings/peer_1', ['DELETE', 'GET']],
    ['/v1/peerings/peer_1/retry', ['POST']],
    ['/v1/peerings/', []],
    ['/v1/peerings/a/b', []],
    ['/docs/a/b.css', ['GET']],
    ['/openapi.json', ['GET']],
    ['/openapixjson', []],
    ['/v2/peerings', []],
  ])('at %s', (path, methods) => {
    expect(table.methodsAt(path)).toEqual(methods);
  });
});
