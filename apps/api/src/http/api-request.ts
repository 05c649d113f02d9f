/** What the API keeps with each request. */
import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Locale } from '#domain';

import type { Principal } from '../auth/principal.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; null until the guard has looked, and on routes that anybody may use. */
    principal: Principal | null;
  }
}

export type ApiRequest = FastifyRequest;
export type ApiReply = FastifyReply;

/** Who asks. @throws Error on a route that has no guard, which is a defect */
export function principalOf(request: ApiRequest): Principal {
  if (request.principal === null) throw new Error(`Nobody was authenticated for ${request.url}.`);
  return request.principal;
}

const REQUEST_ID = /^[A-Za-z0-9._~-]{1,128}$/;

/** The caller's own request id where it is fit for logs and headers; null otherwise. */
export function givenRequestId(header: string | string[] | undefined): string | null {
  return typeof header === 'string' && REQUEST_ID.test(header) ? header : null;
}

/** The language to answer in: the one of English and Chinese that the caller prefers; English where neither is named. */
export function localeOf(request: {
  readonly headers: { readonly 'accept-language'?: string | undefined };
}): Locale {
  const header = request.headers['accept-language'];
  return header === undefined ? 'en' : negotiateLocale(header);
}

/** The preferred of our languages in an Accept-Language header (RFC 9110, 12.5.4). */
export function negotiateLocale(header: string): Locale {
  const best = { en: -1, zh: -1 };
  for (const entry of header.toLowerCase().split(',')) {
    const [range = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = quality === undefined ? 1 : Number(quality.slice(2));
    if (Number.isNaN(weight)) continue;
    for (const locale of ['en', 'zh'] as const) {
      if (range === locale || range.startsWith(`${locale}-`)) best[locale] = Math.max(best[locale], weight);
    }
  }
  return best.zh > Math.max(best.en, 0) ? 'zh' : 'en';
}
