/** After all tests. */
export default async function stop() {
  await globalThis.testServices?.stop();
}
