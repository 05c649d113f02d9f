/**
 * Lets Node itself import the TypeScript sources: what Jest runs before and after all tests is outside of its own
 * transformation, and must not depend on a build being current.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

import { transformSync } from '@swc/core';

const swc = JSON.parse(readFileSync(new URL('../../.swcrc', import.meta.url), 'utf8'));
delete swc.exclude;

const project = new URL('../../', import.meta.url).href;
const isOurs = (url) =>
  url.startsWith(project) && !url.startsWith(`${project}node_modules/`) && !url.startsWith(`${project}dist/`);

registerHooks({
  resolve(specifier, context, next) {
    const withSource = { ...context, conditions: ['source', ...context.conditions] };
    if (context.parentURL && isOurs(context.parentURL)) {
      if (specifier.startsWith('#')) return next(specifier, withSource);
      if (/^\.{1,2}\/.*\.js$/.test(specifier)) return next(specifier.replace(/\.js$/, '.ts'), context);
    }
    return next(specifier, context);
  },
  load(url, context, next) {
    if (!isOurs(url) || !url.endsWith('.ts')) return next(url, context);
    const filename = fileURLToPath(url);
    const { code } = transformSync(readFileSync(filename, 'utf8'), {
      ...swc,
      filename,
      swcrc: false,
      sourceMaps: 'inline',
    });
    return { format: 'module', source: code, shortCircuit: true };
  },
});
