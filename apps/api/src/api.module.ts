/** Puts the API together from its parts. */
import { Global, Module, type DynamicModule, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';

import { apiKeys } from '#database';
import { createMetricsRegistry, CredentialCipher } from '#runtime';

import { ApiKeyGuard } from './auth/api-key.guard.js';
import { KeyRing } from './auth/key-ring.js';
import { CustomerModule } from './customer.module.js';
import { HealthController } from './health/health.controller.js';
import { LongPolls } from './http/long-polls.js';
import { ScopedRequests } from './http/scoped-requests.js';
import { OperatorModule } from './operator/operator.module.js';
import { CIPHER, CLOCK, DATABASE, ENGINE, LOGGER, METRICS, QUEUES, type ApiParts } from './parts.js';
import { RefreshLimit } from './peerings/refresh-limit.js';
import { Waker } from './waker.js';

@Global()
@Module({})
export class ApiModule {
  /** @throws CredentialCipherError when the encryption keys are not usable */
  static from({ database, queues, config, logger, clock, metrics }: ApiParts): DynamicModule {
    const providers = [
      { provide: DATABASE, useValue: database },
      { provide: QUEUES, useValue: queues },
      { provide: LOGGER, useValue: logger },
      { provide: CLOCK, useValue: clock },
      { provide: ENGINE, useValue: config.engine },
      { provide: CIPHER, useValue: CredentialCipher.fromKeys(config.encryptionKeys) },
      { provide: METRICS, useValue: metrics ?? createMetricsRegistry('api') },
      {
        provide: KeyRing,
        useValue: new KeyRing((id) => apiKeys.findForAuthentication(database, id), clock),
      },
      {
        provide: LongPolls,
        useValue: new LongPolls((listener) => database.onPeeringChanged(listener)),
      },
      { provide: Waker, useValue: new Waker(queues, logger) },
      { provide: RefreshLimit, useValue: new RefreshLimit() },
      ScopedRequests,
    ];
    return ApiModule.of(providers);
  }

  /** The same routes with nothing behind them: for what only describes the API. */
  static withoutParts(): DynamicModule {
    const tokens = [
      DATABASE,
      QUEUES,
      LOGGER,
      CLOCK,
      ENGINE,
      CIPHER,
      METRICS,
      KeyRing,
      LongPolls,
      Waker,
      RefreshLimit,
    ];
    const providers = tokens.map((provide) => ({
      provide,
      useFactory: (): never => {
        throw new Error('The API was put together without its parts: it can only be described.');
      },
    }));
    return ApiModule.of([...providers, ScopedRequests]);
  }

  private static of(providers: Provider[]): DynamicModule {
    return {
      module: ApiModule,
      imports: [CustomerModule, OperatorModule],
      controllers: [HealthController],
      providers: [...providers, { provide: APP_GUARD, useClass: ApiKeyGuard }],
      exports: providers,
    };
  }
}
