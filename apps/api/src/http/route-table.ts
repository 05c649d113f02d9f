/** The paths that exist, so that a wrong method is told apart from a wrong path. */
import type { FastifyInstance } from 'fastify';

export class RouteTable {
  private readonly routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  /** Learns every route that is registered from now on. */
  watch(fastify: Pick<FastifyInstance, 'addHook'>): void {
    fastify.addHook('onRoute', ({ url, method }) => {
      for (const each of Array.isArray(method) ? method : [method]) this.add(url, each);
    });
  }

  /** @param url with `:parameters`, as it was registered */
  add(url: string, method: string): void {
    const known = this.routes.get(url);
    if (known) {
      known.methods.add(method);
      return;
    }
    const source = url
      .split('/')
      .map((segment) =>
        segment.startsWith(':')
          ? '[^/]+'
          : segment === '*'
            ? '.*'
            : segment.replace(/[.+?^${}()|[\]\\]/g, '\\$&'),
      )
      .join('/');
    this.routes.set(url, { pattern: new RegExp(`^${source}$`), methods: new Set([method]) });
  }

  /** The methods that are possible at a path; none when there is nothing at it. */
  methodsAt(path: string): string[] {
    const methods = new Set<string>();
    for (const route of this.routes.values()) {
      if (route.pattern.test(path)) for (const method of route.methods) methods.add(method);
    }
    return [...methods].sort();
  }
}
