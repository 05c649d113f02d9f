import './typescript-hooks.mjs';

const { startTestServices } = await import('./test-services.ts');

/** Before all tests. */
export default async function start() {
  globalThis.testServices = await startTestServices();
}
