/** Lets a request through to its handler when its key allows the route, and keeps who asks with the request. */
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

import { Problem } from '#domain';

import type { ApiRequest } from '../http/api-request.js';
import { ACCESS, type Access } from './access.decorator.js';
import { KeyRing, readAuthorization } from './key-ring.js';

@Injectable()
export class ApiKeyGuard implements CanActivate {
  private readonly rules = new WeakMap<object, Access>();

  constructor(
    @Inject(KeyRing) private readonly keys: KeyRing,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.accessTo(context);
    if (access.kind === 'anybody') return true;
    const request = context.switchToHttp().getRequest<ApiRequest>();
    const presented = readAuthorization(request.headers.authorization);
    const principal = presented && (await this.keys.identify(presented));
    if (principal === null) throw new Problem('unauthenticated');
    request.principal = principal;
    if (access.kind === 'operator') {
      if (principal.kind !== 'operator') throw new Problem('forbidden', { needed: 'operator' });
    } else if (principal.kind === 'operator') {
      throw new Problem('forbidden', { needed: "a tenant's key" });
    } else if (!access.roles.includes(principal.role)) {
      throw new Problem('forbidden', { needed: access.roles.join(', ') });
    }
    return true;
  }

  /** @throws Error for a route that does not say who may use it, which is a defect */
  private accessTo(context: ExecutionContext): Access {
    const handler = context.getHandler();
    let access = this.rules.get(handler);
    if (access === undefined) {
      access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [handler, context.getClass()]);
      if (access === undefined) {
        throw new Error(`${context.getClass().name}.${handler.name} does not say who may use it.`);
      }
      this.rules.set(handler, access);
    }
    return access;
  }
}
