/**
 * Jest runs each test file in a realm of its own, where the errors that Node itself throws (of sockets, files, DNS) are
 * not `instanceof Error`. Code and SDKs rightly rely on that they are, so here they are again, as in production.
 */
const ordinary = Function.prototype[Symbol.hasInstance];

/** ES2026, which Node 24 has and TypeScript's ES2024 library does not declare. */
const { isError } = Error as unknown as { readonly isError: (value: unknown) => boolean };

Object.defineProperty(Error, Symbol.hasInstance, {
  value(this: unknown, thrown: unknown): boolean {
    return this === Error ? isError(thrown) : ordinary.call(this as () => void, thrown);
  },
});
